//! Who holds which journaled visit right now: one at a time, so that a recovery moves nobody's visit but its own, and is
//! kept from none by those who only wait for one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::{
    BudgetLine, Claim, Code, Error, HoldId, Ledger, Print, Receipt, Record, RecordKey, ReplayKey, Result,
    Spend, Time, Write, async_trait,
};

#[derive(Clone, Default)]
pub(super) struct Live(Arc<Mutex<HashSet<RecordKey>>>);

/// One visit that is held; it is free when this is dropped.
pub(super) struct Holding {
    live: Live,
    key: RecordKey,
}

impl Live {
    /// Holds a visit, unless somebody does.
    pub(super) fn hold(&self, key: &RecordKey) -> Option<Holding> {
        let fresh = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        fresh.then(|| Holding { live: self.clone(), key: key.clone() })
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.live.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// The ledger as one visit uses it: what it begins in the journal it holds, from just before the record is there until it
/// is gone, or the visit is over and has left it to whoever recovers.
pub(super) struct Holds<'a> {
    live: &'a Live,
    ledger: &'a dyn Ledger,
    room: &'static str,
    held: Mutex<Vec<Holding>>,
}

impl<'a> Holds<'a> {
    pub(super) fn new(live: &'a Live, ledger: &'a dyn Ledger, room: &'static str) -> Self {
        Self { live, ledger, room, held: Mutex::default() }
    }

    /// What is in the journal still.
    pub(super) fn left(&self) -> Vec<RecordKey> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().map(|one| one.key.clone()).collect()
    }

    fn is_visit(&self, key: &RecordKey) -> bool {
        key.0.strip_prefix(self.room).is_some_and(|rest| rest.starts_with('/'))
    }

    fn begin(&self, key: &RecordKey) -> Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !held.iter().any(|one| one.key == *key) {
            // Whoever has it may be about to end it: as if its record were there.
            held.push(self.live.hold(key).ok_or_else(|| Error::us(Code::Conflict))?);
        }
        Ok(())
    }

    fn end(&self, key: &RecordKey) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).retain(|one| one.key != *key);
    }
}

#[async_trait]
impl Ledger for Holds<'_> {
    async fn store(&self, writes: &[Write]) -> Result<()> {
        let visits = || writes.iter().filter(|w| self.is_visit(&w.key));
        for write in visits().filter(|w| w.expect.is_none()) {
            self.begin(&write.key)?;
        }
        let done = self.ledger.store(writes).await;
        let conflict = done.as_ref().is_err_and(|e| e.code == Code::Conflict);
        for write in visits() {
            let is_gone = write.value.is_none() && (done.is_ok() || conflict);
            if is_gone || (write.expect.is_none() && conflict) {
                self.end(&write.key);
            }
        }
        done
    }
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        self.ledger.reserve(hold, lines, until, now).await
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        self.ledger.used(lines).await
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        self.ledger.close(hold, spend, now).await
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        self.ledger.seen(keys, print).await
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        self.ledger.claim(keys, print, until, now).await
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        self.ledger.conclude(keys, print, receipt).await
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        self.ledger.load(key).await
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.ledger.scan(prefix, after, limit).await
    }
}
