"""SPEC 5: the parts of what settling costs, in wei."""

import sample
from feemarket import Arbitrum, OpStack
from refusal import within_u128

HOLDER, NEW = "transferWithAuthorization/holder", "transferWithAuthorization/new"
GAS_OF_KNOWN = {HOLDER: 85_708, NEW: 102_628}
GAS_OF_OTHERS = {HOLDER: 107_135, NEW: 128_285}
FEE_STEP = 10**9


def parts(entry, network, market, look, facts):
    """(name, wei) in order, without those of nothing."""
    gas, gas_new = (gas_of(what, entry, network, facts) for what in (HOLDER, NEW))
    found = [
        ("execution", within_u128(gas * market.base_fee, "invalid_amount")),
        ("priority", within_u128(gas * market.tip_waiting, "invalid_amount")),
    ]
    if market.rollup:
        transaction = sample.settlement(entry.chain, entry.token, 2 * max(gas, gas_new), look)
        data_fee = {OpStack: op_stack_data, Arbitrum: arbitrum_data}[type(market.rollup)]
        data_fee = data_fee(market.rollup, transaction, entry.chain)
        found.append(("l1_data", within_u128(data_fee, "invalid_answer")))
    if isinstance(market.rollup, OpStack):
        found.append(("operator", within_u128(operator(market.rollup, gas), "invalid_answer")))
    return [(name, wei) for name, wei in found if wei]


def gas_of(what, entry, network, facts):
    """Learned gas, else the table's."""
    gas = (GAS_OF_KNOWN if entry.asset in facts.tokens else GAS_OF_OTHERS)[what]
    for row in network["learned"]:
        if row["contract"].lower() == entry.token and row["what"] == what:
            gas = row["gas"]
    return gas


def op_stack_data(rollup, transaction, _chain):
    price = 16 * rollup.base_scalar * rollup.l1_base_fee + rollup.blob_scalar * rollup.blob_base_fee
    if rollup.fjord:
        return price * sample.measure(transaction) // 10**12
    return price * sample.calldata_gas(transaction) // (16 * 10**6)


def arbitrum_data(rollup, transaction, chain):
    if rollup.reference_fee is None:
        return (len(transaction) + sample.SIGNATURE_BYTES) * rollup.byte_price
    reference = sample.measure(sample.reference(chain))
    return rollup.reference_fee * sample.measure(transaction) // reference


def operator(rollup, gas):
    slope = max(0, rollup.operator_much - rollup.operator_none)
    return rollup.operator_none + slope * gas // FEE_STEP
