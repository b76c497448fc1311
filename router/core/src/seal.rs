//! Rights that only checks can make.
//!
//! ```text
//! read(order) → Terms ─┐ checked against the order        Ceiling.charge(n) → Charge ─┐
//! settler.verify → Proof ┴→ Verified ─────────────────────────────── .due(charge) ────┴→ Due → settler.settle
//! ledger.reserve(plan) → Reserved → payer.authorize
//! ```

use crate::{
    Account, BudgetLine, Ceiling, Charge, Code, Error, Extra, HoldId, Ledger, Leg, Order, Plan, ReplayKey,
    Result, Time,
};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// What a payload says, read without I/O: the same words for payer, seller and facilitator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Who pays, where the payload says so.
    pub payer: Option<Account>,
    /// Who is paid.
    pub payee: Account,
    /// The most that can be taken.
    pub ceiling: Ceiling,
    /// What makes it usable once.
    pub replay: Vec<ReplayKey>,
    /// From when on it can be settled.
    pub not_before: Time,
    /// Until when it can be settled, the settler's own margin already taken off.
    pub settle_before: Time,
}

impl Terms {
    /// Checks that these terms fulfil the order now: asset, payee, amount, window, and that they can be used once. More than
    /// the price is enough here; a scheme whose payment must be the very amount says so in its own `verify`.
    ///
    /// # Errors
    /// One code per mismatch: [`Code::AssetMismatch`], [`Code::RecipientMismatch`], [`Code::ValueMismatch`],
    /// [`Code::NotYetValid`], [`Code::Expired`], [`Code::MissingReplayKey`].
    pub fn check(&self, order: &Order, now: Time) -> Result<()> {
        let want = &order.requirement;
        if self.ceiling.asset() != want.price.asset() {
            return Err(Error::payer(Code::AssetMismatch).detail(format!(
                "signed {}, asked {}",
                self.ceiling.asset(),
                want.price.asset()
            )));
        }
        if order.leg != Leg::Upkeep {
            if self.payee != want.pay_to {
                return Err(Error::payer(Code::RecipientMismatch)
                    .detail(format!("signed for {}, asked {}", self.payee, want.pay_to)));
            }
            if self.ceiling.atomic() < want.price.atomic() {
                return Err(Error::payer(Code::ValueMismatch)
                    .detail(format!("signed {}, asked {}", self.ceiling.0, want.price.0)));
            }
        }
        if self.replay.is_empty() {
            return Err(Error::us(Code::MissingReplayKey));
        }
        if now < self.not_before {
            return Err(Error::payer(Code::NotYetValid).detail(format!(
                "valid from {} s, now {} s (Unix time)",
                self.not_before.secs(),
                now.secs()
            )));
        }
        if now >= self.settle_before {
            return Err(Error::payer(Code::Expired).detail(format!(
                "must settle before {} s, now {} s (Unix time)",
                self.settle_before.secs(),
                now.secs()
            )));
        }
        Ok(())
    }
}

/// A scheme's private working set, carried from verify to settle (decoded payload, measured gas, …).
pub type Evidence = Option<Arc<dyn Any + Send + Sync>>;

/// What a settler's `verify` adds to the terms: they hold on chain. Plain data; it is a right only once sealed.
#[derive(Clone, Default)]
pub struct Proof {
    /// The scheme's private working set.
    pub evidence: Evidence,
    /// What the answer should carry back.
    pub extra: Extra,
    /// True when this is somebody else's word, not our own look at the chain.
    pub by_trust: bool,
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("by_trust", &self.by_trust).finish_non_exhaustive()
    }
}

/// A payment whose terms were checked against the order and whose chain state was vouched for.
///
/// ```compile_fail,E0451
/// use tollway_core::{Order, Proof, Terms, Verified};
/// fn forge(order: Order, terms: Terms, proof: Proof) -> Verified {
///     Verified { order, terms, proof }
/// }
/// ```
#[derive(Debug)]
pub struct Verified {
    order: Order,
    terms: Terms,
    proof: Proof,
}

impl Verified {
    /// Seals a proof; the one place where a `Verified` is made.
    pub(crate) fn seal(order: Order, terms: Terms, proof: Proof, now: Time) -> Result<Self> {
        terms.check(&order, now)?;
        Ok(Self { order, terms, proof })
    }
    /// What was asked.
    pub fn order(&self) -> &Order {
        &self.order
    }
    /// What was signed.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }
    /// What the settler said.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }
    /// The scheme's working set, when it is a `T`.
    pub fn evidence<T: 'static>(&self) -> Option<&T> {
        self.proof.evidence.as_deref().and_then(|e| e.downcast_ref())
    }
    /// The one way to something that can be settled.
    ///
    /// # Errors
    /// [`Code::ChargeExceedsCeiling`] when the charge is of another asset or above what was signed.
    pub fn due(self, charge: Charge) -> Result<Due> {
        if charge.amount().asset != self.terms.ceiling.asset()
            || charge.atomic() > self.terms.ceiling.atomic()
        {
            return Err(Error::us(Code::ChargeExceedsCeiling).detail(format!(
                "{} of at most {}",
                charge.amount(),
                self.terms.ceiling.0
            )));
        }
        Ok(Due { verified: self, charge })
    }
}

/// Verified, and priced within its own ceiling: the only thing that `settle` takes.
///
/// ```compile_fail,E0451
/// use tollway_core::{Charge, Due, Verified};
/// fn forge(verified: Verified, charge: Charge) -> Due {
///     Due { verified, charge }
/// }
/// ```
#[derive(Debug)]
pub struct Due {
    verified: Verified,
    charge: Charge,
}

impl Due {
    /// What is to be taken.
    pub fn charge(&self) -> Charge {
        self.charge
    }
    /// What was verified.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
}

/// A plan whose exposure the ledger holds: the only thing that `authorize` signs.
///
/// ```compile_fail,E0451
/// use tollway_core::{HoldId, Plan, Reserved};
/// fn forge(plan: Plan, hold: HoldId) -> Reserved {
///     Reserved { plan, hold }
/// }
/// ```
#[derive(Debug)]
pub struct Reserved {
    plan: Plan,
    hold: HoldId,
}

impl Reserved {
    /// Holds the plan's exposure under every budget line, or nothing at all.
    ///
    /// # Errors
    /// [`Code::BudgetExceeded`] when a line would go over; ledger errors.
    pub async fn new(
        ledger: &dyn Ledger,
        hold: HoldId,
        lines: &[BudgetLine],
        plan: Plan,
        now: Time,
    ) -> Result<Self> {
        ledger.reserve(&hold, lines, plan.spendable_until, now).await?;
        Ok(Self { plan, hold })
    }
    /// What was planned.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
    /// The ledger's hold.
    pub fn hold(&self) -> &HoldId {
        &self.hold
    }
}
