//! What the chain remembers, with the way back: every change knows its inverse.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tollway_core::{Account, AssetId};

/// One change of the state.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Credit(AssetId, Account, u128),
    Debit(AssetId, Account, u128),
    Put { program: Account, key: Vec<u8>, value: Option<Vec<u8>> },
    Nonce(Account, u64),
    Mint(AssetId, u128),
    Unmint(AssetId, u128),
    Burn(AssetId, u128),
    Unburn(AssetId, u128),
}

/// How much of an asset was ever made, and destroyed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Supply {
    /// Atomic units made.
    pub minted: u128,
    /// Atomic units destroyed.
    pub burned: u128,
}

/// A sum that does not fit, or a balance that is too low.
#[derive(Debug, Clone, Copy)]
pub(super) struct Over;

#[derive(Debug, Default)]
pub(super) struct State {
    balances: BTreeMap<(AssetId, Account), u128>,
    store: BTreeMap<(Account, Vec<u8>), Vec<u8>>,
    nonces: BTreeMap<Account, u64>,
    supply: BTreeMap<AssetId, Supply>,
    /// Inverses of what was changed since the last [`Self::seal`], oldest first.
    journal: Vec<Change>,
}

impl State {
    pub(super) fn balance(&self, asset: &AssetId, owner: &Account) -> u128 {
        self.balances.get(&(*asset, *owner)).copied().unwrap_or(0)
    }
    pub(super) fn balances(&self) -> impl Iterator<Item = (&AssetId, &Account, u128)> {
        self.balances.iter().map(|((asset, owner), n)| (asset, owner, *n))
    }
    pub(super) fn nonce(&self, of: &Account) -> u64 {
        self.nonces.get(of).copied().unwrap_or(0)
    }
    pub(super) fn nonces(&self) -> Vec<(Account, u64)> {
        self.nonces.iter().filter(|(_, n)| **n > 0).map(|(of, n)| (*of, *n)).collect()
    }
    /// A hash of all that is stored.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for ((program, key), value) in &self.store {
            let parts = [program.address().as_bytes(), key, value];
            for part in parts {
                hash.update(part.len().to_be_bytes()); // else two parts could share their bytes differently
                hash.update(part);
            }
        }
        hash.finalize().into()
    }
    pub(super) fn stored(&self, program: &Account, key: &[u8]) -> Option<&Vec<u8>> {
        self.store.get(&(*program, key.to_vec()))
    }
    pub(super) fn supplies(&self) -> impl Iterator<Item = (&AssetId, Supply)> {
        self.supply.iter().map(|(asset, s)| (asset, *s))
    }
    pub(super) fn supply(&self, asset: &AssetId) -> Supply {
        self.supply.get(asset).copied().unwrap_or_default()
    }

    /// Makes a change and journals its inverse.
    pub(super) fn make(&mut self, change: Change) -> Result<(), Over> {
        let inverse = self.apply(change)?;
        self.journal.push(inverse);
        Ok(())
    }
    /// Makes a change that no reorg takes back: it has always been so.
    pub(super) fn ordain(&mut self, change: Change) -> Result<(), Over> {
        self.apply(change).map(drop)
    }
    /// Where the journal stands, for [`Self::back_to`].
    pub(super) fn mark(&self) -> usize {
        self.journal.len()
    }
    /// Takes back everything since the mark.
    pub(super) fn back_to(&mut self, mark: usize) {
        while self.journal.len() > mark {
            let Some(inverse) = self.journal.pop() else { return };
            let _ = self.apply(inverse); // an inverse of what was done always fits
        }
    }
    /// Takes the journal out: what a block will need to be taken back.
    pub(super) fn seal(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.journal)
    }
    /// Takes a sealed journal back; returns what does it again.
    pub(super) fn rewind(&mut self, sealed: Vec<Change>) -> Vec<Change> {
        sealed.into_iter().rev().filter_map(|inverse| self.apply(inverse).ok()).collect()
    }

    /// Makes a change and says how to take it back.
    fn apply(&mut self, change: Change) -> Result<Change, Over> {
        Ok(match change {
            Change::Credit(asset, owner, n) => {
                self.balance_mut(asset, owner, |have| have.checked_add(n))?;
                Change::Debit(asset, owner, n)
            }
            Change::Debit(asset, owner, n) => {
                self.balance_mut(asset, owner, |have| have.checked_sub(n))?;
                Change::Credit(asset, owner, n)
            }
            Change::Put { program, key, value } => {
                let place = (program, key.clone());
                let before = match value {
                    Some(value) => self.store.insert(place, value),
                    None => self.store.remove(&place),
                };
                Change::Put { program, key, value: before }
            }
            Change::Nonce(of, next) => {
                let before = self.nonces.insert(of, next).unwrap_or(0);
                Change::Nonce(of, before)
            }
            Change::Mint(asset, n) => {
                self.supply_mut(asset, |s| Some(Supply { minted: s.minted.checked_add(n)?, ..s }))?;
                Change::Unmint(asset, n)
            }
            Change::Unmint(asset, n) => {
                self.supply_mut(asset, |s| Some(Supply { minted: s.minted.checked_sub(n)?, ..s }))?;
                Change::Mint(asset, n)
            }
            Change::Burn(asset, n) => {
                self.supply_mut(asset, |s| Some(Supply { burned: s.burned.checked_add(n)?, ..s }))?;
                Change::Unburn(asset, n)
            }
            Change::Unburn(asset, n) => {
                self.supply_mut(asset, |s| Some(Supply { burned: s.burned.checked_sub(n)?, ..s }))?;
                Change::Burn(asset, n)
            }
        })
    }

    fn balance_mut(
        &mut self,
        asset: AssetId,
        owner: Account,
        change: impl Fn(u128) -> Option<u128>,
    ) -> Result<(), Over> {
        let after = change(self.balance(&asset, &owner)).ok_or(Over)?;
        if after == 0 {
            self.balances.remove(&(asset, owner));
        } else {
            self.balances.insert((asset, owner), after);
        }
        Ok(())
    }

    fn supply_mut(&mut self, asset: AssetId, change: impl Fn(Supply) -> Option<Supply>) -> Result<(), Over> {
        let after = change(self.supply(&asset)).ok_or(Over)?;
        self.supply.insert(asset, after);
        Ok(())
    }
}
