//! The side that sells: needs no node and no key.

use crate::settings::Settings;
use std::sync::Arc;
use tollway_core::{
    Code, Error, Event, Job, Json, Kind, Move, Offer, Price, Result, Seller, Site, Time, Visit, Wish,
    async_trait, flow,
};
use tollway_evm::FAMILY;
use tollway_evm::permit2::Settings as Shared;

/// Offers, and moves visits on by the plain flows.
#[derive(Debug)]
pub(crate) struct Selling {
    settings: Shared,
}

impl Selling {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Seller>> {
        Ok(Arc::new(Self { settings: site.settings::<Settings>()?.permit2.checked()? }))
    }
}

#[async_trait]
impl Seller for Selling {
    fn offer(&self, price: &Price, kind: &Kind) -> Result<Offer> {
        let method = kind.extra.map().get("assetTransferMethod").cloned();
        if method.is_some_and(|m| m != crate::METHODS.first().copied().unwrap_or_default()) {
            return Err(Error::caller(Code::UnsupportedMethod)
                .detail("the settler's kind is for another assetTransferMethod; this cell offers permit2"));
        }
        let mut pairs = vec![("assetTransferMethod".to_owned(), "permit2".into())];
        // What it takes to sign an EIP-2612 permit; Permit2 itself has a domain of its own.
        if let Some((name, version)) = self.settings.domain(&price.ceiling.asset()) {
            pairs.push(("name".to_owned(), name.into()));
            pairs.push(("version".to_owned(), version.into()));
        }
        let kind = Kind { extra: kind.extra.with(pairs), ..kind.clone() };
        flow::offer(&crate::ENTRY, &FAMILY, price, &kind)
    }

    fn extensions(&self, offer: &Offer, kind: &Kind) -> Option<Json> {
        self.settings.declared(&offer.requirement.price.asset(), kind)
    }

    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        flow::simple(visit, &event)
    }

    async fn upkeep(&self, _wish: Wish, _now: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}
