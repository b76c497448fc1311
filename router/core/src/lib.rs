//! The contract of Tollway: what a payment is, who plays which part in it, and what may never happen to it.
//!
//! This crate knows no HTTP, no chain SDK, no async runtime and no wall clock. Time, randomness, prices and memory
//! are handed in through small traits ([`Clock`], [`Dice`], [`Oracle`], [`Ledger`]), so the same code runs in a
//! server, in a wallet and in a simulation.
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
//! | [`ledger`] | budgets, replay claims and journals, in nine methods |
//! | [`registry`] | where schemes and networks meet, by two doors |
//! | [`error`] | who is to blame, and what to do next |
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

pub mod clock;
pub mod effort;
pub mod error;
pub mod flow;
pub mod ids;
pub mod ledger;
pub mod model;
pub mod money;
pub mod network;
pub mod oracle;
pub mod plan;
pub mod raw;
pub mod registry;
pub mod roles;
pub mod scorer;
pub mod seal;
pub mod wire;

/// The attribute that every async trait of the contract uses; the one place that decides the futures' `Send` bound.
pub use async_trait::async_trait;
/// Re-exported so that a plugin registers itself (`inventory::submit!`) without a dependency of its own.
pub use inventory;

pub use clock::{Clock, Dice, Time};
pub use effort::{Bearer, Effort, Fee, Part, Sample, Work};
pub use error::{Blame, Code, Error, Next, Result};
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
pub use registry::{
    Capability, Cell, CellId, Dormant, Handle, Plugin, Registry, Replay, Role, SchemeEntry, Site,
};
pub use roles::{Event, Job, Move, Payer, Price, Seller, Settler, Visit, Wish};
pub use scorer::{Learner, Observation, RouteKey, Scorer};
pub use seal::{Due, Evidence, Proof, Reserved, Terms, Verified};
