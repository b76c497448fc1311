// What the SDK knows of the Permit2 proxies: its ABIs, its typed data, and what it reads of them on a chain.

import { answer, sdk } from "./common.mjs";

const evm = sdk("@x402/evm");
const { createPublicClient, http, keccak256, toBytes, toEventSelector, toFunctionSelector } = sdk("viem");
const { formatAbiItem } = sdk("viem/utils");

const PROXIES = {
  x402ExactPermit2Proxy: {
    abi: evm.x402ExactPermit2ProxyABI,
    address: evm.x402ExactPermit2ProxyAddress,
    types: evm.permit2WitnessTypes,
  },
  x402UptoPermit2Proxy: {
    abi: evm.x402UptoPermit2ProxyABI,
    address: evm.x402UptoPermit2ProxyAddress,
    types: evm.uptoPermit2WitnessTypes,
  },
};

// One line for each function, event and error, and by what it is called or found.
function lines(abi) {
  return abi
    .map(item => {
      const text = `${item.type} ${formatAbiItem(item)} ${item.stateMutability ?? ""}`.trim();
      if (item.type === "event") return `${text} ${item.inputs.map(input => input.indexed)} ${toEventSelector(item)}`;
      return `${text} ${toFunctionSelector(formatAbiItem(item))}`;
    })
    .sort();
}

// `encodeType` of EIP-712: the type first, then what it refers to, by name.
function encodeType(types, primary) {
  const found = new Set();
  const visit = name => {
    if (!types[name] || found.has(name)) return;
    found.add(name);
    types[name].forEach(field => visit(field.type));
  };
  visit(primary);
  found.delete(primary);
  const one = name => `${name}(${types[name].map(field => `${field.type} ${field.name}`)})`;
  return [primary, ...[...found].sort()].map(one).join("");
}

const typehash = (types, primary) => keccak256(toBytes(encodeType(types, primary)));

async function proxy({ name, rpc }) {
  const { abi, address, types } = PROXIES[name];
  const client = createPublicClient({ transport: http(rpc) });
  const read = functionName => client.readContract({ address, abi, functionName });
  return {
    address,
    abi: lines(abi),
    witness: typehash(types, "Witness"),
    permit: typehash(types, "PermitWitnessTransferFrom"),
    permitted: typehash(types, "TokenPermissions"),
    onChain: {
      PERMIT2: await read("PERMIT2"),
      WITNESS_TYPEHASH: await read("WITNESS_TYPEHASH"),
      WITNESS_TYPE_STRING: await read("WITNESS_TYPE_STRING"),
    },
    permit2: evm.PERMIT2_ADDRESS,
  };
}

answer({ proxy, lines: ({ abi }) => lines(abi) });
