//! The side that puts the payment on chain: the shared [`Till`], which takes what was signed and nothing less.

use crate::proxy::CALLS;
use crate::settings::Settings;
use crate::terms::bound;
use std::sync::Arc;
use tollway_core::flow::settle_unsent;
use tollway_core::{
    Amount, Code, Due, Effort, Error, Extra, Fate, Kind, Name, Order, Proof, Receipt, Result, Settler, Site,
    Version, async_trait,
};
use tollway_evm::permit2::Till;

/// Verifies by one look, settles by one transaction.
pub(crate) struct Settling(Till);

impl Settling {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Settler>> {
        let settings = site.settings::<Settings>()?.permit2;
        Ok(Arc::new(Self(Till::new(site, settings, CALLS, bound)?)))
    }
}

#[async_trait]
impl Settler for Settling {
    /// Without a key to send with it still looks, prices and resumes, and offers to settle nothing. Permit2 is spoken on
    /// the v2 wire alone.
    async fn kinds(&self) -> Result<Vec<Kind>> {
        if self.0.senders().is_empty() {
            return Ok(Vec::new());
        }
        let scheme = Name::new(crate::SCHEME)?;
        let (chain, extensions) = (self.0.chain(), self.0.extensions());
        Ok(vec![Kind { version: Version::V2, scheme, chain, extra: Extra::default(), extensions }])
    }

    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.0.effort(order).await
    }

    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.0.verify(order).await
    }

    async fn settle(&self, due: Due) -> Result<Receipt> {
        let (charge, signed) = (due.charge(), due.verified().terms().ceiling);
        if charge.amount() != signed.0 {
            return Err(Error::caller(Code::ValueMismatch).detail(format!(
                "exact takes the very amount that was signed, {}; the charge is {}",
                signed.0,
                charge.amount()
            )));
        }
        self.0.settle(&due).await
    }

    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        let found = self.0.fate(order).await?;
        settle_unsent(crate::read, self, self.0.clock(), order, charge, found).await
    }
}
