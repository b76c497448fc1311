"""Raw answers of contracts: 32-byte words in hex, or nothing where the call reverted."""

WORD = 32


def words(answer, count):
    """The first `count` words; None after a revert or when there are fewer."""
    if answer is None:
        return None
    raw = bytes.fromhex(answer[2:])
    if len(raw) < WORD * count:
        return None
    return [int.from_bytes(raw[WORD * n : WORD * (n + 1)], "big") for n in range(count)]


def first_word(answer):
    """The first word alone."""
    found = words(answer, 1)
    return found and found[0]


def signed(word):
    """A word as int256."""
    return word - (1 << 256) if word >> 255 else word
