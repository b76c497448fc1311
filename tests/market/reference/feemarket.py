"""SPEC 4, fee markets: what one look at a chain's fees says."""

from dataclasses import dataclass

import abi
from refusal import U64, U128, insist

NO_QUOTE = "no_quote"
MOST_BASE_FEES = 1024
MOST_BASE_FEE = 10**15
NEEDED = ("l1BaseFee", "blobBaseFee", "baseFeeScalar", "blobBaseFeeScalar")


@dataclass(frozen=True)
class OpStack:
    """What `GasPriceOracle` says."""

    l1_base_fee: int
    blob_base_fee: int
    base_scalar: int
    blob_scalar: int
    fjord: bool
    operator_none: int
    operator_much: int


@dataclass(frozen=True)
class Arbitrum:
    """The price of an L1 byte and, where the node estimates, the fee of the reference transaction."""

    byte_price: int
    reference_fee: int | None


@dataclass(frozen=True)
class FeeMarket:
    base_fee: int
    tip: int
    tip_waiting: int
    source: str
    rollup: OpStack | Arbitrum | None


def look(profile, node):
    """The fee market in a node's answers, or a refusal."""
    history = node["fee_history"]
    fees = [int(fee, 16) for fee in history["baseFeePerGas"]]
    insist(0 < len(fees) <= MOST_BASE_FEES, NO_QUOTE)
    insist(fees[-1] <= U128, NO_QUOTE)
    insist(fees[-1] <= MOST_BASE_FEE, "absurd_price")
    oldest = int(history["oldestBlock"], 16)
    newest = max(oldest, oldest + len(fees) - 2)
    rollup = {"ethereum": lambda _: None, "op_stack": op_stack, "arbitrum": arbitrum}[profile["fees"]](node)
    middle, high = (tip(history.get("reward"), column, profile) for column in (1, 2))
    return FeeMarket(fees[-1], middle, max(middle, high), f"eth_feeHistory@{newest}", rollup)


def tip(rows, column, profile):
    """The middle of one column of `reward`, within the profile's bounds."""
    tips = sorted(int(row[column], 16) for row in rows or [] if len(row) > column)
    tips = [t for t in tips if t <= U128]
    chosen = tips[len(tips) // 2] if tips else profile["min_tip_wei"]
    return min(max(chosen, profile["min_tip_wei"]), profile["max_tip_wei"])


def op_stack(node):
    """The eight words of the oracle."""
    said = {what: abi.first_word(answer) for what, answer in node["oracle"].items()}
    four = [said.get(what) for what in NEEDED]
    insist(None not in four, NO_QUOTE)
    none, much = said.get("operatorFeeOfNone") or 0, said.get("operatorFeeOfMuch") or 0
    insist(max(four[0], four[1], none, much) <= U128 and max(four[2:]) <= U64, NO_QUOTE)
    insist(said.get("isFjord") or said.get("isEcotone"), NO_QUOTE)
    return OpStack(*four, bool(said.get("isFjord")), none, much)


def arbitrum(node):
    """The prices, and the estimate with the node's padding taken off."""
    asked = node["arb"]
    prices = abi.words(asked["prices"], 6)
    insist(prices is not None and prices[1] <= U128, NO_QUOTE)
    byte_price, estimate = prices[1], abi.words(asked["estimate"], 3)
    if estimate is None or estimate[0] > U64:
        return Arbitrum(byte_price, None)
    fee = estimate[0] * estimate[1]
    if abi.words(asked["version"], 1) is not None:
        fee = max(0, fee * 10_000 // 11_000 * 10_000 // 10_100 - 16 * byte_price)
    insist(fee <= U128, NO_QUOTE)
    return Arbitrum(byte_price, fee)
