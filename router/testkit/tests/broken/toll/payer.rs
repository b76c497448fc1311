use super::booth::Booth;
use super::faults::*;
use super::pass::Pass;
use super::settler::{effort, look_for};
use std::sync::Arc;
use tollway_core::{
    Account, Action, Amount, Answer, AttemptId, Authorization, Blame, Ceiling, ChainId, Clock, Code, Demand,
    Dice, Error, Fate, Landed, Ledger, Next, Payer, Payment, Plan, Reading, Receipt, Requirement, Reserved,
    Result, Site, Time, Write, async_trait,
};

/// A signature may stay spendable so long, in seconds.
const TIMEOUT_MAX_S: u64 = 86_400;
/// Passes are good from a little before they are signed, for clocks and blocks that lag.
const LAG_S: u64 = 10;

struct Paying<const F: u8> {
    chain: ChainId,
    booth: Arc<Booth>,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
    ledger: Arc<dyn Ledger>,
}

pub(super) fn build<const F: u8>(site: &Site) -> Result<Arc<dyn Payer>> {
    let (booth, clock, dice) = (site.chain::<Booth>()?, site.clock.clone(), site.dice.clone());
    Ok(Arc::new(Paying::<F> { chain: site.chain, booth, clock, dice, ledger: site.ledger.clone() }))
}

impl<const F: u8> Paying<F> {
    fn me(&self) -> Result<Account> {
        let wallet = self.booth.wallet.as_ref().ok_or_else(|| Error::caller(Code::NoSigner))?;
        wallet.key.account(self.chain)
    }

    fn pass(&self, r: &Requirement, amount: u128, until: Time, now: Time) -> Result<Pass> {
        let mut nonce = [7; 16];
        if F != REUSES_NONCES {
            self.dice.fill(&mut nonce);
        }
        let mut pass = Pass {
            from: self.me()?.address().to_owned(),
            to: r.pay_to.address().to_owned(),
            amount: amount.to_string(),
            valid_after: now.secs().saturating_sub(LAG_S),
            valid_before: until.secs(),
            nonce: hex::encode(nonce),
            signature: String::new(),
        };
        pass.signature = self.booth.sign(&pass.message::<F>(&r.price.asset()))?;
        Ok(pass)
    }
}

#[async_trait]
impl<const F: u8> Payer for Paying<F> {
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        let r = demand.requirement;
        if r.chain != self.chain || r.price.asset().chain != self.chain {
            return Err(Error::caller(Code::InvalidNetwork).next(Next::OtherRoute).detail("another chain"));
        }
        if r.timeout_s <= 6 || r.timeout_s > TIMEOUT_MAX_S {
            return Err(Error::payee(Code::PolicyDenied).detail(format!("{} s are asked", r.timeout_s)));
        }
        let funds = self.booth.sim.funds(&self.me()?, &r.price.asset()).await?;
        if funds.balance.atomic < r.price.atomic() {
            return Err(Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute));
        }
        if F == PLAN_SIGNS {
            self.booth.sign(b"what would this cost?")?;
        }
        Ok(Plan {
            exposure: r.price,
            price: r.price,
            locks_atomic: 0,
            spendable_until: Time::from_secs(demand.now.secs() + r.timeout_s),
            actions: Vec::new(),
            effort: effort::<F>(&*self.booth.sim, r, None)?,
            funds: Some(funds),
        })
    }

    async fn perform(&self, _: &Action) -> Result<Receipt> {
        Err(Error::caller(Code::UnsupportedMethod).detail("a pass takes no preparation"))
    }

    async fn authorize(
        &self,
        demand: &Demand<'_>,
        reserved: &Reserved,
        attempt: &AttemptId,
    ) -> Result<Authorization> {
        let (r, plan) = (demand.requirement, reserved.plan());
        let wrong = plan.exposure != r.price || plan.spendable_until <= demand.now;
        if wrong && F != SIGNS_MORE_THAN_RESERVED {
            return Err(Error::us(Code::Internal).detail("another plan was reserved"));
        }
        if F == WRITES_THE_KEY_DOWN {
            // Only the first time: later it is there.
            let value = self.booth.wallet.as_ref().map(|w| hex::encode(w.key.secret()));
            let _ = self.ledger.store(&[Write { key: "toll/wallet".into(), expect: None, value }]).await;
        }
        let until = plan.spendable_until.max(Time::from_secs(demand.now.secs() + 60)).min(if wrong {
            Time::FAR
        } else {
            plan.spendable_until
        });
        let pass = self.pass(r, r.price.atomic(), until, demand.now)?;
        Ok(Authorization {
            payment: Payment {
                accepted: r.clone(),
                payload: pass.encode::<F>(),
                extensions: None,
                resource: demand.challenge.resource.clone(),
            },
            attempt: attempt.clone(),
            spendable_until: until,
        })
    }

    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
        let accepted = &sent.payment.accepted;
        Ok(match answer {
            Answer::Receipt(receipt) if F == BELIEVES_ANY_RECEIPT => Reading::Paid(receipt.charged),
            Answer::Receipt(receipt)
                if agrees::<F>(receipt.charged, accepted.price)
                    && receipt.chain == accepted.chain
                    && receipt.payer.is_none_or(|p| self.me().is_ok_and(|me| me == p))
                    && matches!(receipt.landed, Landed::OnChain { .. }) =>
            {
                Reading::Paid(receipt.charged)
            }
            Answer::Corrected(_) => Reading::SignAgain,
            _ => Reading::Resolve,
        })
    }

    async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        let pass = Pass::decode::<F>(&sent.payment.payload)?;
        if F == DEAD_TOO_EARLY && self.clock.now() >= pass.until().minus_ms(super::MARGIN_MS) {
            return Ok(Fate::Dead);
        }
        if F == RESOLVE_FORGETS {
            return Ok(Fate::Open { cancel: None });
        }
        look_for(&*self.booth.sim, &*self.clock, &sent.payment.accepted, &pass).await
    }
}

/// The very amount, or what is metered within it.
fn agrees<const F: u8>(charged: Amount, price: Ceiling) -> bool {
    charged == price.0 || (F == METERED && charged.asset == price.asset() && charged.atomic <= price.atomic())
}
