//! Admitting a payment: which offer it answers, whose scheme reads it, who settles it.

use super::{Gate, post};
use crate::metrics;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tollway_core::{
    Arrival, Code, Error, Flow, Json, Leg, Offer, Order, Payment, Print, Requirement, Result, Seller,
    Settler, Time, Version, flow, registry, wire,
};

/// A payer may name any resource, or none; the one that counts is ours. It goes to the facilitator, which then can tell
/// two shops apart that are paid to one address and share no ledger.
fn for_resource(payment: Payment, resource_url: &str) -> Payment {
    if payment.accepted.version == Version::V1 {
        return payment; // v1 has it in the requirements, which are ours
    }
    let resource = Some(Json::of(&serde_json::json!({ "url": resource_url })));
    Payment { resource, ..payment }
}

/// A payment that matched an offer and can be driven.
pub struct Admitted {
    /// The payment, its offer and its print.
    pub arrival: Arrival,
    pub(super) read: registry::Read,
    pub(super) seller: Arc<dyn Seller>,
    pub(super) settler: Arc<dyn Settler>,
}

impl Admitted {
    /// What the payment is called in logs, on every side of it.
    pub(super) fn tag(&self) -> String {
        let requirement = self.arrival.offer.requirement.clone();
        let leg = if requirement.flow == Flow::Authorization { Leg::After } else { Leg::Before };
        flow::tag(self.read, &Order { leg, requirement, payment: self.arrival.payment.clone() })
    }
}

impl std::fmt::Debug for Admitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admitted").field("offer", &self.arrival.offer.requirement).finish_non_exhaustive()
    }
}

impl Gate {
    /// Admits a payment: it must answer an offer that is made now (`current`) or still stands in `scope`.
    ///
    /// `request` identifies the request around it (method, host, path, body): the same payment with another request
    /// is a replay. No network I/O; the ledger is asked only for offers that this process has not shown itself. Claims
    /// nothing; cancel safe.
    ///
    /// # Errors
    /// The codes of [`wire::read_payment`]; [`Code::NoMatchingOffer`].
    pub async fn admit(
        &self,
        scope: &str,
        payment: &Json,
        current: &[Offer],
        request: &[u8],
        resource_url: &str,
    ) -> Result<Admitted> {
        let admitted = self.admitted(scope, payment, current, request, resource_url).await;
        admitted.inspect_err(metrics::turned_away)
    }

    async fn admitted(
        &self,
        scope: &str,
        payment: &Json,
        current: &[Offer],
        request: &[u8],
        resource_url: &str,
    ) -> Result<Admitted> {
        let now = self.clock.now();
        let mut offers = current.to_vec();
        offers.extend(self.honour.in_memory(scope, now));
        let found = match self.matching(payment, &offers, resource_url) {
            Ok(found) if found.exact => Ok(found),
            Err(e) if !may_stand(&e.code) => Err(e),
            near => match self.standing(scope, payment, &mut offers, resource_url, now).await? {
                Some(found) => Ok(found),
                None => near,
            },
        };
        let Match { offer, payment: payment_read, .. } = found?;
        let payment_read = for_resource(payment_read, resource_url);
        let cell = self.registry.cell(&offer.requirement)?;
        let seller = cell.seller.clone().ok_or_else(|| Error::caller(Code::RoleMissing))?;
        let read = cell.read;
        let settler = self.settler_or_none(cell, &offer.requirement).await;
        let print = print(request, payment);
        Ok(Admitted { arrival: Arrival { payment: payment_read, offer, print }, read, seller, settler })
    }

    /// The match among what the ledger has beside `offers`.
    async fn standing(
        &self,
        scope: &str,
        payment: &Json,
        offers: &mut Vec<Offer>,
        resource_url: &str,
        now: Time,
    ) -> Result<Option<Match>> {
        let ledger = self.ledger.as_ref();
        // Most clients echo the very bytes: one look, however many offers there are.
        let echo = payment.read::<Echo<'_>>().ok().and_then(|e| e.accepted);
        if let Some(raw) = echo
            && let Some(offer) = self.honour.named(ledger, scope, raw.get(), now).await?
            && let Ok(found) = self.matching(payment, &[offer], resource_url)
        {
            return Ok(Some(found));
        }
        offers.extend(self.honour.standing(ledger, scope, now).await?);
        Ok(self.matching(payment, offers, resource_url).ok())
    }

    fn matching(&self, payment: &Json, offers: &[Offer], resource_url: &str) -> Result<Match> {
        let families = self.registry.families();
        let (at, read) = wire::read_payment(payment, offers, families)?;
        if read.accepted.version == Version::V2 {
            let offer = offers.get(at).ok_or_else(|| Error::us(Code::Internal))?;
            return Ok(Match { offer: offer.clone(), payment: read, exact: true });
        }
        // v1 names only scheme and network, so the offer is the one whose terms the payload fulfils; where it fulfils
        // several, the dearest, which leaves the least of what was signed unused.
        let mut best: Option<Match> = None;
        let mut first = None;
        for offer in offers.iter().skip(at) {
            let r = &offer.requirement;
            let better = |b: &Match| r.price.atomic() > b.offer.requirement.price.atomic();
            if r.scheme != read.accepted.scheme
                || r.chain != read.accepted.chain
                || !best.as_ref().is_none_or(better)
            {
                continue;
            }
            let Some(v1) = post::in_v1(r, resource_url, families) else { continue };
            let offer = Offer { requirement: v1.clone(), ..offer.clone() };
            let payment = Payment { accepted: v1, ..read.clone() };
            match self.fulfils(&offer.requirement, &payment) {
                Ok(exact) => best = Some(Match { offer, payment, exact }),
                Err(why) => first = first.or(Some(why)),
            }
        }
        best.ok_or_else(|| first.unwrap_or_else(|| Error::payer(Code::NoMatchingOffer)))
    }

    /// True when no more was signed than this offer asks.
    fn fulfils(&self, requirement: &Requirement, payment: &Payment) -> Result<bool> {
        let order = Order { leg: Leg::After, requirement: requirement.clone(), payment: payment.clone() };
        let terms = (self.registry.cell(requirement)?.read)(&order)?;
        terms.check(&order, self.clock.now())?;
        Ok(terms.ceiling.atomic() == requirement.price.atomic())
    }
}

/// An offer and the payment that answers it.
struct Match {
    offer: Offer,
    payment: Payment,
    /// False when a dearer offer would fit what was signed better.
    exact: bool,
}

/// The offer as a v2 payment repeats it.
#[derive(Deserialize)]
struct Echo<'a> {
    #[serde(borrow)]
    accepted: Option<&'a RawValue>,
}

/// True for what an offer that only the ledger has would mend.
fn may_stand(code: &Code) -> bool {
    matches!(
        code,
        Code::NoMatchingOffer | Code::ValueMismatch | Code::RecipientMismatch | Code::AssetMismatch
    )
}

fn print(request: &[u8], payment: &Json) -> Print {
    let mut hash = Sha256::new();
    hash.update(u64::try_from(request.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(request);
    hash.update(payment.as_str().as_bytes());
    Print(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}
