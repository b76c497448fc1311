// The reference facilitator over a chain that is not there: every question is answered from a script, so that each of
// its verdicts can be had without a node. Its own checks (windows, typed data, the signer's recovery) are all real.

import { KEY, sdk } from "./common.mjs";

const { x402Facilitator } = sdk("@x402/core/facilitator");
const { HTTPFacilitatorClient } = sdk("@x402/core/server");
const { DEFAULT_ASSETS, eip3009ABI } = sdk("@x402/evm");
const { ExactEvmScheme } = sdk("@x402/evm/exact/facilitator");
const { ExactEvmSchemeV1 } = sdk("@x402/evm/exact/v1/facilitator");
const { NETWORKS } = sdk("@x402/evm/v1");
const { decodeFunctionData, encodeAbiParameters, encodeEventTopics, encodeFunctionResult, parseAbi, parseAbiItem } =
  sdk("viem");
const { privateKeyToAccount } = sdk("viem/accounts");

export const TRANSACTION = `0x${"5e".repeat(32)}`;
const TRANSFER = parseAbiItem("event Transfer(address indexed from, address indexed to, uint256 value)");
const TOKEN = [
  ...eip3009ABI,
  ...parseAbi(["function balanceOf(address) view returns (uint256)", "function name() view returns (string)"]),
];
const PLAIN = { token: true, balance: 10n ** 30n, used: false, refuse: null, status: "success", silent: false, lost: false };

// What the chain says; `script` is what differs from a good day.
function signer(script) {
  const chain = { ...PLAIN, ...script };
  const view = ({ functionName }) => {
    if (functionName === "balanceOf") return chain.balance;
    if (functionName === "authorizationState") return chain.used;
    if (functionName === "name") return chain.name ?? "USDC";
    if (functionName === "version") return chain.version ?? "2";
    throw new Error(`no answer for ${functionName}`);
  };
  const each = ({ callData }) => {
    try {
      const { functionName } = decodeFunctionData({ abi: TOKEN, data: callData });
      const result = view({ functionName });
      return { success: true, returnData: encodeFunctionResult({ abi: TOKEN, functionName, result }) };
    } catch {
      return { success: false, returnData: "0x" };
    }
  };
  const payer = privateKeyToAccount(KEY).address.toLowerCase();
  let transfer;
  return {
    getAddresses: () => [privateKeyToAccount(KEY).address],
    getCode: async ({ address }) => (address.toLowerCase() !== payer && chain.token ? "0x60" : undefined),
    readContract: async ({ functionName, args }) => {
      if (functionName === "tryAggregate") return args[1].map(each);
      if (functionName === "transferWithAuthorization") {
        if (chain.refuse) throw new Error(chain.refuse);
        return undefined;
      }
      return view({ functionName });
    },
    writeContract: async ({ address, args }) => {
      if (chain.refuse) throw new Error(chain.refuse);
      transfer = { address, args };
      return TRANSACTION;
    },
    waitForTransactionReceipt: async () => {
      if (chain.lost) throw new Error("Timed out while waiting for the transaction");
      const [from, to, value] = transfer.args;
      const topics = encodeEventTopics({ abi: [TRANSFER], args: { from, to } });
      const log = { address: transfer.address, topics, data: encodeAbiParameters([{ type: "uint256" }], [value]) };
      return { status: chain.status, logs: chain.silent ? [] : [log] };
    },
    sendTransaction: async () => TRANSACTION,
    verifyTypedData: async () => {
      throw new Error("the SDK recovers signatures itself");
    },
  };
}

export function facilitator(script = {}) {
  const made = new x402Facilitator();
  const chain = signer(script);
  made.register(Object.keys(DEFAULT_ASSETS), new ExactEvmScheme(chain, { simulateInSettle: true }));
  made.registerV1(NETWORKS, new ExactEvmSchemeV1(chain, { simulateInSettle: true }));
  made.registerExtension({ key: "bazaar" });
  return made;
}

// The SDK's client of a facilitator, whose wire is watched: `seen` gets what went over it, as text.
export function watched(made, seen) {
  globalThis.fetch = async (url, { body } = {}) => {
    const what = url.slice(url.lastIndexOf("/") + 1);
    if (body) seen({ what, side: "request", text: body });
    const { paymentPayload, paymentRequirements } = body ? JSON.parse(body) : {};
    const answer = body ? await made[what](paymentPayload, paymentRequirements) : made.getSupported();
    const text = JSON.stringify(answer);
    seen({ what, side: "answer", text });
    return new Response(text, { status: 200, headers: { "Content-Type": "application/json" } });
  };
  return new HTTPFacilitatorClient({ url: "http://facilitator.example", timeoutMs: 5_000 });
}
