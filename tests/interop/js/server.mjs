// The reference server: Express behind the SDK's middleware, settled by the facilitator that it is told.
//
// `routes` is what `paymentMiddleware` takes; `charge`, where there is one, what a metered handler used. A handler first tells `hook`, where there is one, who pays.

import { config, sdk, serve } from "./common.mjs";

const express = sdk("express");
const { decodePaymentSignatureHeader } = sdk("@x402/core/http");
const { HTTPFacilitatorClient } = sdk("@x402/core/server");
const { ExactEvmScheme } = sdk("@x402/evm/exact/server");
const { UptoEvmScheme } = sdk("@x402/evm/upto/server");
const { ExactSvmScheme } = sdk("@x402/svm/exact/server");
const { paymentMiddleware, setSettlementOverrides, x402ResourceServer } = sdk("@x402/express");

const { facilitator, routes, hook, charge } = config;
const seller = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator, timeoutMs: 20_000 }));
seller.register("eip155:*", new ExactEvmScheme());
seller.register("eip155:*", new UptoEvmScheme());
seller.register("solana:*", new ExactSvmScheme(config.solana ?? {}));

let served = 0;
const app = express();
app.get("/served", (_, response) => response.json({ served }));
app.use(paymentMiddleware(routes, seller));
app.get("*", async (request, response) => {
  served += 1;
  if (hook) {
    const { payload } = decodePaymentSignatureHeader(request.header("payment-signature"));
    await fetch(`${hook}/${payload.authorization?.from ?? "payer"}`, { method: "POST" });
  }
  if (charge) setSettlementOverrides(response, { amount: charge });
  response.json({ sold: request.path });
});
serve(app);
