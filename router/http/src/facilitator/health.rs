use super::Facilitator;
use serde::Serialize;
use std::time::Duration;
use tollway_core::RecordKey;

/// A ledger that does not answer within this time counts as unreachable.
const LEDGER_MS: u64 = 2_000;

/// How a facilitator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// True when it can settle: the ledger answers.
    pub ok: bool,
    /// True when the ledger answers.
    pub ledger: bool,
    /// How many schemes on chains settle here.
    pub cells: usize,
    /// Settlements under way.
    pub settling: usize,
    /// Settlements whose outcome is not known yet.
    pub recovering: usize,
}

impl Facilitator {
    /// How it is.
    pub async fn health(&self) -> Health {
        let key = RecordKey("health/facilitator".to_owned());
        let look = self.0.ledger.load(&key);
        let ledger =
            matches!(self.0.tasks.timeout(Duration::from_millis(LEDGER_MS), look).await, Some(Ok(_)));
        Health {
            ok: ledger,
            ledger,
            cells: self.0.registry.cells().filter(|c| c.settler.is_some()).count(),
            settling: self.0.flights.open(),
            recovering: self.0.follow.backlog(),
        }
    }
}
