"""Fee markets, feeds and transactions, as SPEC.md has them: sections 4, 5 and 6."""

import functools
import sys

TOP = (1 << 128) - 1
READING_MS = 10_000
KEPT = ("stale_price", "absurd_price")


def data(text):
    """The bytes of hex, or None where a call reverted."""
    return None if text is None else bytes.fromhex(text[2:])


class No(Exception):
    """Why an entry will not do, as a code."""

    @property
    def code(self):
        return self.args[0]


class Failed(Exception):
    """An attempt that failed, with its own code where that is kept."""

    @property
    def code(self):
        return self.args[0] if self.args else None


class Fees:
    """A fee market at one moment."""


# --- a market, kept ------------------------------------------------------------------------------------------------


class Kept:
    """What is remembered of one quote."""

    def __init__(self):
        self.value, self.fresh, self.failed = None, None, None


class Market:
    def __init__(self, case, tables):
        self.case, self.tables = case, tables
        self.networks = {n["chain"]: n for n in case["networks"]}
        self.fixed = {f["asset"]: f for f in case["fixed"]}
        self.kept, self.readings, self.offers = {}, {}, {}
        for step in case["steps"]:
            self.now, self.nodes = case["now_ms"] - step["age_ms"], step["nodes"]
            for where in step["tariffs"]:
                self.ask(("fees", where))
            for asset in step["prices"]:
                self.ask(("price", asset))
        # The sample's offer is what was known before the 402 came.
        self.offers_before = dict(self.offers)
        self.now, self.nodes = case["now_ms"], case["nodes"]
        self.asked = set()

    def fees(self, where):
        return self.quote(("fees", where), "no_quote")

    def price(self, asset):
        return self.quote(("price", asset), "no_price")

    def quote(self, key, missing):
        if key not in self.asked:
            self.asked.add(key)
            self.ask(key)
        kept = self.kept[key]
        if kept.value is not None and self.now < kept.fresh + self.case["stale_ms"]:
            return kept.value
        if kept.failed is not None:
            raise No(kept.failed if kept.failed in KEPT else missing)
        raise No("stale_quote" if kept.value is not None else missing)

    def ask(self, key):
        kept = self.kept.setdefault(key, Kept())
        if kept.value is not None and self.now < kept.fresh:
            return
        kind, what = key
        try:
            if kind == "fees":
                found = self.look(what)
                lasts = max(2 * self.tables.profiles[what]["block_ms"], 2_000)
                until = self.now + lasts
            else:
                found, until = self.worth(what), self.now + self.case["price_ttl_ms"]
        except Failed as failed:
            kept.failed = failed.code or "failed"
            return
        if found is not None:
            kept.value, kept.fresh, kept.failed = found, until, None

    # --- prices

    def worth(self, asset):
        """(answer, its decimals, the asset's decimals), or None while nobody answers."""
        if asset in self.fixed:
            f = self.fixed[asset]
            return int(f["answer"]), f["answer_decimals"], f["asset_decimals"]
        where, token = asset.split("/")
        feeds = self.feeds(where)
        if token not in feeds:
            raise Failed()
        when, said = self.readings.get(where, (None, None))
        if when is None or self.now - when >= READING_MS:
            node = self.nodes[where]
            if node["feeds"] == "silent":
                return None
            if node["feeds"] != "answers":
                raise Failed()
            said = {key: self.reading(node, *feed) for key, feed in feeds.items()}
            self.readings[where] = (self.now, said)
        outcome = said[token]
        if isinstance(outcome, Failed):
            raise outcome
        return outcome

    def feeds(self, where):
        profile, found = self.tables.profiles[where], {}
        if profile["native_usd"]:
            found["native"] = (profile["native_usd"], 18)
        if profile["usdc_usd"] and where in self.tables.usdc:
            token = self.tables.usdc[where]
            found[token["key"]] = (profile["usdc_usd"], token["decimals"])
        for feed in self.networks[where]["feeds"]:
            found[feed["key"]] = (feed, feed["decimals"])
        return found

    def reading(self, node, feed, decimals):
        round_, digits = map(data, node["rounds"][feed["address"]])
        if round_ is None or digits is None or len(round_) < 160 or len(digits) < 32:
            return Failed()
        number = [int.from_bytes(round_[i : i + 32], "big") for i in range(0, 160, 32)]
        digits = int.from_bytes(digits[:32], "big")
        if digits > 255 or number[0] >> 80 or number[4] >> 80:
            return Failed()
        answer, updated = number[1], number[3]
        if not 0 < answer < 1 << 255 or digits > 36 or answer > min(TOP, 10**8 * 10**digits):
            return Failed("absurd_price")
        if updated > node["time_s"] + 60:
            return Failed("absurd_price")
        if node["time_s"] - updated > feed["max_age_s"]:
            return Failed("stale_price")
        return answer, digits, decimals

    # --- fee markets

    def look(self, where):
        node, profile = self.nodes[where], self.tables.profiles[where]
        if node["fees"] == "silent":
            return None
        if node["fees"] != "answers":
            raise Failed()
        history, fees = node["fee_history"], Fees()
        base = [int(fee, 16) for fee in history["baseFeePerGas"]]
        l1 = {"ethereum": nothing, "op_stack": op_stack, "arbitrum": arbitrum}[profile["fees"]](node, profile)
        if not 1 <= len(base) <= 1024 or base[-1] > TOP:
            raise Failed()
        if base[-1] > 10**15:
            raise Failed("absurd_price")
        low, high = profile["min_tip_wei"], profile["max_tip_wei"]
        background, waiting = (min(max(tip, low), high) for tip in (middle(history, n, low) for n in (1, 2)))
        fees.base, fees.tip, (fees.l1, fees.operator) = base[-1], max(background, waiting), l1
        oldest = int(history["oldestBlock"], 16)
        fees.source = f"eth_feeHistory@{oldest + max(len(base) - 2, 0)}"
        fees.taken, fees.until = self.now, self.now + max(2 * profile["block_ms"], 2_000)
        self.offers[where] = (fees.tip, 2 * fees.base + fees.tip)
        return fees

    # --- cost

    def settlement(self, where, token, fees):
        known = (where, token) in self.tables.tokens
        learned = {line["what"]: line["gas"] for line in self.networks[where]["learned"] if line["contract"] == token}
        table = (85_708, 102_628) if known else (107_135, 128_285)
        gas = learned.get("transferWithAuthorization/holder", table[0])
        new = learned.get("transferWithAuthorization/new", table[1])
        offer = self.offers_before.get(where, USUAL)
        number = int(where.split(":")[1])
        sample = transaction(number, offer, 2 * max(gas, new), token, SETTLEMENT)
        l1, operator = fees.l1(sample), fees.operator(gas)
        if l1 > TOP or operator > TOP:
            raise No("invalid_answer")
        return [("execution", gas * fees.base), ("priority", gas * fees.tip), ("l1_data", l1), ("operator", operator)]


