use super::purse::{Held, Took};
use super::{Caller, Guard};
use std::sync::Arc;
use tollway_core::registry::Read;
use tollway_core::screen::Step;
use tollway_core::{
    Amount, Due, Effort, Error, Fate, Kind, Order, Proof, Receipt, Result, Settler, Terms, Time, async_trait,
};

/// A settler that spends no more than its guard allows.
pub(super) struct Guarded {
    pub(super) guard: Arc<Guard>,
    pub(super) caller: Caller,
    pub(super) read: Read,
    pub(super) inner: Arc<dyn Settler>,
}

#[async_trait]
impl Settler for Guarded {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.inner.kinds().await
    }

    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.inner.effort(order).await
    }

    async fn verify(&self, order: &Order) -> Result<Proof> {
        let (guard, inner) = (&*self.guard, &*self.inner);
        guard.listed(order)?;
        guard.large_enough(order, order.requirement.price.atomic()).await?;
        let terms = (self.read)(order)?;
        guard.few_failures(&self.caller, order, &terms).await?;
        let proof = guard.screen_beside(order, &terms, Step::Verify, inner.verify(order)).await?;
        // What it will cost is known best after the chain was looked at.
        let gas = guard.gas(inner, order).await?;
        guard.worth_it(inner, order, order.requirement.price.atomic(), gas).await?;
        guard.has_room(&self.caller, order, &terms, gas).await?;
        Ok(proof)
    }

    /// What is due was verified, so lists and failures were looked at; the market may have moved since.
    async fn settle(&self, due: Due) -> Result<Receipt> {
        let (order, terms) = (due.verified().order(), due.verified().terms());
        let held = self.admit(order, terms, due.charge().amount()).await?;
        let outcome = self.inner.settle(due).await;
        if let Some(held) = held {
            match &outcome {
                Ok(receipt) => self.took(&held, of_receipt(receipt)).await,
                Err(e) => self.failed(&held, e).await,
            }
        }
        outcome
    }

    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        self.resume_since(order, charge, Time::ZERO).await
    }

    async fn resume_since(&self, order: &Order, charge: Option<Amount>, since: Time) -> Result<Fate> {
        let fate = match charge {
            Some(charge) => self.resume_held(order, charge, since).await,
            None => self.inner.resume_since(order, None, since).await,
        };
        let decided = match &fate {
            Ok(fate) => matches!(fate, Fate::Settled(_) | Fate::Dead),
            Err(e) => e.ends_payment(),
        };
        if decided && let Ok(Some(held)) = self.guard.held(&(self.read)(order)?).await {
            match &fate {
                Ok(Fate::Settled(receipt)) => self.took(&held, of_receipt(receipt)).await,
                // Nothing moved, but the hold has outlived an answer that never came: what was sent may have cost gas.
                Ok(_) => self.took(&held, Took::Unknown).await,
                Err(e) => self.failed(&held, e).await,
            }
        }
        fate
    }
}

impl Guarded {
    /// Everything that is asked right before something is sent. Holds what it may cost.
    async fn admit(&self, order: &Order, terms: &Terms, charge: Amount) -> Result<Option<Held>> {
        let (guard, inner) = (&*self.guard, &*self.inner);
        guard.screen(order, terms, Step::Settle).await?;
        guard.large_enough(order, charge.atomic).await?;
        let gas = guard.gas(inner, order).await?;
        guard.worth_it(inner, order, charge.atomic, gas).await?;
        guard.hold(&self.caller, order, terms, gas).await
    }

    /// Whoever is told the charge may send what was never sent. An attempt that was admitted has left its hold, and goes on
    /// under that; one that ended before is admitted now, if there is anything to send, and else stays open.
    async fn resume_held(&self, order: &Order, charge: Amount, since: Time) -> Result<Fate> {
        let terms = (self.read)(order)?;
        if self.guard.held(&terms).await?.is_some() {
            return self.inner.resume_since(order, Some(charge), since).await;
        }
        let found = self.inner.resume_since(order, None, since).await?;
        if !matches!(found, Fate::Open { .. }) {
            return Ok(found);
        }
        let held = match self.admit_anew(order, &terms, charge).await {
            Ok(held) => held,
            // It says nothing about the payment, which was claimed and may be settled yet.
            Err(error) => {
                tracing::warn!(%error, "what was never sent is not sent now either");
                return Ok(found);
            }
        };
        let fate = self.inner.resume_since(order, Some(charge), since).await;
        if let Some(held) = &held {
            match &fate {
                Ok(Fate::Open { .. }) => self.took(held, Took::Nothing).await,
                // Also one after which it is asked again: whoever does is admitted anew.
                Err(e) => self.failed(held, e).await,
                Ok(_) => {}
            }
        }
        fate
    }

    /// After a restart nobody has looked at the chain for this payment, and what it will cost is known best after that.
    async fn admit_anew(&self, order: &Order, terms: &Terms, charge: Amount) -> Result<Option<Held>> {
        self.inner.verify(order).await?;
        self.admit(order, terms, charge).await
    }

    /// Money has moved or not, whatever the ledger says of our own gas: a hold that could not be ended is ended later.
    async fn took(&self, held: &Held, took: Took) {
        if let Err(error) = self.guard.end(held, took).await {
            tracing::warn!(hold = %held.open.hold, %error, "a gas budget's hold could not be ended; it stays for now");
        }
    }

    async fn failed(&self, held: &Held, e: &Error) {
        if e.is_unknown_outcome() {
            return; // whoever finds out ends it
        }
        if e.transaction.is_none() {
            return self.took(held, Took::Nothing).await;
        }
        let took = e
            .spent
            .as_ref()
            .filter(|s| s.asset.is_native())
            .map_or(Took::Unknown, |s| Took::Native(s.atomic));
        let counted = self.guard.strike(&held.open, held.open.charged_e18(took)).await;
        self.took(held, took).await;
        if let Err(error) = counted {
            tracing::warn!(hold = %held.open.hold, %error, "a failed settlement could not be counted");
        }
    }
}

fn of_receipt(receipt: &Receipt) -> Took {
    match (&receipt.spent, receipt.transaction()) {
        (Some(spent), _) if spent.cost.asset.is_native() => {
            Took::Native(spent.cost.atomic.div_ceil(spent.shared_by.get().into()))
        }
        (None, None) => Took::Nothing,
        _ => Took::Unknown,
    }
}
