"""SPEC 9 and 10: the order of the routes, and how everything is written."""

from dataclasses import dataclass

import dollars
from entry import Entry


@dataclass
class Route:
    """An entry that can be paid, with what it costs whom."""

    entry: Entry
    price: int
    penalty: int
    latency: int
    parts: list
    market: object

    @property
    def bill(self):
        return self.price + self.penalty

    @property
    def settling(self):
        return sum(usd for _, _, usd in self.parts)

    def rank(self):
        e = self.entry
        return self.bill, self.settling, self.latency, e.chain, e.scheme, e.token, e.payee, e.index


def written(route, facts):
    """A route in the answer."""
    entry, market = route.entry, route.market
    work = {
        "label": "transferWithAuthorization",
        "bearer": "settler",
        "native_atomic": str(sum(wei for _, wei, _ in route.parts)),
        "coin": facts.coin(entry.chain),
        "usd": dollars.text(route.settling),
        "whole_usd": dollars.text(route.settling),
        "refundable": False,
        "shared_by": 1,
        "parts": [
            {"part": name, "atomic": str(wei), "usd": dollars.text(usd)} for name, wei, usd in route.parts
        ],
        "source": market.value.source,
        "taken_at_ms": market.taken,
        "valid_until_ms": market.taken + market.fresh_ms,
    }
    return {
        "index": entry.index,
        "scheme": entry.scheme,
        "method": entry.method,
        "network": entry.chain,
        "network_title": facts.title(entry.chain),
        "asset": entry.token,
        "symbol": facts.symbol(entry.asset),
        "amount_atomic": str(entry.amount),
        "pay_to": entry.payee,
        "price_usd": dollars.text(route.price),
        "payer_cost_usd": dollars.text(route.bill),
        "settlement_cost_usd": dollars.text(route.settling),
        "penalty_usd": dollars.text(route.penalty),
        "latency_ms": route.latency,
        "parts": [work],
    }


def rejected(index, entry, code, facts):
    """A refused entry in the answer; `entry` is None when it could not be read."""
    chain = entry and entry.chain
    return {
        "index": index,
        "scheme": entry and entry.scheme,
        "method": entry and entry.method,
        "network": chain,
        "network_title": chain and facts.title(chain),
        "code": code,
    }
