"""SPEC 3: may this entry be paid at all, before anybody asks what it costs?"""

import abi
from refusal import U128, insist

BAD = "invalid_payment_requirements"
LEAST_SECONDS = 6
SILENCE = {"silent": "timed_out", "refuses": "rpc_refused", "broken": "unreachable"}


def admit(entry, case, facts):
    """Goes through the rules; answers with the payer's balance of the token."""
    network = next((n for n in case["networks"] if n["chain"] == entry.chain), None)
    insist(network or entry.chain in case["bare"], "invalid_network")
    insist(entry.scheme == "exact" and entry.method in (None, "eip3009"), "unsupported_scheme")
    insist(entry.flow != "escrow", "unsupported_payment_flow")
    insist(entry.chain not in case["bare"], "role_missing")
    obey(entry, case["policy"], case["host"], facts)
    insist(entry.token != "native", "invalid_address")
    know(entry, case["exact"], facts)
    insist(entry.seconds > LEAST_SECONDS, BAD)
    insist(entry.seconds <= case["exact"]["max_timeout_s"], "policy_denied")
    insist(network["signer"], "no_signer")
    balance = balance_of(entry.token, case["nodes"][entry.chain])
    insist(balance >= entry.amount, "insufficient_funds")
    return balance


def obey(entry, policy, host, facts):
    """The policy's lists, its longest time, its cap for this asset."""
    allowed = (
        lets(policy["networks"], entry.chain)
        and (policy["allow_mainnet"] or facts.networks[entry.chain]["testnet"])
        and lets(policy["assets"], entry.asset)
        and lets(policy["payees"], f"{entry.chain}:{entry.payee}")
        and (policy["hosts"]["mode"] != "only" if host is None else lets(policy["hosts"], host))
        and 1 <= entry.seconds <= (600 if policy["timeout_s_max"] is None else policy["timeout_s_max"])
    )
    insist(allowed, "policy_denied")
    cap = next((int(most) for asset, most in policy["caps"] if same(asset, entry.asset)), None)
    insist(cap is None or entry.amount <= cap, "over_cap")


def same(left, right):
    return left.lower() == right.lower()


def lets(rule, thing):
    """Does a list of the policy let this pass?"""
    listed = any(same(item, thing) for item in rule["of"])
    return {"any": True, "only": listed, "except": not listed}[rule["mode"]]


def know(entry, settings, facts):
    """Does the token's EIP-712 domain agree with what is known of it?"""
    name, version = entry.extra.get("name"), entry.extra.get("version")
    insist(all(item is None or isinstance(item, str) for item in (name, version)), BAD)
    insist(name is not None and version is not None, "invalid_exact_evm_missing_eip712_domain")
    if entry.asset in facts.tokens:
        domain = facts.tokens[entry.asset]["extra"]
        insist(name == domain["name"], "invalid_exact_evm_token_name_mismatch")
        insist(version == domain["version"], "invalid_exact_evm_token_version_mismatch")
        return
    vouched = [t for t in settings["tokens"] if same(f"{t['chain']}/{t['address']}", entry.asset)]
    if vouched:
        agreed = (name, version) == (vouched[0]["name"], vouched[0]["version"])
        insist(agreed, "invalid_exact_evm_token_name_mismatch")
    else:
        insist(settings["allow_unknown_assets"], "unknown_asset")


def balance_of(token, node):
    """What `balanceOf` says, at most 2^128 - 1."""
    insist(node["funds"] == "answers", SILENCE.get(node["funds"]))
    word = abi.first_word(node["balances"].get(token))
    insist(word is not None, "invalid_answer")
    return min(word, U128)
