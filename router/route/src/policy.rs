//! What the caller allows: where, what, whom, how much. Checked on candidates, and again before anything is signed.

use crate::screening::Screening;
use crate::used;
use std::fmt;
use std::sync::Arc;
use tollway_core::{
    Account, Amount, AssetId, Blame, BudgetId, BudgetLine, ChainId, Code, Error, Next, Plan, Requirement,
    Result, Time, Usd,
};

/// Which values are allowed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum List<T> {
    /// All of them.
    #[default]
    Any,
    /// These and no others.
    Only(Vec<T>),
    /// All but these.
    Except(Vec<T>),
}

impl<T: PartialEq> List<T> {
    /// True when `value` is allowed.
    pub fn allows(&self, value: &T) -> bool {
        match self {
            Self::Any => true,
            Self::Only(these) => these.contains(value),
            Self::Except(these) => !these.contains(value),
        }
    }
}

/// What a budget counts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Every payment.
    All,
    /// Payments to one host.
    Host(String),
    /// Payments in one asset.
    Asset(AssetId),
    /// Payments to one payee.
    Payee(Account),
}

/// A cumulative limit over a sliding window. Open authorizations count until they are dead or settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Its lasting name in the ledger.
    pub id: BudgetId,
    /// What it counts.
    pub scope: Scope,
    /// The most, in USD at the time of signing.
    pub limit: Usd,
    /// The window, in milliseconds.
    pub window_ms: u64,
}

/// The payer's limits. The default allows nothing that costs money: no cap is set, and paying needs one.
#[derive(Clone, Default)]
pub struct Policy {
    /// Chains.
    pub networks: List<ChainId>,
    /// Assets.
    pub assets: List<AssetId>,
    /// Payees.
    pub payees: List<Account>,
    /// Hosts, lower case, without port.
    pub hosts: List<String>,
    /// The most that one signature can cost, own on-chain work included. `None` forbids paying (quoting works). When a
    /// server corrects its terms, a second signature may be out beside the first, each within this.
    pub cap: Option<Usd>,
    /// The most for one payment in given assets, whatever their price.
    pub caps: Vec<Amount>,
    /// Cumulative limits.
    pub budgets: Vec<Budget>,
    /// True when chains whose coins are worth something may be paid on.
    pub allow_mainnet: bool,
    /// The longest a signature may stay usable, in seconds. Default 600: a longer one binds money for nothing.
    pub timeout_s_max: Option<u64>,
    /// Asked before anything is signed. A refusal is final for that route.
    pub screen: Option<Arc<Screening>>,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("networks", &self.networks)
            .field("assets", &self.assets)
            .field("payees", &self.payees)
            .field("hosts", &self.hosts)
            .field("cap", &self.cap)
            .field("caps", &self.caps)
            .field("budgets", &self.budgets)
            .field("allow_mainnet", &self.allow_mainnet)
            .finish_non_exhaustive()
    }
}

impl Policy {
    /// May this entry be considered at all? Free of prices and I/O.
    ///
    /// # Errors
    /// [`Code::PolicyDenied`] naming the list; [`Code::OverCap`] for an asset's own cap.
    pub fn admits(&self, r: &Requirement, host: Option<&str>, testnet: bool) -> Result<()> {
        if !self.networks.allows(&r.chain) {
            return Err(denied(format!("network {} is not allowed", r.chain)));
        }
        if !testnet && !self.allow_mainnet {
            return Err(denied(format!("{} is a mainnet; paying there needs an explicit opt-in", r.chain)));
        }
        if !self.assets.allows(&r.price.asset()) {
            return Err(denied(format!("asset {} is not allowed", r.price.asset())));
        }
        if !self.payees.allows(&r.pay_to) {
            return Err(denied(format!("payee {} is not allowed", r.pay_to)));
        }
        let listed = |these: &[String], host: &str| these.iter().any(|h| h.eq_ignore_ascii_case(host));
        match (&self.hosts, host) {
            (List::Only(these), Some(host)) if !listed(these, host) => {
                return Err(denied(format!("host {host} is not allowed")));
            }
            (List::Except(these), Some(host)) if listed(these, host) => {
                return Err(denied(format!("host {host} is not allowed")));
            }
            // Nobody knows who asks, so no list of hosts can have it.
            (List::Only(_), None) => return Err(denied("the host that asks is not known".to_owned())),
            _ => {}
        }
        let timeout_s_max = self.timeout_s_max.unwrap_or(600);
        if r.timeout_s == 0 || r.timeout_s > timeout_s_max {
            return Err(denied(format!(
                "a window of {} s; at most {timeout_s_max} s is allowed",
                r.timeout_s
            )));
        }
        self.within_asset_cap(&r.price.0)
    }

    /// May so much of this asset be signed for at once?
    ///
    /// # Errors
    /// [`Code::OverCap`].
    pub fn within_asset_cap(&self, amount: &Amount) -> Result<()> {
        let cap = self.caps.iter().find(|c| c.asset == amount.asset);
        match cap.filter(|c| amount.atomic > c.atomic) {
            Some(cap) => Err(over(format!("{amount} is more than the cap of {}", cap.atomic))),
            None => Ok(()),
        }
    }

    /// May this much be paid?
    ///
    /// # Errors
    /// [`Code::OverCap`].
    pub fn within_cap(&self, bill: Usd) -> Result<()> {
        match self.cap.filter(|cap| bill > *cap) {
            Some(cap) => Err(over(format!("{bill} is more than the cap of {cap}"))),
            None => Ok(()),
        }
    }

    /// The ledger lines a plan must fit into: each budget whose scope it falls under, and the wallet itself, so that
    /// money in flight is not signed away twice.
    pub fn lines(
        &self,
        plan: &Plan,
        r: &Requirement,
        at_stake: Usd,
        host: Option<&str>,
        now: Time,
    ) -> Vec<BudgetLine> {
        let mut lines = self.budget_lines(r, at_stake, host, now);
        lines.extend(
            plan.funds.map(|funds| BudgetLine { amount: plan.exposure.atomic(), ..used::wallet(&funds) }),
        );
        lines
    }

    /// The lines of the budgets alone.
    pub(crate) fn budget_lines(
        &self,
        r: &Requirement,
        usd: Usd,
        host: Option<&str>,
        now: Time,
    ) -> Vec<BudgetLine> {
        self.counted(r, host).map(|b| BudgetLine { amount: usd.e18(), ..b.line(now) }).collect()
    }

    /// The budgets that paying `r` falls under.
    pub(crate) fn counted(&self, r: &Requirement, host: Option<&str>) -> impl Iterator<Item = &Budget> {
        self.budgets.iter().filter(move |b| match &b.scope {
            Scope::All => true,
            Scope::Host(h) => host.is_some_and(|host| host.eq_ignore_ascii_case(h)),
            Scope::Asset(a) => *a == r.price.asset(),
            Scope::Payee(p) => *p == r.pay_to,
        })
    }
}

impl Budget {
    /// Its line in the ledger, with nothing on it.
    pub(crate) fn line(&self, now: Time) -> BudgetLine {
        BudgetLine {
            budget: self.id.clone(),
            amount: 0,
            limit: self.limit.e18(),
            since: now.minus_ms(self.window_ms),
        }
    }
}

fn denied(words: String) -> Error {
    Error::new(Code::PolicyDenied, Blame::Caller, Next::OtherRoute).detail(words)
}

fn over(words: String) -> Error {
    Error::new(Code::OverCap, Blame::Caller, Next::OtherRoute).detail(words)
}
