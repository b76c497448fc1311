// What the programs share of Solana.

import { sdk } from "./common.mjs";

const { createKeyPairSignerFromBytes, getBase58Encoder } = sdk("@solana/kit");

// A signer from 64 bytes in base58, as wallets export a key.
export function signerOf(key) {
  return createKeyPairSignerFromBytes(getBase58Encoder().encode(key));
}

// The transaction with a bit of its last signature turned: that of the token's owner.
export function spoiledTransaction(transaction) {
  const bytes = Buffer.from(transaction, "base64");
  const last = 1 + (bytes[0] - 1) * 64;
  bytes[last + 20] ^= 1;
  return bytes.toString("base64");
}
