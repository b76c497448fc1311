//! A ledger that fails as it is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tollway_core::*;

pub(crate) struct Frail {
    inner: Arc<dyn Ledger>,
    /// Notes of what is being served cannot be written.
    pub(crate) full: AtomicBool,
    /// A look at the first visit that is looked at meanwhile is answered only when this is over.
    pub(crate) slow: AtomicBool,
    /// The visit that is looked at so.
    pub(crate) looked: OnceLock<RecordKey>,
    /// The process that writes has died: nothing is ever done.
    pub(crate) dead: AtomicBool,
}

impl Frail {
    pub(crate) fn new(inner: Arc<dyn Ledger>) -> Arc<Self> {
        let no = || AtomicBool::new(false);
        Arc::new(Self { inner, full: no(), slow: no(), looked: OnceLock::new(), dead: no() })
    }
    async fn live(&self) -> &dyn Ledger {
        if self.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        &*self.inner
    }
}

#[async_trait]
impl Ledger for Frail {
    async fn reserve(&self, h: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        self.live().await.reserve(h, lines, until, now).await
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        self.live().await.used(lines).await
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        self.live().await.close(hold, spend, now).await
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        self.live().await.seen(keys, print).await
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        self.live().await.claim(keys, print, until, now).await
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        self.live().await.conclude(keys, print, receipt).await
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        let slow = || key.0.starts_with("visit/") && self.slow.load(Ordering::SeqCst);
        while slow() && self.looked.get_or_init(|| key.clone()) == key {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.live().await.load(key).await
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        // Notes alone: what is being served.
        let note = |w: &Write| w.value.as_ref().is_some_and(|v| v.contains(r#""stage":"serving""#));
        if self.full.load(Ordering::SeqCst) && writes.iter().any(note) {
            return Err(Error::us(Code::LedgerFailed).next(Next::Later));
        }
        self.live().await.store(writes).await
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.live().await.scan(prefix, after, limit).await
    }
}
