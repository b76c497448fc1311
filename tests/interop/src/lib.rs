//! Tollway against the unmodified reference SDK (`@x402/*` on npm), on real local chains.
//!
//! This crate is the bed on which the tests lie: one devnet, the SDK's programs as child processes, and the same roles
//! played by Tollway. The tests themselves are in `tests/reference`, by who pays whom and who settles.
//!
//! | module | what is there |
//! |---|---|
//! | [`mod@bed`] | the devnet and the programs that all tests share, and fresh accounts for each |
//! | [`deal`], [`solana`] | one payer and one merchant, and what the chain has seen of them |
//! | [`ours`] | a client, a server and a facilitator of Tollway |
//! | [`theirs`] | the same three of the reference SDK |
//! | [`node`], [`sdk`] | running its programs, and installing it |
//!
//! What the SDK prints goes to standard error. Everything listens on the loopback, on any free port.

pub mod bed;
pub mod deal;
pub mod node;
pub mod ours;
pub mod sdk;
pub mod solana;
pub mod theirs;

pub use bed::{Bed, bed};
pub use deal::{BASE, BASE_SEPOLIA, Deal, Terms};
pub use solana::SolanaDeal;
