//! The contract of Tollway: what a payment is, who plays which part in it, and what may never happen to it.
//!
//! This crate knows no HTTP, no chain SDK, no async runtime and no wall clock. Time, randomness, prices and memory
//! are handed in through small traits ([`Clock`], [`Dice`], [`Oracle`], [`Ledger`]), so the same code runs in a
//! server, in a wallet and in a simulation.
//!
//! ```
//! use tollway_core::{Amount, AssetId, Ceiling, ChainId};
//!
//! let token = AssetId::new(ChainId::new("toy:1")?, "coin")?;
//! let signed = Ceiling(Amount::new(token, 10_000)); // what a payer has agreed to, in the token's smallest units
//! assert_eq!(signed.charge(9_000)?.atomic(), 9_000);
//! assert!(signed.charge(10_001).is_err()); // and no other way leads to a charge
//! # Ok::<(), tollway_core::Error>(())
//! ```
//!
//! The floor of the house: every other crate stands on this one, and it on none of them. `tollway-route` decides with
//! it, `tollway-http` speaks it, `tollway-ledger` remembers for it; chains and schemes are plugins against it.
//!
//! # The rooms
//! | module | what is there |
//! |---|---|
//! | [`wire`] | x402 v1 and v2 JSON, read into one model; reason codes of every SDK |
//! | [`ids`], [`money`] | CAIP-2 chains, accounts, assets; amounts that carry their asset, USD as integers |
//! | [`effort`], [`network`] | what a route will do on chain, and what a chain charges for it now |
//! | [`roles`] | the three parts a scheme can play: [`Payer`], [`Seller`], [`Settler`] |
//! | [`seal`] | the types that only checks can make: [`Verified`], [`Due`], [`Reserved`] |
//! | [`flow`] | the one driver that takes a paid request from arrival to receipt |
//! | [`custody`] | what a key may sign, and the sums of what it signed |
//! | [`ledger`] | budgets, replay claims and journals, in nine methods |
//! | [`registry`] | where schemes and networks meet, by two doors |
//! | [`error`] | who is to blame, and what to do next |
//! | [`model`], [`plan`], [`raw`] | challenges and payments as read; what a payer plans, signs and hears; JSON kept as it came |
//! | [`clock`], [`oracle`], [`scorer`] | time and chance, prices, preferences: what is handed in |
//!
//! # Units
//! An [`Amount`] counts the token's smallest units, a [`Usd`] 10⁻¹⁸ dollars, a [`Time`] milliseconds of Unix time. A bare
//! number says its unit in its name: `timeout_s`, `patience_ms`, `amount_atomic`.
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

pub mod checkup;
pub mod clock;
pub mod custody;
pub mod effort;
pub mod error;
mod few;
mod floor;
pub mod flow;
pub mod ids;
pub mod ledger;
pub mod model;
pub mod money;
pub mod network;
pub mod oracle;
pub mod plan;
pub mod raw;
mod recent;
pub mod registry;
pub mod roles;
pub mod scorer;
pub mod screen;
pub mod seal;
pub mod wire;

/// The attribute that every async trait of the contract uses; the one place that decides the futures' `Send` bound.
pub use async_trait::async_trait;
/// Re-exported so that a plugin registers itself (`inventory::submit!`) without a dependency of its own.
pub use inventory;

pub use checkup::{CheckedToken, Checkup};
pub use clock::{Clock, Dice, Time};
pub use effort::{Bearer, Effort, Fee, Part, Sample, Work};
pub use error::{Blame, Code, Error, Next, Result};
pub use few::Few;
pub use floor::Floor;
pub use ids::{Account, AssetId, ChainId, Name, TxId};
pub use ledger::{
    BudgetId, BudgetLine, Claim, HoldId, Ledger, Print, Record, RecordKey, ReplayKey, Spend, Write,
};
pub use model::{
    Arrival, Challenge, Entry, Extra, Flow, Kind, Leg, Offer, Order, Payment, Requirement, SettlerId, Version,
};
pub use money::{Amount, Ceiling, Charge, Usd, UsdPrice};
pub use network::{Cost, Family, KnownAsset, KnownNetwork, Network, NetworkTraits, Outcome, Purpose, Tariff};
pub use oracle::Oracle;
pub use plan::{
    Action, ActionKind, Answer, AttemptId, Authorization, Demand, Fate, Funds, Landed, Plan, Reading,
    Receipt, Spent,
};
pub use raw::Json;
pub use recent::Recent;
pub use registry::{
    Capability, Cell, CellId, Dormant, Handle, Plugin, Registry, Replay, Role, SchemeEntry, Site,
};
pub use roles::{Event, Job, Move, Payer, Price, Seller, Settler, Visit, Wish};
pub use scorer::{Learner, Observation, RouteKey, Scorer};
pub use screen::Screen;
pub use seal::{Due, Evidence, Proof, Reserved, Terms, Verified};
