//! Our own chain code as one member among others.

use super::Seat;
use std::sync::Arc;
use tollway_core::{
    Amount, Code, Due, Effort, Error, Fate, Kind, Next, Order, Proof, Receipt, Registry, Result, Settler,
    SettlerId, Time, async_trait,
};

/// Every settler that a registry has built, behind one: each order goes to its own cell.
#[derive(Debug)]
pub struct Own {
    registry: Arc<Registry>,
}

impl Own {
    /// The settlers of this registry, which was asked for [`tollway_core::Role::Settler`].
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// The same as a member of a pool, under the name `own`.
    pub fn seat(registry: Arc<Registry>) -> Seat {
        Seat::new(SettlerId("own".to_owned()), Arc::new(Self::new(registry)))
    }

    fn of(&self, order: &Order) -> Result<&Arc<dyn Settler>> {
        let cell = self.registry.cell(&order.requirement)?;
        cell.settler.as_ref().ok_or_else(|| {
            Error::caller(Code::RoleMissing)
                .next(Next::OtherRoute)
                .detail(format!("{} settles nothing here", cell.id))
        })
    }
}

#[async_trait]
impl Settler for Own {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        let mut all = Vec::new();
        for settler in self.registry.cells().filter_map(|cell| cell.settler.as_ref()) {
            all.extend(settler.kinds().await?);
        }
        Ok(all)
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.of(order)?.effort(order).await
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.of(order)?.verify(order).await
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        self.of(due.verified().order())?.settle(due).await
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        self.of(order)?.resume(order, charge).await
    }
    async fn resume_since(&self, order: &Order, charge: Option<Amount>, since: Time) -> Result<Fate> {
        self.of(order)?.resume_since(order, charge, since).await
    }
}
