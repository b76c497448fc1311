//! The brain of Tollway: which way to pay, at what cost, and whether it may be done at all.
//!
//! # What "cheapest" means
//! In every merged x402 scheme the facilitator pays for settlement. So there are three points of view
//! ([`PointOfView`]), and one engine:
//! * **Payer**: the amount, plus what the payer must do on chain first, plus penalties as money. Two routes that cost
//!   the payer the same are ordered by what *settling* them costs, because that is what the seller prices in next;
//!   then by expected latency; then by name.
//! * **Payee**: the settlement at live gas (execution *and* L1 data fee, priority, operator, rent) plus the
//!   facilitator's fee.
//! * **Settler**: what it pays for gas itself.
//!
//! ```
//! # async fn example(router: &tollway_route::Router, challenge: &tollway_core::Challenge) {
//! use tollway_route::Context;
//!
//! let considered = router.consider(challenge, Context { host: Some("api.example") }).await; // signs nothing
//! for route in &considered.routes {
//!     println!("{}: {}, and {} to settle", route.requirement.chain, route.bill, route.settlement); // best first
//! }
//! for entry in &considered.rejected {
//!     println!("#{}: {}", entry.index, entry.reason);
//! }
//! # }
//! ```
//!
//! # How a question is answered
//! ```text
//! gather (async, bounded)  →  rank (pure, on a snapshot)  →  check against the caller's limits  →  act
//! router · quotes             cost · rank · explain          policy                              pay · gate
//! ```
//! | module | what is there |
//! |---|---|
//! | [`Router`], [`pay`] | the paying side: considers a 402, pays it, asks after what was left open |
//! | [`gate`] | the selling side: makes offers, honours them, takes what comes back through its flow |
//! | [`pool`] | several facilitators, and our own chain code, behind one settler |
//! | [`quotes`] | fees and prices, kept warm |
//! | [`prices`] | one price out of several sources |
//! | [`cost`], [`rank`], [`explain`] | what a route costs, the order of routes, the table for people |
//! | [`policy`] | lists, caps, budgets |
//! | [`guard`] | what a facilitator spends gas on, for whom, and how much |
//! | [`metrics`] | what a monitor wants to know of sellers, payers and pools |
//! | [`screening`] | sanctions and the like: asked in time, and written down |
//!
//! A missing quote is a rejection with a reason, never zero. Every `accepts` entry comes back, either ranked with all
//! its costs or rejected with the reason. Ranking does no I/O: quotes are refreshed in the background.
//!
//! Below is [`tollway_core`], the contract; above are `tollway-http`, which carries both sides over HTTP, and `tollway`,
//! which builds a router and a gate from one house.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod cache;
pub mod cost;
pub mod explain;
pub mod gate;
pub mod guard;
pub mod metrics;
pub mod pay;
pub mod policy;
pub mod pool;
mod priced;
pub mod prices;
pub mod quotes;
pub mod rank;
mod router;
mod routes;
pub mod screening;
mod used;

pub use cost::{Costs, Part, Quote};
pub use explain::{Explanation, PartRow, RejectedRow, RouteRow, WorkRow};
pub use gate::{Admitted, Gate, GateBuilder, Posted, PostedOffer, Rail, SellerPolicy, Tag, Unprofitable};
pub use guard::{Caller, Guard, GuardSettings};
pub use pay::{Begun, Exchange, Later, Paid, Reply};
pub use policy::{Budget, List, Policy, Scope};
pub use prices::{Median, MedianSettings};
pub use quotes::{QuoteBook, QuoteSettings, Spawn};
pub use rank::{PointOfView, Rank};
pub use router::{Considered, Context, Rejected, Route, Router, RouterBuilder};
pub use routes::Routes;
pub use screening::{Screening, Silence};
