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
/// it stays open. One that names a transaction is definite only when the settler's `resume` then says so too: that transaction
/// may be what was sent ahead of the payment, as coins for its gas.
///
/// # Errors
/// An unknown outcome; what failed in a block, with its transaction; what may do later, or elsewhere. Nothing definite
/// without a transaction, or while the payment is open: what was spent ahead of it is then an error of
/// [`Next::Later`].
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
        Err(e) if e.next == Next::Never => after_sending(settler, order, e).await,
        done => done,
    }
}

/// What a definite error with a transaction says of the payment, by another look.
async fn after_sending(settler: &dyn Settler, order: &Order, e: Error) -> Result<Fate> {
    match settler.resume(order, None).await {
        Ok(Fate::Dead) => Err(e),
        Err(why) if why.ends_payment() => Err(e),
        Ok(known @ (Fate::Settled(_) | Fate::NotYetKnown { .. })) => Ok(known),
        // An error, not "open": it tells what was spent.
        Ok(Fate::Open { .. }) | Err(_) => Err(e.next(Next::Later)),
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
