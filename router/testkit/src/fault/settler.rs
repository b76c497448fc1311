use super::ask;
use super::plan::{Faults, Remembered};
use std::fmt;
use std::sync::Arc;
use tollway_core::{
    Amount, Code, Due, Effort, Error, Fate, Kind, Order, Proof, Receipt, Result, Settler, Time, async_trait,
};

/// How soon somebody who does not know wants to be asked again.
const ASK_AGAIN_MS: u64 = 1_000;

/// A settler with faults.
///
/// Keeps: `verify` moves nothing; `settle` is never repeated; it fails with "later" only when nothing was sent, and with an
/// unknown outcome when the answer was lost (the transaction is named in half of these); `resume` makes no second
/// transaction, and says "nobody knows yet" where another wrapper would be stale. Lying: it vouches for what the inner
/// settler refuses, by trust; and a receipt states one unit more than was taken.
pub struct FaultySettler<S: ?Sized> {
    inner: Arc<S>,
    faults: Arc<Faults>,
    kinds: Remembered<(), Vec<Kind>>,
}

impl<S: ?Sized> fmt::Debug for FaultySettler<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultySettler")
    }
}

impl<S: Settler + ?Sized> FaultySettler<S> {
    /// Wraps `inner`.
    pub fn new(inner: Arc<S>, faults: &Arc<Faults>) -> Self {
        Self { inner, faults: Arc::clone(faults), kinds: Remembered::default() }
    }
}

fn lost() -> Error {
    Error::network(Code::Unreachable).detail("the settler did not answer")
}

#[async_trait]
impl<S: Settler + ?Sized> Settler for FaultySettler<S> {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        ask!(self.faults, self.kinds, (), lost(), self.inner.kinds())
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        if self.faults.before().await {
            return Err(lost());
        }
        if self.faults.twice() {
            let _ = self.inner.effort(order).await;
        }
        let effort = self.inner.effort(order).await;
        if self.faults.after().await { Err(lost()) } else { effort }
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        if self.faults.before().await {
            return Err(lost());
        }
        if self.faults.twice() {
            let _ = self.inner.verify(order).await;
        }
        let proof = self.inner.verify(order).await;
        if self.faults.after().await {
            return Err(lost());
        }
        match proof {
            Err(_) if self.faults.lies() => Ok(Proof { by_trust: true, ..Proof::default() }),
            honest => honest,
        }
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        if self.faults.before().await {
            return Err(lost());
        }
        let settled = self.inner.settle(due).await;
        if self.faults.after().await {
            let named = self.faults.dice().below(2) == 0;
            let tx = settled.ok().filter(|_| named).and_then(|r| r.transaction().cloned());
            return Err(Error::unknown(Code::TimedOut, tx).detail("the settler's answer was lost"));
        }
        settled.map(|receipt| {
            if !self.faults.lies() {
                return receipt;
            }
            let charged = Amount::new(receipt.charged.asset, receipt.charged.atomic.saturating_add(1));
            Receipt { charged, ..receipt }
        })
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        self.resume_since(order, charge, Time::ZERO).await
    }
    async fn resume_since(&self, order: &Order, charge: Option<Amount>, since: Time) -> Result<Fate> {
        if self.faults.before().await {
            return Err(lost());
        }
        if self.faults.stale() {
            return Ok(Fate::NotYetKnown { ask_again: self.faults.clock().now().plus_ms(ASK_AGAIN_MS) });
        }
        if self.faults.twice() {
            let _ = self.inner.resume_since(order, charge, since).await;
        }
        let fate = self.inner.resume_since(order, charge, since).await;
        if self.faults.after().await { Err(lost()) } else { fate }
    }
}
