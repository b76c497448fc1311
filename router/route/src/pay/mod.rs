//! Paying: reserve, sign once, send, read the answer; and after a crash or a lost answer, ask the chain.
//!
//! ```text
//! consider → check again → journal "reserving" → reserve → act → sign → journal "signed" → send ─┬ receipt  → settled
//!                                                                                                ├ lost     → resolve
//!                                                                                                ├ corrected → once more
//!                                                                                                └ refused  → held
//! ```
//! What is done on chain first costs money whatever becomes of the payment: it is held apart, and stays spent.
//! A signed authorization stays spendable until it is used, cancelled or expired. Until one of these is proven, its
//! amount stays reserved, whatever the server said.

mod acts;
mod attempt;
mod later;
mod settle_up;

pub(crate) use attempt::Active;
pub use attempt::{AttemptRecord, AttemptStage};
pub use later::{Begun, Later};

use crate::metrics;
use crate::router::{Context, Route, Router};
use attempt::Attempt;
use tollway_core::{
    Amount, Answer, Authorization, Blame, Challenge, Code, Error, Fate, HoldId, Next, Order, Payment,
    Reading, Receipt, Reserved, Result, Spend, TxId, async_trait, flow,
};
use tracing::field::Empty;

/// The way to the server: sends one request with this payment attached, and reads what comes back.
///
/// * Called once per signature. An implementation may send the very same bytes again when no answer came; it never
///   asks for another signature by itself.
#[async_trait]
pub trait Exchange: Send {
    /// Sends the payment.
    async fn send(&mut self, payment: &Payment) -> Reply;
}

/// What came back.
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "one per payment, consumed at once")]
pub enum Reply {
    /// Served, with a receipt.
    Receipt(Receipt),
    /// Served, without a receipt.
    NoReceipt,
    /// Being served: the receipt comes after the answer, which is for the caller to read first.
    Streams,
    /// 402 or 412 with terms.
    Challenged(Challenge),
    /// Refused, or settled unsuccessfully.
    Refused(Error),
    /// Nothing left this process: the payment cannot have arrived.
    NotSent(Error),
    /// Nothing that can be read came back.
    Lost(Error),
}

/// A payment that went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The receipt: the server's, checked against what was signed, or the chain's.
    pub receipt: Receipt,
    /// What was taken.
    pub charged: Amount,
    /// Position of the paid entry in the `accepts` it was chosen from.
    pub index: usize,
    /// The 402 that was paid: the first, or the corrected one.
    pub corrected: bool,
    /// False when the money moved but the server's answer never arrived.
    pub delivered: bool,
}

impl Router {
    /// Pays a 402 by the best allowed route.
    ///
    /// At most two signatures: a second one only for corrected terms, beside the first, whose amount stays
    /// reserved. Cancel safe after a fashion: what was signed is journaled before it is sent, and
    /// [`Router::settle_up`] finds out what became of it.
    ///
    /// # Errors
    /// [`Code::NoRoute`] with every reason; the server's refusal; an unknown outcome when neither server nor chain
    /// could say, or when the receipt is still to come ([`Self::begin`]): the attempt stays journaled, and nothing is
    /// signed again for it.
    pub async fn pay(
        &self,
        challenge: &Challenge,
        context: Context<'_>,
        exchange: &mut dyn Exchange,
    ) -> Result<Paid> {
        match self.begin(challenge, context, exchange).await? {
            Begun::Paid(paid) => Ok(paid),
            Begun::Later(_) => Err(Error::unknown(Code::SettlementPending, None)
                .detail("the receipt comes after the answer; the amount stays reserved until then")),
        }
    }

    /// As [`Self::pay`], for an exchange whose answers may stream: what comes back may have to be finished.
    ///
    /// # Errors
    /// Those of [`Self::pay`].
    pub async fn begin(
        &self,
        challenge: &Challenge,
        context: Context<'_>,
        exchange: &mut dyn Exchange,
    ) -> Result<Begun> {
        let begun = self.begin_uncounted(challenge, context, exchange).await;
        metrics::paid(begun.as_ref().map(|begun| match begun {
            Begun::Paid(_) => "paid",
            Begun::Later(_) => "later",
        }));
        begun
    }

