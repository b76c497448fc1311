use super::plan::Faults;
use std::fmt;
use std::sync::Arc;
use tollway_core::{
    BudgetLine, Claim, Code, Error, HoldId, Ledger, Next, Print, Receipt, Record, RecordKey, ReplayKey,
    Result, Spend, Time, Write, async_trait,
};

/// A ledger with faults.
///
/// Keeps: every method happens whole or not at all; after an error it may be retried; nothing is ever stale, forgotten or
/// wrong, so a plan's stale answers and lies make no difference here. A repeated call returns the *first* answer: the second
/// claim of one caller would say that somebody else is at work. `store` is never repeated, because its second time would be
/// a conflict with its first; after a lost answer it is, as from a real one.
pub struct FaultyLedger<L: ?Sized> {
    inner: Arc<L>,
    faults: Arc<Faults>,
}

impl<L: ?Sized> fmt::Debug for FaultyLedger<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyLedger")
    }
}

impl<L: Ledger + ?Sized> FaultyLedger<L> {
    /// Wraps `inner`.
    pub fn new(inner: Arc<L>, faults: &Arc<Faults>) -> Self {
        Self { inner, faults: Arc::clone(faults) }
    }
}

fn failed(words: &str) -> Error {
    Error::us(Code::LedgerFailed).next(Next::Later).detail(words)
}

/// A call that may be repeated.
macro_rules! repeated {
    ($self:ident . $($call:tt)*) => {{
        if $self.faults.before().await {
            return Err(failed("the disk does not answer"));
        }
        let answer = $self.inner.$($call)*.await;
        if $self.faults.twice() {
            let _ = $self.inner.$($call)*.await;
        }
        if $self.faults.after().await {
            return Err(failed("the disk's answer was lost"));
        }
        answer
    }};
}

#[async_trait]
impl<L: Ledger + ?Sized> Ledger for FaultyLedger<L> {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        repeated!(self.reserve(hold, lines, until, now))
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        repeated!(self.used(lines))
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        repeated!(self.close(hold, spend, now))
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        repeated!(self.seen(keys, print))
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        repeated!(self.claim(keys, print, until, now))
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        repeated!(self.conclude(keys, print, receipt))
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        repeated!(self.load(key))
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        if self.faults.before().await {
            return Err(failed("the disk does not answer"));
        }
        let stored = self.inner.store(writes).await;
        if self.faults.after().await { Err(failed("the disk's answer was lost")) } else { stored }
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        repeated!(self.scan(prefix, after, limit))
    }
}
