//! The payer's own transactions: approving Permit2, and making a permit worthless.

use super::{Approving, Purse};
use crate::address;
use crate::permit2::effort::{CANCEL_GAS, approve_gas, approve_key, invalidate_call};
use crate::permit2::fate::{Asked, Stand, receipt};
use crate::permit2::{PERMIT2, Permit, Signed, allowance_call, approve_call, number};
use crate::{At, Evm, EvmCall, GasKey, Mined, Sent, Submit};
use alloy::primitives::{Address, U256};
use serde::{Deserialize, Serialize};
use tollway_core::{
    Action, ActionKind, Amount, AssetId, Authorization, Blame, Code, Error, Extra, Json, Landed, Next,
    Purpose, Receipt, RecordKey, Result, Time,
};

/// Approvals of one token that are looked back on; nobody takes his own back that often.
const APPROVALS_MAX: u32 = 64;
const CANCEL: &str = "invalidateUnorderedNonces";

/// What cancelling needs to know; the detail of a cancel [`Action`]. Holds no signature.
#[derive(Serialize, Deserialize)]
pub(super) struct Cancelling {
    /// The permit, as a payload whose signature is none.
    payload: Json,
    asset: AssetId,
    timeout_s: u64,
    /// Later than this there is nothing left to cancel.
    until: Time,
}

impl Cancelling {
    pub(super) fn of(said: &Permit, sent: &Authorization) -> Self {
        let accepted = &sent.payment.accepted;
        Self {
            payload: Signed { permit: *said, signature: [27; 65].into() }.encode(),
            asset: accepted.price.asset(),
            timeout_s: accepted.timeout_s,
            until: sent.spendable_until,
        }
    }
}

/// Gas that making a nonce worthless will use.
pub(super) fn cancel_gas(evm: &dyn Evm) -> u64 {
    evm.learned_gas(&GasKey { contract: PERMIT2, what: CANCEL }).unwrap_or(CANCEL_GAS)
}

impl Purse {
    /// `Payer::perform`: approves, or makes a permit worthless; once, however often it is called.
    ///
    /// # Errors
    /// Why it was not done; [`Next::Unknown`] when it may have been.
    pub async fn perform(&self, action: &Action) -> Result<Receipt> {
        match action.kind {
            ActionKind::Approve => self.approve(action.detail.read()?).await,
            ActionKind::Cancel => self.cancel(action.detail.read()?).await,
            other => Err(Error::caller(Code::UnsupportedMethod)
                .detail(format!("{other:?}: a payer over Permit2 only approves and cancels"))),
        }
    }

    async fn approve(&self, wanted: Approving) -> Result<Receipt> {
        self.mine(wanted.owner)?;
        let asset = address::asset(self.chain, &wanted.token)?;
        let looked = self.evm.look(&[allowance_call(wanted.token, wanted.owner)], At::Latest).await?;
        let allowed = number(&looked, 0)?;
        if allowed >= wanted.needs {
            self.approved.put(wanted.token, self.clock.now());
            return Ok(Receipt { landed: Landed::Nothing, ..self.receipt(&wanted, asset, None)? });
        }
        for number in 0..APPROVALS_MAX {
            let key = RecordKey(format!(
                "permit2:{}:approve:{}:{}:{number}",
                self.chain, wanted.token, wanted.owner
            ));
            if let Sent::Mined(mined) = self.evm.sent(&key).await? {
                // One that this look could not have seen yet is the one that was wanted; an older one is used up, or was
                // taken back.
                if mined.success && mined.block >= looked.block {
                    return self.approved(&wanted, asset, *mined);
                }
                continue;
            }
            if !allowed.is_zero() {
                // Some tokens only take a new allowance in the place of none.
                let zero = RecordKey(format!("{key}:zero"));
                let mined = self.own(approve_call(wanted.token, U256::ZERO), wanted.token, &zero).await?;
                succeeded(&mined, "taking the old allowance back")?;
            }
            let mined = self.own(approve_call(wanted.token, U256::MAX), wanted.token, &key).await?;
            return self.approved(&wanted, asset, mined);
        }
        Err(Error::us(Code::Conflict).detail("approved again and again, and still there is no allowance"))
    }

