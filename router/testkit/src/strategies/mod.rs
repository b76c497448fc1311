//! `proptest` strategies for money, names, times, fee markets and everything that travels on the wire.
//!
//! Each module speaks in three tempers:
//! * `valid()`: what the contract accepts, in every spelling that it tolerates;
//! * `almost()`: one thing is wrong, and [`Almost`] says what, and which code the reader must answer with;
//! * `hostile()`: anything an enemy may send; the reader may refuse it or not, but must not panic.
//!
//! ```
//! use proptest::prelude::*;
//! use tollway_core::{Code, Version, wire};
//! use tollway_testkit::sim::FAMILY;
//! use tollway_testkit::strategies::{Says, Spelling, challenge};
//!
//! proptest!(|(broken in challenge::almost(Spelling::SIM, Version::V2))| {
//!     let read = wire::parse_challenge(broken.text, &[FAMILY]);
//!     match broken.says {
//!         Says::Whole(code) => prop_assert_eq!(read.unwrap_err().code, code, "{}", broken.fault),
//!         Says::Entry(at, code) => {
//!             let entry = &read.unwrap().accepts[at];
//!             prop_assert_eq!(&entry.requirement.as_ref().unwrap_err().code, &code, "{}", broken.fault);
//!         }
//!     }
//! });
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod amount;
pub mod answer;
pub mod challenge;
pub mod json;
pub mod market;
pub mod name;
pub mod payment;
pub mod price;
pub mod request;
pub mod requirement;
pub mod settlement;
pub mod supported;
pub mod tariff;
pub mod time;
pub mod usd;

mod object;
mod spelling;

pub use object::{Almost, Says};
pub use spelling::Spelling;
