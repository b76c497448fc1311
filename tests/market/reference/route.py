#!/usr/bin/env python3
"""What a router must answer to a 402, as SPEC.md beside this file has it. Nothing but the standard library.

    python3 route.py cases.json answers.json

Written apart from Tollway, to be compared with it: the answers must agree to the last digit.
"""

import json
import math
import re
import sys

import chain
from chain import No

CAIP2 = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}\Z", re.ASCII)
ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}\Z", re.ASCII)
NAME = re.compile(r"[!-~]{1,32}\Z")
DIGITS = re.compile(r"(0|[1-9][0-9]{0,38})\Z", re.ASCII)
TOP = (1 << 128) - 1
FORM = "invalid_payment_requirements"


def need(holds, code):
    if not holds:
        raise No(code)


def words_of(thing, key):
    """A string, or None where it is null or absent."""
    value = thing.get(key)
    need(value is None or isinstance(value, str), FORM)
    return value


class Tables:
    def __init__(self, facts):
        self.titles = {n["chain"]: n["title"] for n in facts["networks"]}
        self.coins = {n["chain"]: n["coin"] for n in facts["networks"]}
        self.v1 = {n["v1_name"]: n["chain"] for n in facts["networks"] if n["v1_name"]}
        self.tokens = {(t["chain"], t["key"]): t for t in facts["tokens"]}
        self.profiles = {p["chain"]: p for p in facts["profiles"]}
        self.testnet = {n["chain"]: n["testnet"] for n in facts["networks"]}
        self.usdc = {}
        for t in facts["tokens"]:
            if t["symbol"] == "USDC":
                self.usdc.setdefault(t["chain"], t)


# --- reading -------------------------------------------------------------------------------------------------------


def seconds(value):
    need(isinstance(value, (int, float)) and not isinstance(value, bool), FORM)
    whole = math.floor(value)
    need(0 <= whole < 1 << 64, FORM)
    return whole


def network_id(text, tables):
    if ":" not in text:
        need(text in tables.v1, "invalid_network")
        text = tables.v1[text]
    need(CAIP2.match(text) and text.startswith("eip155:"), "invalid_network")
    return text


def address(text):
    need(ADDRESS.match(text), "invalid_address")
    return text.lower()


def read(entry, version, tables):
    need(isinstance(entry, dict), FORM)
    for key in ("scheme", "network", "asset", "payTo"):
        need(isinstance(entry.get(key), str), FORM)
    limit = seconds(entry.get("maxTimeoutSeconds"))
    amounts = [words_of(entry, "amount"), words_of(entry, "maxAmountRequired")]
    where = network_id(entry["network"], tables)
    amounts = [a for a in (amounts if version == 2 else amounts[::-1]) if a is not None]
    need(amounts, FORM)
    asset = "native" if entry["asset"] == "native" else address(entry["asset"])
    extra = entry.get("extra")
    extra = {} if extra is None else extra
    need(isinstance(extra, dict), FORM)
    method, flow = words_of(extra, "assetTransferMethod"), words_of(extra, "paymentFlow")
    need(method is None or NAME.match(method), "unsupported_scheme")
    need(flow in (None, "authorization", "upfront", "escrow"), "unsupported_payment_flow")
    need(NAME.match(entry["scheme"]), "unsupported_scheme")
    need(DIGITS.match(amounts[0]) and int(amounts[0]) <= TOP, "invalid_amount")
    return {
        "scheme": entry["scheme"], "chain": where, "asset": asset, "amount": int(amounts[0]),
        "payee": address(entry["payTo"]), "seconds": limit, "extra": extra, "method": method, "flow": flow,
    }


# --- one case ------------------------------------------------------------------------------------------------------


