//! Preferences, expressed as money: what somebody is willing to pay to avoid a route. They add to its cost.

use crate::{Account, AssetId, ChainId, Time, Usd};

/// What a score may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteKey {
    /// Where it settles.
    pub chain: ChainId,
    /// What is paid.
    pub asset: AssetId,
    /// Who is paid.
    pub payee: Account,
}

/// Turns expected latency, failures and finality risk into dollars. Pure: called while ranking.
pub trait Scorer: Send + Sync {
    /// What one would pay to avoid this route; zero for no opinion.
    fn penalty(&self, route: &RouteKey) -> Usd;
    /// How long settling is expected to take, in milliseconds; orders routes that cost the same.
    fn latency_ms(&self, route: &RouteKey) -> u64;
}

/// What happened on a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observation {
    /// It settled after so many milliseconds.
    Settled(u64),
    /// It failed, through the route's fault.
    Failed,
}

/// A scorer that learns. Outcomes and time come from outside, so that it can be replayed.
pub trait Learner: Scorer {
    /// Takes in one outcome.
    fn observe(&self, route: &RouteKey, what: Observation, now: Time);
}
