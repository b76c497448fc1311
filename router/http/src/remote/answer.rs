use super::{Answer, RemoteFacilitator, not_this_one};
use crate::codec;
use tollway_core::wire::{self, SettleResponse};
use tollway_core::{Blame, Cell, ChainId, Code, Error, Json, Landed, Next, Order, Receipt, Result, TxId};

/// The longest transaction id that is believed to be one.
const TX_BYTES_MAX: usize = 256;

/// What came of `/settle`.
pub(super) enum Settled {
    /// With this receipt.
    Landed(Box<Receipt>),
    /// Not settled, and nothing moved.
    Refused(Error),
    /// Money may have moved.
    Unknown(Error),
}

impl Settled {
    fn of(e: Error) -> Self {
        if e.is_unknown_outcome() { Self::Unknown(e) } else { Self::Refused(e) }
    }
}

/// An answer's JSON, bounded in depth; its size was bounded while it was read.
pub(super) fn json(answer: &Answer) -> Option<Json> {
    codec::parse(&answer.body, answer.body.len(), codec::Limits::DEFAULT.depth).ok()
}

/// An answer without a verdict, to a call that moves nothing.
pub(super) fn no_verdict(answer: &Answer) -> Error {
    let status = answer.status.as_u16();
    let e = match status {
        200..=299 => not_this_one(Code::InvalidAnswer),
        300..=399 => Error::caller(Code::BadSettings).next(Next::OtherRoute),
        401 | 403 | 407 => Error::caller(Code::BadSettings).next(Next::OtherRoute),
        408 | 425 | 429 | 500..=599 => Error::new(Code::Unreachable, Blame::Settler, Next::Later),
        _ => not_this_one(Code::InvalidAnswer),
    };
    e.detail(match status {
        300..=399 => format!("{status}: the facilitator sends us elsewhere; set the address it really has"),
        401 | 403 | 407 => format!("{status}: the facilitator does not accept our credentials"),
        _ => format!("{status} without a verdict"),
    })
}

impl RemoteFacilitator {
    pub(super) fn read_settled(&self, answer: &Answer, order: &Order, charge_atomic: u128) -> Settled {
        let response = json(answer).and_then(|json| codec::settle_response(&json).ok());
        match response {
            Some(r) if r.success && answer.status.is_success() => {
                match self.receipt(&r, order, charge_atomic) {
                    Ok(receipt) => Settled::Landed(Box::new(receipt)),
                    Err(e) => Settled::Unknown(e),
                }
            }
            Some(r) if r.success => Settled::Unknown(
                doubt(Code::InvalidAnswer, tx(&r)).detail("success under a status that is none"),
            ),
            Some(r) => Settled::of(failure(&r)),
            None => {
                let e = no_verdict(answer);
                // Refused before anything was looked at; any other status may come from behind a settlement.
                let untouched =
                    matches!(answer.status.as_u16(), 300..=399 | 400..=407 | 410..=417 | 421..=451);
                if untouched { Settled::Refused(e) } else { Settled::Unknown(e.next(Next::Unknown(None))) }
            }
        }
    }

    /// A receipt that says what was asked for, or the doubt that it does not.
    fn receipt(&self, r: &SettleResponse, order: &Order, charge_atomic: u128) -> Result<Receipt> {
        let tx = tx(r);
        let mismatch = |words: &str| Err(doubt(Code::ReceiptMismatch, tx.clone()).detail(words));
        let cell = self.cell(order);
        if !r.network.is_empty() && !self.is_network(&r.network, &order.requirement.chain) {
            return mismatch("the receipt is for another network");
        }
        if !self.is_payer(r.payer.as_deref(), order, cell) {
            return mismatch("the receipt names another payer");
        }
        if !r.transaction.is_empty() && tx.is_none() {
            return mismatch("the receipt's transaction is none");
        }
        let deferred = cell.is_some_and(|c| c.capability.deferred || c.capability.stateful);
        if tx.is_none() && charge_atomic > 0 && !deferred {
            return Err(doubt(Code::InvalidAnswer, None).detail("success without a transaction"));
        }
        let mut receipt = r
            .receipt(&order.requirement, self.registry.families())
            .map_err(|e| doubt(e.code, tx.clone()).detail(e.detail))?;
        match &r.amount {
            None => receipt.charged.atomic = charge_atomic,
            Some(_) if receipt.charged.atomic > charge_atomic && !deferred => {
                let words = format!("the receipt is for {}, {charge_atomic} was due", receipt.charged);
                return Err(doubt(Code::Overcharged, tx.clone()).detail(words));
            }
            Some(_) if receipt.charged.atomic != charge_atomic && !deferred => {
                return mismatch("the receipt is for another amount");
            }
            Some(_) => {}
        }
        if receipt.landed == Landed::Nothing && receipt.charged.atomic > 0 {
            receipt.landed = Landed::Committed { id: self.id.0.clone() };
        }
        Ok(receipt)
    }

