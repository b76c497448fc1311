//! The payer's side of a cell over Permit2: all but its witness and what it makes of answers.
//!
//! | file | what is there |
//! |---|---|
//! | `mod` | planning: balance and allowance from the warm snapshot, and how a missing allowance is made up for |
//! | `sign` | signing what was reserved, once |
//! | `perform` | the payer's own transactions: approving, taking a permit back |
//!
//! A missing allowance is made up for in the way that costs the payer least: by an EIP-2612 permit where the seller's
//! settler takes one and the token knows them, by a signed approval where the settler pays for that, else by an
//! approval of the payer's own, whose gas is shared by the number of payments that the user expects it to serve.

mod perform;
mod sign;

use super::effort::{Calls, Path, Payee, approve_gas};
use super::{Eip2612, PERMIT2, Settings, Sponsoring, Token, approve_call};
use crate::address;
use crate::custody::TokenDomain;
use crate::{At, Evm, Held};
use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, OnceLock};
use tollway_core::{
    Account, Action, ActionKind, Amount, Bearer, Blame, ChainId, Clock, Code, Demand, Dice, Effort, Error,
    Funds, Json, Next, Plan, Recent, Requirement, Result, Sample, Site, Time, Work,
};

pub use sign::agrees;

/// How long after an approval of ours the snapshot may still say that there is none.
const CATCH_UP_MS: u64 = 60_000;

/// Plans, prepares, signs and follows up permits from one key.
pub struct Purse {
    /// The chain it pays on.
    pub chain: ChainId,
    pub(super) chain_id: u64,
    pub(super) evm: Arc<dyn Evm>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) dice: Arc<dyn Dice>,
    pub(super) settings: Settings,
    pub(super) calls: Calls,
    /// The signer, once somebody asked.
    me: OnceLock<(Address, Account)>,
    /// One sample per token and path: what settling costs in data does not depend on who is paid.
    samples: Recent<(Address, Path), Sample>,
    /// Whether a token knows EIP-2612 permits, once it was asked.
    permits: Recent<Address, bool>,
    /// Tokens that were approved just now, and when.
    approved: Recent<Address, Time>,
}

impl fmt::Debug for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Purse({:?} on {})", self.calls.proxy, self.chain)
    }
}

/// How Permit2 comes to draw on the payer's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It may.
    Allowed,
    /// By an EIP-2612 permit of the payer's that the settler hands in.
    Permit,
    /// By a signed approval of the payer's that the settler pays for.
    Approval,
    /// By an approval that the payer sends first.
    Approve,
}

impl Way {
    const fn path(self) -> Path {
        match self {
            Self::Allowed | Self::Approve => Path::Settle,
            Self::Permit => Path::WithPermit,
            Self::Approval => Path::AfterApproval,
        }
    }
}

/// What a plan is made of, before anybody looked at the chain.
struct Prepared<'p> {
    token: Token,
    timeout_s: u64,
    me: &'p (Address, Account),
}

/// What approving needs to know; the detail of an approve [`Action`].
#[derive(Serialize, Deserialize)]
struct Approving {
    token: Address,
    owner: Address,
    needs: U256,
}

impl Purse {
    /// For one cell, on one chain.
    ///
    /// # Errors
    /// When the chain is no EVM chain.
    pub fn new(site: &Site, settings: Settings, calls: Calls) -> Result<Self> {
        let evm = site.chain::<dyn Evm>()?;
        Ok(Self {
            chain: site.chain,
            chain_id: evm.chain_id(),
            evm,
            clock: site.clock.clone(),
            dice: site.dice.clone(),
            settings: settings.checked()?,
            calls,
            me: OnceLock::new(),
            samples: Recent::new(64),
            permits: Recent::new(64),
            approved: Recent::new(64),
        })
    }

