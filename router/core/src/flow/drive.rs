use super::journal::Stage;
use super::once::{Admitted, Claimed, SettleOnce};
use super::tab::{Tab, Tally};
use crate::{
    Arrival, Ceiling, Charge, Code, Error, Event, Json, Move, Order, Receipt, Result, Seller, Visit,
};

/// Runs what was paid for.
#[crate::async_trait]
pub trait Handler: Send {
    /// Serves, and says what it costs; `None` when it failed and nothing is owed. Charges are made from `ceiling`.
    async fn run(&mut self, ceiling: &Ceiling) -> Option<Charge>;

    /// What the driver calls: [`Self::run`], for a handler that serves at one go. One that delivers bit by bit notes on
    /// `tab` what it has delivered so far, so that a crash in the middle does not give it away.
    async fn serve(&mut self, ceiling: &Ceiling, _tab: &mut dyn Tab) -> Option<Charge> {
        self.run(ceiling).await
    }
}

/// How a visit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivered {
    /// The handler ran and the payment was settled.
    Paid(Receipt),
    /// The handler failed after the money had moved (upfront).
    PaidUnserved(Receipt),
    /// The handler failed; nothing was taken.
    Unpaid,
    /// The same payment came before: this is its receipt, and the handler did not run again.
    Again(Receipt),
}

/// The paywall's loop.
#[derive(Debug)]
pub struct Driver<'a> {
    /// Settles each leg at most once.
    pub once: SettleOnce<'a>,
    /// The scheme's selling side.
    pub seller: &'a dyn Seller,
}

impl std::fmt::Debug for dyn Seller + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seller")
    }
}

/// What the loop holds between two moves.
#[derive(Default)]
struct Held {
    claimed: Option<Claimed>,
    served: bool,
}

