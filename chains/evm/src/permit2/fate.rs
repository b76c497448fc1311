//! Where a permit stands on chain; asked by the payer (`resolve`) and by the settler (`resume`, `settle`).
//!
//! Permit2 says in no log which nonce was used. What proves a payment is the transaction itself: it went to the proxy,
//! its call data hold this very permit, it succeeded, and the token logged the transfer. A nonce that is used without
//! such a transaction was invalidated by the payer, or used through some other contract, which nothing can tell apart:
//! a seller must not serve for it, and a payer must take it for spent.

use super::{Permit, reads};
use crate::address;
use crate::{At, Evm, EvmCall, LogQuery};
use alloy::primitives::{Address, U256};
use tollway_core::{Amount, Clock, Receipt, Result, Time, TxId};

/// Transfers between payer and payee that are looked through for the one of this permit.
const CANDIDATES_MAX: usize = 64;

/// What the chain says of one permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stand {
    /// It moved this much, in this transaction. Whoever sent that: a front-runner pays the gas and changes nothing.
    Settled {
        /// The transaction.
        tx: TxId,
        /// How much, in atomic units.
        amount: U256,
    },
    /// Its nonce went elsewhere, or its window is over; at the set finality.
    Dead,
    /// It is unused, and its window is not over.
    Open,
    /// Between two answers: used or over in the newest block, not yet at the set finality.
    Wait,
}

/// What a call to the proxy moves: the permit's owner and nonce, and the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Whose permit.
    pub owner: Address,
    /// Which one.
    pub nonce: U256,
    /// How much, in atomic units.
    pub amount: U256,
}

/// A permit, and what must be known to find its end.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The permit.
    pub permit: &'a Permit,
    /// The requirement's timeout, from which the time of signing follows.
    pub timeout_s: u64,
    /// What a transfer must have reached to count as settled.
    pub at: At,
    /// What a call to the proxy moves; `None` for a call that is none of the cell's.
    pub moved: fn(&EvmCall) -> Option<Moved>,
    /// What a used nonce means that no transaction of the proxy explains, when the payee got money of the payer in its
    /// window all the same: true counts the newest such transfer as this payment's (a payer, for whom the permit is
    /// spent), false does not (a settler, whose seller would serve for it).
    pub trusting: bool,
}

impl Asked<'_> {
    /// Looks. Unused costs one round trip; used, a few more.
    ///
    /// # Errors
    /// Those of looking.
    pub async fn stand(&self, evm: &dyn Evm) -> Result<Stand> {
        let (_, until) = self.permit.window();
        let newest = self.look(evm, At::Latest).await?;
        if reads::is_used(&newest, self.permit)? {
            return self.use_of_nonce(evm, newest.time).await;
        }
        if newest.time < until {
            return Ok(Stand::Open);
        }
        let last = self.look(evm, At::Final).await?;
        // Only a block of that finality, past the window and with the nonce unused, proves that it never will be.
        let over = last.time >= until && !reads::is_used(&last, self.permit)?;
        Ok(if over { Stand::Dead } else { Stand::Wait })
    }

    async fn use_of_nonce(&self, evm: &dyn Evm, now: Time) -> Result<Stand> {
        let found = self.find(evm, now).await?;
        let is_final = match (&found, self.at) {
            (Some(_), At::Latest) => true,
            _ => reads::is_used(&self.look(evm, At::Final).await?, self.permit)?,
        };
        Ok(match (is_final, found) {
            (false, _) => Stand::Wait,
            (true, Some((tx, amount))) => Stand::Settled { tx, amount },
            (true, None) => Stand::Dead,
        })
    }

    /// The transaction that used the permit.
    async fn find(&self, evm: &dyn Evm, now: Time) -> Result<Option<(TxId, U256)>> {
        let permit = self.permit;
        let (_, over) = permit.window();
        let back_ms = self.timeout_s.saturating_add(3_600).saturating_mul(1_000);
        let until = over.min(now);
        let [kind, from, to] = reads::transfer_topics(permit.from, permit.witness.to).map(Some);
        let query = LogQuery {
            address: permit.token,
            topics: [kind, from, to, None],
            since: until.minus_ms(back_ms),
            until,
        };
        let logs = evm.find_logs(&query, CANDIDATES_MAX).await?;
        for log in &logs {
            let Some(call) = evm.call_of(&log.tx).await? else { continue };
            let Some(moved) = (self.moved)(&call).filter(|_| call.to == permit.spender) else { continue };
            if (moved.owner, moved.nonce) != (permit.from, permit.nonce) {
                continue;
            }
            // Which log of the transaction it was does not matter: the amount is what the call says and the log shows.
            let Some(mined) = evm.mined(&log.tx).await?.filter(|mined| mined.success) else { continue };
            let parties = (permit.from, permit.witness.to);
            if mined.logs.iter().any(|log| reads::is_transfer(log, permit.token, parties, moved.amount)) {
                return Ok(Some((mined.tx, moved.amount)));
            }
        }
        let unexplained = logs.into_iter().filter(|_| self.trusting).find_map(|log| {
            let amount = (log.data.len() == 32).then(|| U256::from_be_slice(&log.data))?;
            (amount <= permit.amount).then_some((log.tx, amount))
        });
        Ok(unexplained)
    }

    async fn look(&self, evm: &dyn Evm, at: At) -> Result<crate::Looked> {
        evm.look(&[reads::bitmap_call(self.permit)], at).await
    }
}

/// The receipt of what `payer` did; with what it cost when it was our transaction.
///
/// # Errors
/// Never for real addresses.
pub fn receipt(payer: Address, charged: Amount, tx: TxId, cost_wei: Option<u128>) -> Result<Receipt> {
    let receipt = Receipt::on_chain(tx, charged, address::account(charged.asset.chain, &payer)?);
    Ok(cost_wei.map_or_else(|| receipt.clone(), |wei| receipt.clone().cost(wei)))
}

/// When to ask again: after the next block.
pub fn soon(evm: &dyn Evm, clock: &dyn Clock) -> Time {
    clock.now().plus_ms(evm.traits().block_ms.into())
}
