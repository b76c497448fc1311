//! Paying for somebody's approval: coins for its gas where they are missing, then the approval itself.

use super::{Approval, ApprovalCost, Permit, approve_call, approve_gas};
use crate::{At, Evm, EvmCall, Sent, Submit};
use alloy::primitives::{Address, U256};
use tollway_core::{
    Amount, AssetId, Bearer, Blame, ChainId, Code, Error, Fee, Next, Part, Purpose, Receipt, RecordKey,
    Result, TxId, Work,
};

/// The most gas that sending coins may use: a plain account takes 21,000.
const COINS_GAS_MAX: u64 = 30_000;
/// A sponsored approval may cost so many times what one costs now: whoever signs it chooses limit and fee, both with room
/// to spare, and both are paid for in advance. Payers of this library offer two and a half times, the reference SDK less.
const TIMES_MAX: u128 = 4;

/// Coins that left for a payer's account, and what sending them cost: lost to us, whatever happens afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coins {
    /// The transaction that sent them.
    pub tx: TxId,
    /// The coins and the gas of sending them, in wei.
    pub wei: u128,
}

impl Coins {
    /// What came of a payment, with what its sponsoring cost beside.
    ///
    /// # Errors
    /// The one that came in.
    pub fn and(coins: Option<Self>, chain: ChainId, done: Result<Receipt>) -> Result<Receipt> {
        let Some(coins) = coins else { return done };
        match done {
            Ok(receipt) => {
                let own = receipt.spent.as_ref().map_or(0, |spent| spent.cost.atomic);
                Ok(receipt.cost(own.saturating_add(coins.wei)))
            }
            Err(e) => Err(coins.lost(chain, e)),
        }
    }

    /// The error, with what is gone.
    fn lost(self, chain: ChainId, e: Error) -> Error {
        let own = e.spent.as_ref().map_or(0, |spent| spent.atomic);
        let tx = e.transaction.clone().unwrap_or(self.tx);
        let wei = own.saturating_add(self.wei);
        e.transaction(tx).spent(Amount::new(AssetId::native(chain), wei))
    }
}

/// Puts a payer's signed approval on chain and waits for it. The coins that its gas may cost are sent first, as far as the
/// payer lacks them, once per account and nonce, whatever breaks and however many payments bring it along. Answers what they
/// cost, to each of those that needed them: the most that they can have been where they were sent for another.
///
/// # Errors
/// [`Code::ApprovalNotSent`] or [`Code::ApprovalTxFailed`]: no payment has moved, and none of this call will. Every error
/// after the coins left names their transaction and what is gone; an unknown outcome is one of the coins.
pub async fn sponsor(evm: &dyn Evm, approval: &Approval, permit: &Permit) -> Result<Option<Coins>> {
    let cost = approval.check(permit, evm.chain_id())?;
    // Only one transaction of an account can have a nonce, so more coins for it would be a present.
    let key = RecordKey(format!("permit2:{}:fund:{}:{}", evm.id(), permit.from, cost.nonce));
    let earlier = evm.sent(&key).await.map_err(unsent)? != Sent::Never;
    if !earlier {
        let next = evm.next_nonce(permit.from).await.map_err(unsent)?;
        if next > cost.nonce && is_allowed(evm, permit).await.map_err(unsent)? {
            return Ok(None);
        }
        if next != cost.nonce {
            return Err(not_sent(format!(
                "the approval's nonce is {}, the account's next one is {next}: it cannot be in a block now",
                cost.nonce
            )));
        }
    }
    let coins = fund(evm, &cost, permit, key, earlier).await?;
    match approve(evm, approval, permit).await {
        Ok(()) => Ok(coins),
        Err(e) => Err(match coins {
            Some(coins) => coins.lost(evm.id(), e),
            None => e,
        }),
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

/// Sends the coins that the payer lacks; `earlier` when some were sent for this nonce before, which are not sent again.
async fn fund(
    evm: &dyn Evm,
    cost: &ApprovalCost,
    permit: &Permit,
    key: RecordKey,
    earlier: bool,
) -> Result<Option<Coins>> {
    let chain = evm.id();
    let (usual_wei, beside_wei) = usual_wei(evm, permit).await.map_err(unsent)?;
    let needs_wei = cost.wei.saturating_add(beside_wei);
    let value_wei = if earlier {
        // Nobody keeps how much it was; this is the most.
        needs_wei
    } else {
        let owner = crate::address::account(chain, &permit.from)?;
        let held = evm.balances(&owner, &[AssetId::native(chain)]).await.map_err(unsent)?;
        let missing_wei = needs_wei.saturating_sub(held.first().map_or(0, |amount| amount.atomic));
        if missing_wei == 0 {
            return Ok(None);
        }
        let most_wei = usual_wei.saturating_mul(TIMES_MAX);
        if needs_wei > most_wei {
            return Err(not_sent(format!(
                "the approval may cost {needs_wei} wei ({} gas at {}); at most {most_wei} are paid for now",
                cost.gas_limit, cost.max_fee_wei
            )));
        }
        missing_wei
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
    let mined = evm.send(coins, &key).await.map_err(unsent)?;
    if !mined.success {
        return Err(not_sent(format!("{} does not take coins: {} reverted", permit.from, mined.tx))
            .transaction(mined.tx)
            .spent(Amount::new(AssetId::native(chain), mined.cost_wei)));
    }
    Ok(Some(Coins { tx: mined.tx, wei: value_wei.saturating_add(mined.cost_wei) }))
}

/// Brings the approval to the chain, and looks whether it gives the allowance.
async fn approve(evm: &dyn Evm, approval: &Approval, permit: &Permit) -> Result<()> {
    let mined = evm.relay(&approval.raw).await.map_err(unsent)?;
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