    fn approved(&self, wanted: &Approving, asset: AssetId, mined: Mined) -> Result<Receipt> {
        succeeded(&mined, "the approval")?;
        self.approved.put(wanted.token, self.clock.now());
        self.receipt(wanted, asset, Some(mined))
    }

    /// One transaction from the payer's own account.
    async fn own(&self, call: EvmCall, token: Address, key: &RecordKey) -> Result<Mined> {
        let submit = Submit {
            call,
            value_wei: 0,
            gas_limit: approve_gas(&*self.evm, token).saturating_mul(2),
            purpose: Purpose::Interactive,
            sender: Some(self.me()?.0),
            not_after: Time::FAR,
            learn: Some(approve_key(token)),
        };
        self.evm.send(submit, key).await
    }

    fn receipt(&self, wanted: &Approving, asset: AssetId, mined: Option<Mined>) -> Result<Receipt> {
        let (tx, cost) = mined.map(|m| (m.tx, m.cost_wei)).unzip();
        let tx = tx.unwrap_or_else(|| tollway_core::TxId(String::new()));
        let mut receipt = receipt(wanted.owner, Amount::zero(asset), tx, cost)?;
        receipt.extra = Extra::of_pairs(&[("approved", "permit2")]);
        Ok(receipt)
    }

    /// The payer's account is this process's to send from.
    fn mine(&self, owner: Address) -> Result<()> {
        if self.me()?.0 == owner && self.evm.senders().contains(&owner) {
            return Ok(());
        }
        Err(Error::caller(Code::NoSigner)
            .detail(format!("no account {owner} that sends transactions on {} is configured", self.chain)))
    }

    async fn cancel(&self, wanted: Cancelling) -> Result<Receipt> {
        let permit = Signed::decode(&wanted.payload, self.calls.proxy)?.permit;
        if wanted.asset.chain != self.chain {
            return Err(Error::caller(Code::InvalidNetwork)
                .detail(format!("a permit on {}, this cell pays on {}", wanted.asset.chain, self.chain)));
        }
        self.mine(permit.from)?;
        let submit = Submit {
            call: invalidate_call(&permit),
            value_wei: 0,
            gas_limit: cancel_gas(&*self.evm).saturating_mul(2),
            purpose: Purpose::Interactive,
            sender: Some(permit.from),
            not_after: wanted.until,
            learn: Some(GasKey { contract: PERMIT2, what: CANCEL }),
        };
        let key = RecordKey(format!("{}:cancel", permit.replay_key(self.chain)));
        let mined = self.evm.send(submit, &key).await?;
        succeeded(&mined, "the cancellation")?;
        // Permit2 takes this word also for a permit that was used before it.
        let timeout_s = wanted.timeout_s;
        let moved = self.calls.moved;
        let asked = Asked { permit: &permit, timeout_s, at: At::Latest, moved, trusting: false };
        if let Stand::Settled { tx, .. } = asked.stand(&*self.evm).await? {
            return Err(Error::unknown(Code::NonceUsed, Some(tx))
                .detail("the permit was used before it was cancelled"));
        }
        let mut receipt = receipt(permit.from, Amount::zero(wanted.asset), mined.tx, Some(mined.cost_wei))?;
        receipt.extra = Extra::of_pairs(&[("cancelled", "permit")]);
        Ok(receipt)
    }
}

fn succeeded(mined: &Mined, what: &str) -> Result<()> {
    if mined.success {
        return Ok(());
    }
    Err(Error::new(Code::TransactionFailed, Blame::Payer, Next::OtherRoute)
        .detail(format!("{what} reverted in {}", mined.tx))
        .transaction(mined.tx.clone()))
}
