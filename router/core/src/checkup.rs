//! What a look at a chain shows a person who wants to know whether all is as it should be.

use crate::{AssetId, Time};

/// A chain's clock, and whether the tokens that are known there are what the tables say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkup {
    /// The time of the newest block.
    pub time: Time,
    /// Every token of the tables on that chain.
    pub tokens: Vec<CheckedToken>,
}

/// A token of the tables, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedToken {
    /// Which token.
    pub asset: AssetId,
    /// What people call it.
    pub symbol: &'static str,
    /// What the chain says that the table does not, in words; `None` when they agree.
    pub wrong: Option<String>,
}
