// Writes down what the reference SDK says in every role, as it goes over the wire, with what it itself reads in it.

import { ago, KEY, output, sdk } from "./common.mjs";
import { facilitator, watched } from "./facilitator.mjs";
import { read } from "./read.mjs";

const { x402Client } = sdk("@x402/core/client");
const { encodePaymentRequiredHeader, encodePaymentResponseHeader, encodePaymentSignatureHeader } =
  sdk("@x402/core/http");
const { x402HTTPResourceServer, x402ResourceServer } = sdk("@x402/core/server");
const { DEFAULT_ASSETS } = sdk("@x402/evm");
const { ExactEvmScheme: PayingScheme } = sdk("@x402/evm/exact/client");
const { ExactEvmScheme: SellingScheme } = sdk("@x402/evm/exact/server");
const { ExactEvmSchemeV1 } = sdk("@x402/evm/exact/v1/client");
const { EVM_NETWORK_CHAIN_ID_MAP, NETWORKS } = sdk("@x402/evm/v1");
const { declareDiscoveryExtension, declareEip2612GasSponsoringExtension, declarePaymentIdentifierExtension } =
  sdk("@x402/extensions");
const { privateKeyToAccount } = sdk("viem/accounts");

const PAYEE = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
const URL = "https://api.example/weather?city=Z%C3%BCrich";
const account = privateKeyToAccount(KEY);

const items = [];
async function keep(item) {
  const kept = { ...item, read: await read(item) };
  items.push(kept);
  return kept;
}

// ---- The SDK's server: routes in, challenges and receipts out.

const adapter = header => ({
  getHeader: name => (header && name.toUpperCase() === header.name ? header.value : undefined),
  getMethod: () => "GET",
  getPath: () => "/weather",
  getUrl: () => URL,
  getAcceptHeader: () => "application/json",
  getUserAgent: () => "golden",
});

async function server(route, script, seen = () => {}) {
  const core = new x402ResourceServer(watched(facilitator(script), seen));
  core.register("eip155:*", new SellingScheme());
  const http = new x402HTTPResourceServer(core, { "GET /weather": route });
  await http.initialize();
  return http;
}

const asked = (http, header) =>
  http.processHTTPRequest({ adapter: adapter(header), path: "/weather", method: "GET" });

async function challenge(id, response) {
  const value = response.headers["PAYMENT-REQUIRED"];
  return keep({ id, what: "challenge", version: 2, header: { name: "PAYMENT-REQUIRED", value } });
}

// ---- The SDK's client: pays one entry of a challenge.

function client(chosen) {
  const made = new x402Client(() => chosen);
  made.setSpendControls(false);
  made.register("eip155:*", new PayingScheme(account));
  NETWORKS.forEach(network => made.registerV1(network, new ExactEvmSchemeV1(account)));
  return made;
}

async function pay(asking, at = 0, change = payload => payload) {
  const payload = change(await client(asking.read.accepts[at]).createPaymentPayload(asking.read));
  const name = payload.x402Version === 1 ? "X-PAYMENT" : "PAYMENT-SIGNATURE";
  const header = { name, value: encodePaymentSignatureHeader(payload) };
  const id = `payment of ${asking.id} #${at}`;
  const method = asking.read.accepts[at].extra?.assetTransferMethod ?? "eip3009";
  return keep({ id, what: "payment", version: payload.x402Version, header, answers: asking.id, at, method });
}

// ---- Challenges of the server, each entry paid.

const option = (network, price, more = {}) => ({ scheme: "exact", network, payTo: PAYEE, price, ...more });
const everywhere = Object.entries(DEFAULT_ASSETS).flatMap(([network, assets]) =>
  assets.map(({ asset, name, version, assetTransferMethod, decimals, symbol }, at) => {
    if (at === 0) return option(network, "$0.01");
    const extra = { name, version, ...(assetTransferMethod && { assetTransferMethod }) };
    return option(network, { asset, amount: `${10n ** BigInt(decimals)}`, extra }, { description: symbol });
  }),
);

