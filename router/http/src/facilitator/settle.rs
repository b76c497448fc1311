use super::{Facilitator, pending, print, reply};
use std::time::Duration;
use tollway_core::wire::FacilitatorRequest;
use tollway_core::{Code, Error, Receipt, Result};
use tollway_route::Caller;

impl Facilitator {
    /// Settles, once, and answers when it is final or when the caller has waited long enough. Dropping the future
    /// does not stop the settlement.
    ///
    /// # Errors
    /// Why nothing was sent; or an unknown outcome, which is followed up in the background.
    pub async fn settle(&self, request: FacilitatorRequest) -> Result<Receipt> {
        self.settle_for(&Caller::anyone(), request).await
    }

    /// The same for a caller, under its budgets.
    ///
    /// # Errors
    /// As [`Self::settle`]; [`Code::TooManyAtOnce`].
    pub async fn settle_for(&self, caller: &Caller, request: FacilitatorRequest) -> Result<Receipt> {
        if self.0.leases.is_over() {
            return Err(reply::busy("another process has taken over from this one"));
        }
        let print = print::of(&request.order);
        let (ticket, mut answer) = self.0.flights.board(&print, caller)?;
        if let Some(ticket) = ticket {
            let (inner, print, caller) = (self.0.clone(), print.clone(), caller.clone());
            drop(self.0.tasks.spawn(async move {
                let (pilot, order) = ((inner.clone(), print.clone()), request.order.clone());
                let flight = inner.tasks.spawn(async move { pilot.0.fly(request, &pilot.1, &caller).await });
                let outcome = match flight.await {
                    Some(outcome) => outcome,
                    None => Err(inner.follow_order(&order, &print, lost()).await),
                };
                ticket.land(outcome);
            }));
        }
        let wait = Duration::from_millis(self.0.settings.settle_wait_ms);
        let landed = async { answer.wait_for(Option::is_some).await.ok().and_then(|a| a.clone()) };
        match self.0.tasks.timeout(wait, landed).await {
            Some(landed) => landed.unwrap_or_else(|| Err(lost())),
            None => Err(Error::unknown(Code::SettlementPending, pending::hash(&self.0, &print).await)
                .detail("still being settled; ask again with the same body")),
        }
    }
}

/// A settler that panicked. What it may have sent is journaled.
fn lost() -> Error {
    Error::unknown(Code::Internal, None).detail("the settlement broke off; its outcome is being looked up")
}
