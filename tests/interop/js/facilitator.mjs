// The reference facilitator: the SDK's core and its exact schemes over viem and Solana's kit, behind Express as in its own
// examples.
//
// `/calls` says what it was asked, beside the protocol.

import { config, sdk, serve } from "./common.mjs";
import { signerOf } from "./svm.mjs";

const express = sdk("express");
const { x402Facilitator } = sdk("@x402/core/facilitator");
const { toFacilitatorEvmSigner } = sdk("@x402/evm");
const { ExactEvmScheme } = sdk("@x402/evm/exact/facilitator");
const { ExactEvmSchemeV1 } = sdk("@x402/evm/exact/v1/facilitator");
const { UptoEvmScheme } = sdk("@x402/evm/upto/facilitator");
const { createErc20ApprovalGasSponsoringExtension, EIP2612_GAS_SPONSORING } = sdk("@x402/extensions");
const { toFacilitatorSvmSigner } = sdk("@x402/svm");
const { ExactSvmScheme } = sdk("@x402/svm/exact/facilitator");
const { ExactSvmSchemeV1 } = sdk("@x402/svm/exact/v1/facilitator");
const { createWalletClient, http, MethodNotFoundRpcError, parseTransaction, publicActions, recoverTransactionAddress } =
  sdk("viem");
const { nonceManager, privateKeyToAccount } = sdk("viem/accounts");
const chains = sdk("viem/chains");

// The way to a node that does not fill transactions in, as most public ones do not. anvil does, and always with a tip
// of 1 gwei: a thousand times the market's, which would then be the market for everybody else here.
function plain(rpc) {
  const way = http(rpc);
  return options => {
    const { request, ...rest } = way(options);
    const refuse = () => Promise.reject(new MethodNotFoundRpcError(new Error("not served")));
    return { ...rest, request: args => (args.method === "eth_fillTransaction" ? refuse() : request(args)) };
  };
}

// Sends transactions one after another; for one that somebody else has signed, first the coins that its gas may cost. The
// SDK leaves this to whoever runs a facilitator.
function sender(viem) {
  const mined = async hash => {
    const { status } = await viem.waitForTransactionReceipt({ hash });
    if (status !== "success") throw new Error(`${hash} reverted`);
    return hash;
  };
  const fund = async serializedTransaction => {
    const { gas, maxFeePerGas } = parseTransaction(serializedTransaction);
    const to = await recoverTransactionAddress({ serializedTransaction });
    // Twice the gas: an OP chain takes its fee for data beside it, or never takes the transaction.
    const missing = 2n * gas * maxFeePerGas - (await viem.getBalance({ address: to }));
    if (missing > 0n) await mined(await viem.sendTransaction({ to, value: missing }));
  };
  const send = async transaction => {
    if (typeof transaction !== "string") return mined(await viem.sendTransaction(transaction));
    await fund(transaction);
    return mined(await viem.sendRawTransaction({ serializedTransaction: transaction }));
  };
  return async transactions => {
    const hashes = [];
    for (const transaction of transactions) hashes.push(await send(transaction));
    return hashes;
  };
}

// How often it looks for a receipt; `null` leaves that to viem, which goes by the chain. Payments that are settled side by
// side need viem's nonces, counted in this process: without them two get the same one.
const { pollingIntervalMs = 25, manyAtOnce = false } = config;

const V1_NAMES = { 8453: "base", 84532: "base-sepolia" };
const facilitator = new x402Facilitator();
const senders = {};
for (const { id, rpc } of config.chains ?? []) {
  const account = privateKeyToAccount(config.key, manyAtOnce ? { nonceManager } : {});
  const chain = Object.values(chains).find(chain => chain.id === id);
  const client = createWalletClient({ account, chain, transport: plain(rpc), pollingInterval: pollingIntervalMs ?? undefined });
  const viem = client.extend(publicActions);
  const options = config.confirmationTimeoutMs ? { confirmationTimeoutMs: config.confirmationTimeoutMs } : {};
  const signer = toFacilitatorEvmSigner({ ...viem, address: account.address }, options);
  senders[`eip155:${id}`] = { ...signer, sendTransactions: sender(viem) };
  facilitator.register(`eip155:${id}`, new ExactEvmScheme(signer, config.scheme));
  facilitator.register(`eip155:${id}`, new UptoEvmScheme(signer));
  facilitator.registerV1(V1_NAMES[id], new ExactEvmSchemeV1(signer, config.scheme));
}

if (config.solana) {
  const { network, rpc, key } = config.solana;
  const signer = toFacilitatorSvmSigner(await signerOf(key), { defaultRpcUrl: rpc });
  facilitator.register(network, new ExactSvmScheme(signer));
  facilitator.registerV1("solana", new ExactSvmSchemeV1(signer));
}

const sponsoring = config.sponsoring ?? [];
if (sponsoring.includes(EIP2612_GAS_SPONSORING.key)) facilitator.registerExtension(EIP2612_GAS_SPONSORING);
if (sponsoring.includes("erc20ApprovalGasSponsoring")) {
  const [first] = Object.values(senders);
  facilitator.registerExtension(createErc20ApprovalGasSponsoringExtension(first, network => senders[network]));
}

const calls = { verify: 0, settle: 0 };
const app = express();
app.use(express.json());
for (const what of ["verify", "settle"]) {
  app.post(`/${what}`, async (request, response) => {
    calls[what] += 1;
    const { paymentPayload, paymentRequirements } = request.body;
    try {
      response.json(await facilitator[what](paymentPayload, paymentRequirements));
    } catch (error) {
      response.status(500).json({ error: error.message });
    }
  });
}
app.get("/supported", (_, response) => response.json(facilitator.getSupported()));
app.get("/calls", (_, response) => response.json(calls));
serve(app);
