//! What a key may sign: limits that stand between whoever asks and the key, whatever asks.
//!
//! A chain crate reads what is to be signed into an [`Ask`]; the [`Warden`] holds it against a [`KeyPolicy`] and writes the
//! sums into the ledger *before* the key sees anything. What a policy does not name is refused.
//!
//! Sums live in the ledger's budgets: they survive restarts, are shared by every process over that ledger, and no number of
//! signatures at once passes a limit together. What was written down counts, signed or not: a key that failed may have signed.
//! The ids of their holds have a secret in them: plugins have the same ledger, and must not make or close one first.
//! A process that dies between the two writes of one signature leaves its amount counted for good.

mod refusal;
mod secret;

pub use refusal::Refusal;

use secret::Secret;

use crate::{Account, AssetId, BudgetId, BudgetLine, ChainId, Clock, Ledger, Result, Spend, Time};
use std::fmt;
use std::sync::Arc;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// How much of one asset may be signed away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetLimit {
    /// Which: a token, or a chain's coin for what transactions move.
    pub asset: AssetId,
    /// The most for one signature, in atomic units.
    pub max: u128,
    /// The most within any hour, in atomic units.
    pub hour: Option<u128>,
    /// The most within any 24 hours, in atomic units.
    pub day: Option<u128>,
}

/// What transactions on one chain may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeLimit {
    /// The chain.
    pub chain: ChainId,
    /// The most that one transaction may cost, in the coin's atomic units. What a rollup charges for bytes on its first layer
    /// comes on top: nobody signs a limit for that, so what transactions may call is bounded in size instead.
    pub max: u128,
    /// The most within any 24 hours; what was signed counts, whatever it cost in the end.
    pub day: Option<u128>,
}

/// A call that transactions may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowedCall {
    /// The chain.
    pub chain: ChainId,
    /// The contract or program; `None`: any.
    pub to: Option<Account>,
    /// The function, by its selector: on chains that have them (EVM) an entry without one allows nothing. `None` on chains
    /// that have none: whatever the program does, where that is no program that gives tokens away.
    pub selector: Option<[u8; 4]>,
}

/// What a key may sign. Empty, it allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPolicy {
    /// Assets that may be paid with, and with them the networks.
    pub assets: Vec<AssetLimit>,
    /// Who may be paid; empty: whoever is not in `payees_denied`.
    pub payees: Vec<Account>,
    /// Who may not.
    pub payees_denied: Vec<Account>,
    /// Messages that may be signed, by their EIP-712 primary type. None on chains that sign transactions alone.
    pub messages: Vec<String>,
    /// How long a message may stay usable from now, in seconds.
    pub validity_s_max: u64,
    /// What transactions may call.
    pub calls: Vec<AllowedCall>,
    /// What transactions may cost; none on chains that are not named.
    pub fees: Vec<FeeLimit>,
}

/// Something that leaves an account by a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    /// What.
    pub asset: AssetId,
    /// How much at most, in atomic units.
    pub atomic: u128,
    /// To whom; `None` for an allowance that only further signatures of this key can draw on. That one is held to the limit
    /// of one signature and is not summed.
    pub payee: Option<Account>,
}

/// A call in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Called {
    /// Whom.
    pub to: Account,
    /// The function, where the chain has selectors and the call names one.
    pub selector: Option<[u8; 4]>,
    /// True where the chain has selectors, and for programs that give tokens away: an entry without a selector does not allow
    /// it.
    pub by_selector: bool,
}

/// What a signature would do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ask {
    /// Where.
    pub chain: ChainId,
    /// What leaves.
    pub leaving: Vec<Leaving>,
    /// The primary type of a message, and the first moment at which it is worthless.
    pub message: Option<(&'static str, Time)>,
    /// What a transaction calls.
    pub calls: Vec<Called>,
    /// The most that a transaction costs, in the coin's atomic units.
    pub fee: Option<u128>,
}

impl Ask {
    /// A message.
    pub fn message(chain: ChainId, primary_type: &'static str, until: Time) -> Self {
        Self { message: Some((primary_type, until)), ..Self::paid_by_others(chain) }
    }
    /// A transaction that costs so much at most.
    pub fn transaction(chain: ChainId, fee: u128) -> Self {
        Self { fee: Some(fee), ..Self::paid_by_others(chain) }
    }
    /// A transaction whose costs are another's.
    pub fn paid_by_others(chain: ChainId) -> Self {
        Self { chain, leaving: Vec::new(), message: None, calls: Vec::new(), fee: None }
    }
    /// The same, and this leaves.
    #[must_use]
    pub fn leaving(mut self, what: Leaving) -> Self {
        self.leaving.push(what);
        self
    }
    /// The same, and this is called.
    #[must_use]
    pub fn calling(mut self, what: Called) -> Self {
        self.calls.push(what);
        self
    }
}

#[allow(clippy::result_large_err, reason = "at most one per signature, and turned into an error at once")]
impl KeyPolicy {
    /// Holds an ask against every limit but the sums. Pure.
    ///
    /// # Errors
    /// The first limit that it breaks.
    pub fn judge(&self, ask: &Ask, now: Time) -> Result<(), Refusal> {
        if let Some((kind, until)) = ask.message {
            self.judge_message(kind, until, now)?;
        }
        if let Some(fee) = ask.fee {
            let limit = self.fee_limit(ask.chain).ok_or(Refusal::Network(ask.chain))?;
            if fee > limit.max {
                return Err(Refusal::Fee { fee, limit: limit.max });
            }
        }
        ask.calls.iter().try_for_each(|called| self.judge_call(ask.chain, called))?;
        ask.leaving.iter().try_for_each(|what| self.judge_leaving(ask, what))
    }

