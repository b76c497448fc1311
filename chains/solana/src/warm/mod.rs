//! What is asked for again and again, kept warm: blockhashes, mints, holdings.
//!
//! The first question looks at the chain. After that the answer comes from memory; one that is no longer fresh is still
//! given, and renewed in the background. Only one that is older than is of use is waited for. What nobody asks for is
//! not renewed.

mod blockhash;
mod holdings;
mod mints;

pub(crate) use blockhash::Blockhashes;
pub(crate) use holdings::{Holdings, balances};
pub(crate) use mints::Mints;
