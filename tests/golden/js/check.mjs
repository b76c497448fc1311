// Does to what Tollway wrote what the reference SDK would do to it: reads it, finds the offer that it pays, verifies it.
// Takes `[{do, …}]`, gives `[{value} | {error}]` in the same order.

import { input, output, sdk } from "./common.mjs";
import { facilitator } from "./facilitator.mjs";
import { read } from "./read.mjs";

const { x402ResourceServer } = sdk("@x402/core/server");
const { ExactEvmScheme } = sdk("@x402/evm/exact/server");

const server = new x402ResourceServer([]);
server.register("eip155:*", new ExactEvmScheme());
const settler = facilitator();

const deeds = {
  read: ({ item }) => read(item),
  // The place of the entry that a server would say was paid.
  match: async ({ asked, item }) => {
    const { accepts } = await read(asked);
    return accepts.indexOf(server.findMatchingRequirements(accepts, await read(item)));
  },
  // A facilitator's word on a payment, which includes its signature.
  verify: async ({ item, requirements }) => settler.verify(await read(item), requirements),
};

const results = [];
for (const job of await input()) {
  try {
    results.push({ value: await deeds[job.do](job) });
  } catch (error) {
    results.push({ error: `${error.name}: ${error.message}` });
  }
}
output(results);
