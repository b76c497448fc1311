"""SPEC 6: the transactions that data fees are measured on."""

from functools import lru_cache

import fastlz
from keccak import keccak256

SELECTOR = bytes.fromhex("e3ee160e")
NONCE = 1337
TIP, MAX_FEE = 1_000_000, 100_000_000
SIGNATURE_BYTES = 68
REFERENCE_TO = "0xaf88d065e77c8cc2239327c5edb3a432268e5831"
REFERENCE_GAS = 200_000
REFERENCE_ZEROS = (12, 12, 27, 27, 27, 0, 31, 0, 0)


def rlp(item):
    """RLP of a number, a text of bytes, or a list of them."""
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if isinstance(item, list):
        return _headed(b"".join(rlp(part) for part in item), 0xC0)
    if len(item) == 1 and item[0] < 0x80:
        return item
    return _headed(item, 0x80)


def _headed(body, base):
    if len(body) < 56:
        return bytes([base + len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(size)]) + size + body


def unsigned(chain, tip, max_fee, gas, to, data):
    """An EIP-1559 transaction without its signature."""
    chain_id, to = int(chain.split(":")[1]), bytes.fromhex(to[2:])
    return b"\x02" + rlp([chain_id, NONCE, tip, max_fee, gas, to, 0, data, []])


def _word(value):
    return value.to_bytes(32, "big")


def _holder(name):
    return bytes(12) + keccak256(name)[12:]


SAMPLE_DATA = SELECTOR + b"".join(
    [
        _holder(b"from"),
        _holder(b"to"),
        _word(10_000),
        _word(0),
        _word(1_800_000_000),
        keccak256(b"nonce"),
        _word(27),
        keccak256(b"r"),
        keccak256(b"s"),
    ]
)
REFERENCE_DATA = SELECTOR + b"".join(
    bytes(zeros) + keccak256(bytes([n]))[zeros:] for n, zeros in enumerate(REFERENCE_ZEROS)
)


def settlement(chain, token, gas, look):
    """The sample settlement; `look` is the last successful look at the chain's fees, or None."""
    tip, max_fee = TIP, MAX_FEE
    if look:
        tip = look.tip_waiting
        max_fee = 2 * look.base_fee + tip
    return unsigned(chain, tip, max_fee, gas, token, SAMPLE_DATA)


def reference(chain):
    """The transaction that Arbitrum's node estimates."""
    return unsigned(chain, TIP, MAX_FEE, REFERENCE_GAS, REFERENCE_TO, REFERENCE_DATA)


@lru_cache(maxsize=None)
def measure(transaction):
    """The m of SPEC 5: estimated compressed size in millionths of a byte."""
    size = fastlz.compressed_length(transaction) + SIGNATURE_BYTES
    return max(100_000_000, 836_500 * size - 42_585_600)


def calldata_gas(transaction):
    """The c of SPEC 5."""
    zeros = transaction.count(0)
    return 4 * zeros + 16 * (len(transaction) - zeros + SIGNATURE_BYTES)
