//! Admitting a payment: which offer it answers, whose scheme reads it, who settles it.

use super::{Gate, post};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tollway_core::{
    Arrival, Code, Error, Json, Leg, Offer, Order, Payment, Print, Requirement, Result, Seller, Settler,
    Version, registry, wire,
};

/// A payment that matched an offer and can be driven.
pub struct Admitted {
    /// The payment, its offer and its print.
    pub arrival: Arrival,
    pub(super) read: registry::Read,
    pub(super) seller: Arc<dyn Seller>,
    pub(super) settler: Arc<dyn Settler>,
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
    /// is a replay. No network I/O; the ledger is asked only for offers that this process has not shown itself.
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
        let now = self.clock.now();
        let mut offers = current.to_vec();
        offers.extend(self.honour.in_memory(scope, now));
        let found = match self.matching(payment, &offers, resource_url) {
            Err(e) if e.code == Code::NoMatchingOffer || e.code == Code::ValueMismatch => {
                let standing = self.honour.standing(self.ledger.as_ref(), scope, now).await?;
                self.matching(payment, &standing, resource_url)
            }
            other => other,
        };
        let (offer, payment_read) = found?;
        let cell = self.registry.cell(&offer.requirement)?;
        let seller = cell.seller.clone().ok_or_else(|| Error::caller(Code::RoleMissing))?;
        let read = cell.read;
        let settler = self.settler_or_none(cell, &offer.requirement).await;
        let print = print(request, payment);
        Ok(Admitted { arrival: Arrival { payment: payment_read, offer, print }, read, seller, settler })
    }

    fn matching(&self, payment: &Json, offers: &[Offer], resource_url: &str) -> Result<(Offer, Payment)> {
        let families = self.registry.families();
        let (at, read) = wire::read_payment(payment, offers, families)?;
        if read.accepted.version == Version::V2 {
            let offer = offers.get(at).ok_or_else(|| Error::us(Code::Internal))?;
            return Ok((offer.clone(), read));
        }
        // v1 names only scheme and network, so the offer is the one whose terms the payload fulfils.
        let mut first = None;
        for offer in offers.iter().skip(at) {
            let r = &offer.requirement;
            if r.scheme != read.accepted.scheme || r.chain != read.accepted.chain {
                continue;
            }
            let Some(v1) = post::in_v1(r, resource_url, families) else { continue };
            let offer = Offer { requirement: v1.clone(), ..offer.clone() };
            let payment = Payment { accepted: v1, ..read.clone() };
            match self.fulfils(&offer.requirement, &payment) {
                Ok(()) => return Ok((offer, payment)),
                Err(why) => first = first.or(Some(why)),
            }
        }
        Err(first.unwrap_or_else(|| Error::payer(Code::NoMatchingOffer)))
    }

    fn fulfils(&self, requirement: &Requirement, payment: &Payment) -> Result<()> {
        let order = Order { leg: Leg::After, requirement: requirement.clone(), payment: payment.clone() };
        let cell = self.registry.cell(requirement)?;
        (cell.read)(&order)?.check(&order, self.clock.now())
    }
}

fn print(request: &[u8], payment: &Json) -> Print {
    let mut hash = Sha256::new();
    hash.update(u64::try_from(request.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(request);
    hash.update(payment.as_str().as_bytes());
    Print(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}
