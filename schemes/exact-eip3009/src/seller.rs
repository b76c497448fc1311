//! The side that sells: needs no node and no key, only the token's domain.

use crate::settings::Settings;
use std::sync::Arc;
use tollway_core::{
    Code, Error, Event, Extra, Flow, Job, Json, Kind, Move, Name, Offer, Price, Requirement, Result, Seller,
    Site, Time, Version, Visit, Wish, async_trait, flow, wire,
};
use tollway_evm::FAMILY;

/// Offers, and moves visits on by the plain flows.
#[derive(Debug)]
pub(crate) struct Selling {
    settings: Settings,
}

impl Selling {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Seller>> {
        Ok(Arc::new(Self { settings: site.settings::<Settings>()?.checked()? }))
    }

    /// What the settler's kind carries, with the domain and the flow over it.
    fn extra(&self, price: &Price, kind: &Kind) -> Result<Extra> {
        let asset = price.ceiling.asset();
        let (name, version) = self.settings.domain(&asset).ok_or_else(|| {
            Error::caller(Code::UnknownAsset).detail(format!(
                "{asset} is in no table; its EIP-712 name and version belong into the setting exact.tokens"
            ))
        })?;
        let mut pairs = vec![("name".to_owned(), name.into()), ("version".to_owned(), version.into())];
        if price.flow == Flow::Upfront {
            pairs.push(("paymentFlow".to_owned(), Flow::Upfront.as_str().into()));
        }
        Ok(kind.extra.with(pairs))
    }
}

#[async_trait]
impl Seller for Selling {
    fn offer(&self, price: &Price, kind: &Kind) -> Result<Offer> {
        let chain = price.chain;
        if [kind.chain, price.pay_to.chain, price.ceiling.asset().chain].iter().any(|c| *c != chain) {
            return Err(Error::caller(Code::InvalidNetwork).detail(format!(
                "priced on {chain}, with {} paid to {}, by a settler on {}",
                price.ceiling.asset(),
                price.pay_to,
                kind.chain
            )));
        }
        if !crate::FLOWS.contains(&price.flow) {
            return Err(Error::caller(Code::UnsupportedFlow)
                .detail(format!("{} with exact; authorization and upfront are possible", price.flow)));
        }
        let extra = self.extra(price, kind)?;
        let mut requirement = Requirement {
            // v2 is what a seller keeps; a v1 client's form is derived from it where it is spoken.
            version: Version::V2,
            scheme: Name::new(crate::SCHEME)?,
            method: method(&extra)?,
            chain,
            price: price.ceiling,
            pay_to: price.pay_to,
            timeout_s: price.timeout_s,
            flow: price.flow,
            extra,
            raw: Json::empty(),
        };
        requirement.raw = wire::write_requirement(&requirement, "", &[FAMILY])?;
        Ok(Offer { requirement, bound_to: None, volatile: Vec::new() })
    }

    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        flow::simple(visit, &event)
    }

    async fn upkeep(&self, _wish: Wish, _now: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}

/// The method that a settler insists on naming; absent, as usual, means EIP-3009 too.
fn method(extra: &Extra) -> Result<Option<Name>> {
    match extra.map().get("assetTransferMethod").and_then(|m| m.as_str()) {
        None => Ok(None),
        Some(named) if crate::METHODS.contains(&named) => Name::new(named).map(Some),
        Some(_) => Err(Error::caller(Code::UnsupportedMethod)
            .detail("the settler's kind is for another assetTransferMethod; this cell offers eip3009")),
    }
}