    async fn begin_uncounted(
        &self,
        challenge: &Challenge,
        context: Context<'_>,
        exchange: &mut dyn Exchange,
    ) -> Result<Begun> {
        match self.pay_once(challenge, context, exchange).await? {
            Step::Paid(paid) => Ok(Begun::Paid(paid)),
            Step::Later(later) => Ok(Begun::Later(later)),
            Step::Corrected(terms) => {
                match self.pay_once(&terms, context, exchange).await.map_err(still_out)? {
                    Step::Paid(paid) => Ok(Begun::Paid(Paid { corrected: true, ..paid })),
                    Step::Later(later) => Ok(Begun::Later(later.corrected())),
                    Step::Corrected(again) => {
                        Err(Error::new(again.error.unwrap_or(Code::NoRoute), Blame::Payee, Next::Never)
                            .detail("the server corrected its terms twice; nothing more is signed"))
                    }
                }
            }
        }
    }

    #[tracing::instrument(name = "pay", skip_all, fields(attempt = Empty, payment = Empty, network = Empty))]
    async fn pay_once(
        &self,
        challenge: &Challenge,
        context: Context<'_>,
        exchange: &mut dyn Exchange,
    ) -> Result<Step> {
        let considered = self.consider(challenge, context).await;
        let mut reasons: Vec<String> =
            considered.rejected.iter().map(|r| format!("#{}: {}", r.index, r.reason)).collect();
        for route in considered.routes {
            match self.sign(challenge, &route, context).await {
                Ok((attempt, auth)) => return self.send(challenge, &route, attempt, auth, exchange).await,
                Err(e) if e.next == Next::OtherRoute => reasons.push(format!("#{}: {e}", route.index)),
                Err(e) => return Err(e),
            }
        }
        Err(Error::new(Code::NoRoute, Blame::Caller, Next::Never).detail(match reasons.is_empty() {
            true => "the server accepts nothing".to_owned(),
            false => reasons.join("; "),
        }))
    }

    /// Reserves and signs; what comes back is journaled.
    async fn sign(
        &self,
        challenge: &Challenge,
        route: &Route<'_>,
        context: Context<'_>,
    ) -> Result<(Attempt, Authorization)> {
        self.check_again(route, context).await?;
        let cell = self.registry.cell(route.requirement)?;
        let payer = cell.payer.as_ref().ok_or_else(|| Error::caller(Code::RoleMissing))?;
        let now = self.clock.now();
        let lines = self.policy.lines(&route.plan, route.requirement, acts::beside(route), context.host, now);
        let attempt = Attempt::open(self, route, now).await?;
        let span = tracing::Span::current();
        span.record("attempt", attempt.id().0.as_str());
        span.record("network", route.requirement.chain.as_str());
        let hold = HoldId(attempt.id().0.clone());
        let reserved = match Reserved::new(self.ledger.as_ref(), hold, &lines, route.plan.clone(), now).await
        {
            Ok(reserved) => reserved,
            Err(e) => return attempt.abandon(self, e).await,
        };
        // Only now: what the payer does on chain costs money, also when the payment then does not fit.
        let mut attempt = self.act(attempt, payer.as_ref(), route, context).await?;
        let now = self.clock.now();
        let demand = tollway_core::Demand { challenge, requirement: route.requirement, now };
        let signed = payer.authorize(&demand, &reserved, attempt.id()).await;
        let signed = signed.and_then(|auth| self.own_answer(cell, route, &auth).map(|()| auth));
        let journaled = match signed {
            Ok(auth) => attempt.signed(self, &auth).await.map(|()| auth),
            Err(e) => Err(e),
        };
        match journaled {
            Ok(auth) => {
                if !span.is_disabled() {
                    span.record("payment", flow::tag(cell.read, &auth.order()));
                    tracing::info!("signed");
                }
                Ok((attempt, auth))
            }
            // Nothing has left this process, so nobody can spend it.
            Err(e) => attempt.abandon(self, e).await,
        }
    }

