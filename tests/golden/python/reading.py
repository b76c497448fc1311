"""How the Python SDK reads what others wrote: its own decoders and models, nothing of ours."""

import json

import httpx
from x402.http.utils import (
    decode_payment_required_header,
    decode_payment_response_header,
    decode_payment_signature_header,
)
from x402.schemas import PaymentRequirements
from x402.schemas.helpers import parse_payment_payload, parse_payment_required, parse_payment_requirements
from x402.schemas.v1 import PaymentPayloadV1

from facilitator import client


def challenge_of(item):
    if item.get("header"):
        return decode_payment_required_header(item["header"]["value"])
    return parse_payment_required(item["text"].encode())


def _request(item):
    body = json.loads(item["text"])
    payload = parse_payment_payload(body["paymentPayload"])
    requirements = parse_payment_requirements(payload.x402_version, body["paymentRequirements"])
    return {
        "x402Version": body["x402Version"],
        "paymentPayload": _plain(payload),
        "paymentRequirements": _plain(requirements),
    }


def _answer(text: str):
    return client(lambda _: httpx.Response(200, text=text))


_PAYLOAD = PaymentPayloadV1(scheme="exact", network="base", payload={})
_REQUIREMENTS = PaymentRequirements(
    scheme="exact", network="eip155:1", asset="", amount="1", pay_to="", max_timeout_seconds=1
)

_READERS = {
    "challenge": challenge_of,
    "payment": lambda item: decode_payment_signature_header(item["header"]["value"]),
    "request": _request,
    "verify": lambda item: _answer(item["text"]).verify(_PAYLOAD, _REQUIREMENTS),
    "settle": lambda item: _answer(item["text"]).settle(_PAYLOAD, _REQUIREMENTS),
    "supported": lambda item: _answer(item["text"]).get_supported(),
    "receipt": lambda item: decode_payment_response_header(item["header"]["value"]),
}


def _plain(value):
    if isinstance(value, dict):
        return value
    return value.model_dump(by_alias=True, exclude_none=True, mode="json")


def read(item):
    return _plain(_READERS[item["what"]](item))


