"""Writes down what the Python SDK says in every role, as it goes over the wire, with what it itself reads in it."""

import fixed  # first: it stops the clock

from eth_account import Account
from x402 import x402ClientSync, x402ResourceServerSync
from x402.extensions.bazaar import OutputConfig, declare_discovery_extension
from x402.extensions.payment_identifier import declare_payment_identifier_extension
from x402.http import x402HTTPResourceServerSync
from x402.http.types import HTTPRequestContext, PaymentOption, RouteConfig
from x402.http.utils import (
    encode_payment_required_header,
    encode_payment_response_header,
    encode_payment_signature_header,
)
from x402.mechanisms.evm.default_assets import DEFAULT_ASSETS
from x402.mechanisms.evm.exact import ExactEvmClientScheme, ExactEvmServerScheme
from x402.mechanisms.evm.exact.v1 import ExactEvmSchemeV1Client
from x402.mechanisms.evm.v1.constants import V1_NETWORK_CHAIN_IDS, V1_NETWORKS
from x402.schemas import AssetAmount, PaymentRequired
from x402.schemas.v1 import PaymentRequiredV1

from facilitator import facilitator, watched
from reading import read

PAYEE = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
URL = "https://api.example/weather?city=Z%C3%BCrich"
BASE = "eip155:84532"
ACCOUNT = Account.from_key(fixed.KEY)

items = []


def keep(**item):
    item["read"] = read(item)
    items.append(item)
    return item


# ---- The SDK's server: routes in, challenges and receipts out.


class Adapter:
    def __init__(self, header=None):
        self.header = header

    def get_header(self, name):
        return self.header["value"] if self.header and name.upper() == self.header["name"] else None

    def get_method(self):
        return "GET"

    def get_path(self):
        return "/weather"

    def get_url(self):
        return URL

    def get_accept_header(self):
        return "application/json"

    def get_user_agent(self):
        return "golden"

    def get_query_params(self):
        return None

    def get_query_param(self, name):
        return None

    def get_body(self):
        return None


def server(route, script, seen=lambda *_: None):
    core = x402ResourceServerSync(watched(facilitator(script), seen))
    core.register("eip155:*", ExactEvmServerScheme())
    http = x402HTTPResourceServerSync(core, {"GET /weather": route})
    http.initialize()
    return http


def context(header=None):
    return HTTPRequestContext(adapter=Adapter(header), path="/weather", method="GET")


def challenge(id, response):
    header = {"name": "PAYMENT-REQUIRED", "value": response.headers["PAYMENT-REQUIRED"]}
    return keep(id=id, what="challenge", version=2, header=header)


# ---- The SDK's client: pays one entry of a challenge.


def parsed(asking):
    model = PaymentRequiredV1 if asking["version"] == 1 else PaymentRequired
    return model.model_validate(asking["read"])


def payload_for(asking, at):
    made = x402ClientSync(payment_requirements_selector=lambda _, accepts: chosen(accepts, asking["read"]["accepts"][at]))
    made.set_spend_controls(False)
    made.register("eip155:*", ExactEvmClientScheme(ACCOUNT))
    for network in V1_NETWORKS:
        made.register_v1(network, ExactEvmSchemeV1Client(ACCOUNT))
    return made.create_payment_payload(parsed(asking))


def chosen(accepts, wanted):
    return next(one for one in accepts if one.model_dump(by_alias=True, exclude_none=True) == wanted)


def header_of(payload):
    name = "X-PAYMENT" if payload.x402_version == 1 else "PAYMENT-SIGNATURE"
    return {"name": name, "value": encode_payment_signature_header(payload)}


def pay(asking, at=0):
    payload = payload_for(asking, at)
    method = (asking["read"]["accepts"][at].get("extra") or {}).get("assetTransferMethod", "eip3009")
    id = f"payment of {asking['id']} #{at}"
    keep(
        id=id,
        what="payment",
        version=payload.x402_version,
        header=header_of(payload),
        answers=asking["id"],
        at=at,
        method=method,
    )


# ---- Challenges of the server, each entry paid.


def option(network, price, **more):
    return PaymentOption(scheme="exact", network=network, pay_to=PAYEE, price=price, **more)


def everywhere():
    for network, assets in DEFAULT_ASSETS.items():
        for at, known in enumerate(assets):
            extra = {"name": known["name"], "version": known["version"]}
            if "asset_transfer_method" in known:
                extra["assetTransferMethod"] = known["asset_transfer_method"]
            amount = AssetAmount(asset=known["asset"], amount=str(10 ** known["decimals"]), extra=extra)
            yield option(network, "$0.01" if at == 0 else amount)


