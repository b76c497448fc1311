//! The golden values: numbers that every implementation of x402 must arrive at.
//!
//! | module | what is there |
//! |---|---|
//! | `ours` | those that Tollway's own code computes today |
//! | `types`, `digests`, `capture` | those of EVM schemes that are not here yet, by alloy's EIP-712 alone |
//! | `solana` | those of Solana, by SHA-256 and the curve alone |
//! | `evm` | the types, domains and addresses that the three above share |
//! | `table` | holds the README's list against all of them |
//!
//! When a plugin comes that computes one of the latter itself, its value moves to `ours`.

mod capture;
mod digests;
mod evm;
mod ours;
mod solana;
mod table;
mod types;
