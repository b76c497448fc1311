"""The facilitator of the Python SDK: its own scheme over its own web3 signer. It comes without an HTTP server, and its signer
blocks the thread that it works on; so here is a small server, with as many threads as there are payments in flight.

Takes its settings as JSON in the first argument, writes `{"port": …}` once it serves, and ends with standard input."""

import asyncio
import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web
from x402 import x402FacilitatorSync
from x402.mechanisms.evm import FacilitatorWeb3Signer
from x402.mechanisms.evm.exact import register_exact_evm_facilitator
from x402.schemas.helpers import parse_payment_payload, parse_payment_requirements

logging.disable(logging.CRITICAL)

THREADS = 32


def main(settings: dict) -> None:
    facilitator = x402FacilitatorSync()
    signer = FacilitatorWeb3Signer(private_key=settings["keys"][0], rpc_url=settings["rpc"])
    register_exact_evm_facilitator(facilitator, signer, networks=f"eip155:{settings['chain']}")
    threads = ThreadPoolExecutor(THREADS)

    def settle(body: dict) -> dict:
        payload = parse_payment_payload(body["paymentPayload"])
        requirements = parse_payment_requirements(body["x402Version"], body["paymentRequirements"])
        return facilitator.settle(payload, requirements).model_dump(by_alias=True, exclude_none=True)

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response(await asyncio.get_running_loop().run_in_executor(threads, settle, body))

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/settle", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await runner.cleanup()

    asyncio.run(serve())


main(json.loads(sys.argv[1]))
