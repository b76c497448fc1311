//! Settling what was delivered already: it is owed, and not let go because a node stumbles.

use super::journal::{Entry, Stage};
use super::once::{Alone, Claimed, SettleOnce, verify};
use crate::{Blame, Charge, Code, Error, Next, Receipt, Result};

/// What came of one try.
#[allow(clippy::large_enum_variant, reason = "one per try, consumed at once")]
enum Tried {
    Settled(Receipt),
    /// Nothing was sent, and it is noted as owed still.
    Owed(Entry, Error),
}

impl SettleOnce<'_> {
    /// Settles for a handler that has noted what it delivered. What was not sent is tried again until patience is over; then
    /// it stays in the journal, for [`Self::recover`].
    pub(super) async fn settle_served(&self, claimed: Claimed, charge: Charge) -> Result<Receipt> {
        let mut waiting = self.waiting();
        let mut tried = self.try_owed(claimed, charge).await?;
        loop {
            match tried {
                Tried::Settled(receipt) => return Ok(receipt),
                // What was not sent will be, so nobody may take it for refused.
                Tried::Owed(_, why) if waiting.is_over() => return Err(why.next(Next::Unknown(None))),
                Tried::Owed(entry, _) => {
                    waiting.pause().await;
                    tried = self.try_anew(entry).await?;
                }
            }
        }
    }

    /// A process died while it served: what it had noted as delivered is settled. A payment that can no longer be used
    /// ends as any other whose fate the settler tells.
    pub(super) async fn settle_noted(&self, mut entry: Entry) -> Result<Option<Receipt>> {
        if !entry.is_ours_alone(self.ledger).await? {
            return Ok(None);
        }
        match self.try_anew(entry).await {
            Ok(Tried::Settled(receipt)) => Ok(Some(receipt)),
            Ok(Tried::Owed(..)) => Ok(None),
            Err(e) if e.is_unknown_outcome() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Looks at the payment again, and settles what its record says.
    async fn try_anew(&self, entry: Entry) -> Result<Tried> {
        let record = &entry.record;
        let verified = match verify(self.read, self.settler, record.order.clone(), self.clock).await {
            Ok(verified) => verified,
            // Not good any more: perhaps because it was used, which the settler knows.
            Err(e) if matches!(e.code, Code::NonceUsed | Code::Expired) => {
                let found = self.resume_entry(entry, Alone::Yes).await?;
                return found.map(Tried::Settled).ok_or_else(|| e.next(Next::Unknown(None)));
            }
            // It was never sent, so there is nothing to ask after: whoever is asked might send it.
            Err(e) => return Ok(Tried::Owed(entry, e)),
        };
        let ceiling = verified.terms().ceiling.min(record.order.requirement.price);
        let charge = match ceiling.charge(record.charge_atomic) {
            Ok(charge) => charge,
            Err(e) => return Ok(Tried::Owed(entry, e)),
        };
        self.try_owed(Claimed { verified: Some(verified), entry }, charge).await
    }

    async fn try_owed(&self, mut claimed: Claimed, charge: Charge) -> Result<Tried> {
        match self.settle_held(&mut claimed, charge).await {
            Ok(receipt) => Ok(Tried::Settled(self.remember(claimed, receipt).await)),
            Err(e) if e.is_unknown_outcome() => Err(e),
            Err(e) if e.blame == Blame::Payer && e.next == Next::Never => self.release(claimed, e).await,
            // Settings, gas, a settler that is not there: none of it is the payer's doing, and it has what it asked for.
            Err(e) => {
                let mut entry = claimed.entry;
                entry.record.stage = Stage::Serving;
                entry.save_surely(self.ledger).await.map_err(|e| e.next(Next::Unknown(None)))?;
                Ok(Tried::Owed(entry, e))
            }
        }
    }
}
