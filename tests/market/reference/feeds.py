"""SPEC 4, prices: which feeds a chain has and what one of them says."""

from dataclasses import dataclass

import abi
from refusal import U128, Refusal, insist

NO_PRICE = "no_price"
ABSURD = "absurd_price"
AHEAD_S = 60
MOST_DOLLARS = 10**8
MOST_DECIMALS = 36


@dataclass(frozen=True)
class Price:
    """`answer` dollars with `answer_decimals` for a whole unit of `asset_decimals`."""

    answer: int
    answer_decimals: int
    asset_decimals: int


@dataclass(frozen=True)
class Feed:
    address: str
    max_age_s: int
    asset_decimals: int


def feeds_of(network, facts):
    """The chain's feeds by token."""
    chain, profile = network["chain"], facts.profiles[network["chain"]]
    feeds = {}
    if profile["native_usd"]:
        feeds["native"] = Feed(profile["native_usd"]["address"], profile["native_usd"]["max_age_s"], 18)
    usdc = facts.usdc.get(chain)
    if profile["usdc_usd"] and usdc:
        known = profile["usdc_usd"]
        feeds[usdc["key"].lower()] = Feed(known["address"], known["max_age_s"], usdc["decimals"])
    for row in network["feeds"]:
        feeds[row["key"].lower()] = Feed(row["address"], row["max_age_s"], row["decimals"])
    return feeds


def judge(feed, node):
    """The price that one feed gives, or a refusal."""
    rounds = {address.lower(): answers for address, answers in node["rounds"].items()}
    latest, decimals = rounds.get(feed.address.lower(), (None, None))
    latest, decimals = abi.words(latest, 5), abi.first_word(decimals)
    insist(latest is not None and decimals is not None and decimals < 256, NO_PRICE)
    number, answer, _, updated, answered_in = latest
    insist(max(number, answered_in) < 1 << 80, NO_PRICE)
    answer = abi.signed(answer)
    insist(0 < answer <= U128 and decimals <= MOST_DECIMALS, ABSURD)
    insist(answer <= MOST_DOLLARS * 10**decimals, ABSURD)
    insist(updated <= node["time_s"] + AHEAD_S, ABSURD)
    insist(node["time_s"] - updated <= feed.max_age_s, "stale_price")
    return Price(answer, decimals, feed.asset_decimals)


def read_all(feeds, node):
    """One reading of all of a chain's feeds: by token a price, or the code of its refusal."""
    said = {}
    for token, feed in feeds.items():
        try:
            said[token] = judge(feed, node)
        except Refusal as refusal:
            said[token] = refusal.code
    return said
