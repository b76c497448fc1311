//! Other people's facilitators, watched: one that takes more than it was asked to leaves the pool.

use std::sync::{Arc, OnceLock};
use tollway_core::{
    Amount, Code, Due, Effort, Error, Fate, Kind, Order, Proof, Receipt, Recent, Result, Settler, SettlerId,
    async_trait,
};

/// Lost answers that are remembered.
const UNSURE: usize = 1_024;

/// A facilitator of the pool. What is done through it is watched; nothing else is changed.
pub(super) struct Member {
    pub(super) id: SettlerId,
    inner: Arc<dyn Settler>,
    out: OnceLock<Error>,
    /// What was to be taken, by payload, where the answer was lost.
    unsure: Recent<String, u128>,
}

impl Member {
    pub(super) fn new(id: SettlerId, inner: Arc<dyn Settler>) -> Arc<Self> {
        Arc::new(Self { id, inner, out: OnceLock::new(), unsure: Recent::new(UNSURE) })
    }

    /// Why it is not asked any more; `None` while it is.
    pub(super) fn out(&self) -> Option<&Error> {
        self.out.get()
    }

    fn watch(&self, e: &Error) {
        if e.code == Code::Overcharged {
            self.expel(e.clone());
        }
    }

    /// Whoever asked finds the same in the receipt, and says so.
    fn hold(&self, receipt: &Receipt, charge_atomic: u128) {
        if receipt.charged.atomic > charge_atomic {
            self.expel(Error::settler(Code::Overcharged).detail(format!(
                "{charge_atomic} atomic units were to be taken, the receipt is for {}",
                receipt.charged
            )));
        }
    }

    fn expel(&self, why: Error) {
        tracing::error!(facilitator = %self.id.0, error = %why, "it is not asked any more");
        // The first reason stands.
        let _ = self.out.set(why);
    }
}

#[async_trait]
impl Settler for Member {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.inner.kinds().await
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.inner.effort(order).await
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.inner.verify(order).await
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        let charge = due.charge().atomic();
        let payload = due.verified().order().payment.payload.as_str().to_owned();
        let settled = self.inner.settle(due).await;
        match &settled {
            Ok(receipt) => self.hold(receipt, charge),
            Err(e) if e.is_unknown_outcome() => self.unsure.put(payload, charge),
            Err(e) => self.watch(e),
        }
        settled
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        let fate = self.inner.resume(order, charge).await;
        match &fate {
            Ok(Fate::Settled(receipt)) => {
                if let Some(charge) = self.unsure.get(&order.payment.payload.as_str().to_owned()) {
                    self.hold(receipt, charge);
                }
            }
            Ok(_) => {}
            Err(e) => self.watch(e),
        }
        fate
    }
}