def middle(history, column, otherwise):
    tips = []
    for row in history.get("reward") or []:
        if len(row) > column and int(row[column], 16) <= TOP:
            tips.append(int(row[column], 16))
    return sorted(tips)[len(tips) // 2] if tips else otherwise


def nothing(_node, _profile):
    return (lambda sample: 0), (lambda gas: 0)


def first_word(text):
    said = data(text)
    return None if said is None or len(said) < 32 else int.from_bytes(said[:32], "big")


def op_stack(node, _profile):
    said = {name: first_word(text) for name, text in node["oracle"].items()}
    fjord, ecotone = said["isFjord"], said["isEcotone"]
    prices = [said[name] for name in ("l1BaseFee", "blobBaseFee", "baseFeeScalar", "blobBaseFeeScalar")]
    if not (fjord or ecotone) or None in prices:
        raise Failed()
    none, much = said["operatorFeeOfNone"] or 0, said["operatorFeeOfMuch"] or 0
    if max(prices[0], prices[1], none, much) > TOP or max(prices[2], prices[3]) >= 1 << 64:
        raise Failed()
    scaled = 16 * prices[2] * prices[0] + prices[3] * prices[1]

    def l1(sample):
        if fjord:
            return scaled * millionths(sample) // 10**12
        weight = 16 * 68 + sum(16 if byte else 4 for byte in sample)
        return scaled * weight // (16 * 10**6)

    return l1, lambda gas: none + max(much - none, 0) * gas // 10**9


def arbitrum(node, profile):
    prices, estimate = data(node["arb"]["prices"]), data(node["arb"]["estimate"])
    if prices is None or len(prices) < 192:
        raise Failed()
    byte = int.from_bytes(prices[32:64], "big")
    if byte > TOP:
        raise Failed()
    version = data(node["arb"]["version"])
    real = version is not None and len(version) >= 32
    whole = None
    if estimate is not None and len(estimate) >= 96:
        gas, base = (int.from_bytes(estimate[i : i + 32], "big") for i in (0, 32))
        if gas < 1 << 64:
            # What overflows 256 bits is far beyond 128 in any case.
            whole = gas * base
            if real:
                whole = max(whole * 10_000 // 11_000 * 10_000 // 10_100 - 16 * byte, 0)
            if whole > TOP:
                raise Failed()
    number = int(profile["chain"].split(":")[1])
    reference = millionths(transaction(number, USUAL, 200_000, ARBITRUM_USDC, REFERENCE))

    def l1(sample):
        return byte * (len(sample) + 68) if whole is None else whole * millionths(sample) // reference

    return l1, lambda gas: 0


# --- transactions --------------------------------------------------------------------------------------------------

USUAL = (1_000_000, 100_000_000)
ARBITRUM_USDC = "0xaf88d065e77c8cc2239327c5edb3a432268e5831"


def rlp(item):
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return prefix(0x80, len(item)) + item
    body = b"".join(map(rlp, item))
    return prefix(0xC0, len(body)) + body


def prefix(kind, length):
    if length < 56:
        return bytes([kind + length])
    spelled = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([kind + 55 + len(spelled)]) + spelled


@functools.lru_cache(maxsize=None)
def transaction(chain_id, offer, limit, to, payload):
    tip, most = offer
    return b"\x02" + rlp([chain_id, 1337, tip, most, limit, bytes.fromhex(to[2:]), 0, payload, []])


@functools.lru_cache(maxsize=None)
def millionths(transaction_):
    return max(10**8, 836_500 * (fastlz(transaction_) + 68) - 42_585_600)


def fastlz(text):
    """The length that FastLZ's first level would give, counted token by token."""
    size, done, at, last = 0, 0, 2, {}
    three = lambda i: int.from_bytes(text[i : i + 3], "little")
    slot = lambda i: ((2654435769 * three(i)) & 0xFFFFFFFF) >> 19
    end = len(text) - 13
    while at < end:
        before = last.get(slot(at), 0)
        last[slot(at)] = at
        if at - before >= 8192 or three(at) != three(before):
            at += 1
            continue
        if at + 1 >= end:
            break
        size += literals(at - done)
        length = 0
        while at + 3 + length < len(text) - 4:
            length += 1
            if text[before + 2 + length] != text[at + 2 + length]:
                break
        full, rest = divmod(length - 1, 262)
        size += 3 * full + (3 if rest >= 6 else 2)
        at += length
        for _ in range(2):
            last[slot(at)] = at
            at += 1
        done = at
    return size + literals(len(text) - done)


def literals(count):
    full, rest = divmod(count, 32)
    return 33 * full + (rest + 1 if rest else 0)


# --- Keccak-256, from its specification ----------------------------------------------------------------------------

MASK = (1 << 64) - 1


def turned(lane, by):
    by %= 64
    return ((lane << by) | (lane >> (64 - by))) & MASK if by else lane


def permute(lanes):
    state = 1
    for _ in range(24):
        column = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        lanes = [lanes[i] ^ column[(i - 1) % 5] ^ turned(column[(i + 1) % 5], 1) for i in range(25)]
        moved, x, y = [0] * 25, 1, 0
        moved[0] = lanes[0]
        for t in range(24):
            to = (y, (2 * x + 3 * y) % 5)
            moved[to[0] + 5 * to[1]] = turned(lanes[x + 5 * y], (t + 1) * (t + 2) // 2)
            x, y = to
        rows = range(0, 25, 5)
        lanes = [moved[r + x] ^ (~moved[r + (x + 1) % 5] & moved[r + (x + 2) % 5] & MASK) for r in rows for x in range(5)]
        for j in range(7):
            if state & 1:
                lanes[0] ^= 1 << ((1 << j) - 1)
            state = (state << 1) ^ (0x171 if state & 0x80 else 0)
    return lanes


def keccak256(text):
    rate = 136
    padded = bytearray(text) + b"\x01" + bytes(-(len(text) + 1) % rate)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for block in range(0, len(padded), rate):
        for i in range(rate // 8):
            lanes[i] ^= int.from_bytes(padded[block + 8 * i : block + 8 * i + 8], "little")
        lanes = permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"

SELECTOR = keccak256(b"transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)")[:4]
assert SELECTOR.hex() == "e3ee160e"


def number_word(n):
    return n.to_bytes(32, "big")


SETTLEMENT = SELECTOR + b"".join([
    bytes(12) + keccak256(b"from")[12:], bytes(12) + keccak256(b"to")[12:],
    number_word(10_000), number_word(0), number_word(1_800_000_000),
    keccak256(b"nonce"), number_word(27), keccak256(b"r"), keccak256(b"s"),
])
REFERENCE = SELECTOR + b"".join(
    bytes(zeros) + keccak256(bytes([n]))[zeros:] for n, zeros in enumerate((12, 12, 27, 27, 27, 0, 31, 0, 0))
)


if __name__ == "__main__":
    # Texts in hex on the standard input, their FastLZ lengths on the standard output.
    for line in sys.stdin:
        print(fastlz(bytes.fromhex(line)))
