//! Paying for somebody's approval: coins for its gas where they are missing, then the approval itself.

use super::coins::{Coins, Untold};
use super::{Approval, ApprovalCost, Permit, approve_call, approve_gas};
use crate::{At, Evm, EvmCall, Mined, Sent, Submit};
use alloy::primitives::{Address, U256, keccak256};
use std::cmp::Ordering;
use tollway_core::{
    Amount, AssetId, Bearer, Blame, Code, Error, Fee, Next, Part, Purpose, RecordKey, Result, Work,
};

/// The most gas that sending coins may use: a plain account takes 21,000.
const COINS_GAS_MAX: u64 = 30_000;
/// A sponsored approval may cost so many times what one costs now: whoever signs it chooses limit and fee, both with room
/// to spare, and both are paid for in advance. Payers of this library offer two and a half times, the reference SDK less.
const TIMES_MAX: u128 = 4;

/// Puts a payer's signed approval on chain and waits for it. The coins that its gas may cost are sent first, as far as the
/// payer lacks them, once per account and nonce, whatever breaks and however many payments bring an approval at it along.
/// Answers what they cost, to the payment that sent them, once.
///
/// # Errors
/// [`Code::ApprovalNotSent`] or [`Code::ApprovalTxFailed`]: no payment has moved, and none of this call will. An error
/// after coins of this payment left names their transaction and what is gone; an unknown outcome is one of the coins.
pub(super) async fn sponsor(
    evm: &dyn Evm,
    untold: &Untold,
    approval: &Approval,
    permit: &Permit,
) -> Result<Option<Coins>> {
    let cost = approval.check(permit, evm.chain_id())?;
    // Only one transaction of an account can have a nonce, so more coins for it would be a present.
    let key = RecordKey(format!("permit2:{}:fund:{}:{}", evm.id(), permit.from, cost.nonce));
    let next = evm.next_nonce(permit.from).await.map_err(unsent)?;
    let sent = evm.sent(&key).await.map_err(unsent)?;
    let (coins, done) = match next.cmp(&cost.nonce) {
        Ordering::Less => return Err(not_next(&cost, next)),
        Ordering::Equal => {
            let coins = fund(evm, untold, &cost, permit, &key, sent).await?;
            (coins, approve(evm, approval, permit).await)
        }
        Ordering::Greater => {
            let mined = match sent {
                Sent::Mined(mined) => Some(*mined),
                // The coins were of use before they were final.
                Sent::Pending(tx) => evm.mined(&tx).await.map_err(unsent)?,
                Sent::Never => None,
            };
            let coins = mined.and_then(|mined| untold.tell(&key, permit, &mined));
            (coins, approved(evm, approval, permit, not_next(&cost, next)).await)
        }
    };
    match done {
        Ok(()) => Ok(coins),
        Err(e) => Err(Coins::lost(coins, evm.id(), e)),
    }
}

/// What of the coins for an approval stays with the payer, when it costs what one costs now: whoever signs it chooses limit
/// and fee, and gets back what is not used. Coins are cash, so they are a cost all the same. `None` when none is left. As
/// if the payer held none: nobody is asked.
///
/// # Errors
/// Those of [`Approval::check`] and of asking what it costs now.
pub(super) async fn left_over(evm: &dyn Evm, approval: &Approval, permit: &Permit) -> Result<Option<Fee>> {
    let cost = approval.check(permit, evm.chain_id())?;
    let (usual_wei, beside_wei) = usual_wei(evm, permit).await?;
    let wei = cost.wei.saturating_add(beside_wei).saturating_sub(usual_wei);
    let amount = Amount::new(AssetId::native(evm.id()), wei);
    Ok((wei > 0).then_some(Fee { bearer: Bearer::Settler, amount, label: "coins left with the payer" }))
}

/// Sends the coins that the payer lacks, unless some were sent for this nonce before: those are waited for.
async fn fund(
    evm: &dyn Evm,
    untold: &Untold,
    cost: &ApprovalCost,
    permit: &Permit,
    key: &RecordKey,
    sent: Sent,
) -> Result<Option<Coins>> {
    if let Sent::Mined(mined) = &sent {
        return landed(evm, untold, permit, key, mined);
    }
    let (usual_wei, beside_wei) = usual_wei(evm, permit).await.map_err(unsent)?;
    let needs_wei = cost.wei.saturating_add(beside_wei);
    let most_wei = usual_wei.saturating_mul(TIMES_MAX);
    let value_wei = if sent == Sent::Never {
        let missing_wei = needs_wei.saturating_sub(coins_of(evm, permit).await?);
        if missing_wei == 0 {
            return Ok(None);
        }
        if needs_wei > most_wei {
            return Err(not_sent(format!(
                "the approval may cost {needs_wei} wei ({} gas at {}); at most {most_wei} are paid for now",
                cost.gas_limit, cost.max_fee_wei
            )));
        }
        untold.claim(key, permit, missing_wei);
        missing_wei
    } else {
        needs_wei.min(most_wei)
    };
    let coins = Submit {
        call: EvmCall { to: permit.from, data: Default::default() },
        value_wei,
        gas_limit: COINS_GAS_MAX,
        purpose: Purpose::Interactive,
        sender: None,
        not_after: permit.window().1,
        learn: None,
    };
    match evm.send(coins, key).await {
        Ok(mined) => landed(evm, untold, permit, key, &mined),
        Err(e) => {
            if !e.is_unknown_outcome() {
                untold.withdraw(key, permit);
            }
            Err(unsent(e))
        }
    }
}

