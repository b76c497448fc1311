//! Who pays whom, and who settles: every pairing of Tollway with the reference SDK, each with its refused twins.
//!
//! | client | server | facilitator | file |
//! |---|---|---|---|
//! | theirs, v2 and v1 | ours | ours, none, theirs | `their_client` |
//! | ours | theirs | theirs, ours | `our_client` |
//! | ours | ours | theirs | `our_client` |
//! | theirs | theirs | ours | `their_client` |
//! | – | – | each asked by the other side | `facilitators` |
//! | – | – | the Permit2 proxies on the devnet, held against the SDK's ABIs | `contracts` |
//! | both | both | both, while the chain makes no blocks | `pending` |
//! | both | both | both, on Solana | `solana` |
//! | both | both | both, by Permit2, with and without an allowance | `permit2` |
//! | both | both | both, by `upto` | `upto` |
//! | both | both | both, for payers without an allowance and without coins | `sponsored` |

mod contracts;
mod facilitators;
mod our_client;
mod pending;
mod permit2;
mod solana;
mod sponsored;
mod their_client;
mod upto;
mod with_theirs;
