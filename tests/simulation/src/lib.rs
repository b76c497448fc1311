//! Payers, a shop, a facilitator and a chain in one seeded weave: every process crashes at every step of a payment and
//! starts again over its ledger, the network between them loses, delays, repeats and reorders, disks and nodes fail, and
//! the chain drops, delays and reorganises. Time is virtual; there are no sockets, no threads, and no runtime.
//!
//! ```text
//! buyer ×4                          shop                                facilitator            chain
//! PayLayer → Router ── wire ──→ Paywall → Gate → RemoteFacilitator ── wire ──→ Facilitator → SimEvm ──→ SimChain
//!   ledger                        ledger                                 ledger
//! ```
//!
//! What runs is the product: the paying tower layer, the paywall, the gate, the facilitator behind its own HTTP router, the
//! exact scheme over EIP-3009 with real signatures. Only the sockets, the node and the clock are simulated. What crosses
//! the wire is the real header and body.
//!
//! When everybody has bought what is on the list, the storm ends, every process starts once more, and when all have come
//! to rest these must hold:
//!
//! | what | held against |
//! |---|---|
//! | the chain's money adds up; what buyers lack is what the payee got | all balances |
//! | an authorization moves its amount, and once | the token's events |
//! | no gas is burnt for one that was used before | all transactions |
//! | whoever was answered 200 has paid once, for that very thing, and got one run of the handler | what the wire saw |
//! | one thing, one signature; none for what is above the cap | what the wire saw |
//! | the payer's journal has settled what the chain has settled, and nothing else | journals, events |
//! | budgets have used what was settled, to the unit, and never more than their limit | payers' ledgers |
//! | no attempt, hold, claim, visit or note is left open | all ledgers |
//!
//! [`Bug`] lists mistakes that are made on purpose, to show that these checks find them.
//!
//! ```
//! use tollway_simulation::{Plan, Storm, run};
//!
//! let report = run(7, Plan::new(Storm::ROUGH, 3))?;
//! assert_eq!(run(7, Plan::new(Storm::ROUGH, 3))?.trace, report.trace);
//! # Ok::<(), tollway_simulation::Failure>(())
//! ```

mod bug;
mod buyer;
mod check;
mod disk;
mod facilitator;
mod fate;
mod log;
mod mistakes;
mod run;
mod shop;
mod storm;
mod wire;
mod world;

pub use bug::Bug;
pub use run::{Failure, Plan, Report, run};
pub use storm::Storm;
