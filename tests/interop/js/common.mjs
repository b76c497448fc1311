// What the programs here share: the reference SDK, and talking to the test that started them.
//
// The SDK lies in a cache, not beside these files (`src/sdk.rs`), hence `createRequire`. A program takes its
// settings as JSON in its first argument, writes one line of JSON per event to standard output, and ends with
// standard input.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

export const sdk = createRequire(`${process.env.TOLLWAY_SDK}/package.json`);
export const config = JSON.parse(process.argv[2] ?? "{}");

// Standard output belongs to the test.
console.log = console.error;

const plain = (_, value) => (typeof value === "bigint" ? value.toString() : value);

export function say(event) {
  process.stdout.write(`${JSON.stringify(event, plain)}\n`);
}

// An error as the SDK made it: its class, and what it understood of the other side.
export function described(error) {
  const { name, message, statusCode, invalidReason, errorReason, payer, transaction, network } = error;
  return { name, message, statusCode, invalidReason, errorReason, payer, transaction, network };
}

// Serves an Express application on any free port of this machine.
export function serve(app) {
  const server = app.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
  endWithInput();
}

// Answers each line `{id, do, …}` by what the table's `do` makes of it.
export function answer(table) {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", async line => {
    const { id, do: what, ...rest } = JSON.parse(line);
    try {
      say({ id, value: (await table[what](rest)) ?? null });
    } catch (error) {
      say({ id, error: described(error) });
    }
  });
  lines.on("close", () => process.exit(0));
  say({ ready: true });
}

export function endWithInput() {
  process.stdin.on("end", () => process.exit(0));
  process.stdin.resume();
}
