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

mod contracts;
mod facilitators;
mod our_client;
mod pending;
mod solana;
mod their_client;
mod with_theirs;