class Case:
    def __init__(self, case, tables):
        self.case, self.tables = case, tables
        self.networks = {n["chain"]: n for n in case["networks"]}
        self.vouched = {}
        for t in case["exact"]["tokens"]:
            self.vouched.setdefault((t["chain"], t["address"].lower()), (t["name"], t["version"]))
        self.fixed = {f["asset"]: f for f in case["fixed"]}
        self.market = chain.Market(case, tables)

    def listed(self, which, value):
        rule = self.case["policy"][which]
        inside = value in rule["of"]
        return {"any": True, "only": inside, "except": not inside}[rule["mode"]]

    def admit(self, r):
        """Section 3, without the balance."""
        policy, where = self.case["policy"], r["chain"]
        token = f"{where}/{r['asset']}"
        need(where in self.networks or where in self.case["bare"], "invalid_network")
        need(r["scheme"] == "exact" and r["method"] in (None, "eip3009"), "unsupported_scheme")
        need(r["flow"] != "escrow", "unsupported_payment_flow")
        need(where in self.networks, "role_missing")
        test = self.tables.profiles[where]["testnet"]
        allowed = self.listed("networks", where) and (test or policy["allow_mainnet"])
        allowed = allowed and self.listed("assets", token) and self.listed("payees", f"{where}:{r['payee']}")
        if self.case["host"] is not None:
            allowed = allowed and self.listed("hosts", self.case["host"])
        else:
            allowed = allowed and policy["hosts"]["mode"] != "only"
        most = policy["timeout_s_max"]
        need(allowed and 1 <= r["seconds"] <= (600 if most is None else most), "policy_denied")
        for asset, cap in policy["caps"]:
            if asset == token:
                need(r["amount"] <= int(cap), "over_cap")
                break
        need(r["asset"] != "native", "invalid_address")
        self.domain(r)
        need(r["seconds"] > 6, FORM)
        need(r["seconds"] <= self.case["exact"]["max_timeout_s"], "policy_denied")
        need(self.networks[where]["signer"], "no_signer")

    def domain(self, r):
        name, version = words_of(r["extra"], "name"), words_of(r["extra"], "version")
        need(name is not None and version is not None, "invalid_exact_evm_missing_eip712_domain")
        key = (r["chain"], r["asset"])
        if key in self.tables.tokens:
            real = self.tables.tokens[key]["extra"]
            need(name == real["name"], "invalid_exact_evm_token_name_mismatch")
            need(version == real["version"], "invalid_exact_evm_token_version_mismatch")
        elif key in self.vouched:
            need((name, version) == self.vouched[key], "invalid_exact_evm_token_name_mismatch")
        else:
            need(self.case["exact"]["allow_unknown_assets"], "unknown_asset")

    def balance(self, r):
        node = self.case["nodes"][r["chain"]]
        failures = {"silent": "timed_out", "refuses": "rpc_refused", "broken": "unreachable"}
        need(node["funds"] == "answers", failures.get(node["funds"]))
        said = chain.data(node["balances"].get(r["asset"]))
        need(said is not None and len(said) >= 32, "invalid_answer")
        held = min(int.from_bytes(said[:32], "big"), TOP)
        need(held >= r["amount"], "insufficient_funds")
        return held

    def price(self, r):
        """Sections 4, 5 and 7: the whole of a route but its limits."""
        where = r["chain"]
        price = dollars(self.market.price(f"{where}/{r['asset']}"), r["amount"])
        fees = self.market.fees(where)
        coin = self.market.price(f"{where}/native")
        cost = self.market.settlement(where, r["asset"], fees)
        parts = [(part, wei, dollars(coin, wei)) for part, wei in cost if wei > 0]
        work = sum(usd for _, _, usd in parts)
        scorer = self.case["scorer"]
        penalty = int(scorer["penalty"].get(where, 0)) if scorer else 0
        latency = self.tables.profiles[where]["block_ms"] if not scorer else scorer["latency"].get(where, 0)
        bill = price + penalty
        need(max(work, bill) <= TOP, "invalid_amount")
        return {"price": price, "bill": bill, "work": work, "penalty": penalty, "latency": latency,
                "parts": parts, "fees": fees}

    def within(self, r, bill, held):
        """Section 8."""
        policy = self.case["policy"]
        need(policy["cap"] is None or bill <= int(policy["cap"]), "over_cap")
        # There is always a line: the wallet's.
        need(not self.case["ledger"]["broken"], "ledger_failed")
        token, now = f"{r['chain']}/{r['asset']}", self.case["now_ms"]
        fits = {"all": None, "host": self.case["host"], "asset": token, "payee": f"{r['chain']}:{r['payee']}"}
        for budget in policy["budgets"]:
            kind, of = budget["scope"]
            if kind == "all" or fits[kind] == of:
                used = self.used(budget["id"], now - budget["window_ms"])
                need(used + bill <= int(budget["limit"]), "budget_exceeded")
        used = self.used(f"wallet:{r['chain']}:{self.case['payer']}/{r['asset']}", now)
        need(used + r["amount"] <= held, "budget_exceeded")

    def used(self, budget, since):
        total = 0
        for hold in self.case["ledger"]["holds"]:
            for name, amount in hold["lines"]:
                if name == budget:
                    total += counted(int(amount), hold["closed"], since)
        return min(total, TOP)

    def answer(self):
        asked = json.loads(self.case["challenge"])
        rows, out = [], []
        for index, entry in enumerate(asked["accepts"]):
            row = {"index": index}
            rows.append(row)
            try:
                row["r"] = read(entry, asked["x402Version"], self.tables)
                self.admit(row["r"])
                row["held"] = self.balance(row["r"])
            except No as no:
                row["code"] = no.code
        for row in rows:
            try:
                if "code" not in row:
                    row.update(self.price(row["r"]))
                    self.within(row["r"], row["bill"], row["held"])
            except No as no:
                row["code"] = no.code
        for row in rows:
            if "code" in row:
                out.append(self.rejected(row))
        routes = sorted((row for row in rows if "code" not in row), key=rank)
        return {"routes": [self.route(row) for row in routes], "rejected": out}

    def rejected(self, row):
        r = row.get("r")
        if r is None:
            return {"index": row["index"], "scheme": None, "network": None, "network_title": None,
                    "code": row["code"]}
        return {"index": row["index"], "scheme": r["scheme"], "network": r["chain"],
                "network_title": self.tables.titles.get(r["chain"], r["chain"]), "code": row["code"]}

    def route(self, row):
        r, fees = row["r"], row["fees"]
        where = r["chain"]
        known = self.tables.tokens.get((where, r["asset"]))
        work = {
            "label": "transferWithAuthorization", "bearer": "settler",
            "native_atomic": str(sum(wei for _, wei, _ in row["parts"])),
            "coin": self.tables.coins.get(where, f"{where}/native"),
            "usd": spell(row["work"]), "refundable": False, "shared_by": 1,
            "parts": [{"part": p, "atomic": str(wei), "usd": spell(usd)} for p, wei, usd in row["parts"]],
            "source": fees.source, "taken_at_ms": fees.taken, "valid_until_ms": fees.until,
        }
        return {
            "index": row["index"], "scheme": r["scheme"], "network": where,
            "network_title": self.tables.titles.get(where, where), "asset": r["asset"],
            "symbol": known["symbol"] if known else None, "amount_atomic": str(r["amount"]), "pay_to": r["payee"],
            "price_usd": spell(row["price"]), "payer_cost_usd": spell(row["bill"]),
            "settlement_cost_usd": spell(row["work"]), "penalty_usd": spell(row["penalty"]),
            "latency_ms": row["latency"], "parts": [work],
        }


def rank(row):
    r = row["r"]
    return (row["bill"], row["work"], row["latency"], r["chain"], r["scheme"], r["asset"], r["payee"], row["index"])


def counted(amount, closed, since):
    """What a hold counts in a budget."""
    if closed is None:
        return amount
    at, taken, of = closed[0], int(closed[1]), int(closed[2])
    if at < since or taken == 0:
        return 0
    if taken == 11 or taken >= of:
        return amount
    return -(-amount * taken // of)


def dollars(price, atomic):
    answer, digits, decimals = price
    scale = digits + decimals
    need(scale <= 56, "invalid_amount")
    worth = -(-(atomic * answer * 10**18) // 10**scale)
    need(worth <= TOP, "invalid_amount")
    return worth


def spell(e18):
    whole, part = divmod(e18, 10**18)
    part = f"{part:018}"
    return f"{whole}.{part[:2]}{part[2:].rstrip('0')}"


def main(asked, answered):
    with open(asked, encoding="utf-8") as file:
        work = json.load(file)
    tables = Tables(work["facts"])
    answers = [Case(case, tables).answer() for case in work["cases"]]
    with open(answered, "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    main(*sys.argv[1:3])