    /// `Payer::plan`: from the snapshot while that is warm, and while the allowance is there or the token is known.
    ///
    /// # Errors
    /// Why the entry cannot be paid.
    pub async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        let what = self.prepared(demand.requirement)?;
        let (me, token) = (what.me, what.token.address);
        let funds = self.evm.funds(&me.1, token).await?;
        let held = Held { atomic: funds.balance.atomic, as_of: funds.as_of };
        let way = self.way(demand, &what.token, me.0).await?;
        self.planned(demand, &what, held, way)
    }

    /// `Payer::plan_now`.
    pub fn plan_now(&self, demand: &Demand<'_>) -> Option<Result<Plan>> {
        let what = match self.prepared(demand.requirement) {
            Ok(what) => what,
            Err(why) => return Some(Err(why)),
        };
        let (me, token) = (what.me.0, what.token.address);
        let held = self.evm.funds_now(me, token, demand.now)?;
        let way = match self.is_approved(token, demand.now) {
            true => Way::Allowed,
            false => {
                let allowed = self.evm.allowance_now(me, token, PERMIT2, demand.now)?;
                self.way_of(demand, &what.token, allowed.atomic)?
            }
        };
        Some(self.planned(demand, &what, held, way))
    }

    fn prepared(&self, r: &Requirement) -> Result<Prepared<'_>> {
        if r.chain != self.chain {
            return Err(Error::caller(Code::InvalidNetwork)
                .detail(format!("asked to pay on {}, this cell pays on {}", r.chain, self.chain)));
        }
        let token = self.settings.vouched(r)?;
        Ok(Prepared { token, timeout_s: self.settings.timeout(r)?, me: self.me()? })
    }

    /// Who signs.
    fn me(&self) -> Result<&(Address, Account)> {
        if let Some(me) = self.me.get() {
            return Ok(me);
        }
        let address = self.evm.signer()?.address();
        let account = address::account(self.chain, &address)?;
        Ok(self.me.get_or_init(|| (address, account)))
    }

    fn planned(&self, demand: &Demand<'_>, what: &Prepared<'_>, held: Held, way: Way) -> Result<Plan> {
        let (r, (_, me)) = (demand.requirement, what.me);
        let asset = r.price.0.asset;
        if held.atomic < r.price.atomic() {
            return Err(short(me, Amount::new(asset, held.atomic), r.price.atomic()));
        }
        let path = way.path();
        let sample = self.sample(&what.token, path);
        // Most payees hold the token already; entries of one 402 are compared by the same guess.
        let effort = self.calls.effort(&*self.evm, &what.token, path, Payee::Holder, sample);
        let actions = match way {
            Way::Approve => vec![self.approving(what, r.price.atomic())?],
            _ => Vec::new(),
        };
        Ok(Plan {
            exposure: r.price,
            price: r.price,
            locks_atomic: 0,
            // Whole seconds, as the chain counts: one more than the deadline, which still counts itself.
            spendable_until: Time::from_secs(demand.now.secs().saturating_add(what.timeout_s)),
            actions,
            effort,
            funds: Some(Funds { owner: *me, balance: Amount::new(asset, held.atomic), as_of: held.as_of }),
        })
    }

    /// The payer's own approval, its work shared by the payments that it is expected to serve.
    fn approving(&self, what: &Prepared<'_>, needs: u128) -> Result<Action> {
        let (owner, token) = (what.me.0, what.token.address);
        if !self.evm.senders().contains(&owner) {
            return Err(Error::new(Code::AllowanceRequired, Blame::Payer, Next::OtherRoute).detail(format!(
                "{owner} has not approved Permit2 for {}, nobody sponsors that here, and this process does not send \
                 transactions from {owner}",
                what.token.asset
            )));
        }
        let gas = approve_gas(&*self.evm, token);
        let sample = self.evm.sample(&approve_call(token, U256::MAX), gas.saturating_mul(2));
        let work =
            Work::new(Bearer::Payer, "approve", gas, sample).shared_by(self.settings.approval_payments);
        Ok(Action {
            kind: ActionKind::Approve,
            chain: self.chain,
            effort: Effort::one(work),
            detail: Json::of(&Approving { token, owner, needs: U256::from(needs) }),
        })
    }

    fn sample(&self, token: &Token, path: Path) -> Sample {
        let key = (token.address, path);
        self.samples.get(&key).unwrap_or_else(|| {
            let specimen = self.calls.specimen(token.address);
            let sample = self.calls.sample(&*self.evm, token, path, &specimen);
            self.samples.put(key, sample.clone());
            sample
        })
    }

    fn is_approved(&self, token: Address, now: Time) -> bool {
        self.approved.get(&token).is_some_and(|at| now.ms_since(at) < CATCH_UP_MS)
    }

    /// How Permit2 comes to draw on the tokens; looks where that is not known.
    async fn way(&self, demand: &Demand<'_>, token: &Token, me: Address) -> Result<Way> {
        if self.is_approved(token.address, demand.now) {
            return Ok(Way::Allowed);
        }
        let allowed = self.evm.allowance(me, token.address, PERMIT2).await?;
        if let Some(way) = self.way_of(demand, token, allowed.atomic) {
            return Ok(way);
        }
        let knows = self.permit_nonce(demand.requirement, token, me).await?.is_some();
        self.permits.put(token.address, knows);
        // Now that the token was asked, nothing is unknown.
        Ok(self.way_of(demand, token, allowed.atomic).unwrap_or(Way::Approve))
    }

    /// The same without a look; `None` where the token has to be asked.
    fn way_of(&self, demand: &Demand<'_>, token: &Token, allowed_atomic: u128) -> Option<Way> {
        if allowed_atomic >= demand.requirement.price.atomic() {
            return Some(Way::Allowed);
        }
        let offered = |how: Sponsoring| how.is_offered(demand.challenge.extensions.as_ref());
        if offered(Sponsoring::Eip2612) && self.permits.get(&token.address)? {
            return Some(Way::Permit);
        }
        Some(if offered(Sponsoring::Erc20Approval) { Way::Approval } else { Way::Approve })
    }

    /// The payer's permit nonce on a token and the token's domain; `None` when the token knows no permits, or has
    /// another domain than the table, the user or the entry says. A signature under a wrong one would be worthless.
    async fn permit_nonce(
        &self,
        r: &Requirement,
        token: &Token,
        me: Address,
    ) -> Result<Option<(U256, TokenDomain<'static>)>> {
        let looked = self.evm.look(&Eip2612::questions(token.address, me), At::Latest).await?;
        let word = |at: usize| {
            let answer = looked.results.get(at)?.as_ref().ok()?;
            (answer.len() == 32).then(|| B256::from_slice(answer))
        };
        let (Some(nonce), Some(separator)) = (word(0), word(1)) else { return Ok(None) };
        let extra = r.extra.map();
        let said = |key: &str| extra.get(key).and_then(|v| v.as_str()).map(str::to_owned);
        let domain = match self.settings.domain(&token.asset) {
            Some((name, version)) => Some((name.to_owned(), version.to_owned())),
            None => said("name").zip(said("version")),
        };
        let Some((name, version)) = domain else { return Ok(None) };
        let (name, version) = (name.into(), version.into());
        let domain = TokenDomain { name, version, chain_id: self.chain_id, token: token.address };
        Ok((domain.separator() == separator).then(|| (nonce.into(), domain)))
    }
}

#[cold]
fn short(me: &Account, balance: Amount, asked_atomic: u128) -> Error {
    Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute)
        .detail(format!("{me} holds {balance}, {asked_atomic} is asked"))
}
