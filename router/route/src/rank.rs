//! The order of routes: pure integers, no I/O, no allocation beyond the answer.

use std::cmp::Ordering;
use tollway_core::{Result, Usd};

use crate::cost::Costs;

/// Whose costs count first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PointOfView {
    /// Pays for the resource.
    Payer,
    /// Sells it, and carries or is charged for settlement.
    Payee,
    /// Settles.
    Settler,
}

/// What a route is ordered by; lesser is better, field by field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank<'a> {
    /// The cost to whoever asks.
    pub first: Usd,
    /// What settling costs, for routes that cost the same.
    pub second: Usd,
    /// Expected time to settle, in milliseconds.
    pub latency_ms: u64,
    /// A stable name: chain, scheme, asset, payee.
    pub name: Name<'a>,
    /// Position in `accepts`: entries that are alike keep the server's order.
    pub index: usize,
}

/// The stable name of a route, compared part by part.
pub type Name<'a> = [&'a str; 4];

impl PointOfView {
    /// First and second cost of a route.
    ///
    /// # Errors
    /// [`tollway_core::Code::InvalidAmount`] when a sum does not fit.
    pub fn costs(self, costs: &Costs) -> Result<(Usd, Usd)> {
        Ok(match self {
            Self::Payer => (costs.payer()?, costs.settlement()?),
            Self::Payee => (add_penalty(costs.settlement()?, costs)?, costs.settlement()?),
            Self::Settler => (add_penalty(costs.settler_work, costs)?, costs.settlement()?),
        })
    }
}

fn add_penalty(usd: Usd, costs: &Costs) -> Result<Usd> {
    usd.checked_add(costs.penalty).ok_or_else(|| tollway_core::Error::us(tollway_core::Code::InvalidAmount))
}

impl Ord for Rank<'_> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let first = self.first.cmp(&other.first).then_with(|| self.second.cmp(&other.second));
        first
            .then_with(|| self.latency_ms.cmp(&other.latency_ms))
            .then_with(|| self.name.cmp(&other.name))
            .then_with(|| self.index.cmp(&other.index))
    }
}

impl PartialOrd for Rank<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Puts `ranks` in order, best first. Total and deterministic: equal input, equal output, whatever its order.
pub fn sort(ranks: &mut [Rank<'_>]) {
    ranks.sort_unstable();
}
