//! The side that sells: needs no node and no key, only a settler that pays fees.

use crate::asked::Asked;
use crate::settings::Settings;
use std::sync::Arc;
use tollway_core::{
    Code, Error, Event, Extra, Flow, Job, Json, Kind, Move, Name, Offer, Price, Requirement, Result, Seller,
    Site, Time, Version, Visit, Wish, async_trait, flow, wire,
};
use tollway_solana::FAMILY;

/// Keys of `extra` that a seller may rotate: hints for payers without a node. Source: x402 v2
/// `scheme_exact_svm`.
const VOLATILE: [&str; 2] = ["recentBlockhash", "lastValidBlockHeight"];

/// Offers, and moves visits on by the plain flows.
#[derive(Debug)]
pub(crate) struct Selling {
    settings: Settings,
}

impl Selling {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Seller>> {
        Ok(Arc::new(Self { settings: Settings::of(site)? }))
    }

    /// What the settler's kind carries, with the flow over it. A settler that takes smart wallets does not
    /// decide that this seller does.
    fn extra(&self, flow: Flow, kind: &Kind) -> Extra {
        let mut map = kind.extra.map();
        if !self.settings.smart_wallets {
            map.remove("features");
        }
        if flow == Flow::Upfront {
            map.insert("paymentFlow".to_owned(), flow.as_str().into());
        }
        Extra(Json::of(&map))
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
        let mut requirement = Requirement {
            // v2 is what a seller keeps; a v1 client's form is derived from it where it is spoken.
            version: Version::V2,
            scheme: Name::new(crate::SCHEME)?,
            method: None,
            chain,
            price: price.ceiling,
            pay_to: price.pay_to,
            timeout_s: price.timeout_s,
            flow: price.flow,
            extra: self.extra(price.flow, kind),
            raw: Json::empty(),
        };
        // What no payer could understand is not offered: a settler without a fee payer, an amount above 64
        // bits.
        Asked::of(&requirement)?;
        requirement.raw = wire::write_requirement(&requirement, "", &[FAMILY])?;
        let volatile = VOLATILE.iter().map(|key| (*key).to_owned()).collect();
        Ok(Offer { requirement, bound_to: None, volatile })
    }

    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        flow::simple(visit, &event)
    }

    async fn upkeep(&self, _wish: Wish, _now: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}
