// How the reference SDK reads what others wrote: its own decoders and schemas, nothing of ours.

import { sdk } from "./common.mjs";

const { validatePaymentPayload, validatePaymentRequired, validatePaymentRequirements } = sdk("@x402/core/schemas");
const { decodePaymentRequiredHeader, decodePaymentResponseHeader, decodePaymentSignatureHeader } =
  sdk("@x402/core/http");
const { HTTPFacilitatorClient } = sdk("@x402/core/server");

// The SDK's client checks a facilitator's answers against schemas that it does not export.
async function answered(what, text) {
  globalThis.fetch = async () => new Response(text, { status: 200 });
  const client = new HTTPFacilitatorClient({ url: "http://facilitator.example", timeoutMs: 5_000 });
  return client[what]({ x402Version: 2 }, {});
}

const readers = {
  challenge: ({ header, text }) =>
    validatePaymentRequired(header ? decodePaymentRequiredHeader(header.value) : JSON.parse(text)),
  payment: ({ header }) => validatePaymentPayload(decodePaymentSignatureHeader(header.value)),
  request: ({ text }) => {
    const { x402Version, paymentPayload, paymentRequirements } = JSON.parse(text);
    return {
      x402Version,
      paymentPayload: validatePaymentPayload(paymentPayload),
      paymentRequirements: validatePaymentRequirements(paymentRequirements),
    };
  },
  verify: ({ text }) => answered("verify", text),
  settle: ({ text }) => answered("settle", text),
  supported: ({ text }) => answered("getSupported", text),
  receipt: ({ header }) => decodePaymentResponseHeader(header.value),
};

export const read = item => readers[item.what](item);
