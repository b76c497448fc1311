"""The Python facilitator over a chain that is not there: every question is answered from a script, so that each of its
verdicts can be had without a node. Its own checks (windows, typed data, the signer's recovery) are all real."""

import json
import logging

import httpx
from eth_abi import encode
from eth_account import Account
from eth_utils import keccak
from x402 import x402FacilitatorSync
from x402.http import HTTPFacilitatorClientSync
from x402.http.facilitator_client_base import FacilitatorConfig
from x402.mechanisms.evm.default_assets import DEFAULT_ASSETS
from x402.mechanisms.evm.exact import ExactEvmFacilitatorScheme
from x402.mechanisms.evm.exact.v1 import ExactEvmSchemeV1Facilitator
from x402.mechanisms.evm.types import TransactionReceipt
from x402.mechanisms.evm.v1.constants import V1_NETWORKS
from x402.schemas.helpers import parse_payment_payload, parse_payment_requirements

from fixed import KEY

logging.disable(logging.CRITICAL)

TRANSACTION = "0x" + "5e" * 32
PAYER = Account.from_key(KEY).address
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()


def _word(address: str) -> str:
    return "0x" + address.lower().removeprefix("0x").rjust(64, "0")


class Chain:
    """What the chain says; the script is what differs from a good day."""

    def __init__(self, script: dict) -> None:
        self.token = script.get("token", True)
        self.balance = script.get("balance", 10**30)
        self.used = script.get("used", False)
        self.name = script.get("name", "USDC")
        self.refuse = script.get("refuse")
        self.status = script.get("status", 1)
        self.silent = script.get("silent", False)
        self.lost = script.get("lost", False)
        self.transfer = None

    def get_addresses(self):
        return [PAYER]

    def get_code(self, address):
        return b"\x60" if self.token and address.lower() != PAYER.lower() else b""

    def get_balance(self, address, token_address):
        return self.balance

    def read_contract(self, address, abi, function_name, *args):
        if function_name == "tryAggregate":
            answers = {
                keccak(text="balanceOf(address)")[:4]: encode(["uint256"], [self.balance]),
                keccak(text="name()")[:4]: encode(["string"], [self.name]),
                keccak(text="version()")[:4]: encode(["string"], ["2"]),
                keccak(text="authorizationState(address,bytes32)")[:4]: encode(["bool"], [self.used]),
            }
            return [(True, answers[bytes(data)[:4]]) for _, data in args[1]]
        if function_name == "transferWithAuthorization":
            if self.refuse:
                raise RuntimeError(self.refuse)
            return None
        if function_name == "balanceOf":
            return self.balance
        if function_name == "authorizationState":
            return self.used
        raise RuntimeError(f"no answer for {function_name}")

    def write_contract(self, address, abi, function_name, *args, **_):
        if self.refuse:
            raise RuntimeError(self.refuse)
        self.transfer = (address, args)
        return TRANSACTION

    def wait_for_transaction_receipt(self, tx_hash):
        if self.lost:
            raise TimeoutError("Timed out while waiting for the transaction")
        address, (payer, payee, value, *_) = self.transfer
        topics = [TRANSFER, _word(payer), _word(payee)]
        log = {"address": address, "topics": topics, "data": "0x" + encode(["uint256"], [value]).hex()}
        logs = [] if self.silent else [log]
        return TransactionReceipt(status=self.status, block_number=1, tx_hash=tx_hash, logs=logs)

    def send_transaction(self, to, data):
        return TRANSACTION

    def get_chain_id(self):
        return 84532

    def verify_typed_data(self, *_):
        raise RuntimeError("the SDK recovers signatures itself")


def facilitator(script: dict) -> x402FacilitatorSync:
    made = x402FacilitatorSync()
    chain = Chain(script)
    made.register(list(DEFAULT_ASSETS), ExactEvmFacilitatorScheme(chain))
    made.register_v1(list(V1_NETWORKS), ExactEvmSchemeV1Facilitator(chain))
    return made


def client(transport) -> HTTPFacilitatorClientSync:
    """The SDK's client of a facilitator, over a wire of ours."""
    wire = httpx.Client(transport=httpx.MockTransport(transport))
    return HTTPFacilitatorClientSync(FacilitatorConfig(url="http://facilitator.example", http_client=wire))


def watched(made: x402FacilitatorSync, seen) -> HTTPFacilitatorClientSync:
    """`seen` gets what goes over the wire, as text."""

    def transport(request: httpx.Request) -> httpx.Response:
        what = request.url.path.removeprefix("/")
        if what == "supported":
            answer = made.get_supported()
        else:
            text = request.content.decode()
            seen(what, "request", text)
            body = json.loads(text)
            payload = parse_payment_payload(body["paymentPayload"])
            requirements = parse_payment_requirements(payload.x402_version, body["paymentRequirements"])
            answer = getattr(made, what)(payload, requirements)
        text = answer.model_dump_json(by_alias=True)  # with its nulls, as FastAPI would send it
        seen(what, "answer", text)
        return httpx.Response(200, text=text)

    return client(transport)