    fn is_network(&self, spelled: &str, chain: &ChainId) -> bool {
        wire::read_network(spelled, self.registry.families()).is_ok_and(|claimed| claimed == *chain)
    }

    /// A payer that is not named is nobody else; one that is named must be the one who signed.
    pub(super) fn is_payer(&self, claimed: Option<&str>, order: &Order, cell: Option<&Cell>) -> bool {
        let Some(claimed) = claimed.filter(|p| !p.is_empty()) else { return true };
        let signed = cell.and_then(|c| (c.read)(order).ok()).and_then(|terms| terms.payer);
        let Some(signed) = signed else { return true };
        let chain = order.requirement.chain;
        self.registry.family(&chain).is_some_and(|f| f.account(chain, claimed).is_ok_and(|c| c == signed))
    }
}

fn doubt(code: Code, tx: Option<TxId>) -> Error {
    Error::new(code, Blame::Settler, Next::Unknown(tx))
}

fn tx(r: &SettleResponse) -> Option<TxId> {
    let sane = (1..=TX_BYTES_MAX).contains(&r.transaction.len())
        && r.transaction.bytes().all(|b| b.is_ascii_graphic());
    sane.then(|| TxId(r.transaction.clone()))
}

/// Core's reading of a failure, and what more this side of the wire knows: who is really to blame, and that a failure
/// which names a transaction, or which speaks of one under way, is no refusal.
fn failure(r: &SettleResponse) -> Error {
    let e = r.failure();
    let tx = tx(r);
    let sent = match &e.code {
        Code::InFlight | Code::TimedOut | Code::LedgerFailed | Code::Internal | Code::InvalidAnswer => true,
        Code::Other(word) => {
            ["transaction_failed", "not_confirmed", "timeout", "timed_out", "unexpected", "pending"]
                .iter()
                .any(|part| word.contains(part))
        }
        _ => false,
    };
    if tx.is_some() || sent || e.is_unknown_outcome() {
        return Error { blame: Blame::Settler, next: Next::Unknown(tx), ..e };
    }
    blamed(e)
}

/// A word read from a facilitator, as an error of whoever it speaks of: a verdict on the payment is the payer's, and final; an
/// approval that cannot be sent is the payer's too, and may be mended;
/// everything else is the facilitator's own, and another may settle what this one will not, or this one later.
pub(super) fn blamed(e: Error) -> Error {
    let next = match &e.code {
        Code::UnsupportedScheme
        | Code::UnsupportedMethod
        | Code::UnsupportedFlow
        | Code::InvalidNetwork
        | Code::InvalidX402Version
        | Code::RoleMissing
        | Code::NetworkMissing
        | Code::Unauthorized
        | Code::PayeeNotServed
        | Code::AssetNotServed
        | Code::UnknownAsset
        | Code::FeePayerNotManaged
        | Code::AmountTooSmall
        | Code::Unprofitable
        | Code::GasTooHigh => Next::OtherRoute,
        // The payer's to mend, so nothing against the facilitator, and not final: what was delivered is owed still.
        Code::ApprovalNotSent => return Error { blame: Blame::Payer, next: Next::OtherRoute, ..e },
        code if code.is_verdict() => return e,
        _ => Next::Later,
    };
    Error { blame: Blame::Settler, next, ..e }
}
