"""SPEC 2: from one raw element of `accepts` to an `Entry`."""

import json
import re
from dataclasses import dataclass
from fractions import Fraction

from refusal import U64, U128, Refusal, insist

BAD = "invalid_payment_requirements"
CAIP2 = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")
ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
NAME = re.compile(r"[\x21-\x7e]{1,32}")
AMOUNT = re.compile(r"0|[1-9][0-9]*")
FLOWS = ("authorization", "upfront", "escrow")


@dataclass
class Entry:
    """What one element of `accepts` asks for."""

    index: int
    scheme: str
    chain: str
    token: str
    payee: str
    amount: int
    seconds: int
    method: str | None
    flow: str
    extra: dict

    @property
    def asset(self):
        return f"{self.chain}/{self.token}"


def read_challenge(text):
    """The version and the raw elements of `accepts`; numbers with a point or an exponent become fractions."""
    raw = json.loads(text, parse_float=Fraction)
    return raw["x402Version"], raw["accepts"]


def read(index, raw, version, v1_names):
    """Reads one element; the first failure is raised."""
    insist(isinstance(raw, dict), BAD)
    for key in ("scheme", "network", "asset", "payTo"):
        insist(isinstance(raw.get(key), str), BAD)
    seconds = whole_seconds(raw.get("maxTimeoutSeconds"))
    for key in ("amount", "maxAmountRequired"):
        insist(raw.get(key) is None or isinstance(raw[key], str), BAD)
    chain = chain_of(raw["network"], v1_names)
    digits = amount_text(raw, version)
    token = raw["asset"] if raw["asset"] == "native" else address(raw["asset"])
    extra = raw.get("extra")
    extra = {} if extra is None else extra
    insist(isinstance(extra, dict), BAD)
    method, flow = extra.get("assetTransferMethod"), extra.get("paymentFlow")
    insist(method is None or isinstance(method, str), BAD)
    insist(flow is None or isinstance(flow, str), BAD)
    insist(method is None or NAME.fullmatch(method), "unsupported_scheme")
    insist(flow is None or flow in FLOWS, "unsupported_payment_flow")
    insist(NAME.fullmatch(raw["scheme"]), "unsupported_scheme")
    insist(AMOUNT.fullmatch(digits) and int(digits) <= U128, "invalid_amount")
    payee = address(raw["payTo"])
    return Entry(
        index, raw["scheme"], chain, token, payee, int(digits), seconds, method, flow or FLOWS[0], extra
    )


def whole_seconds(value):
    """A JSON number rounded down."""
    insist(isinstance(value, (int, Fraction)) and not isinstance(value, bool), BAD)
    seconds = value.numerator // value.denominator
    insist(0 <= seconds <= U64, BAD)
    return seconds


def chain_of(network, v1_names):
    """The chain id of either spelling."""
    if ":" in network:
        insist(CAIP2.fullmatch(network) and network.startswith("eip155:"), "invalid_network")
        return network
    if network not in v1_names or not v1_names[network].startswith("eip155:"):
        raise Refusal("invalid_network")
    return v1_names[network]


def amount_text(raw, version):
    """The amount under the key that the version prefers."""
    keys = ["amount", "maxAmountRequired"]
    if version == 1:
        keys.reverse()
    found = [raw[key] for key in keys if raw.get(key) is not None]
    insist(found, BAD)
    return found[0]


def address(text):
    """An address in lower case."""
    insist(ADDRESS.fullmatch(text), "invalid_address")
    return text.lower()