/// Coins are in a block: has the payer got them?
fn landed(
    evm: &dyn Evm,
    untold: &Untold,
    permit: &Permit,
    key: &RecordKey,
    mined: &Mined,
) -> Result<Option<Coins>> {
    let coins = untold.tell(key, permit, mined);
    if mined.success {
        return Ok(coins);
    }
    let e = not_sent(format!("{} does not take coins: {} reverted", permit.from, mined.tx));
    Err(Coins::lost(coins, evm.id(), e))
}

/// The payer's coins, in wei.
async fn coins_of(evm: &dyn Evm, permit: &Permit) -> Result<u128> {
    let owner = crate::address::account(evm.id(), &permit.from)?;
    let held = evm.balances(&owner, &[AssetId::native(evm.id())]).await.map_err(unsent)?;
    Ok(held.first().map_or(0, |amount| amount.atomic))
}

/// The account has used the approval's nonce: by this approval, or by another that does as well?
///
/// # Errors
/// Those of [`approve`]; `otherwise` when it was used for something else.
async fn approved(evm: &dyn Evm, approval: &Approval, permit: &Permit, otherwise: Error) -> Result<()> {
    if is_allowed(evm, permit).await.map_err(unsent)? {
        return Ok(());
    }
    let hash = crate::address::tx_id(&keccak256(&approval.raw));
    match evm.mined(&hash).await.map_err(unsent)? {
        Some(mined) => allowed_by(evm, &mined, permit).await,
        None => Err(otherwise),
    }
}

/// Brings the approval to the chain, and looks whether it gives the allowance.
async fn approve(evm: &dyn Evm, approval: &Approval, permit: &Permit) -> Result<()> {
    match evm.relay(&approval.raw).await {
        Ok(mined) => allowed_by(evm, &mined, permit).await,
        // Another one at the same nonce may have been mined before it.
        Err(e) => match is_allowed(evm, permit).await {
            Ok(true) => Ok(()),
            _ => Err(unsent(e)),
        },
    }
}

/// Has that approval given the allowance?
async fn allowed_by(evm: &dyn Evm, mined: &Mined, permit: &Permit) -> Result<()> {
    let failed = |words: String| Error::payer(Code::ApprovalTxFailed).next(Next::OtherRoute).detail(words);
    if !mined.success {
        return Err(failed(format!("the approval {} reverted", mined.tx)));
    }
    // A token whose approval succeeds without an allowance would make our settlement fail at our cost.
    if !is_allowed(evm, permit).await.map_err(unsent)? {
        return Err(failed("the approval succeeded, and there is no allowance".to_owned()));
    }
    Ok(())
}

async fn is_allowed(evm: &dyn Evm, permit: &Permit) -> Result<bool> {
    let looked = evm.look(&[super::allowance_call(permit.token, permit.from)], At::Latest).await?;
    Ok(super::number(&looked, 0)? >= permit.amount)
}

fn not_next(cost: &ApprovalCost, next: u64) -> Error {
    not_sent(format!(
        "the approval's nonce is {}, the account's next one is {next}: it cannot be in a block now",
        cost.nonce
    ))
}

fn not_sent(words: String) -> Error {
    Error::payer(Code::ApprovalNotSent).next(Next::OtherRoute).detail(words)
}

/// What an approval of so much that uses `gas` costs now, in wei, and the part of it that a chain takes beside the gas (data
/// on the layer below), with room for it to double.
pub(super) async fn approval_wei(
    evm: &dyn Evm,
    token: Address,
    amount: U256,
    gas: u64,
) -> Result<(u128, u128)> {
    let sample = evm.sample(&approve_call(token, amount), gas);
    let work = Work::new(Bearer::Settler, "approve", gas, sample);
    let cost = evm.tariff(Purpose::Interactive, &[]).await?.price(&work)?;
    let beside = cost.parts.iter().filter(|(part, _)| matches!(part, Part::L1Data | Part::Operator));
    let beside = beside.fold(0u128, |sum, (_, wei)| sum.saturating_add(*wei));
    Ok((cost.total(), beside.saturating_mul(2)))
}

/// What one costs that uses what they usually use.
async fn usual_wei(evm: &dyn Evm, permit: &Permit) -> Result<(u128, u128)> {
    approval_wei(evm, permit.token, permit.amount, approve_gas(evm, permit.token)).await
}

/// The payment itself was not sent. Coins that may have left stay an unknown outcome, and words of which nobody knows whose
/// they are stay ours.
fn unsent(e: Error) -> Error {
    let blame = if e.code == Code::UnexpectedSettleError { Blame::Us } else { e.blame };
    let next = if e.is_unknown_outcome() { e.next.clone() } else { Next::Later };
    let told = Error::new(Code::ApprovalNotSent, blame, next).detail(format!("{}: {}", e.code, e.detail));
    Error { transaction: e.transaction, spent: e.spent, ..told }
}
