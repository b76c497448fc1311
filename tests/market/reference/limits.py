"""SPEC 8: the cap, the budgets and the wallet."""

from refusal import U128, insist


def check(entry, bill, balance, case):
    """Turns away what goes beyond a limit."""
    policy, now = case["policy"], case["now_ms"]
    insist(policy["cap"] is None or bill <= int(policy["cap"]), "over_cap")
    insist(not case["ledger"]["broken"], "ledger_failed")
    for budget in policy["budgets"]:
        if concerns(budget["scope"], entry, case["host"]):
            used = used_of(budget["id"], now - budget["window_ms"], case["ledger"]["holds"])
            insist(min(used + bill, U128) <= int(budget["limit"]), "budget_exceeded")
    wallet = f"wallet:{entry.chain}:{case['payer']}/{entry.token}".lower()
    used = used_of(wallet, now, case["ledger"]["holds"])
    insist(min(used + entry.amount, U128) <= balance, "budget_exceeded")


def concerns(scope, entry, host):
    """Does a budget of this scope count the entry?"""
    kind, of = scope
    if kind == "all":
        return True
    if kind == "host":
        return host == of
    return of.lower() == {"asset": entry.asset, "payee": f"{entry.chain}:{entry.payee}"}[kind]


def used_of(line, since, holds):
    """Open holds and later spendings on a line."""
    used = 0
    for hold in holds:
        for name, held in hold["lines"]:
            if name.lower() == line and (hold["closed"] is None or hold["closed"][0] >= since):
                used += spent(int(held), hold["closed"])
    return min(used, U128)


def spent(held, closed):
    """What a hold counts for."""
    if closed is None:
        return held
    taken, of = int(closed[1]), int(closed[2])
    if taken >= of:
        return held
    return -(-held * taken // of)
