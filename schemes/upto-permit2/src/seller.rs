//! The side that sells: needs no node and no key, only to know who will charge.

use crate::ENTRY;
use crate::terms::{FACILITATOR, facilitator};
use std::sync::Arc;
use tollway_core::{
    Code, Error, Event, Job, Json, Kind, Move, Next, Offer, Price, Result, Seller, SettlerId, Site, Time,
    Visit, Wish, async_trait, flow,
};
use tollway_evm::FAMILY;
use tollway_evm::permit2::Settings;

/// Offers ceilings, and moves visits on by the plain flow.
#[derive(Debug)]
pub(crate) struct Selling {
    settings: Settings,
}

impl Selling {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Seller>> {
        Ok(Arc::new(Self { settings: site.settings::<Settings>()?.checked()? }))
    }
}

#[async_trait]
impl Seller for Selling {
    fn offer(&self, price: &Price, kind: &Kind) -> Result<Offer> {
        let named = facilitator(&kind.extra).map_err(nameless)?;
        let named = named.ok_or_else(|| nameless(Error::settler(Code::InvalidPaymentRequirements)))?;
        let named = named.to_checksum(None);
        let mut pairs = vec![
            ("assetTransferMethod".to_owned(), "permit2".into()),
            (FACILITATOR.to_owned(), named.clone().into()),
        ];
        // What a payer needs to know to have an allowance sponsored.
        if let Some((name, version)) = self.settings.domain(&price.ceiling.asset()) {
            pairs.extend([("name".to_owned(), name.into()), ("version".to_owned(), version.into())]);
        }
        let kind = Kind { extra: kind.extra.with(pairs), ..kind.clone() };
        let offer = flow::offer(&ENTRY, &FAMILY, price, &kind)?;
        Ok(Offer { bound_to: Some(SettlerId(named)), ..offer })
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

/// A settler that does not say who will charge.
fn nameless(e: Error) -> Error {
    Error::settler(e.code)
        .next(Next::OtherRoute)
        .detail(format!("the settler's kind has no {FACILITATOR}: a payer could not say who may charge"))
}
