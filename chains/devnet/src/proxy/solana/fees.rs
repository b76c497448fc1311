//! What others pay for their place, on request.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

/// How many slots `getRecentPrioritizationFees` looks back.
const WINDOW: u64 = 150;

/// The level of priority fees, in millionths of a lamport per compute unit.
#[derive(Debug)]
pub(crate) struct Market {
    levels: Mutex<Levels>,
}

#[derive(Debug, Default)]
struct Levels {
    everywhere: u64,
    accounts: HashMap<String, u64>,
    /// What the devnet's own traffic pays.
    traffic: HashSet<u64>,
}

impl Market {
    pub(super) fn new(everywhere: u64) -> Self {
        Self { levels: Mutex::new(Levels { everywhere, ..Levels::default() }) }
    }

    pub(crate) fn everywhere(&self) -> u64 {
        self.levels().everywhere
    }

    pub(crate) fn set(&self, level: u64) {
        self.levels().everywhere = level;
    }

    pub(crate) fn set_for(&self, account: &str, level: u64) {
        self.levels().accounts.insert(account.to_owned(), level);
    }

    /// Lets transactions that pay this be seen.
    pub(crate) fn notice(&self, price: u64) {
        self.levels().traffic.insert(price);
    }

    /// What `getRecentPrioritizationFees` says for those who write these accounts: the level in every slot of the
    /// window, or what the devnet's own traffic paid there when that is more. What is tested does not move the market
    /// that it is tested in: on a chain with nobody else, it would follow its own prices.
    pub(super) fn recent(&self, slot: u64, accounts: &[Value], seen: &Value) -> Value {
        let level = self.level(accounts);
        let seen: HashMap<u64, u64> = seen
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|entry| Some((entry["slot"].as_u64()?, entry["prioritizationFee"].as_u64()?)))
            .filter(|(_, fee)| self.levels().traffic.contains(fee))
            .collect();
        let first = slot.saturating_sub(WINDOW - 1);
        let entry = |slot: u64| {
            let fee = seen.get(&slot).copied().unwrap_or_default().max(level);
            json!({"slot": slot, "prioritizationFee": fee})
        };
        (first..=slot).map(entry).collect()
    }

    fn level(&self, accounts: &[Value]) -> u64 {
        let levels = self.levels();
        let of = |account: &Value| account.as_str().and_then(|name| levels.accounts.get(name)).copied();
        accounts.iter().filter_map(of).fold(levels.everywhere, u64::max)
    }

    fn levels(&self) -> MutexGuard<'_, Levels> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_shows_the_highest_of_level_account_and_traffic() {
        let market = Market::new(10);
        market.set_for("busy", 500);
        market.notice(70);
        let fees = |accounts: &[Value]| {
            let seen = json!([
                {"slot": 199, "prioritizationFee": 70}, {"slot": 198, "prioritizationFee": 71},
                {"slot": 12, "prioritizationFee": 9},
            ]);
            let fees = market.recent(200, accounts, &seen);
            let fees = fees.as_array().unwrap();
            assert_eq!((fees.len(), &fees[0]["slot"], &fees[149]["slot"]), (150, &json!(51), &json!(200)));
            (fees[148]["prioritizationFee"].as_u64().unwrap(), fees[0]["prioritizationFee"].as_u64().unwrap())
        };
        assert_eq!(fees(&[]), (70, 10));
        assert_eq!(fees(&[json!("quiet")]), (70, 10));
        assert_eq!(fees(&[json!("quiet"), json!("busy")]), (500, 500));
    }
}