    /// What was signed may not exceed what was reserved, nor go to anybody else: checked with the same `read` that
    /// the seller and the facilitator will use, against the entry that was chosen.
    fn own_answer(&self, cell: &tollway_core::Cell, route: &Route<'_>, auth: &Authorization) -> Result<()> {
        if auth.payment.accepted != *route.requirement {
            return Err(
                Error::us(Code::Internal).detail("the scheme signed for another entry than the chosen one")
            );
        }
        let leg = tollway_core::Leg::After;
        let order = Order { leg, requirement: route.requirement.clone(), payment: auth.payment.clone() };
        let terms = (cell.read)(&order)?;
        terms.check(&order, self.clock.now())?;
        let reserved = route.plan.exposure;
        if terms.ceiling.atomic() > reserved.atomic() {
            let words = format!("signed {}, reserved {}", terms.ceiling.0, reserved.0);
            return Err(Error::us(Code::ChargeExceedsCeiling).detail(words));
        }
        Ok(())
    }

    async fn send(
        &self,
        challenge: &Challenge,
        route: &Route<'_>,
        attempt: Attempt,
        auth: Authorization,
        exchange: &mut dyn Exchange,
    ) -> Result<Step> {
        let payer = self.registry.cell(route.requirement)?.payer.as_ref();
        let payer = payer.ok_or_else(|| Error::caller(Code::RoleMissing))?;
        let reply = exchange.send(&auth.payment).await;
        // From here on the signature is out: whatever fails now, nobody may be told to sign again.
        let paid = |receipt: Receipt, charged: Amount, delivered: bool| {
            Step::Paid(Paid { receipt, charged, index: route.index, corrected: false, delivered })
        };
        match reply {
            Reply::Receipt(receipt) => self.received(attempt, &auth, route, receipt).await,
            // It stands in the journal as signed: until it is finished, or found on chain, its amount stays reserved.
            Reply::Streams => Ok(Step::Later(Later::of(attempt.id(), route.index))),
            Reply::NoReceipt => {
                let words =
                    "served without a receipt; the authorization stays reserved until the chain tells";
                let e = Error::new(Code::InvalidAnswer, Blame::Payee, Next::Never).detail(words);
                self.after_doubt(attempt, &auth, route, e, true).await
            }
            Reply::Challenged(terms) => {
                let corrected = changed(challenge, &terms, route);
                let refusal = refusal(&terms);
                let answer = if corrected { Answer::Corrected(&terms) } else { Answer::Refused(&refusal) };
                let reading = payer.receive(&auth, answer).await.map_err(doubtful)?;
                let again = corrected && reading == Reading::SignAgain;
                // A server that has taken the money and asks once more is not paid once more.
                if again && let Ok(Fate::Settled(receipt)) = payer.resolve(&auth).await {
                    let receipt = self.settled(attempt, *receipt, route).await?;
                    return Ok(paid(receipt.clone(), receipt.charged, false));
                }
                attempt.refused(self, &refusal).await.map_err(doubtful)?;
                if again { Ok(Step::Corrected(Box::new(terms))) } else { Err(refusal) }
            }
            Reply::Refused(e) => {
                payer.receive(&auth, Answer::Refused(&e)).await.map_err(doubtful)?;
                if e.is_unknown_outcome() {
                    return self.after_doubt(attempt, &auth, route, e, false).await;
                }
                attempt.refused(self, &e).await.map_err(doubtful)?;
                Err(still_out(e))
            }
            Reply::NotSent(e) => attempt.abandon(self, e).await,
            Reply::Lost(e) => {
                payer.receive(&auth, Answer::Lost).await.map_err(doubtful)?;
                self.after_doubt(attempt, &auth, route, e, false).await
            }
        }
    }

