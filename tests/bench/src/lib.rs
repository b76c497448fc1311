//! How fast Tollway is: every operation beside its floor, in one run, turn by turn.
//!
//! A floor is what physics allows with the same primitives and no product around them: one borrowed parse into a
//! reused buffer, one recovery on the curve, one sort of integers. On a busy machine nanoseconds lie and ratios hold,
//! so the two are always timed by turns ([`turns`]) and compared by their medians.
//!
//! | Module | What is there |
//! |---|---|
//! | [`floor`] | the floors |
//! | [`seller`] | sixteen offers, signed payments, the verdict without a node |
//! | [`payer`] | a 402 of sixteen entries on sixteen chains, and a router that knows them all |
//! | [`node`] | chains that answer from memory, behind the real `EvmNetwork` |
//! | [`ranks`] | finished costs in no order |
//! | [`turns`] | timing by turns |
//! | [`table`] | the table for people |
#![allow(clippy::float_arithmetic, reason = "times and ratios, never money")]

pub mod floor;
pub mod node;
pub mod payer;
pub mod ranks;
pub mod seller;
pub mod table;
pub mod turns;

/// The moment at which everything here happens, in Unix seconds.
pub const NOW_S: u64 = 1_800_000_000;
