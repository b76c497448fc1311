use crate::policy::List;
use tollway_core::{Account, AssetId, Code, Error, Result, Usd};

/// A limit over a sliding window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The most, in USD at the prices of the moment.
    pub usd: Usd,
    /// The window, in milliseconds.
    pub window_ms: u64,
}

impl Limit {
    /// So much within 24 hours.
    pub const fn a_day(usd: Usd) -> Self {
        Self { usd, window_ms: 24 * 3_600_000 }
    }
}

/// How many settlements may fail on chain before nothing more is sent for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strikes {
    /// For so long a failure counts, in milliseconds.
    pub window_ms: u64,
    /// So many of one payer end its service.
    pub payer: u32,
    /// So many of one payee do, if [`Self::lost_percent`] is reached too.
    pub payee: u32,
    /// So many of one caller do, if [`Self::lost_percent`] is reached too.
    pub caller: u32,
    /// Failures must have taken this percentage of a payee's or a caller's gas before they count against it: else a
    /// stranger could end an honest shop's service by failing there.
    pub lost_percent: u32,
}

/// What a facilitator spends gas on. The default bounds what one payment may cost, in proportion to what it moves, and
/// counts failures; it knows nobody's budget and nobody's customers, so it has no lists and no budgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardSettings {
    /// Payees that are settled for.
    pub payees: List<Account>,
    /// Assets that are settled.
    pub assets: List<AssetId>,
    /// The least that is settled, in USD.
    pub amount_usd_min: Option<Usd>,
    /// The most that predicted gas may be, in percent of the amount. 100: nobody's gas costs more than it moves.
    pub gas_percent_max: Option<u32>,
    /// The most that predicted gas of one settlement may be, in USD.
    pub gas_usd_max: Option<Usd>,
    /// The most that predicted gas may be, in percent of a plain payment's by the same scheme, on the same chain, to the
    /// same payee. What a payer's own contract burns is above it.
    pub gas_over_plain_percent_max: Option<u32>,
    /// All gas.
    pub gas_all: Option<Limit>,
    /// Gas for one caller; all callers without a name are one.
    pub gas_caller: Option<Limit>,
    /// Gas for one payee.
    pub gas_payee: Option<Limit>,
    /// The most settlements of one payer that are under way at once. All of them pass their simulation on the same
    /// balance, and when that is gone all of them fail.
    pub at_once_payer: Option<u32>,
    /// What is held under the budgets before sending, in percent of the predicted cost. 500: a transaction's own limits
    /// allow it two and a half times the gas that was predicted (a payee may be a new one after all) and twice the price.
    /// More may be offered for a transaction that is stuck, up to the network's fee cap: what that takes beyond the hold is
    /// charged as well. An L1 data fee has no limit; should it rise by more than that within a block, the excess is charged as well.
    pub hold_percent: u32,
    /// Failures that end somebody's service.
    pub strikes: Option<Strikes>,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            payees: List::Any,
            assets: List::Any,
            amount_usd_min: None,
            gas_percent_max: Some(100),
            gas_usd_max: None,
            gas_over_plain_percent_max: Some(400),
            gas_all: None,
            gas_caller: None,
            gas_payee: None,
            at_once_payer: Some(32),
            hold_percent: 500,
            strikes: Some(Strikes {
                window_ms: 3_600_000,
                payer: 3,
                payee: 20,
                caller: 50,
                lost_percent: 50,
            }),
        }
    }
}

impl GuardSettings {
    /// Checks nothing at all: everything is settled for everybody, at any price. For a facilitator that stands behind
    /// something else that decides this.
    pub fn off() -> Self {
        Self {
            gas_percent_max: None,
            gas_over_plain_percent_max: None,
            at_once_payer: None,
            strikes: None,
            ..Self::default()
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let wrong = |words: &str| Err(Error::caller(Code::BadSettings).detail(words));
        if !(100..=10_000).contains(&self.hold_percent) {
            return wrong(
                "a guard holds between 100 and 10000 percent of what a settlement is predicted to cost",
            );
        }
        if self.at_once_payer == Some(0) {
            return wrong("a payer of whom nothing may be under way is not settled for");
        }
        let limits = [self.gas_all, self.gas_caller, self.gas_payee];
        if limits.iter().flatten().any(|limit| limit.window_ms == 0) {
            return wrong("a budget over no time is none");
        }
        if self.strikes.is_some_and(|s| s.window_ms == 0 || s.payer.min(s.payee).min(s.caller) == 0) {
            return wrong("strikes are counted from one on, over some time");
        }
        Ok(())
    }

    /// True when the price of gas plays a part.
    pub(super) fn needs_gas(&self) -> bool {
        self.gas_percent_max.is_some()
            || self.gas_usd_max.is_some()
            || self.gas_over_plain_percent_max.is_some()
            || self.counts()
    }

    /// True when something is written down about each settlement.
    pub(super) fn counts(&self) -> bool {
        self.gas_all.is_some()
            || self.gas_caller.is_some()
            || self.gas_payee.is_some()
            || self.at_once_payer.is_some()
            || self.strikes.is_some()
    }
}
