//! The payer's side of a cell over Permit2: all but its witness and what it makes of answers.
//!
//! | file | what is there |
//! |---|---|
//! | `mod` | planning: balance and allowance from the warm snapshot |
//! | `way` | how a missing allowance is made up for |
//! | `sign` | signing what was reserved, once |
//! | `coins` | whether a signed approval is really somebody else's to pay for |
//! | `perform` | the payer's own transactions: approving, taking a permit back |
//!
//! A missing allowance is made up for in the way that costs the payer least: by an EIP-2612 permit where the seller's
//! settler takes one and the token knows them, by a signed approval where the settler has to pay for that because the
//! payer's account cannot, else by an approval of the payer's own, whose gas is shared by the number of payments that the
//! user expects it to serve.

mod coins;
mod perform;
mod sign;
mod way;

use super::effort::{Calls, NOISE, Path, Payee, approve_gas};
use super::{PERMIT2, Settings, Token, approve_call};
use crate::address;
use crate::{Evm, Held};
use alloy::primitives::{Address, U256};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, OnceLock};
use tollway_core::{
    Account, Action, ActionKind, Amount, Bearer, Blame, ChainId, Clock, Code, Demand, Dice, Effort, Error,
    Funds, Json, Next, Plan, Recent, Requirement, Result, Sample, Site, Time, Work,
};

pub use sign::agrees;
use way::Way;

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
    /// Per token, how an approval that others offer to pay for would come about, and when that was looked at.
    sponsored: Recent<Address, (Way, Time)>,
}

impl fmt::Debug for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Purse({:?} on {})", self.calls.proxy, self.chain)
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
            sponsored: Recent::new(64),
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
        let way = self.way(demand, &what.token, me).await?;
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
        let mut effort = self.calls.effort(&*self.evm, &what.token, path, Payee::Holder, sample);
        let actions = match way {
            Way::Approve => vec![self.approving(what, r.price.atomic())?],
            _ => Vec::new(),
        };
        effort.fees.extend(self.at_stake(way));
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
                "{owner} has not approved Permit2 for {}, nobody else has to pay for that (an account that holds the \
                 coins for it is not sponsored), and this process does not send transactions from {owner}",
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
            let sample = self.calls.sample(&*self.evm, token, path, &specimen.permit, &*NOISE);
            self.samples.put(key, sample.clone());
            sample
        })
    }

    fn is_approved(&self, token: Address, now: Time) -> bool {
        self.approved.get(&token).is_some_and(|at| now.ms_since(at) < CATCH_UP_MS)
    }
}

#[cold]
fn short(me: &Account, balance: Amount, asked_atomic: u128) -> Error {
    Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute)
        .detail(format!("{me} holds {balance}, {asked_atomic} is asked"))
}
