// What both programs share: the reference SDK as npm brings it, on a clock and with dice that stand still.
//
// The SDK lies in a cache, not beside these files, hence `createRequire`. What it does with the clock and the dice is
// its own affair: only the environment is fixed, so that two runs write the same bytes.

import { createRequire } from "node:module";

export const sdk = createRequire(`${process.env.TOLLWAY_SDK}/package.json`);
export const { key: KEY, now: NOW } = JSON.parse(process.env.TOLLWAY_FIXED);

// Standard output belongs to the test.
console.log = console.error;

let clock = NOW;
Date.now = () => clock * 1000;

// What `act` does, it does `seconds` ago.
export async function ago(seconds, act) {
  clock = NOW - seconds;
  try {
    return await act();
  } finally {
    clock = NOW;
  }
}

let drawn = 0;
crypto.getRandomValues = array => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  bytes.forEach((_, at) => {
    drawn = (drawn * 1103515245 + 12345) & 0x7fffffff;
    bytes[at] = drawn >> 16;
  });
  return array;
};

export async function input() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

export function output(items) {
  process.stdout.write(JSON.stringify(items, (_, value) => (typeof value === "bigint" ? `${value}` : value)));
}
