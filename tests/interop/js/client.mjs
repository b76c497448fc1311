// The reference client: pays URLs, signs payments that no honest client would, and asks facilitators.

import { answer, sdk } from "./common.mjs";
import { signerOf, spoiledTransaction } from "./svm.mjs";

const { x402Client, x402HTTPClient } = sdk("@x402/core/client");
const { HTTPFacilitatorClient } = sdk("@x402/core/server");
const { PaymentPayloadSchema, PaymentRequiredSchema } = sdk("@x402/core/schemas");
const { ExactEvmScheme } = sdk("@x402/evm/exact/client");
const { ExactEvmSchemeV1 } = sdk("@x402/evm/exact/v1/client");
const { UptoEvmScheme } = sdk("@x402/evm/upto/client");
const { ExactSvmScheme } = sdk("@x402/svm/exact/client");
const { ExactSvmSchemeV1 } = sdk("@x402/svm/exact/v1/client");
const { wrapFetchWithPayment } = sdk("@x402/fetch");
const { privateKeyToAccount } = sdk("viem/accounts");

const V1_NETWORKS = { eip155: ["base", "base-sepolia"], solana: ["solana"] };

// The family of a key, and its schemes. `rpc` is the node that Solana's need.
async function schemes(key, rpc) {
  if (key.startsWith("0x")) {
    const account = privateKeyToAccount(key);
    const upto = new UptoEvmScheme(account, rpc ? { rpcUrl: rpc } : undefined);
    const v2 = new ExactEvmScheme(account, rpc ? { rpcUrl: rpc } : undefined);
    return { family: "eip155", v1: new ExactEvmSchemeV1(account), v2, upto };
  }
  const signer = await signerOf(key);
  const config = { rpcUrl: rpc };
  return { family: "solana", v1: new ExactSvmSchemeV1(signer, config), v2: new ExactSvmScheme(signer, config) };
}

// A client that only speaks v1 does not know the v2 header. This SDK reads it first, so it is hidden from it.
async function fetchAsV1(input) {
  const response = await fetch(input);
  const headers = new Headers(response.headers);
  headers.delete("PAYMENT-REQUIRED");
  return new Response(response.body, { status: response.status, headers });
}

// The scheme as it is, but signing for other terms than it names.
function signingFor(terms, scheme) {
  return {
    scheme: scheme.scheme,
    findDefaultAsset: (asset, network) => scheme.findDefaultAsset(asset, network),
    createPaymentPayload: (version, requirements, context) =>
      scheme.createPaymentPayload(version, { ...requirements, ...terms }, context),
  };
}

function spoiled(signature) {
  const other = signature[20] === "0" ? "1" : "0";
  return signature.slice(0, 20) + other + signature.slice(21);
}

// Gets `url` and pays for it. `terms` are signed in place of what is asked; `spoil` breaks the signature.
async function pay({ url, key, rpc, version = 2, terms, spoil = false }) {
  const { family, v1, v2, upto } = await schemes(key, rpc);
  const known = version === 1 ? v1 : v2;
  const scheme = terms ? signingFor(terms, known) : known;
  const client = new x402Client();
  if (version === 1) V1_NETWORKS[family].forEach(network => client.registerV1(network, scheme));
  else client.register(`${family}:*`, scheme);
  if (version === 2 && upto) client.register(`${family}:*`, terms ? signingFor(terms, upto) : upto);

  const record = {};
  client.onAfterPaymentCreation(async ({ paymentPayload }) => {
    const { payload } = paymentPayload;
    if (spoil && payload.signature) payload.signature = spoiled(payload.signature);
    if (spoil && payload.transaction) payload.transaction = spoiledTransaction(payload.transaction);
    record.sent = structuredClone(PaymentPayloadSchema.parse(paymentPayload));
  });
  client.onPaymentResponse(async ({ settleResponse, paymentRequired }) => {
    record.settled = settleResponse;
    record.refused = paymentRequired;
  });
  const http = new x402HTTPClient(client);
  http.onPaymentRequired(async ({ paymentRequired }) => {
    record.asked = PaymentRequiredSchema.parse(paymentRequired);
  });
  const response = await wrapFetchWithPayment(version === 1 ? fetchAsV1 : fetch, http)(url);
  const cache = response.headers.get("cache-control");
  const names = [...response.headers.keys()].filter(name => name.includes("payment"));
  const { status, body, paymentStatus, header } = await http.processResponse(response);
  return { status, body, paymentStatus, header, cache, names, record };
}

// A transfer signed for `requirements`, with whatever fields `authorization` says, under whatever domain.
async function sign({ key, requirements, authorization = {}, domain = {}, spoil = false }) {
  const account = privateKeyToAccount(key);
  const { payload } = await new ExactEvmScheme(account).createPaymentPayload(2, requirements, {});
  const said = { ...payload.authorization, ...authorization };
  const word = name => ({ name, type: "uint256" });
  const signature = await account.signTypedData({
    domain: {
      ...requirements.extra,
      chainId: Number(requirements.network.split(":")[1]),
      verifyingContract: requirements.asset,
      ...domain,
    },
    types: {
      TransferWithAuthorization: [
        { name: "from", type: "address" },
        { name: "to", type: "address" },
        word("value"),
        word("validAfter"),
        word("validBefore"),
        { name: "nonce", type: "bytes32" },
      ],
    },
    primaryType: "TransferWithAuthorization",
    message: said,
  });
  return { signature: spoil ? spoiled(signature) : signature, authorization: said };
}

// A transaction signed for `requirements` on Solana.
async function signTransaction({ key, rpc, requirements, spoil = false }) {
  const { v2 } = await schemes(key, rpc);
  const { payload } = await v2.createPaymentPayload(2, requirements);
  return spoil ? { ...payload, transaction: spoiledTransaction(payload.transaction) } : payload;
}

const facilitator = url => new HTTPFacilitatorClient({ url, timeoutMs: 20_000 });

answer({
  pay,
  sign,
  signTransaction,
  verify: ({ url, payload, requirements }) => facilitator(url).verify(payload, requirements),
  settle: ({ url, payload, requirements }) => facilitator(url).settle(payload, requirements),
  supported: ({ url }) => facilitator(url).getSupported(),
});