const discovery = declareDiscoveryExtension({
  input: { city: "Zürich" },
  inputSchema: { properties: { city: { type: "string", description: "Ort — 都市" } }, required: ["city"] },
  output: { example: { weather: "☀️", degrees: 21.5 } },
});
const base = "eip155:84532";
const routes = {
  plain: { accepts: option(base, "$0.01") },
  everywhere: { accepts: everywhere, description: "Weather", mimeType: "application/json" },
  unicode: {
    accepts: option(base, "$0.01"),
    description: "Wetter für Zürich — 天気 ☔️ \u{1F326} \"quoted\" \\ back\nslash \u2028 <b>&amp;</b>",
    mimeType: "text/plain; charset=utf-8",
  },
  service: {
    accepts: option(base, "$1"),
    description: "Weather",
    serviceName: "Weather & Sons",
    tags: ["weather", "city"],
    iconUrl: "https://api.example/icon.png",
  },
  "no timeout of its own": { accepts: option(base, 0.25) },
  "a long timeout": { accepts: option(base, "0.000001", { maxTimeoutSeconds: 3600 }) },
  upfront: { accepts: option(base, "$0.02", { extra: { paymentFlow: "upfront" } }) },
  "more in extra": {
    accepts: option(base, "$0.01", {
      extra: { note: "für später", nested: { list: [1, 2.5, null, true, "}"], deep: { "sch\u0301o": {} } }, order: 7 },
    }),
  },
  "several prices": {
    accepts: [option("eip155:8453", "$0.03"), option(base, "$0.01"), option(base, "$0.02", { maxTimeoutSeconds: 60 })],
  },
  extensions: {
    accepts: option(base, "$0.01"),
    extensions: {
      ...discovery,
      "payment-identifier": declarePaymentIdentifierExtension(false),
      "x-vendor": { info: { a: 1, empty: {}, list: [] }, schema: {} },
    },
  },
  permit2: {
    accepts: option("eip155:4326", "$0.01"),
    extensions: declareEip2612GasSponsoringExtension(),
  },
};
const made = {};
for (const [name, route] of Object.entries(routes)) {
  const http = await server(route);
  const asking = await challenge(`challenge ${name}`, (await asked(http)).response);
  made[name] = { asking, http };
  for (const at of asking.read.accepts.keys()) await pay(asking, at);
}

// ---- Challenges as other servers might put them, through the SDK's encoder and schema.

const entry = {
  scheme: "exact",
  network: base,
  amount: "340282366920938463463374607431768211455",
  asset: "0x036cbd53842c5426634e7929541ec2318f3dcf7e",
  payTo: PAYEE.toLowerCase(),
  maxTimeoutSeconds: 300,
  extra: { name: "USDC", version: "2" },
};
const solana = {
  ...entry,
  network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
  asset: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
  payTo: "2wKupLR9q6wXYppw8Gr2NvWxKBUqm4PPJKkQfoxHDBg4",
  extra: { feePayer: "EwWqGE4ZFKLofuestmU4LDdK7XM1N4ALgdZccwYugwGd", memo: "order 7" },
};
const whole = { x402Version: 2, error: "Payment required", resource: { url: URL }, accepts: [entry] };
const others = {
  "of lower case and the largest amount": whole,
  "without an error": { x402Version: 2, resource: { url: URL }, accepts: [entry] },
  "with nulls": {
    ...whole,
    error: null,
    resource: { url: URL, description: null, mimeType: null },
    extensions: null,
    accepts: [{ ...entry, extra: { ...entry.extra, note: null } }],
  },
  "with fields of tomorrow": {
    ...whole,
    nonce: { a: [1] },
    resource: { url: URL, licence: "CC0" },
    accepts: [{ ...entry, compliance: { level: 3 }, facilitator: null }],
  },
  "with a family that is not here": { ...whole, accepts: [solana, entry] },
  "without extra": { ...whole, accepts: [{ ...entry, extra: undefined }] },
  "with an extra of null": { ...whole, accepts: [{ ...entry, extra: null }] },
  "in another order": { accepts: [Object.fromEntries(Object.entries(entry).reverse())], ...whole, error: "expired" },
};
for (const [name, value] of Object.entries(others)) {
  const header = { name: "PAYMENT-REQUIRED", value: encodePaymentRequiredHeader(value) };
  const asking = await keep({ id: `challenge ${name}`, what: "challenge", version: 2, header });
  const at = asking.read.accepts.findIndex(found => found.network === base && found.extra?.name);
  if (at >= 0) await pay(asking, at);
}

// ---- v1, which this SDK only pays: the 402 is a body, written by its schema.