    /// Served, with a receipt: paid, once its scheme has found in it what was signed.
    async fn received(
        &self,
        attempt: Attempt,
        auth: &Authorization,
        route: &Route<'_>,
        receipt: Receipt,
    ) -> Result<Step> {
        let Some(charged) = self.agreed(attempt.record(), &receipt).await? else {
            let words = "the receipt contradicts what was signed";
            let e = Error::new(Code::ReceiptMismatch, Blame::Payee, Next::Never).detail(words);
            return self.after_doubt(attempt, auth, route, e, true).await;
        };
        let (receipt, charged) = self.close_with(attempt, receipt, charged).await?;
        let index = route.index;
        Ok(Step::Paid(Paid { receipt, charged, index, corrected: false, delivered: true }))
    }

    /// Asks the chain once what became of a payment whose answer proves nothing. Settled there, it is paid; dead
    /// there, `e` stands as it is; otherwise the attempt stays journaled, and `e` becomes an unknown outcome.
    async fn after_doubt(
        &self,
        attempt: Attempt,
        auth: &Authorization,
        route: &Route<'_>,
        e: Error,
        delivered: bool,
    ) -> Result<Step> {
        let cell = self.registry.cell(route.requirement).map_err(doubtful)?;
        let payer = cell.payer.as_ref().ok_or_else(|| doubtful(Error::caller(Code::RoleMissing)))?;
        match payer.resolve(auth).await {
            Ok(Fate::Settled(receipt)) => {
                let receipt = self.settled(attempt, *receipt, route).await?;
                let (charged, index) = (receipt.charged, route.index);
                Ok(Step::Paid(Paid { receipt, charged, index, corrected: false, delivered }))
            }
            Ok(Fate::Dead) => {
                // Proven: the books may follow later.
                let _ = attempt.dead(self).await;
                Err(if e.is_unknown_outcome() { e.next(Next::Never) } else { e })
            }
            // Nobody knows yet: `settle_up` will ask again.
            Ok(_) | Err(_) => Err(doubtful(e)),
        }
    }

    /// Writes down what the chain says was paid.
    async fn settled(&self, attempt: Attempt, receipt: Receipt, route: &Route<'_>) -> Result<Receipt> {
        let (tx, spent) = (receipt.transaction().cloned(), spend(receipt.charged, route));
        attempt.settled(self, spent, &receipt).await.map_err(|e| moved(e, tx))?;
        Ok(receipt)
    }
}

#[allow(clippy::large_enum_variant, reason = "one per payment, consumed at once")]
enum Step {
    Paid(Paid),
    Later(Later),
    Corrected(Box<Challenge>),
}

/// A refused signature can still be used: "later" and "another route" would mean that nothing can have moved.
fn still_out(e: Error) -> Error {
    if matches!(e.next, Next::Prepare | Next::Unknown(_)) { e } else { e.next(Next::Never) }
}

/// Something failed while a signature was out; a transaction that is known stays known.
fn doubtful(e: Error) -> Error {
    if e.is_unknown_outcome() { e } else { e.next(Next::Unknown(None)) }
}

/// The money has moved, whatever the ledger said when it was to write that down.
fn moved(e: Error, tx: Option<TxId>) -> Error {
    Error { next: Next::Unknown(tx), ..e }
}

fn spend(charged: Amount, route: &Route<'_>) -> Spend {
    Spend::Part { taken: charged.atomic, of: route.plan.exposure.atomic() }
}

/// New terms are a correction only when they no longer ask for exactly what was just refused.
fn changed(before: &Challenge, after: &Challenge, route: &Route<'_>) -> bool {
    let same = |r: &tollway_core::Requirement| {
        let old = route.requirement;
        r.scheme == old.scheme
            && r.chain == old.chain
            && r.price == old.price
            && r.pay_to == old.pay_to
            && r.extra == old.extra
            && r.timeout_s == old.timeout_s
    };
    let usable = after.requirements().next().is_some();
    usable && !after.requirements().any(|(_, r)| same(r)) && before.accepts != after.accepts
}

fn refusal(terms: &Challenge) -> Error {
    let code = terms.error.clone().unwrap_or(Code::UnexpectedVerifyError);
    let next = if code == Code::AllowanceRequired { Next::Prepare } else { Next::Never };
    Error::new(code, Blame::Payer, next).detail(
        "the server refused the payment; the authorization stays reserved until it expires or is used",
    )
}
