//! A process that dies between its note that it settles and whatever it would have sent.

use futures::future::{Either, select};
use std::pin::pin;
use tokio::sync::Notify;
use tollway_core::flow::{SettleOnce, VisitRecord};
use tollway_core::{
    Amount, Due, Effort, Fate, Kind, Order, Print, Proof, Receipt, Result, Settler, Time, async_trait,
};

/// Begins to settle, and stops for good before anything is journaled that would be sent. The note that it settles stays.
///
/// # Panics
/// When the payment is not as far as that.
pub async fn noted_and_never_sent(once: &SettleOnce<'_>, order: &Order, charge_atomic: u128) {
    let dying = Dying { inner: once.settler, told: Notify::new() };
    let once = SettleOnce { settler: &dying, ..*once };
    let print = Print::from("p");
    let settling = pin!(once.settle(order.clone(), charge_atomic, &print));
    if let Either::Left((ended, _)) = select(settling, pin!(dying.told.notified())).await {
        panic!("it has ended: {ended:?}");
    }
}

/// Moves on, as after a restart, whatever is in the journal. The receipts of what is settled.
///
/// # Panics
/// When a look fails.
pub async fn recovered(once: &SettleOnce<'_>) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    for found in once.ledger.scan(once.room, None, 9).await.expect("the journal") {
        let record = VisitRecord::read(&found.value).expect("a record");
        let moved = once.recover(found.key, found.version, record).await;
        receipts.extend(moved.expect("a look"));
    }
    receipts
}

struct Dying<'a> {
    inner: &'a dyn Settler,
    told: Notify,
}

#[async_trait]
impl Settler for Dying<'_> {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.inner.kinds().await
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.inner.effort(order).await
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.inner.verify(order).await
    }
    async fn settle(&self, _: Due) -> Result<Receipt> {
        self.told.notify_one();
        std::future::pending().await
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        self.inner.resume(order, charge).await
    }
    async fn resume_since(&self, order: &Order, charge: Option<Amount>, since: Time) -> Result<Fate> {
        self.inner.resume_since(order, charge, since).await
    }
}
