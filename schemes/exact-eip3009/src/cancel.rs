//! Cancelling: what a payer can do about a signature that it no longer wants to be used.

use crate::effort;
use crate::fate::receipt;
use crate::payer::Paying;
use crate::terms::{Rail, Token};
use crate::token;
use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use tollway_core::{
    Action, ActionKind, Amount, AssetId, Authorization, Code, Error, Extra, Json, Purpose, Receipt,
    RecordKey, Result, Time,
};
use tollway_evm::Submit;
use tollway_evm::custody::{Message, authorize};
use tollway_evm::eip712::Transfer;

/// What cancelling needs to know; the detail of a cancel [`Action`]. Holds no signature.
#[derive(Serialize, Deserialize)]
pub(crate) struct Cancel {
    asset: AssetId,
    extra: Extra,
    from: Address,
    nonce: B256,
    /// Later than this there is nothing left to cancel.
    until: Time,
}

impl Paying {
    /// The action that makes `said` worthless; `None` where the payer's key, or an account to send from, is missing.
    pub(crate) fn cancel(&self, sent: &Authorization, token: &Token, said: &Transfer) -> Option<Box<Action>> {
        let able = self.evm.signer().is_ok_and(|s| s.address() == said.from);
        if !able || self.evm.senders().is_empty() {
            return None;
        }
        let detail = Cancel {
            asset: token.asset,
            extra: sent.payment.accepted.extra.clone(),
            from: said.from,
            nonce: said.nonce,
            until: sent.spendable_until,
        };
        Some(Box::new(Action {
            kind: ActionKind::Cancel,
            chain: token.chain(),
            effort: effort::cancellation(&*self.evm, token.address, said.from, said.nonce),
            detail: Json::of(&detail),
        }))
    }

    /// Signs the cancellation and sends it, once per authorization.
    pub(crate) async fn perform_cancel(&self, cancel: Cancel) -> Result<Receipt> {
        let rail = Rail::of_asset(cancel.asset, &cancel.extra)?;
        let token = rail.token;
        let signer = self.evm.signer()?;
        if token.chain() != self.chain || signer.address() != cancel.from {
            return Err(Error::caller(Code::NoSigner).detail(format!(
                "cancelling on {} takes the key of {}; here is that of {} on {}",
                token.chain(),
                cancel.from,
                signer.address(),
                self.chain
            )));
        }
        if self.evm.senders().is_empty() {
            return Err(Error::caller(Code::NoSigner)
                .detail(format!("no account that sends transactions on {} is configured", self.chain)));
        }
        let domain = rail.domain(&cancel.extra)?;
        let message = Message::Cancel { token: domain, authorizer: cancel.from, nonce: cancel.nonce };
        let signature = authorize(&*signer, &message).await?;
        let submit = Submit {
            call: token::cancel(token.address, cancel.from, cancel.nonce, &signature),
            value_wei: 0,
            gas_limit: effort::cancel_gas(&*self.evm, token.address).saturating_mul(2),
            purpose: Purpose::Interactive,
            sender: None,
            not_after: cancel.until,
            learn: Some(effort::cancel_key(token.address)),
        };
        let key = RecordKey(format!("{}:cancel", token.replay_key(cancel.from, cancel.nonce)));
        let mined = self.evm.send(submit, &key).await?;
        if !mined.success {
            return Err(Error::unknown(Code::TransactionFailed, Some(mined.tx))
                .detail("the cancellation reverted: the authorization may have been used before it"));
        }
        let nothing = Amount::zero(token.asset);
        let mut receipt = receipt(&token, cancel.from, nothing, mined.tx, Some(mined.cost_wei))?;
        receipt.extra = Extra::of_pairs(&[("cancelled", "authorization")]);
        Ok(receipt)
    }
}
