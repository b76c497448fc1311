//! Coins that left for a payer's account, and whose cost they are: that of the one payment which sent them, once.

use super::Permit;
use crate::Mined;
use alloy::primitives::U256;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tollway_core::{Amount, AssetId, ChainId, Error, Receipt, RecordKey, Result, TxId};

/// Claims that are kept. Only a call that was dropped or has not seen its coins' end leaves one behind, each of them after
/// coins were sent; past so many, all are forgotten, and a cost stays untold rather than charged to another.
const UNTOLD_MAX: usize = 4_096;

/// Coins that left for a payer's account, and what sending them cost: lost to us, whatever happens afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coins {
    /// The transaction that sent them.
    pub(super) tx: TxId,
    /// The coins and the gas of sending them, in wei.
    pub(super) wei: u128,
}

impl Coins {
    /// What came of a payment, with what its sponsoring cost beside.
    ///
    /// # Errors
    /// The one that came in.
    pub(super) fn and(coins: Option<Self>, chain: ChainId, done: Result<Receipt>) -> Result<Receipt> {
        let Some(coins) = coins else { return done };
        match done {
            Ok(receipt) => {
                let own = receipt.spent.as_ref().map_or(0, |spent| spent.cost.atomic);
                Ok(receipt.cost(own.saturating_add(coins.wei)))
            }
            Err(e) => Err(Self::lost(Some(coins), chain, e)),
        }
    }

    /// The error, with what is gone.
    pub(super) fn lost(coins: Option<Self>, chain: ChainId, e: Error) -> Error {
        let Some(coins) = coins else { return e };
        let own = e.spent.as_ref().map_or(0, |spent| spent.atomic);
        let tx = e.transaction.clone().unwrap_or(coins.tx);
        let wei = own.saturating_add(coins.wei);
        e.transaction(tx).spent(Amount::new(AssetId::native(chain), wei))
    }
}

/// Coins that this process sends or has sent, and whose cost nobody was told yet. Many payments may bring approvals at one
/// nonce along: told to each of them, one cost would be charged many times.
#[derive(Default)]
pub(super) struct Untold(Mutex<HashMap<RecordKey, Sender>>);

/// The payment that sends coins.
struct Sender {
    /// The permit's nonce: the payer is in the key.
    nonce: U256,
    value_wei: u128,
}

impl Untold {
    /// To be called right before coins are sent under a key. The first that calls it is whose cost they are.
    pub(super) fn claim(&self, key: &RecordKey, permit: &Permit, value_wei: u128) {
        let mut all = self.all();
        if all.len() >= UNTOLD_MAX {
            all.clear();
        }
        all.entry(key.clone()).or_insert(Sender { nonce: permit.nonce, value_wei });
    }

    /// Nothing has left, and nothing will.
    pub(super) fn withdraw(&self, key: &RecordKey, permit: &Permit) {
        let _ = self.take(key, permit);
    }

    /// What the mined transaction under that key took from us, when it was this payment that sent it and was not told yet.
    pub(super) fn tell(&self, key: &RecordKey, permit: &Permit, mined: &Mined) -> Option<Coins> {
        let sender = self.take(key, permit)?;
        let value_wei = if mined.success { sender.value_wei } else { 0 };
        Some(Coins { tx: mined.tx.clone(), wei: value_wei.saturating_add(mined.cost_wei) })
    }

    fn take(&self, key: &RecordKey, permit: &Permit) -> Option<Sender> {
        let mut all = self.all();
        let is_its = all.get(key).is_some_and(|sender| sender.nonce == permit.nonce);
        if is_its { all.remove(key) } else { None }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<RecordKey, Sender>> {
        // Each change is one call on the map, so what a panicking thread left behind is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Untold")
    }
}
