//! The house rules of Tollway, as tests: `cargo test -p tollway-tidy`.
//!
//! | Module | Keeps |
//! |---|---|
//! | [`arrows`] | which crate may depend on which |
//! | [`manifests`] | what every manifest inherits, and that the facade names every plugin |
//! | [`outsider`] | the third-party scheme: small, alone, and quoted by the book |
//! | [`readme`] | the README, cut from the facade's crate docs |
//! | [`words`] | what may not be written, and where: clocks, floats, panics, prints, leftovers, names of chains |
//! | [`secrets`] | types whose `Debug` would show a secret |
//! | [`sizes`] | how long a file and a function may grow |
//! | [`features`] | the list of feature checks that `.ci/run` goes through |
//!
//! A rule is a function from what it reads to [`Finding`]s and touches no file, so each is tried on made-up input
//! (`tests/rules`) as well as on this tree (`tests/house.rs`). Crates are told apart by
//! their folder: a new scheme or chain needs no edit here.
//!
//! A line that must break a rule says so, on the line or in the comment above its statement; the rule's name comes
//! from the message:
//!
//! ```text
//! // tidy: allow expect, because the table above is checked when the crate is built
//! ```
//!
//! An allowance without a reason, and one that nothing needs any more, are findings themselves.

pub mod allow;
pub mod arrows;
pub mod crates;
pub mod features;
mod finding;
pub mod manifests;
pub mod outsider;
pub mod readme;
pub mod secrets;
pub mod sizes;
pub mod source;
pub mod tree;
pub mod words;

pub use finding::{Finding, verdict};
