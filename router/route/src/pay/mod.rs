//! Paying: reserve, sign once, send, read the answer; and after a crash or a lost answer, ask the chain.
//!
//! ```text
//! consider → check again → journal "reserving" → reserve → sign → journal "signed" → send ─┬ receipt  → settled
//!                                                                                           ├ lost     → resolve
//!                                                                                           ├ corrected → once more
//!                                                                                           └ refused  → held
//! ```
//! A signed authorization stays spendable until it is used, cancelled or expired. Until one of these is proven, its
//! amount stays reserved, whatever the server said.

mod attempt;
mod settle_up;

pub(crate) use attempt::Active;
pub use attempt::{AttemptRecord, AttemptStage};

use crate::router::{Context, Route, Router};
use attempt::Attempt;
use tollway_core::{
    Amount, Answer, Authorization, Blame, Challenge, Code, Error, Fate, HoldId, Next, Order, Payment,
    Reading, Receipt, Reserved, Result, Spend, TxId, async_trait,
};

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
    /// could say: the attempt stays journaled, and nothing is signed again for it.
    pub async fn pay(
        &self,
        challenge: &Challenge,
        context: Context<'_>,
        exchange: &mut dyn Exchange,
    ) -> Result<Paid> {
        match self.pay_once(challenge, context, exchange).await? {
            Step::Paid(paid) => Ok(paid),
            Step::Corrected(terms) => match self.pay_once(&terms, context, exchange).await? {
                Step::Paid(paid) => Ok(Paid { corrected: true, ..paid }),
                Step::Corrected(again) => {
                    Err(Error::new(again.error.unwrap_or(Code::NoRoute), Blame::Payee, Next::Never)
                        .detail("the server corrected its terms twice; nothing more is signed"))
                }
            },
        }
    }

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
        for action in &route.plan.actions {
            payer.perform(action).await?;
        }
        let now = self.clock.now();
        let lines = self.policy.lines(&route.plan, route.requirement, route.bill, context.host, now);
        let mut attempt = Attempt::open(self, route, now).await?;
        let hold = HoldId(attempt.id().0.clone());
        let reserved = match Reserved::new(self.ledger.as_ref(), hold, &lines, route.plan.clone(), now).await
        {
            Ok(reserved) => reserved,
            Err(e) => return attempt.abandon(self, e).await,
        };
        let demand = tollway_core::Demand { challenge, requirement: route.requirement, now };
        let signed = payer.authorize(&demand, &reserved, attempt.id()).await;
        let signed = signed.and_then(|auth| self.own_answer(cell, &auth, &reserved).map(|()| auth));
        match signed {
            Ok(auth) => {
                attempt.signed(self, &auth).await?;
                Ok((attempt, auth))
            }
            // Nothing has left this process, so nobody can spend it.
            Err(e) => attempt.abandon(self, e).await,
        }
    }

    /// What was signed may not exceed what was reserved, nor go to anybody else: checked with the same `read` that
    /// the seller and the facilitator will use.
    fn own_answer(&self, cell: &tollway_core::Cell, auth: &Authorization, reserved: &Reserved) -> Result<()> {
        let requirement = auth.payment.accepted.clone();
        let leg = tollway_core::Leg::After;
        let order = Order { leg, requirement, payment: auth.payment.clone() };
        let terms = (cell.read)(&order)?;
        terms.check(&order, self.clock.now())?;
        if terms.ceiling.atomic() > reserved.plan().exposure.atomic() {
            return Err(Error::us(Code::ChargeExceedsCeiling).detail(format!(
                "signed {}, reserved {}",
                terms.ceiling.0,
                reserved.plan().exposure.0
            )));
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
        let paid = |receipt: Receipt, charged: Amount, delivered: bool| {
            Step::Paid(Paid { receipt, charged, index: route.index, corrected: false, delivered })
        };
        match reply {
            Reply::Receipt(receipt) => match payer.receive(&auth, Answer::Receipt(&receipt)).await? {
                Reading::Paid(charged) => {
                    let tx = receipt.transaction().cloned();
                    attempt.settled(self, spend(charged, route), &receipt).await.map_err(|e| moved(e, tx))?;
                    Ok(paid(receipt, charged, true))
                }
                _ => {
                    let words = "the receipt contradicts what was signed";
                    let found = self.ask_chain(attempt, &auth, route).await?;
                    found.map(|r| paid(r.clone(), r.charged, true)).ok_or_else(|| {
                        Error::new(Code::ReceiptMismatch, Blame::Payee, Next::Unknown(None)).detail(words)
                    })
                }
            },
            Reply::NoReceipt => match self.ask_chain(attempt, &auth, route).await? {
                Some(receipt) => Ok(paid(receipt.clone(), receipt.charged, true)),
                None => Err(Error::new(Code::InvalidAnswer, Blame::Payee, Next::Unknown(None)).detail(
                    "served without a receipt; the authorization stays reserved until the chain tells",
                )),
            },
            Reply::Challenged(terms) => {
                let corrected = changed(challenge, &terms, route);
                let refusal = refusal(&terms);
                let answer = if corrected { Answer::Corrected(&terms) } else { Answer::Refused(&refusal) };
                let reading = payer.receive(&auth, answer).await?;
                attempt.refused(self, &refusal).await?;
                match reading {
                    Reading::SignAgain if corrected => Ok(Step::Corrected(Box::new(terms))),
                    _ => Err(refusal),
                }
            }
            Reply::Refused(e) => {
                payer.receive(&auth, Answer::Refused(&e)).await?;
                if e.is_unknown_outcome() {
                    return self.after_loss(attempt, &auth, route, e).await;
                }
                attempt.refused(self, &e).await?;
                Err(e)
            }
            Reply::NotSent(e) => attempt.abandon(self, e).await,
            Reply::Lost(e) => {
                payer.receive(&auth, Answer::Lost).await?;
                self.after_loss(attempt, &auth, route, e).await
            }
        }
    }

    async fn after_loss(
        &self,
        attempt: Attempt,
        auth: &Authorization,
        route: &Route<'_>,
        e: Error,
    ) -> Result<Step> {
        match self.ask_chain(attempt, auth, route).await? {
            Some(receipt) => Ok(Step::Paid(Paid {
                charged: receipt.charged,
                receipt,
                index: route.index,
                corrected: false,
                delivered: false,
            })),
            None => Err(Error { next: Next::Unknown(None), ..e }),
        }
    }

    /// Asks the chain once; settles the attempt when it is settled there, leaves it journaled otherwise.
    async fn ask_chain(
        &self,
        attempt: Attempt,
        auth: &Authorization,
        route: &Route<'_>,
    ) -> Result<Option<Receipt>> {
        let cell = self.registry.cell(&auth.payment.accepted)?;
        let payer = cell.payer.as_ref().ok_or_else(|| Error::caller(Code::RoleMissing))?;
        match payer.resolve(auth).await {
            Ok(Fate::Settled(receipt)) => {
                let tx = receipt.transaction().cloned();
                let spent = spend(receipt.charged, route);
                attempt.settled(self, spent, &receipt).await.map_err(|e| moved(e, tx))?;
                Ok(Some(*receipt))
            }
            Ok(Fate::Dead) => {
                attempt.dead(self).await?;
                Ok(None)
            }
            // Nobody knows yet: `settle_up` will ask again.
            Ok(_) | Err(_) => Ok(None),
        }
    }
}

#[allow(clippy::large_enum_variant, reason = "one per payment, consumed at once")]
enum Step {
    Paid(Paid),
    Corrected(Box<Challenge>),
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
