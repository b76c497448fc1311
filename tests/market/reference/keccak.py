"""Keccak-256 with the padding of Ethereum, which `hashlib` does not have."""

LANES = 25
RATE = 136
MASK = (1 << 64) - 1


def _constants():
    """The round constants from their LFSR, the turns and the walk of rho and pi."""
    rounds, state = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if state & 1:
                constant |= 1 << ((1 << j) - 1)
            state = (state << 1) ^ (0x171 if state & 0x80 else 0)
        rounds.append(constant)
    walk, x, y = [], 1, 0
    for t in range(24):
        walk.append((x, y, (t + 1) * (t + 2) // 2 % 64))
        x, y = y, (2 * x + 3 * y) % 5
    return rounds, walk


ROUNDS, WALK = _constants()


def _turn(lane, by):
    return ((lane << by) | (lane >> (64 - by))) & MASK


def _permute(a):
    for constant in ROUNDS:
        column = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        mixed = [column[x - 1] ^ _turn(column[(x + 1) % 5], 1) for x in range(5)]
        a = [lane ^ mixed[i % 5] for i, lane in enumerate(a)]
        b = [a[0]] + [0] * (LANES - 1)
        for x, y, by in WALK:
            b[y + 5 * ((2 * x + 3 * y) % 5)] = _turn(a[x + 5 * y], by)
        a = [
            b[i] ^ (~b[i - i % 5 + (i + 1) % 5] & MASK & b[i - i % 5 + (i + 2) % 5]) for i in range(LANES)
        ]
        a[0] ^= constant
    return a


def keccak256(data):
    """The digest of `data`."""
    padded = bytearray(data) + bytes(RATE - len(data) % RATE)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    state = [0] * LANES
    for start in range(0, len(padded), RATE):
        for i in range(RATE // 8):
            state[i] ^= int.from_bytes(padded[start + 8 * i : start + 8 * i + 8], "little")
        state = _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])
