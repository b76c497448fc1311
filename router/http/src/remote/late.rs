//! Payments that nobody can settle any more, and whose outcome is open still. A facilitator that has no receipt for one then
//! will not have one later, and is not asked for ever.

use super::RemoteFacilitator;
use tollway_core::{Error, Order, Recent, ReplayKey};

/// How long after its end a payment is still asked after without an end, in milliseconds: what was sent in time may land a
/// little later, and clocks differ.
const LATE_MS: u64 = 600_000;
/// Payments that are remembered as answered. One that is forgotten is asked after once more.
const REMEMBERED: usize = 8_192;

/// Payments that were answered without a receipt after their end. Kept in memory alone, so that the next life of the process
/// asks once more.
pub(super) struct Left(Recent<ReplayKey, ()>);

impl Left {
    pub(super) fn new() -> Self {
        Self(Recent::new(REMEMBERED))
    }

    pub(super) fn has(&self, payment: &ReplayKey) -> bool {
        self.0.get(payment).is_some()
    }

    /// Remembers a late payment on which there was a verdict, and no receipt. Whatever else is said ("still being settled",
    /// its ledger, our key) is no answer, and is asked for again.
    pub(super) fn answered(&self, late: Option<ReplayKey>, refused: &Error) {
        if let Some(payment) = late.filter(|_| refused.code.is_verdict()) {
            tracing::warn!(%payment, error = %refused, "its end is long over, and the facilitator has no receipt for it; \
                 whether it was settled stays unknown, and is asked again after a restart");
            self.0.put(payment, ());
        }
    }
}

impl RemoteFacilitator {
    /// The payment's key, once its end is long over.
    pub(super) fn late(&self, order: &Order) -> Option<ReplayKey> {
        let terms = (self.cell(order)?.read)(order).ok()?;
        let over = terms.settle_before.plus_ms(LATE_MS) <= self.clock.now();
        terms.replay.into_iter().next().filter(|_| over)
    }
}
