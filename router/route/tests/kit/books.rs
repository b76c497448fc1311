use super::step;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;

/// When an injected failure strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fails {
    /// Nothing was written.
    Before,
    /// It was written, and the answer was lost.
    After,
    /// Nothing was written, and never will be, as a ledger says whose file is damaged.
    ForGood,
}

/// A ledger that gives way before and after each change, counts, and fails where it is told to.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) inner: Arc<MemoryLedger>,
    pub(crate) calls: AtomicUsize,
    pub(crate) writes: AtomicUsize,
    pub(crate) scans: AtomicUsize,
    /// The lines of the question after what is used that was asked last.
    pub(crate) lines: AtomicUsize,
    /// The number of the call that fails, and how.
    pub(crate) trouble: Mutex<Option<(usize, Fails)>>,
    /// Every signature's hold at the moment it was made: ids of holds that were ever reserved.
    pub(crate) holds: Mutex<Vec<HoldId>>,
}

impl Books {
    fn enter(&self) -> Option<Fails> {
        let n = self.calls.fetch_add(1, Ordering::SeqCst);
        self.trouble.lock().unwrap().filter(|(at, _)| *at == n).map(|(_, how)| how)
    }
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }
}

fn failed() -> Error {
    // The worst advice that a ledger could give.
    Error::us(Code::LedgerFailed).next(Next::Later).detail("injected")
}

macro_rules! slowly {
    ($books:ident . $($call:tt)*) => {{
        let trouble = $books.enter();
        step().await;
        if trouble == Some(Fails::Before) {
            return Err(failed());
        }
        if trouble == Some(Fails::ForGood) {
            return Err(failed().next(Next::Never));
        }
        let done = $books.inner.$($call)*.await;
        step().await;
        if trouble == Some(Fails::After) {
            return Err(failed());
        }
        done
    }};
}

#[async_trait]
impl Ledger for Books {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        let done = slowly!(self.reserve(hold, lines, until, now));
        if done.is_ok() {
            self.holds.lock().unwrap().push(hold.clone());
        }
        done
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        self.lines.store(lines.len(), Ordering::SeqCst);
        slowly!(self.used(lines))
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        slowly!(self.close(hold, spend, now))
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        slowly!(self.seen(keys, print))
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        slowly!(self.claim(keys, print, until, now))
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        slowly!(self.conclude(keys, print, receipt))
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        slowly!(self.load(key))
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        slowly!(self.store(writes))
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.scans.fetch_add(1, Ordering::SeqCst);
        slowly!(self.scan(prefix, after, limit))
    }
}
