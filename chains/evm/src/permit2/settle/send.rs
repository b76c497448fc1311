//! One transaction, whatever has to come before it.

use super::super::coins::Coins;
use super::super::sponsor::sponsor;
use super::super::{Path, Payee, Sponsored};
use super::Till;
use super::judge::Judge;
use super::outcome::refused_by_chain;
use super::sought::Checked;
use super::trial::{Found, not_dearer};
use crate::{Mined, Sent, Submit};
use alloy::primitives::U256;
use tollway_core::{Code, Error, Next, Purpose, Receipt, Result, Time};

impl Till {
    /// Pays for a missing allowance where that was promised, and sends.
    pub(super) async fn take(&self, checked: &Checked, charge: u128, not_after: Time) -> Result<Receipt> {
        let sought = self.of(checked);
        let key = sought.key();
        // What was sent under this key before was for its own charge, by code that may judge otherwise by now, or behind an
        // approval: neither is done or tried out again.
        let judged_by_code = checked.judge() == Judge::Account;
        let may_differ = self.is_metered() || judged_by_code || checked.path() == Path::AfterApproval;
        let again = may_differ && self.evm.sent(&key).await? != Sent::Never;
        if self.is_metered() && !again && self.charges.get(&key).is_none() {
            self.charges.put(key.clone(), charge);
        }
        let coins = match (&checked.bound.sponsored, checked.path(), again) {
            (Sponsored::Approval(approval), Path::AfterApproval, false) => {
                sponsor(&*self.evm, &self.untold, approval, sought.permit).await?
            }
            _ => None,
        };
        let done = match self.send(checked, charge, not_after, again).await {
            Ok(mined) => self.mined(&sought, mined, Some(charge), again).await,
            Err(e) if !e.is_unknown_outcome() && refused_by_chain(&e) => {
                self.overtaken(&sought, e, None, Some(charge)).await
            }
            Err(e) => Err(e),
        };
        Coins::and(coins, self.chain, done)
    }

    async fn send(&self, checked: &Checked, charge: u128, not_after: Time, again: bool) -> Result<Mined> {
        let (bound, amount) = (&checked.bound, U256::from(charge));
        let (found, gas_limit) = self.ready(checked, amount, again).await?;
        let (token, permit) = (&bound.token, &bound.signed.permit);
        // Another payment may have made the payee a holder since; gas is learned for what it is now.
        let payee = self.payees.seen(token.address, permit.witness.to).or(checked.found.map(|f| f.payee));
        let submit = Submit {
            call: self.call(bound, amount, found.path),
            value_wei: 0,
            gas_limit,
            purpose: Purpose::Interactive,
            // Nobody else may charge, where the witness names somebody.
            sender: permit.witness.facilitator,
            not_after,
            learn: payee.and_then(|payee| found.judge.gas_key(&self.calls, token.address, found.path, payee)),
        };
        self.evm.send(submit, &self.of(checked).key()).await
    }

    /// What to send and with how much gas, given what verification found. A plain account's key cannot change its mind. An
    /// account with code can, and behind an approval nothing could be tried out: these are tried out now, unless their
    /// transaction is on its way already. They get no more gas than was counted with when they were verified.
    async fn ready(&self, checked: &Checked, amount: U256, again: bool) -> Result<(Found, u64)> {
        let bound = &checked.bound;
        let settled_on = checked.judge() == Judge::Key && checked.path() != Path::AfterApproval;
        if again || settled_on {
            let found = checked.found.unwrap_or_else(|| self.unseen(checked));
            return Ok((found, self.limit(bound, &found)));
        }
        let now = self.look_again(checked, amount).await?;
        let limit = self.limit(bound, &now);
        let Some(first) = checked.found else { return Ok((now, limit)) };
        let most = self.limit(bound, &first);
        not_dearer(&now, most)?;
        Ok((now, limit.min(most)))
    }

    /// Verified by somebody else: the chain decides about a key's signature.
    fn unseen(&self, checked: &Checked) -> Found {
        let payee = self.payees.seen(checked.bound.token.address, checked.bound.signed.permit.witness.to);
        Found { payee: payee.unwrap_or(Payee::New), path: checked.path(), judge: checked.judge(), gas: None }
    }

    /// Tries it out as the chain is now, with the allowance that was paid for.
    async fn look_again(&self, checked: &Checked, amount: U256) -> Result<Found> {
        let token = &checked.bound.token;
        let now = match self.try_out(&checked.bound, amount).await {
            Err(e) if e.code == Code::TokenKeepsPart && checked.path() == Path::AfterApproval => {
                // Else each payer would have us pay for one approval more.
                self.unfair.put(token.address, ());
                return Err(e);
            }
            tried => tried?,
        };
        if now.path == Path::AfterApproval {
            return Err(Error::network(Code::ApprovalNotSent).next(Next::Later).detail(format!(
                "the approval of {} is in a block, and the node that was asked does not see it yet",
                token.asset
            )));
        }
        Ok(now)
    }
}