    fn judge_message(&self, kind: &'static str, until: Time, now: Time) -> Result<(), Refusal> {
        if !self.messages.iter().any(|known| known == kind) {
            return Err(Refusal::Message { kind: kind.to_owned(), allowed: self.messages.clone() });
        }
        let left_s = until.ms_since(now).div_ceil(1_000);
        if left_s > self.validity_s_max {
            return Err(Refusal::Validity { seconds: left_s, limit: self.validity_s_max });
        }
        Ok(())
    }

    fn judge_call(&self, chain: ChainId, called: &Called) -> Result<(), Refusal> {
        let fits = |one: &&AllowedCall| {
            let function = match one.selector {
                Some(_) => one.selector == called.selector,
                None => !called.by_selector,
            };
            one.chain == chain && one.to.is_none_or(|to| to == called.to) && function
        };
        match self.calls.iter().find(fits) {
            Some(_) => Ok(()),
            None => Err(Refusal::Call { to: called.to, selector: called.selector }),
        }
    }

    fn judge_leaving(&self, ask: &Ask, what: &Leaving) -> Result<(), Refusal> {
        let limit = self.asset_limit(&what.asset).filter(|limit| limit.asset.chain == ask.chain);
        let limit = limit.ok_or(Refusal::Asset(what.asset))?;
        // All that one signature lets go of an asset, in however many parts.
        let parts = ask.leaving.iter().filter(|part| part.asset == what.asset).map(|part| part.atomic);
        let atomic = parts.fold(0, u128::saturating_add);
        if atomic > limit.max {
            return Err(Refusal::Amount { asset: what.asset, atomic, limit: limit.max });
        }
        let Some(payee) = what.payee else { return Ok(()) };
        if self.payees_denied.contains(&payee) {
            return Err(Refusal::PayeeDenied(payee));
        }
        if !self.payees.is_empty() && !self.payees.contains(&payee) {
            return Err(Refusal::Payee(payee));
        }
        Ok(())
    }

    fn asset_limit(&self, asset: &AssetId) -> Option<&AssetLimit> {
        self.assets.iter().find(|limit| limit.asset == *asset)
    }

    fn fee_limit(&self, chain: ChainId) -> Option<&FeeLimit> {
        self.fees.iter().find(|limit| limit.chain == chain)
    }

    /// What the sums of the windows must have room for.
    fn lines(&self, key: &str, ask: &Ask, now: Time) -> Vec<BudgetLine> {
        let line = |what: String, amount: u128, limit: Option<u128>, window: (&str, u64)| {
            Some(BudgetLine {
                budget: BudgetId(format!("custody/{key}/{what}/{}", window.0)),
                amount,
                limit: limit?,
                since: now.minus_ms(window.1),
            })
        };
        let mut lines = Vec::new();
        for what in ask.leaving.iter().filter(|what| what.payee.is_some()) {
            let Some(limit) = self.asset_limit(&what.asset) else { continue };
            lines.extend(line(what.asset.to_string(), what.atomic, limit.hour, ("hour", HOUR_MS)));
            lines.extend(line(what.asset.to_string(), what.atomic, limit.day, ("day", DAY_MS)));
        }
        let fee = ask.fee.and_then(|fee| Some((fee, self.fee_limit(ask.chain)?.day)));
        lines
            .extend(fee.and_then(|(fee, day)| line(format!("{}/fee", ask.chain), fee, day, ("day", DAY_MS))));
        lines
    }
}

/// Holds one key to its policy.
#[derive(Clone)]
pub struct Warden {
    policy: Arc<KeyPolicy>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    key: Arc<str>,
    secret: Secret,
}

impl fmt::Debug for Warden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Warden({})", self.key)
    }
}

impl Warden {
    /// For the key of this name: its address, in one spelling, as the sums are kept under it. `secret` comes from the operating
    /// system's generator, once for each warden: whoever knows it can go around every sum.
    pub fn new(
        policy: KeyPolicy,
        key: &str,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        secret: [u8; 32],
    ) -> Self {
        Self { policy: Arc::new(policy), ledger, clock, key: key.into(), secret: Secret::new(secret) }
    }

    /// What it holds the key to.
    pub fn policy(&self) -> &KeyPolicy {
        &self.policy
    }

    /// Lets a signature be made, or says why not. Its amounts are written down when this returns, and count from then on.
    ///
    /// `digest` is what the key will sign, computed from the very content that `ask` was read from; the same again counts
    /// once with this warden and its clones, and once more with another. Dropped in the middle, the amounts may be counted for good: run it to its end.
    ///
    /// # Errors
    /// [`crate::Code::PolicyDenied`] with the limit; [`crate::Code::BudgetExceeded`] when a window has no room; the ledger's.
    pub async fn admit(&self, digest: &str, ask: &Ask) -> Result<()> {
        let now = self.clock.now();
        self.policy.judge(ask, now).map_err(|refusal| refusal.error())?;
        let lines = self.policy.lines(&self.key, ask, now);
        if lines.is_empty() {
            return Ok(());
        }
        let hold = self.secret.hold(&self.key, digest);
        self.ledger.reserve(&hold, &lines, now.plus_ms(DAY_MS), now).await?;
        self.ledger.close(&hold, Spend::All, now).await
    }
}
