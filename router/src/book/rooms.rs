//! Where everything is, and who may know whom.
//!
//! ```text
//! router/core      the contract   wire · ids · money · effort · network · roles · seal · flow · ledger · registry · error
//! router/route     the brain      router · quotes · cost · rank · policy · explain · pay · gate · pool
//! router/http      the mouth      codec · client · server · meter · facilitator · remote
//! router/ledger    the memory     a durable ledger on SQLite
//! router/cli       the hand       demo · quote · pay · facilitator · doctor · books · keys · devnet · plugins
//! router           the front door this crate: features, the default plugins, the house
//! chains/evm       a network      fees · gas · eip712 · signature · look · send · oracle · profiles
//! chains/solana    a network      fees · read · warm · send · signature · token · oracle · profiles
//! chains/devnet    local chains   anvil and surfpool with tokens and feeds; knobs; a proxy that counts and breaks
//! schemes/…        one crate per scheme × chain family × transfer method, always with the same rooms
//! examples         five programs  pay · quote · paywall · per-token · facilitator
//! tests            what belongs to no single crate; its README says what each folder asks
//! ```
//!
//! # Who may know whom
//! The arrows point one way, and a test over `cargo metadata` (`tests/tidy`) holds them:
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
//!
//! # Where is …?
//! | looking for | folder |
//! |---|---|
//! | how a 402 or a payment header is read and bounded | `router/http/src/codec`, then `router/core/src/wire` |
//! | which code a peer's error text becomes | `router/core/src/wire/reason.rs` |
//! | what a route costs, and the order of routes | `router/route/src/cost.rs`, `router/route/src/rank.rs` |
//! | gas, L1 data fee and tips of a chain | `chains/evm/src/fees`, `chains/evm/src/gas.rs` |
//! | Solana's fees | `chains/solana/src/fees` |
//! | connecting to a node, whatever its family | `router/src/nodes` |
//! | dollar prices | `chains/evm/src/oracle` |
//! | caps, lists and budgets | `router/route/src/policy.rs` |
//! | reserving, signing once, and what is done about a lost answer | `router/route/src/pay` |
//! | resending, redirects, timeouts of a payer | `router/http/src/client` |
//! | prices and offers of a seller | `router/route/src/gate` |
//! | several facilitators behind one seller | `router/route/src/pool` |
//! | what a request must pass before a handler runs | `router/http/src/server`, `router/core/src/flow` |
//! | counting what an answer costs while it goes out | `router/http/src/meter`, `router/http/src/server/stream*.rs` |
//! | settling at most once | `router/core/src/flow/once.rs` |
//! | what was delivered and is owed, also after a crash | `router/core/src/flow/{tab,owed}.rs` |
//! | sending a transaction, nonces, stuck ones | `chains/evm/src/send` |
//! | the facilitator's own endpoints; calling somebody else's | `router/http/src/facilitator`, `router/http/src/remote` |
//! | counters for a monitor, logs, spans | `router/route/src/metrics.rs`, `router/cli/src/metrics`, `router/cli/src/logs.rs` |
//! | the lines of the books | `router/core/src/flow/book.rs`, listed by `router/cli/src/commands/books` |
//! | what survives a crash | `router/ledger/src`, on the trait in `router/core/src/ledger` |
//! | known chains and tokens | `chains/evm/src/profiles` |
//! | how a scheme signs, verifies and settles | `schemes/<scheme>-<method>/src/{payer,seller,settler}.rs` |
