//! Where everything is, and who may know whom.
//!
//! ```text
//! router/core      the contract   wire · ids · money · effort · roles · seal · flow · ledger · registry · errors
//! router/route     the brain      quotes · cost · rank · policy · explain · pay · gate
//! router/http      the mouth      codec · client · server · facilitator · remote
//! router/ledger    the memory     a durable ledger on SQLite
//! router/cli       the hand       demo · quote · pay · facilitator · devnet · plugins
//! router           the front door this crate: features, the default plugins, the house
//! chains/evm       a network      fees · eip712 · signature · look · send · oracle · profiles
//! chains/devnet    local chains   anvil with tokens, feeds and predeploys; knobs; a proxy that counts and breaks
//! schemes/…        one crate per scheme × chain family × transfer method, always with the same rooms
//! ```
//!
//! The arrows point one way, and a test over `cargo metadata` holds them:
//!
//! ```text
//! schemes → chains → core        http → route → core        ledger → core
//! ```
//!
//! * [`core`](crate::core) knows no runtime, no HTTP, no chain SDK and no wall clock. Time, randomness, prices and
//!   memory are handed in, so the same code runs in a server, in a wallet and in a simulation.
//! * [`route`](crate::route) and [`http`](crate::http) never name a scheme or a chain. What can be paid is what the
//!   [`Registry`](crate::core::Registry) holds.
//! * Private keys live in the chain crates, behind signer traits. No other room ever sees one.
//! * x402 v1 and v2 are read into one model at the edge ([`core::wire`](crate::core::wire)); further in there are no
//!   versions.
