"""The second program: `route.py CASES ANSWERS` answers every case of a file by SPEC.md."""

import json
import sys

import admit
import answer
import dollars
import entry
import limits
import settling
from facts import Facts
from quotes import Quotes
from refusal import Refusal


def priced(wanted, balance, case, quotes, facts):
    """SPEC 4 to 8 for an entry that may be paid."""
    token_price = quotes.price(wanted.asset)
    price = dollars.worth(wanted.amount, token_price)
    market = quotes.market(wanted.chain)
    coin_price = quotes.price(f"{wanted.chain}/native")
    network, look = quotes.networks[wanted.chain], quotes.looks.get(wanted.chain)
    wei = settling.parts(wanted, network, market.value, look, facts)
    parts = [(name, amount, dollars.worth(amount, coin_price)) for name, amount in wei]
    dollars.total(amount for _, amount, _ in parts)
    dollars.total(usd for _, _, usd in parts)
    scorer = case["scorer"]
    penalty, latency = 0, facts.profiles[wanted.chain]["block_ms"]
    if scorer is not None:
        penalty = int(scorer["penalty"].get(wanted.chain, "0"))
        latency = scorer["latency"].get(wanted.chain, 0)
    bill = dollars.total([price, penalty])
    limits.check(wanted, bill, balance, case)
    return answer.Route(wanted, price, penalty, latency, parts, market)


def solve(case, facts):
    """One case."""
    version, accepts = entry.read_challenge(case["challenge"])
    quotes = Quotes(case, facts)
    routes, rejected = [], []
    for index, raw in enumerate(accepts):
        wanted = None
        try:
            wanted = entry.read(index, raw, version, facts.v1_names)
            balance = admit.admit(wanted, case, facts)
            routes.append(priced(wanted, balance, case, quotes, facts))
        except Refusal as refusal:
            rejected.append(answer.rejected(index, wanted, refusal.code, facts))
    routes.sort(key=answer.Route.rank)
    return {"routes": [answer.written(route, facts) for route in routes], "rejected": rejected}


def main(asked, answered):
    with open(asked, encoding="utf-8") as file:
        whole = json.load(file)
    facts = Facts(whole["facts"])
    answers = [solve(case, facts) for case in whole["cases"]]
    with open(answered, "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
