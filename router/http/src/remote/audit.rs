//! What a facilitator says it took, held against the chain. Only where it could have taken more than it was asked to:
//! in metered schemes the payer has signed for more than is charged.

use super::RemoteFacilitator;
use tollway_core::{Blame, Code, Error, Fate, Next, Order, Receipt, Result};

/// How often the chain is asked, and how long is waited in between: its node may be a block behind the facilitator's.
const LOOKS: u8 = 4;
const PAUSE_MS: u64 = 250;

impl RemoteFacilitator {
    /// The receipt, when the chain does not say otherwise. Where nobody here sees the chain, or it does not know yet, the
    /// facilitator's word stands.
    ///
    /// # Errors
    /// [`Code::Overcharged`] when more was taken.
    pub(super) async fn audited(&self, order: &Order, charge_atomic: u128, said: Receipt) -> Result<Receipt> {
        let metered = self.cell(order).is_some_and(|cell| cell.capability.metered);
        let Some(tx) = said.transaction().filter(|_| metered).cloned() else { return Ok(said) };
        let Some(found) = self.found(order).await else { return Ok(said) };
        if found.charged.atomic > charge_atomic {
            // It has moved all the same, so the visit must not end as one that was never paid.
            let next = Next::Unknown(Some(tx));
            return Err(Error::new(Code::Overcharged, Blame::Settler, next).detail(format!(
                "{charge_atomic} atomic units were to be taken, the chain shows {} of the payer's",
                found.charged
            )));
        }
        if found.charged != said.charged || found.landed != said.landed {
            // The chain's word counts; what the facilitator says of its own cost stays.
            return Ok(Receipt { spent: said.spent, extra: said.extra, ..found });
        }
        Ok(said)
    }

    async fn found(&self, order: &Order) -> Option<Receipt> {
        let local = self.local(order)?;
        for look in 0..LOOKS {
            match local.resume(order, None).await {
                Ok(Fate::Settled(found)) => return Some(*found),
                Ok(Fate::Open { .. } | Fate::NotYetKnown { .. }) if look.saturating_add(1) < LOOKS => {
                    self.clock.sleep(PAUSE_MS).await;
                }
                _ => return None,
            }
        }
        None
    }
}
