//! Gas, learned from receipts.
//!
//! For one contract and one kind of call, gas is nearly the same every time, so the median of the last few receipts
//! is right after the first and follows an upgraded contract within three.

use crate::GasKey;
use alloy::primitives::Address;
use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Receipts that count.
const WINDOW: usize = 5;
/// Kinds of calls that are remembered; beyond it nothing new is learned.
const KINDS_MAX: usize = 4096;

/// What calls used lately.
#[derive(Debug, Default)]
pub struct GasBook {
    book: Mutex<Book>,
    /// False until something was learned; a process that only pays never learns, and asks all the time.
    any: AtomicBool,
}

#[derive(Debug, Default)]
struct Book {
    /// By contract and then by what is done: so a borrowed text finds it.
    seen: HashMap<Address, BTreeMap<Box<str>, VecDeque<u64>>>,
    kinds: usize,
    changed: bool,
}

/// How far what was learned may get above where learning started.
const BELIEVED_TIMES: u64 = 3;

/// What is made of learned gas where learning started with `start`: as much as that, but no more than three times the start.
/// Whoever pays can have code that burns the gas of others, and each receipt of it teaches to give more the next time.
pub fn believed(learned: Option<u64>, start: u64) -> u64 {
    learned.map_or(start, |learned| learned.min(start.saturating_mul(BELIEVED_TIMES)))
}

/// One line of a book, to be kept across restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GasLine {
    /// The contract.
    pub contract: Address,
    /// What was done.
    pub what: Box<str>,
    /// The gas it used.
    pub gas: u64,
}

impl GasBook {
    /// Adds a receipt's gas.
    pub fn learn(&self, contract: Address, what: &str, gas: u64) {
        let mut book = self.book();
        self.any.store(true, Ordering::Release);
        let known = book.seen.get(&contract).is_some_and(|kinds| kinds.contains_key(what));
        if !known {
            if book.kinds >= KINDS_MAX {
                return;
            }
            book.kinds = book.kinds.saturating_add(1);
        }
        let seen = book.seen.entry(contract).or_default().entry(what.into()).or_default();
        let before = median(seen);
        if seen.len() == WINDOW {
            seen.pop_front();
        }
        seen.push_back(gas);
        let after = median(seen);
        book.changed |= before != after;
    }

    /// The gas that this kind of call used lately.
    pub fn learned(&self, key: &GasKey) -> Option<u64> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        self.book().seen.get(&key.contract)?.get(key.what).and_then(median)
    }

    /// Everything, when something changed since it was asked last.
    pub(crate) fn news(&self) -> Option<Vec<GasLine>> {
        let mut book = self.book();
        if !std::mem::take(&mut book.changed) {
            return None;
        }
        let all =
            book.seen.iter().flat_map(|(contract, kinds)| kinds.iter().map(move |kind| (contract, kind)));
        let lines = all.filter_map(|(contract, (what, seen))| {
            Some(GasLine { contract: *contract, what: what.clone(), gas: median(seen)? })
        });
        Some(lines.collect())
    }

    /// Takes in what was kept; what this process has learned itself counts more.
    pub fn seed(&self, lines: Vec<GasLine>) {
        let mut book = self.book();
        self.any.store(true, Ordering::Release);
        for line in lines.into_iter().take(KINDS_MAX) {
            let book = &mut *book;
            if let Entry::Vacant(place) = book.seen.entry(line.contract).or_default().entry(line.what) {
                place.insert(VecDeque::from([line.gas]));
                book.kinds = book.kinds.saturating_add(1);
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The middle of what was seen; of an even count the larger middle, since too little gas fails and too much costs
/// nothing.
fn median(seen: &VecDeque<u64>) -> Option<u64> {
    let mut sorted: ArrayVec<u64, WINDOW> = seen.iter().copied().take(WINDOW).collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_after_one_receipt_and_follows_within_three() {
        let (book, token) = (GasBook::default(), Address::repeat_byte(1));
        let key = GasKey { contract: token, what: "transfer/new" };
        assert_eq!(book.learned(&key), None);
        book.learn(token, key.what, 85_708);
        assert_eq!(book.learned(&key), Some(85_708));
        for _ in 0..5 {
            book.learn(token, key.what, 85_708);
        }
        book.learn(token, key.what, 900_000);
        assert_eq!(book.learned(&key), Some(85_708), "one outlier is nothing");
        book.learn(token, key.what, 60_000);
        book.learn(token, key.what, 60_000);
        book.learn(token, key.what, 60_000);
        assert_eq!(book.learned(&key), Some(60_000));
    }

    #[test]
    fn it_survives_a_restart_and_stays_bounded() {
        let (book, token) = (GasBook::default(), Address::repeat_byte(1));
        book.learn(token, "transfer", 7);
        let kept = book.news().unwrap();
        assert_eq!(book.news(), None);
        let again = GasBook::default();
        again.seed(kept);
        assert_eq!(again.learned(&GasKey { contract: token, what: "transfer" }), Some(7));
        for i in 0..KINDS_MAX + 10 {
            again.learn(token, &i.to_string(), 1);
        }
        assert_eq!(again.book().kinds, KINDS_MAX);
        assert_eq!(again.book().seen.values().map(BTreeMap::len).sum::<usize>(), KINDS_MAX);
    }
}
