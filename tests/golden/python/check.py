"""Does to what Tollway wrote what the Python SDK would do to it: reads it, finds the offer that it pays, verifies it.
Takes `[{do, …}]`, gives `[{value} | {error}]` in the same order."""

import fixed  # first: it stops the clock

from x402 import x402ResourceServerSync
from x402.http.utils import decode_payment_signature_header
from x402.mechanisms.evm.exact import ExactEvmServerScheme
from x402.schemas.helpers import parse_payment_requirements

from facilitator import client, facilitator
from reading import challenge_of, read

server = x402ResourceServerSync(client(lambda _: None))
server.register("eip155:*", ExactEvmServerScheme())
settler = facilitator({})


def match(job):
    """The place of the entry that a server would say was paid."""
    accepts = challenge_of(job["asked"]).accepts
    found = server.find_matching_requirements(accepts, decode_payment_signature_header(job["item"]["header"]["value"]))
    return next((at for at, one in enumerate(accepts) if one is found), -1)


def verify(job):
    """A facilitator's word on a payment, which includes its signature."""
    payload = decode_payment_signature_header(job["item"]["header"]["value"])
    requirements = parse_payment_requirements(payload.x402_version, job["requirements"])
    return settler.verify(payload, requirements).model_dump(by_alias=True, exclude_none=True)


deeds = {"read": lambda job: read(job["item"]), "match": match, "verify": verify}
results = []
for job in fixed.taken():
    try:
        results.append({"value": deeds[job["do"]](job)})
    except Exception as error:  # whatever the SDK throws is its verdict
        results.append({"error": f"{type(error).__name__}: {error}"})
fixed.give(results)
