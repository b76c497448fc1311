//! What verification leaves, and what is asked for later.

use super::super::{Asked, Bound, Calls, Path, Permit, Sponsored, Token};
use super::judge::Judge;
use super::trial::Found;
use crate::At;
use tollway_core::RecordKey;

/// What verification leaves for settlement: nothing is parsed twice.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) bound: Bound,
    /// `None` when somebody else has verified it.
    pub(super) found: Option<Found>,
    pub(super) timeout_s: u64,
}

/// A permit whose fate is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought<'a> {
    pub(super) token: &'a Token,
    pub(super) permit: &'a Permit,
    pub(super) timeout_s: u64,
    pub(super) calls: Calls,
}

impl Sought<'_> {
    pub(super) fn asked(&self) -> Asked<'_> {
        // A seller serves for this money, so it must have reached the set finality, and it must be proven to be this.
        let moved = self.calls.moved;
        Asked { permit: self.permit, timeout_s: self.timeout_s, at: At::Final, moved, trusting: false }
    }
    pub(super) fn key(&self) -> RecordKey {
        RecordKey(self.permit.replay_key(self.token.asset.chain).0)
    }
}

impl Checked {
    /// Who judges its signature, as far as that is known.
    pub(super) fn judge(&self) -> Judge {
        self.found.map_or_else(|| Judge::likely(&self.bound), |found| found.judge)
    }
    pub(super) fn path(&self) -> Path {
        self.found.map_or_else(|| path_of(&self.bound.sponsored), |found| found.path)
    }
}

/// How a payment would be settled that nobody has looked at yet.
pub(super) fn path_of(sponsored: &Sponsored) -> Path {
    match sponsored {
        Sponsored::No => Path::Settle,
        Sponsored::Permit(_) => Path::WithPermit,
        Sponsored::Approval(_) => Path::AfterApproval,
    }
}