const requirementsV1 = (network, more = {}) => {
  const known = DEFAULT_ASSETS[`eip155:${EVM_NETWORK_CHAIN_ID_MAP[network]}`]?.[0];
  const { asset, name, version } = known ?? { asset: entry.asset, name: "Unknown", version: "1" };
  return {
    scheme: "exact",
    network,
    maxAmountRequired: "10000",
    resource: URL,
    description: "Wetter für Zürich",
    mimeType: "application/json",
    payTo: PAYEE,
    maxTimeoutSeconds: 300,
    asset,
    outputSchema: { input: { type: "http", method: "GET" } },
    extra: { name, version },
    ...more,
  };
};
const bodies = {
  plain: { x402Version: 1, error: "X-PAYMENT header is required", accepts: [requirementsV1("base-sepolia")] },
  everywhere: { x402Version: 1, error: "", accepts: NETWORKS.map(network => requirementsV1(network)) },
  bare: {
    x402Version: 1,
    accepts: [requirementsV1("base", { description: "", mimeType: undefined, outputSchema: null })],
  },
};
const v1 = {};
for (const [name, body] of Object.entries(bodies)) {
  const asking = await keep({ id: `challenge v1 ${name}`, what: "challenge", version: 1, text: JSON.stringify(body) });
  v1[name] = asking;
  for (const at of asking.read.accepts.keys()) await pay(asking, at);
}

// ---- Whole payments: what server and facilitator say to each other, and the receipts.

const spoil = payload => {
  payload.payload.signature = payload.payload.signature.replace(/^0x../, "0x00");
  return payload;
};
const days = {
  // First, because the SDK remembers which tokens it has seen.
  "without a token": { script: { token: false } },
  "on a good day": {},
  "with a bad signature": { change: spoil },
  "too late": { late: 3600 },
  "without funds": { script: { balance: 1n, refuse: "ERC20: transfer amount exceeds balance" } },
  "a second time": { script: { used: true, refuse: "FiatTokenV2: authorization is used or canceled" } },
  "in another domain": { script: { name: "USD Coin", refuse: "FiatTokenV2: invalid signature" } },
  "that reverts": { script: { status: "reverted" } },
  "that moves nothing": { script: { silent: true } },
  "that gets lost": { script: { lost: true } },
};

async function conversation(id, act) {
  const heard = [];
  await act(said => heard.push(said));
  for (const [at, { what, side, text }] of heard.entries()) {
    if (what === "supported" && items.some(item => item.text === text)) continue;
    const kind = side === "request" ? "request" : what;
    await keep({ id: `${what} ${side} ${id} #${at}`, what: kind, version: text.includes('"x402Version":1') ? 1 : 2, text });
  }
}

for (const route of ["upfront", "plain", "extensions"]) {
  for (const [day, { script, change, late = 0 }] of Object.entries(days)) {
    if (script?.token === false && route !== "upfront") continue;
    const id = `${route} ${day}`;
    await conversation(id, async seen => {
      const http = await server(routes[route], script, seen);
      const { read: paid } = made[route].asking;
      const payload = await ago(late, () => client(paid.accepts[0]).createPaymentPayload(paid));
      const value = encodePaymentSignatureHeader(change ? change(payload) : payload);
      const result = await asked(http, { name: "PAYMENT-SIGNATURE", value });
      if (result.type === "payment-verified") {
        const { paymentPayload, paymentRequirements, declaredExtensions, beforeHandlerSettlement } = result;
        const context = { request: { adapter: adapter(), path: "/weather", method: "GET" } };
        const settled = await http.processSettlement(
          paymentPayload,
          paymentRequirements,
          declaredExtensions,
          context,
          undefined,
          beforeHandlerSettlement,
        );
        await receipt(`receipt ${id}`, settled.headers);
      } else if (result.response.headers["PAYMENT-RESPONSE"]) {
        await receipt(`receipt ${id}`, result.response.headers);
      } else {
        await challenge(`challenge after ${id}`, result.response);
      }
    });
  }
}
async function receipt(id, headers) {
  const value = headers["PAYMENT-RESPONSE"];
  await keep({ id, what: "receipt", version: 2, header: { name: "PAYMENT-RESPONSE", value } });
}

// v1 against the facilitator alone, and the receipt that a v1 server would make of its answer.
for (const [day, { script, change, late = 0 }] of Object.entries(days)) {
  if (script?.token === false) continue;
  const id = `v1 ${day}`;
  await conversation(id, async seen => {
    const remote = watched(facilitator(script), seen);
    const payload = await ago(late, () => client(v1.plain.read.accepts[0]).createPaymentPayload(v1.plain.read));
    if (change) change(payload);
    await remote.verify(payload, v1.plain.read.accepts[0]);
    const settled = await remote.settle(payload, v1.plain.read.accepts[0]);
    const value = encodePaymentResponseHeader(settled);
    await keep({ id: `receipt ${id}`, what: "receipt", version: 1, header: { name: "X-PAYMENT-RESPONSE", value } });
  });
}

output(items);