impl Driver<'_> {
    /// Takes one paid request from arrival to receipt.
    ///
    /// Not cancel safe on purpose: run it in a task of its own, so that a client that hangs up cannot stop a
    /// settlement. After a crash the journal has what [`SettleOnce::recover`] needs.
    ///
    /// # Errors
    /// Why the payment was refused; an unknown outcome when settling could not be confirmed in time.
    pub async fn drive(&self, arrival: Arrival, handler: &mut dyn Handler) -> Result<Delivered> {
        let mut visit = Visit { arrival, receipts: Vec::new(), notes: Json::empty() };
        let mut held = Held::default();
        let mut next = self.seller.advance(&mut visit, Event::Arrived).await?;
        loop {
            next = match next {
                Move::Verify(order) => {
                    if let Some(again) = self.claim(&visit, &mut held, order).await? {
                        return Ok(again);
                    }
                    let verified = held.claimed.as_ref().and_then(|c| c.verified.as_ref());
                    let verified = verified.ok_or_else(|| Error::us(Code::ServeWithoutPayment))?;
                    let advanced = self.seller.advance(&mut visit, Event::Verified(verified)).await;
                    self.or_let_go(advanced, &mut visit, &mut held).await?
                }
                Move::Serve(ceiling) => self.serve(&mut visit, &mut held, ceiling, handler).await?,
                Move::SettleHeld(charge) => self.settle(&mut visit, &mut held, charge).await?,
                Move::Settle(order, charge) => {
                    if held.claimed.is_none()
                        && let Some(again) = self.claim(&visit, &mut held, order).await?
                    {
                        return Ok(again);
                    }
                    self.settle(&mut visit, &mut held, charge).await?
                }
                Move::Done(None) if held.owes() => self.settle_noted(&mut visit, &mut held).await?,
                Move::Done(receipt) => return self.done(held, receipt).await,
            }
        }
    }

    /// Claims the payment into `held`; the receipt when it came before.
    async fn claim(&self, visit: &Visit, held: &mut Held, order: Order) -> Result<Option<Delivered>> {
        if let Some(claimed) = held.claimed.take() {
            let why = Error::us(Code::Internal).detail("a seller asked to verify while a payment was held");
            return self.once.release(claimed, why).await;
        }
        match self.once.admit(order, &visit.arrival.print).await? {
            Admitted::Known(receipt) => Ok(Some(Delivered::Again(receipt))),
            Admitted::Claimed(claimed) => {
                held.claimed = Some(claimed);
                Ok(None)
            }
        }
    }

    async fn serve(
        &self,
        visit: &mut Visit,
        held: &mut Held,
        ceiling: Ceiling,
        handler: &mut dyn Handler,
    ) -> Result<Move> {
        if held.claimed.is_none() && visit.receipts.is_empty() {
            return Err(Error::us(Code::ServeWithoutPayment));
        }
        let mut tally = Tally { once: &self.once, claimed: held.claimed.as_mut() };
        let handled = match handler.serve(&ceiling, &mut tally).await {
            Some(charge)
                if charge.amount().asset != ceiling.asset() || charge.atomic() > ceiling.atomic() =>
            {
                Err(Error::us(Code::ChargeExceedsCeiling))
            }
            // What was delivered and noted is owed, however the handler has ended.
            None => held.noted().transpose(),
            charge => Ok(charge),
        };
        let advanced = match handled {
            Ok(Some(charge)) => {
                held.served = true;
                self.seller.advance(visit, Event::Handled(charge)).await
            }
            Ok(None) => self.seller.advance(visit, Event::Failed).await,
            Err(e) => Err(e),
        };
        self.or_let_go(advanced, visit, held).await
    }

    async fn settle(&self, visit: &mut Visit, held: &mut Held, charge: Charge) -> Result<Move> {
        let mut claimed = held.claimed.take().ok_or_else(|| Error::us(Code::ServeWithoutPayment))?;
        let receipt = if claimed.entry.record.stage == Stage::Serving {
            self.once.settle_served(claimed, charge).await?
        } else {
            match self.once.settle_held(&mut claimed, charge).await {
                // Concluded at once: whatever happens next, the same payment finds this receipt.
                Ok(receipt) => self.once.remember(claimed, receipt).await,
                Err(e) if e.is_unknown_outcome() => return Err(e),
                Err(e) => return self.once.release(claimed, e).await,
            }
        };
        visit.receipts.push(receipt.clone());
        self.seller.advance(visit, Event::Settled(&receipt)).await
    }

    async fn done(&self, held: Held, receipt: Option<Receipt>) -> Result<Delivered> {
        if let Some(claimed) = held.claimed {
            self.once.conclude(claimed, receipt.as_ref()).await?;
        }
        Ok(match (receipt, held.served) {
            (Some(receipt), true) => Delivered::Paid(receipt),
            (Some(receipt), false) => Delivered::PaidUnserved(receipt),
            (None, _) => Delivered::Unpaid,
        })
    }

    /// A seller that cannot go on before anything was sent must not leave the payer's nonce claimed; what it had noted as
    /// delivered is owed all the same.
    async fn or_let_go(&self, advanced: Result<Move>, visit: &mut Visit, held: &mut Held) -> Result<Move> {
        match advanced {
            Ok(next) => Ok(next),
            Err(_) if held.owes() => self.settle_noted(visit, held).await,
            Err(why) => match held.claimed.take() {
                Some(claimed) => self.once.release(claimed, why).await,
                None => Err(why),
            },
        }
    }

    /// Ends a visit that nobody can go on with by settling what was noted.
    async fn settle_noted(&self, visit: &mut Visit, held: &mut Held) -> Result<Move> {
        let noted = held.noted().ok_or_else(|| Error::us(Code::ServeWithoutPayment))?;
        let claimed = held.claimed.take().ok_or_else(|| Error::us(Code::ServeWithoutPayment))?;
        let receipt = self.once.settle_served(claimed, noted?).await?;
        held.served = true;
        visit.receipts.push(receipt.clone());
        Ok(Move::Done(Some(receipt)))
    }
}

impl Held {
    /// Whether something was delivered that is noted and not settled yet.
    fn owes(&self) -> bool {
        self.claimed.as_ref().is_some_and(|c| c.entry.record.stage == Stage::Serving)
    }

    /// How much of it.
    fn noted(&self) -> Option<Result<Charge>> {
        let record = &self.claimed.as_ref().filter(|_| self.owes())?.entry.record;
        Some(record.order.requirement.price.charge(record.charge_atomic))
    }
}
