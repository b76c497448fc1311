//! The side that charges: the shared [`Till`], from the account that the payer named.

use crate::calls::CALLS;
use crate::terms::{FACILITATOR, bound};
use std::sync::Arc;
use tollway_core::flow::settle_unsent;
use tollway_core::{
    Amount, Due, Effort, Extra, Fate, Kind, Name, Order, Proof, Receipt, Result, Settler, Site, Version,
    async_trait,
};
use tollway_evm::permit2::{Settings, Till};

/// Verifies and settles from the accounts of its chain.
pub(crate) struct Settling(Till);

impl Settling {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Settler>> {
        Ok(Arc::new(Self(Till::new(site, site.settings::<Settings>()?, CALLS, bound)?)))
    }
}

#[async_trait]
impl Settler for Settling {
    /// One for each account that it settles from, in the same order each time: a seller names one of them in its offers, and
    /// that one alone may charge. Only v2: v1 knows no `upto`.
    async fn kinds(&self) -> Result<Vec<Kind>> {
        let scheme = Name::new(crate::SCHEME)?;
        let kind = |named: alloy::primitives::Address| Kind {
            version: Version::V2,
            scheme,
            chain: self.0.chain(),
            extra: Extra::of_pairs(&[(FACILITATOR, &named.to_checksum(None))]),
            extensions: self.0.extensions(),
        };
        Ok(self.0.senders().into_iter().map(kind).collect())
    }

    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.0.effort(order).await
    }

    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.0.verify(order).await
    }

    async fn settle(&self, due: Due) -> Result<Receipt> {
        self.0.settle(&due).await
    }

    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        let found = self.0.fate(order).await?;
        settle_unsent(crate::read, self, self.0.clock(), order, charge, found).await
    }
}
