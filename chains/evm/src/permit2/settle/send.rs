//! One transaction, whatever has to come before it.

use super::super::{Coins, Path, Payee, Sponsored, sponsor};
use super::Till;
use super::judge::Judge;
use super::outcome::refused_by_chain;
use super::sought::{Checked, path_of};
use super::trial::{Found, not_dearer};
use crate::{Mined, Sent, Submit};
use alloy::primitives::U256;
use tollway_core::{Purpose, Receipt, Result, Time};

impl Till {
    /// Pays for a missing allowance where that was promised, and sends.
    pub(super) async fn take(&self, checked: &Checked, charge: u128, not_after: Time) -> Result<Receipt> {
        let sought = self.of(checked);
        let key = sought.key();
        // What was sent under this key before was for its own charge, by code that may judge otherwise by now.
        let may_differ = self.is_metered() || checked.judge() == Judge::Account;
        let again = may_differ && self.evm.sent(&key).await? != Sent::Never;
        if self.is_metered() && !again && self.charges.get(&key).is_none() {
            self.charges.put(key.clone(), charge);
        }
        let coins = match (&checked.bound.sponsored, checked.path(), again) {
            (Sponsored::Approval(approval), Path::AfterApproval, false) => {
                sponsor(&*self.evm, approval, sought.permit, &key).await?
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
        let found = self.ready(checked, amount, again).await?;
        let (token, permit) = (&bound.token, &bound.signed.permit);
        // Another payment may have made the payee a holder since; gas is learned for what it is now.
        let payee = self.payees.seen(token.address, permit.witness.to).or(checked.found.map(|f| f.payee));
        let submit = Submit {
            call: self.call(bound, amount, found.path),
            value_wei: 0,
            gas_limit: self.limit(bound, &found),
            purpose: Purpose::Interactive,
            // Nobody else may charge, where the witness names somebody.
            sender: permit.witness.facilitator,
            not_after,
            learn: payee.and_then(|payee| found.judge.gas_key(&self.calls, token.address, found.path, payee)),
        };
        self.evm.send(submit, &self.of(checked).key()).await
    }

    /// What to send, given what verification found. A plain account's key cannot change its mind; an account with code
    /// can, so it is tried out once more, unless its transaction is on its way already.
    async fn ready(&self, checked: &Checked, amount: U256, again: bool) -> Result<Found> {
        let bound = &checked.bound;
        match checked.found {
            Some(found) if found.judge == Judge::Key || again => Ok(found),
            // Verified by somebody else: the chain decides about a key's signature.
            None if again || checked.judge() == Judge::Key => {
                let payee = self.payees.seen(bound.token.address, bound.signed.permit.witness.to);
                let (payee, path) = (payee.unwrap_or(Payee::New), path_of(&bound.sponsored));
                Ok(Found { payee, path, judge: checked.judge(), gas: None })
            }
            found => {
                let now = self.try_out(bound, amount).await?;
                if let Some(first) = found.filter(|first| first.path == now.path) {
                    not_dearer(&now, self.limit(bound, &first))?;
                }
                Ok(now)
            }
        }
    }
}
