//! Paying for somebody's approval: coins for its gas where they are missing, then the approval itself.

use super::{Approval, Permit, approve_call, approve_gas};
use crate::{At, Evm, EvmCall, Submit};
use tollway_core::{AssetId, Bearer, Code, Error, Next, Part, Purpose, RecordKey, Result, Work};

/// The most gas that sending coins may use: a plain account takes 21,000.
const COINS_GAS_MAX: u64 = 30_000;
/// A sponsored approval may cost so many times what one costs now: whoever signs it chooses limit and fee, both with room
/// to spare, and both are paid for in advance.
const TIMES_MAX: u128 = 8;

/// Puts a payer's signed approval on chain and waits for it. The coins that its gas may cost are sent first, as far as the
/// payer lacks them, once per payment whatever breaks: `payment` is what remembers it.
///
/// # Errors
/// [`Code::ApprovalNotSent`] or [`Code::ApprovalTxFailed`]: no payment has moved, and none of this call will.
pub async fn sponsor(evm: &dyn Evm, approval: &Approval, permit: &Permit, payment: &RecordKey) -> Result<()> {
    let cost = approval.check(permit, evm.chain_id())?;
    let chain = evm.id();
    let not_sent = |words: String| Error::payer(Code::ApprovalNotSent).next(Next::OtherRoute).detail(words);
    let owner = crate::address::account(chain, &permit.from)?;
    let held = evm.balances(&owner, &[AssetId::native(chain)]).await?;
    let held = held.first().map_or(0, |amount| amount.atomic);
    let (usual_wei, beside_wei) = price(evm, permit).await?;
    let needs_wei = cost.wei.saturating_add(beside_wei);
    let missing_wei = needs_wei.saturating_sub(held);
    if missing_wei > 0 {
        let most_wei = usual_wei.saturating_mul(TIMES_MAX);
        if needs_wei > most_wei {
            return Err(not_sent(format!(
                "the approval may cost {needs_wei} wei ({} gas at {}); at most {most_wei} are paid for now",
                cost.gas_limit, cost.max_fee_wei
            )));
        }
        let key = RecordKey(format!("{payment}:fund"));
        let coins = Submit {
            call: EvmCall { to: permit.from, data: Default::default() },
            value_wei: missing_wei,
            gas_limit: COINS_GAS_MAX,
            purpose: Purpose::Interactive,
            sender: None,
            not_after: permit.window().1,
            learn: None,
        };
        let mined = evm.send(coins, &key).await.map_err(unsent)?;
        if !mined.success {
            return Err(not_sent(format!("{} does not take coins: {} reverted", permit.from, mined.tx)));
        }
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
    if super::number(&looked, 0)? < permit.amount {
        return Err(Error::payer(Code::ApprovalTxFailed)
            .next(Next::OtherRoute)
            .detail("the approval succeeded, and there is no allowance"));
    }
    Ok(())
}

/// What an approval costs now, in wei, and the part of it that a chain takes beside the gas (data on the layer below), with
/// room for it to double.
async fn price(evm: &dyn Evm, permit: &Permit) -> Result<(u128, u128)> {
    let gas = approve_gas(evm, permit.token);
    let sample = evm.sample(&approve_call(permit.token, permit.amount), gas);
    let work = Work::new(Bearer::Settler, "approve", gas, sample);
    let cost = evm.tariff(Purpose::Interactive, &[]).await?.price(&work)?;
    let beside = cost.parts.iter().filter(|(part, _)| matches!(part, Part::L1Data | Part::Operator));
    let beside = beside.fold(0u128, |sum, (_, wei)| sum.saturating_add(*wei));
    Ok((cost.total(), beside.saturating_mul(2)))
}

/// Whatever became of the coins and the approval: the payment itself was not sent.
fn unsent(e: Error) -> Error {
    Error::new(Code::ApprovalNotSent, e.blame, Next::Later).detail(format!("{}: {}", e.code, e.detail))
}