discovery = declare_discovery_extension(
    input={"city": "Zürich"},
    input_schema={"properties": {"city": {"type": "string", "description": "Ort — 都市"}}, "required": ["city"]},
    output=OutputConfig(example={"weather": "☀️", "degrees": 21.5}),
)
routes = {
    "plain": RouteConfig(accepts=option(BASE, "$0.01")),
    "everywhere": RouteConfig(accepts=list(everywhere()), description="Weather", mime_type="application/json"),
    "unicode": RouteConfig(
        accepts=[option(BASE, "$0.01")],
        description='Wetter für Zürich — 天気 ☔️ \U0001f326 "quoted" \\ back\nslash \u2028 <b>&amp;</b>',
        mime_type="text/plain; charset=utf-8",
    ),
    "service": RouteConfig(
        accepts=option(BASE, "$1"),
        description="Weather",
        service_name="Weather & Sons",
        tags=["weather", "city"],
        icon_url="https://api.example/icon.png",
    ),
    "no timeout of its own": RouteConfig(accepts=option(BASE, 0.25)),
    "a long timeout": RouteConfig(accepts=option(BASE, "0.000001", max_timeout_seconds=3600)),
    "upfront": RouteConfig(accepts=option(BASE, "$0.02", extra={"paymentFlow": "upfront"})),
    "more in extra": RouteConfig(
        accepts=option(
            BASE,
            "$0.01",
            extra={"note": "für später", "nested": {"list": [1, 2.5, True, "}"], "deep": {"scho\u0301": {}}}, "order": 7},
        )
    ),
    "several prices": RouteConfig(
        accepts=[
            option("eip155:8453", "$0.03"),
            option(BASE, "$0.01"),
            option(BASE, "$0.02", max_timeout_seconds=60),
        ]
    ),
    "extensions": RouteConfig(
        accepts=option(BASE, "$0.01"),
        extensions={
            **discovery,
            "payment-identifier": declare_payment_identifier_extension(False),
            "x-vendor": {"info": {"a": 1, "empty": {}, "list": []}, "schema": {}},
        },
    ),
    "permit2": RouteConfig(accepts=option("eip155:4326", "$0.01")),
}
made = {}
for name, route in routes.items():
    made[name] = challenge(f"challenge {name}", server(route, {}).process_http_request(context()).response)
    for at in range(len(made[name]["read"]["accepts"])):
        pay(made[name], at)

# ---- Challenges as other servers might put them, through the SDK's models and encoder.

entry = {
    "scheme": "exact",
    "network": BASE,
    "amount": "340282366920938463463374607431768211455",
    "asset": "0x036cbd53842c5426634e7929541ec2318f3dcf7e",
    "payTo": PAYEE.lower(),
    "maxTimeoutSeconds": 300,
    "extra": {"name": "USDC", "version": "2"},
}
solana = {
    **entry,
    "network": "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
    "asset": "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    "payTo": "2wKupLR9q6wXYppw8Gr2NvWxKBUqm4PPJKkQfoxHDBg4",
    "extra": {"feePayer": "EwWqGE4ZFKLofuestmU4LDdK7XM1N4ALgdZccwYugwGd", "memo": "order 7"},
}
others = {
    "of lower case and the largest amount": {"error": "Payment required", "resource": {"url": URL}, "accepts": [entry]},
    "without a resource": {"accepts": [entry]},
    "with a family that is not here": {"resource": {"url": URL}, "accepts": [solana, entry]},
    "without extra": {"resource": {"url": URL}, "accepts": [{**entry, "extra": {}}]},
    "without entries": {"resource": {"url": URL}, "accepts": []},
    "with an empty extension": {"resource": {"url": URL}, "accepts": [entry], "extensions": {"x": {}}},
}
for name, value in others.items():
    header = {"name": "PAYMENT-REQUIRED", "value": encode_payment_required_header(PaymentRequired.model_validate(value))}
    asking = keep(id=f"challenge {name}", what="challenge", version=2, header=header)
    for at, found in enumerate(asking["read"]["accepts"]):
        if found["network"] == BASE and "name" in found["extra"]:
            pay(asking, at)

# ---- v1, which this SDK only pays: the 402 is a body, written by its models.


