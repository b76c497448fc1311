use crate::{Code, Error, Event, Flow, Leg, Move, Order, Result, Visit};

/// The order for one leg of a visit: the seller's own offer, the payer's payment.
pub fn order(visit: &Visit, leg: Leg) -> Order {
    Order {
        leg,
        requirement: visit.arrival.offer.requirement.clone(),
        payment: visit.arrival.payment.clone(),
    }
}

/// `Seller::advance` of any scheme with the plain flows: authorization (verify → serve → settle) and upfront
/// (settle → serve).
///
/// # Errors
/// [`Code::UnsupportedFlow`] for another flow, or an event that cannot come at this point.
pub fn simple(visit: &Visit, event: &Event<'_>) -> Result<Move> {
    let price = visit.arrival.offer.requirement.price;
    Ok(match (visit.arrival.offer.requirement.flow, event) {
        (Flow::Authorization, Event::Arrived) => Move::Verify(order(visit, Leg::After)),
        (Flow::Authorization, Event::Verified(v)) => Move::Serve(v.terms().ceiling.min(price)),
        (Flow::Authorization, Event::Handled(charge)) => Move::SettleHeld(*charge),
        (Flow::Authorization, Event::Settled(receipt)) => Move::Done(Some((*receipt).clone())),
        (Flow::Upfront, Event::Arrived) => Move::Settle(order(visit, Leg::Before), price.full()),
        (Flow::Upfront, Event::Settled(_)) => Move::Serve(price),
        (Flow::Upfront, Event::Handled(_) | Event::Failed) => Move::Done(visit.receipts.last().cloned()),
        (_, Event::Failed) => Move::Done(None),
        (flow, _) => return Err(Error::payee(Code::UnsupportedFlow).detail(flow.as_str())),
    })
}
