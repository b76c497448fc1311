use super::faults::*;
use super::{FLOWS, SCHEME};
use std::sync::Arc;
use tollway_core::{
    Code, Dice, Error, Event, Flow, Job, Json, Kind, Move, Name, Offer, Price, Requirement, Result, Seller,
    Site, Time, Version, Visit, Wish, async_trait, flow, wire,
};
use tollway_testkit::sim::FAMILY;

struct Selling<const F: u8> {
    dice: Arc<dyn Dice>,
}

pub(super) fn build<const F: u8>(site: &Site) -> Result<Arc<dyn Seller>> {
    Ok(Arc::new(Selling::<F> { dice: site.dice.clone() }))
}

#[async_trait]
impl<const F: u8> Seller for Selling<F> {
    fn offer(&self, price: &Price, kind: &Kind) -> Result<Offer> {
        let chains = [kind.chain, price.pay_to.chain, price.ceiling.asset().chain];
        if chains.iter().any(|c| *c != price.chain) || !FLOWS.contains(&price.flow) {
            return Err(Error::caller(Code::InvalidNetwork).detail("the parts do not fit"));
        }
        let mut pairs = Vec::new();
        if price.flow != Flow::Authorization {
            pairs.push(("paymentFlow".to_owned(), price.flow.as_str().into()));
        }
        if F == OFFERS_DIFFER {
            let mut salt = [0; 4];
            self.dice.fill(&mut salt);
            pairs.push(("salt".to_owned(), hex::encode(salt).into()));
        }
        let mut requirement = Requirement {
            version: Version::V2,
            scheme: Name::new(SCHEME)?,
            method: None,
            chain: price.chain,
            price: price.ceiling,
            pay_to: price.pay_to,
            timeout_s: price.timeout_s,
            flow: price.flow,
            extra: kind.extra.with(pairs),
            raw: Json::empty(),
        };
        requirement.raw = wire::write_requirement(&requirement, "", &[FAMILY])?;
        Ok(Offer { requirement, bound_to: None, volatile: Vec::new() })
    }

    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        if F == SETTLES_WHAT_FAILED && matches!(event, Event::Failed) && visit.receipts.is_empty() {
            return Ok(Move::SettleHeld(visit.arrival.offer.requirement.price.full()));
        }
        flow::simple(visit, &event)
    }

    async fn upkeep(&self, _: Wish, _: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}
