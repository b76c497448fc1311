"""What both programs share: the Python SDK as PyPI brings it, on a clock and with dice that stand still."""

import json
import os
import random
import sys
import time

_FIXED = json.loads(os.environ["TOLLWAY_FIXED"])
KEY = _FIXED["key"]
NOW = _FIXED["now"]

# Only the environment is fixed; what the SDK does with the clock and the dice is its own affair.
_clock = NOW
time.time = lambda: float(_clock)


class ago:
    """What happens within happened `seconds` ago."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        global _clock
        _clock = NOW - self.seconds

    def __exit__(self, *_) -> None:
        global _clock
        _clock = NOW


_drawn = 0


def _urandom(length: int) -> bytes:
    global _drawn
    drawn = bytearray()
    for _ in range(length):
        _drawn = (_drawn * 1103515245 + 12345) & 0x7FFFFFFF
        drawn.append((_drawn >> 16) & 0xFF)
    return bytes(drawn)


os.urandom = random._urandom = _urandom


def taken():
    return json.load(sys.stdin)


def give(items) -> None:
    json.dump(items, sys.stdout, ensure_ascii=False)