def requirements_v1(network, **more):
    known = DEFAULT_ASSETS.get(f"eip155:{V1_NETWORK_CHAIN_IDS[network]}", [{}])[0]
    return {
        "scheme": "exact",
        "network": network,
        "maxAmountRequired": "10000",
        "resource": URL,
        "description": "Wetter für Zürich",
        "mimeType": "application/json",
        "payTo": PAYEE,
        "maxTimeoutSeconds": 300,
        "asset": known.get("asset", entry["asset"]),
        "outputSchema": {"input": {"type": "http", "method": "GET"}},
        "extra": {"name": known.get("name", "Unknown"), "version": known.get("version", "1")},
        **more,
    }


bodies = {
    "plain": {"error": "X-PAYMENT header is required", "accepts": [requirements_v1("base-sepolia")]},
    "everywhere": {"error": "", "accepts": [requirements_v1(network) for network in V1_NETWORKS]},
    "bare": {"accepts": [requirements_v1("base", description="", mimeType=None, outputSchema=None)]},
}
v1 = {}
for name, body in bodies.items():
    text = PaymentRequiredV1.model_validate(body).model_dump_json(by_alias=True, exclude_none=name != "bare")
    v1[name] = keep(id=f"challenge v1 {name}", what="challenge", version=1, text=text)
    for at in range(len(v1[name]["read"]["accepts"])):
        pay(v1[name], at)

# ---- Whole payments: what server and facilitator say to each other, and the receipts.


def spoil(payload):
    payload.payload["signature"] = "0x00" + payload.payload["signature"][4:]
    return payload


days = {
    # First, because the SDK remembers which tokens it has seen.
    "without a token": {"script": {"token": False}},
    "on a good day": {},
    "with a bad signature": {"change": spoil},
    "too late": {"late": 3600},
    "without funds": {"script": {"balance": 1, "refuse": "execution reverted: ERC20: transfer amount exceeds balance"}},
    "a second time": {"script": {"used": True, "refuse": "execution reverted: authorization is used or canceled"}},
    "in another domain": {"script": {"name": "USD Coin", "refuse": "execution reverted: no words"}},
    "that reverts": {"script": {"status": 0}},
    "that moves nothing": {"script": {"silent": True}},
    "that gets lost": {"script": {"lost": True}},
}


def kept_talk(id, talk):
    for at, (what, side, text) in enumerate(talk):
        if what == "supported" and any(item.get("text") == text for item in items):
            continue
        kind = "request" if side == "request" else what
        version = 1 if '"x402Version":1' in text.replace(" ", "") else 2
        keep(id=f"{what} {side} {id} #{at}", what=kind, version=version, text=text)


def late_payload(asking, day):
    with fixed.ago(day.get("late", 0)):
        payload = payload_for(asking, 0)
    return day.get("change", lambda same: same)(payload)


for route in ["upfront", "plain", "extensions"]:
    for name, day in days.items():
        if name == "without a token" and route != "upfront":
            continue
        id, talk = f"{route} {name}", []
        http = server(routes[route], day.get("script", {}), lambda *said: talk.append(said))
        asked = context(header_of(late_payload(made[route], day)))
        result = http.process_http_request(asked)
        if result.type == "payment-verified":
            settled = http.process_settlement(
                result.payment_payload,
                result.payment_requirements,
                context=context(),
                declared_extensions=result.declared_extensions,
                before_handler_settlement=result.before_handler_settlement,
            )
            headers = settled.headers if settled.success else settled.response.headers
        else:
            headers = result.response.headers
        if "PAYMENT-RESPONSE" in headers:
            header = {"name": "PAYMENT-RESPONSE", "value": headers["PAYMENT-RESPONSE"]}
            keep(id=f"receipt {id}", what="receipt", version=2, header=header)
        else:
            challenge(f"challenge after {id}", result.response)
        kept_talk(id, talk)

# v1 against the facilitator alone, and the receipt that a v1 server would make of its answer.
for name, day in days.items():
    if name == "without a token":
        continue
    id, talk = f"v1 {name}", []
    remote = watched(facilitator(day.get("script", {})), lambda *said: talk.append(said))
    payload = late_payload(v1["plain"], day)
    requirements = parsed(v1["plain"]).accepts[0]
    remote.verify(payload, requirements)
    value = encode_payment_response_header(remote.settle(payload, requirements))
    keep(id=f"receipt {id}", what="receipt", version=1, header={"name": "X-PAYMENT-RESPONSE", "value": value})
    kept_talk(id, talk)

fixed.give(items)
