//! Settling what a settler was told to settle, and never sent.

use super::once::verify;
use crate::registry::Read;
use crate::{Amount, Clock, Code, Error, Fate, Next, Order, Result, Settler};

/// For a settler's `resume`, once it has `found` out: settles what nobody has sent and the chain would still take, when whoever
/// asks knows how much was to be taken. Anything else is answered as it was found.
///
/// A process that dies between writing "settling" down and its sender's own journal leaves such a payment, and so does a
/// ledger that fails just then. It is verified anew and settled as any other, by the settler's own `verify` and `settle`: same
/// trial, same limits, same spare time in its window, same key in the sender's journal.
///
/// Why this cannot double:
/// * Only the holder of the claim asks with a charge, and one claim is for one charge. Under a claim that was freed nothing is
///   sent: whoever asks has written the visit's record first, or written it anew, and whoever would free the claim has to
///   rewrite that very version, which only one of them can.
/// * Whoever sends journals first, under a key that is the payment's own. Of two processes one gets that key, from whatever
///   account it sends; the other follows what is there. That holds also for the first one, should it be alive after all.
/// * Behind both stands the chain: an authorization's nonce, a permit's, a message's signature is used once.
///
/// A refusal from before anything went out may be of a second attempt beside the first, so it proves nothing about the payment:
/// it stays open.
///
/// # Errors
/// An unknown outcome; what failed in a block, with its transaction; what may do later, or elsewhere. Nothing definite
/// without a transaction.
pub async fn settle_unsent(
    read: Read,
    settler: &dyn Settler,
    clock: &dyn Clock,
    order: &Order,
    charge: Option<Amount>,
    found: Fate,
) -> Result<Fate> {
    let (Fate::Open { .. }, Some(charge)) = (&found, charge) else { return Ok(found) };
    match settle_anew(read, settler, clock, order, charge).await {
        Err(e) if e.next == Next::Never && e.transaction.is_none() => Ok(found),
        done => done,
    }
}

async fn settle_anew(
    read: Read,
    settler: &dyn Settler,
    clock: &dyn Clock,
    order: &Order,
    charge: Amount,
) -> Result<Fate> {
    let verified = verify(read, settler, order.clone(), clock).await?;
    let ceiling = verified.terms().ceiling.min(order.requirement.price);
    if charge.asset != ceiling.asset() {
        let words = format!("{charge} was to be taken of a payment in {}", ceiling.asset());
        return Err(Error::us(Code::ChargeExceedsCeiling).detail(words));
    }
    let due = verified.due(ceiling.charge(charge.atomic)?)?;
    Ok(Fate::Settled(Box::new(settler.settle(due).await?)))
}
