//! Paying for somebody's approval: coins for its gas where they are missing, then the approval itself.

use super::{Approval, Permit};
use crate::{At, Evm};
use alloy::primitives::U256;
use tollway_core::{AssetId, Code, Error, Next, RecordKey, Result};

/// The most gas that a sponsored approval may use: three times what a token behind a proxy takes. Whoever signs it
/// chooses the limit, and the limit is what has to be paid for.
const GAS_MAX: u64 = 200_000;
/// How many times the fee of our own transactions a sponsored one may offer.
const FEE_TIMES_MAX: u128 = 4;

/// Puts a payer's signed approval on chain and waits for it. The coins that its gas may cost are sent first, as far as the
/// payer lacks them, once per payment whatever breaks: `payment` is what remembers it.
///
/// # Errors
/// [`Code::ApprovalNotSent`] or [`Code::ApprovalTxFailed`]: no payment has moved, and none of this call will.
pub async fn sponsor(evm: &dyn Evm, approval: &Approval, permit: &Permit, payment: &RecordKey) -> Result<()> {
    let cost = approval.check(permit, evm.chain_id())?;
    let chain = evm.id();
    let not_sent = |words: String| Error::payer(Code::ApprovalNotSent).next(Next::OtherRoute).detail(words);
    if cost.gas_limit > GAS_MAX {
        return Err(not_sent(format!(
            "the approval may use {} gas; at most {GAS_MAX} are paid for",
            cost.gas_limit
        )));
    }
    let owner = crate::address::account(chain, &permit.from)?;
    let held = evm.balances(&owner, &[AssetId::native(chain)]).await?;
    let held = held.first().map_or(0, |amount| amount.atomic);
    let missing_wei = cost.wei.saturating_sub(held);
    if missing_wei > 0 {
        let fair = evm.fee_wei().await?.saturating_mul(FEE_TIMES_MAX);
        if cost.max_fee_wei > fair {
            return Err(not_sent(format!(
                "the approval offers {} wei for each gas; at most {fair} are paid for now",
                cost.max_fee_wei
            )));
        }
        let key = RecordKey(format!("{payment}:fund"));
        evm.endow(permit.from, missing_wei, &key).await.map_err(unsent)?;
    }
    let mined = evm.relay(&approval.raw).await.map_err(unsent)?;
    if !mined.success {
        return Err(Error::payer(Code::ApprovalTxFailed)
            .next(Next::OtherRoute)
            .detail(format!("the approval {} reverted", mined.tx))
            .transaction(mined.tx));
    }
    // A token whose approval succeeds without an allowance would make our settlement fail at our cost.
    let looked = evm.look(&[super::allowance_call(permit.token, permit.from)], At::Latest).await?;
    if super::number(&looked, 0)? < U256::from(permit.amount) {
        return Err(Error::payer(Code::ApprovalTxFailed)
            .next(Next::OtherRoute)
            .detail("the approval succeeded, and there is no allowance"));
    }
    Ok(())
}

/// Whatever became of the coins and the approval: the payment itself was not sent.
fn unsent(e: Error) -> Error {
    Error::new(Code::ApprovalNotSent, e.blame, Next::Later).detail(format!("{}: {}", e.code, e.detail))
}
