//! Where a permit stands on chain; asked by the payer (`resolve`) and by the settler (`resume`, `settle`).
//!
//! Permit2 says in no log which nonce a transfer used. What proves a payment is the transaction itself: it went to the
//! proxy, its call data hold this very permit, every term of it, it succeeded, and the token logged the transfer. What
//! proves that there will never be one is as hard: the proxy took another permit with the same nonce, or the payer
//! invalidated it by Permit2's own log. A nonce that is used and explained by neither says nothing: a seller must not
//! serve for it, nobody may release it, and a payer must take it for spent.

use super::{PERMIT2, Permit, reads};
use crate::address;
use crate::{At, Evm, EvmCall, Landing, LogQuery};
use alloy::primitives::U256;
use tollway_core::{Amount, Clock, Receipt, Result, Time, TxId};

/// Logs that are looked through for the one of this permit.
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
    /// Its nonce provably went elsewhere, or its window is over; at the set finality.
    Dead,
    /// It is unused, and its window is not over.
    Open,
    /// Between two answers: used or over in the newest block and not yet at the set finality, or used by nobody knows what.
    Wait,
}

/// What a call to the proxy moves: a permit as the call data tell it, and the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The permit, all of its terms.
    pub permit: Permit,
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
            (Found::Moved(..), At::Latest) => true,
            _ => reads::is_used(&self.look(evm, At::Final).await?, self.permit)?,
        };
        Ok(match found {
            _ if !is_final => Stand::Wait,
            Found::Moved(tx, amount) => Stand::Settled { tx, amount },
            Found::Elsewhere => Stand::Dead,
            Found::Nothing => Stand::Wait,
        })
    }

    /// What used the nonce.
    async fn find(&self, evm: &dyn Evm, now: Time) -> Result<Found> {
        let permit = self.permit;
        let (_, over) = permit.window();
        let back_ms = self.timeout_s.saturating_add(3_600).saturating_mul(1_000);
        let until = over.min(now);
        let since = until.minus_ms(back_ms);
        let [kind, from, to] = reads::transfer_topics(permit.from, permit.witness.to).map(Some);
        let query = |topics| LogQuery { address: permit.token, topics, since, until };
        let paid = evm.find_logs(&query([kind, from, to, None]), CANDIDATES_MAX).await?;
        let mut unexplained = Vec::new();
        for log in &paid {
            match self.explain(evm, &log.tx).await? {
                Some(Found::Nothing) => {}
                Some(found) => return Ok(found),
                None => unexplained.push(log),
            }
        }
        // With nothing left open, other terms may have paid somebody else, or the payer may have taken the permit back.
        if unexplained.is_empty() && paid.len() < CANDIDATES_MAX {
            if self.is_invalidated(evm, since).await? {
                return Ok(Found::Elsewhere);
            }
            for log in evm.find_logs(&query([kind, from, None, None]), CANDIDATES_MAX).await? {
                match self.explain(evm, &log.tx).await? {
                    None | Some(Found::Nothing) => {}
                    Some(found) => return Ok(found),
                }
            }
        }
        let guess = unexplained.into_iter().filter(|_| self.trusting).find_map(|log| {
            let amount = (log.data.len() == 32).then(|| U256::from_be_slice(&log.data))?;
            (amount <= permit.amount).then(|| Found::Moved(log.tx.clone(), amount))
        });
        Ok(guess.unwrap_or(Found::Nothing))
    }

    /// What a transaction did with the nonce: nothing when it was about something else; `None` when nobody can tell.
    async fn explain(&self, evm: &dyn Evm, tx: &TxId) -> Result<Option<Found>> {
        let permit = self.permit;
        let Some(call) = evm.call_of(tx).await? else { return Ok(None) };
        if call.to == permit.token {
            return Ok(Some(Found::Nothing));
        }
        let Some(moved) = (self.moved)(&call).filter(|_| call.to == permit.spender) else { return Ok(None) };
        if (moved.permit.from, moved.permit.nonce) != (permit.from, permit.nonce) {
            return Ok(Some(Found::Nothing));
        }
        let Some(mined) = evm.mined(tx).await?.filter(|mined| mined.success) else { return Ok(None) };
        if moved.permit != *permit {
            // The proxy succeeds only by using the nonce up, which happens once.
            return Ok(Some(Found::Elsewhere));
        }
        // Which log of the transaction it was does not matter: the amount is what the call says and the log shows.
        let parties = (permit.from, permit.witness.to);
        let shown = mined.logs.iter().any(|log| reads::is_transfer(log, permit.token, parties, moved.amount));
        Ok(shown.then_some(Found::Moved(mined.tx, moved.amount)))
    }

    /// True when the payer took the nonce back, by Permit2's own log.
    async fn is_invalidated(&self, evm: &dyn Evm, since: Time) -> Result<bool> {
        let [kind, owner] = reads::invalidation_topics(self.permit.from).map(Some);
        let topics = [kind, owner, None, None];
        let query = LogQuery { address: PERMIT2, topics, since, until: Time::FAR };
        let logs: Vec<Landing> = evm.find_logs(&query, CANDIDATES_MAX).await?;
        Ok(logs.iter().any(|log| reads::invalidates(log, self.permit)))
    }

    async fn look(&self, evm: &dyn Evm, at: At) -> Result<crate::Looked> {
        evm.look(&[reads::bitmap_call(self.permit)], at).await
    }
}

/// What used a nonce.
enum Found {
    /// This very permit, in this transaction, for so much.
    Moved(TxId, U256),
    /// Provably something else.
    Elsewhere,
    /// Nothing that could be found.
    Nothing,
}

/// The receipt of what `payer` did; with what it cost when it was our transaction.
///
/// # Errors
/// Never for real addresses.
pub fn receipt(
    payer: alloy::primitives::Address,
    charged: Amount,
    tx: TxId,
    cost_wei: Option<u128>,
) -> Result<Receipt> {
    let receipt = Receipt::on_chain(tx, charged, address::account(charged.asset.chain, &payer)?);
    Ok(cost_wei.map_or_else(|| receipt.clone(), |wei| receipt.clone().cost(wei)))
}

/// When to ask again: after the next block.
pub fn soon(evm: &dyn Evm, clock: &dyn Clock) -> Time {
    clock.now().plus_ms(evm.traits().block_ms.into())
}
