"""SPEC 4: what is known of prices and fees at a moment, after everything that was asked before it."""

from dataclasses import dataclass

import feemarket
import feeds
from refusal import Refusal

READING_LIVES_MS = 10_000
KEEP_THEIR_NAME = ("stale_price", "absurd_price")


@dataclass
class Slot:
    """One thing that is asked for again and again."""

    fresh_ms: int
    stale_ms: int
    otherwise: str
    value: object = None
    taken: int | None = None
    failed: str | None = None

    def is_fresh(self, at):
        return self.taken is not None and at < self.taken + self.fresh_ms

    def is_usable(self, at):
        return self.taken is not None and at < self.taken + self.fresh_ms + self.stale_ms

    def succeed(self, value, at):
        self.value, self.taken, self.failed = value, at, None

    def fail(self, reason):
        self.failed = reason if reason in KEEP_THEIR_NAME else self.otherwise

    def use(self, at):
        """The slot itself when it may be used, else why not."""
        if self.is_usable(at):
            return self
        if self.failed:
            raise Refusal(self.failed)
        raise Refusal(self.otherwise if self.taken is None else "stale_quote")


class Quotes:
    """All fee markets and prices of a case."""

    def __init__(self, case, facts):
        self.case, self.facts = case, facts
        self.now = case["now_ms"]
        self.networks = {n["chain"]: n for n in case["networks"]}
        self.feeds = {chain: feeds.feeds_of(n, facts) for chain, n in self.networks.items()}
        self.fixed = {
            row["asset"]: feeds.Price(int(row["answer"]), row["answer_decimals"], row["asset_decimals"])
            for row in case["fixed"]
        }
        self.markets, self.prices, self.readings = {}, {}, {}
        self.looks = {}
        for step in case["steps"]:
            self.replay(step)

    def replay(self, step):
        """What was asked for earlier; its successful looks at fees are remembered apart."""
        at = self.now - step["age_ms"]
        for chain in step["tariffs"]:
            slot = self.market_slot(chain)
            if not slot.is_fresh(at):
                self.ask_market(slot, chain, step["nodes"][chain], at)
                if slot.taken == at:
                    self.looks[chain] = slot.value
        for asset in step["prices"]:
            slot = self.price_slot(asset)
            if asset not in self.fixed and not slot.is_fresh(at):
                self.ask_price(slot, asset, step["nodes"][asset.split("/")[0]], at)

    def market(self, chain):
        """The fee market to use now."""
        slot = self.market_slot(chain)
        if not slot.is_usable(self.now):
            self.ask_market(slot, chain, self.case["nodes"][chain], self.now)
        return slot.use(self.now)

    def price(self, asset):
        """The price to use now."""
        if asset in self.fixed:
            return self.fixed[asset]
        slot = self.price_slot(asset)
        if not slot.is_usable(self.now):
            self.ask_price(slot, asset, self.case["nodes"][asset.split("/")[0]], self.now)
        return slot.use(self.now).value

    def market_slot(self, chain):
        if chain not in self.markets:
            fresh = max(2 * self.facts.profiles[chain]["block_ms"], 2_000)
            self.markets[chain] = Slot(fresh, self.case["stale_ms"], "no_quote")
        return self.markets[chain]

    def price_slot(self, asset):
        if asset not in self.prices:
            self.prices[asset] = Slot(self.case["price_ttl_ms"], self.case["stale_ms"], "no_price")
        return self.prices[asset]

    def ask_market(self, slot, chain, node, at):
        if node["fees"] == "answers":
            try:
                slot.succeed(feemarket.look(self.facts.profiles[chain], node), at)
            except Refusal as refusal:
                slot.fail(refusal.code)
        elif node["fees"] != "silent":
            slot.fail("no_quote")

    def ask_price(self, slot, asset, node, at):
        chain, token = asset.split("/")
        if token not in self.feeds[chain]:
            slot.fail("no_price")
            return
        taken, said = self.readings.get(chain, (None, None))
        if taken is None or at >= taken + READING_LIVES_MS:
            if node["feeds"] == "silent":
                return
            if node["feeds"] != "answers":
                slot.fail("no_price")
                return
            taken, said = at, feeds.read_all(self.feeds[chain], node)
            self.readings[chain] = taken, said
        if isinstance(said[token], str):
            slot.fail(said[token])
        else:
            slot.succeed(said[token], at)
