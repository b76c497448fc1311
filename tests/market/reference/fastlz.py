"""SPEC 6: how long a text is after FastLZ level 1, as the OP stack measures it.

Run by itself it reads texts in hex, one a line, and prints their lengths.
"""

import sys

WINDOW = 8192
LONGEST = 262


def compressed_length(text):
    """The length; nothing is compressed in earnest."""
    length = len(text)
    last_at = [0] * 8192
    cost = literals_from = 0
    p = 2
    while p < length - 13:
        here = text[p : p + 3]
        slot = hashed(here)
        earlier, last_at[slot] = last_at[slot], p
        if p - earlier >= WINDOW or text[earlier : earlier + 3] != here:
            p += 1
            continue
        if p == length - 14:
            break
        n = agreeing(text, earlier + 3, p + 3, length - 4)
        cost += literals(p - literals_from) + match(n)
        p += n
        for _ in range(2):
            last_at[hashed(text[p : p + 3])] = p
            p += 1
        literals_from = p
    return cost + literals(length - literals_from)


def hashed(three):
    """Top 13 of 32 bits."""
    return (2654435769 * int.from_bytes(three, "little") & 0xFFFFFFFF) >> 19


def agreeing(text, left, right, end):
    """Bytes until and with the first that differs."""
    n = 0
    while right + n < end:
        n += 1
        if text[left + n - 1] != text[right + n - 1]:
            break
    return n


def literals(count):
    full, rest = divmod(count, 32)
    return 33 * full + (rest + 1 if rest else 0)


def match(n):
    full, rest = divmod(n - 1, LONGEST)
    return 3 * full + (3 if rest >= 6 else 2)


if __name__ == "__main__":
    for line in sys.stdin:
        print(compressed_length(bytes.fromhex(line.strip())))
