//! Payments that nobody can settle any more, and whose outcome is open still. A facilitator that has no receipt for one then
//! will not have one later, and is not asked for ever.

use super::RemoteFacilitator;
use tollway_core::{Code, Error, Order, Recent, ReplayKey};

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

    /// Remembers a late payment for which there was no receipt. Whoever cannot be reached, or is ill, has not answered.
    pub(super) fn answered(&self, late: Option<ReplayKey>, e: &Error) {
        let ill = matches!(e.code, Code::Unreachable | Code::TimedOut);
        if let Some(payment) = late.filter(|_| !ill) {
            tracing::warn!(%payment, error = %e, "its end is long over, and the facilitator has no receipt for it; \
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
