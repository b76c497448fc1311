use std::fmt;
use tollway_core::{
    BudgetLine, Claim, HoldId, Ledger, Print, Receipt, Record, RecordKey, ReplayKey, Result, Spend, Time,
    Write, async_trait,
};

/// A ledger that passes everything on to another, but for the methods that a test writes itself. [`Passing`] makes a
/// [`Ledger`] of it. The methods that pair two others are made of these.
///
/// ```
/// use std::sync::Arc;
/// use tollway_core::ledger::MemoryLedger;
/// use tollway_core::{Code, Error, Ledger, Result, Write, async_trait};
/// use tollway_testkit::fault::{PassesOn, Passing};
/// use tollway_testkit::weave::Weave;
///
/// struct Full(MemoryLedger);
///
/// #[async_trait]
/// impl PassesOn for Full {
///     fn inner(&self) -> &dyn Ledger {
///         &self.0
///     }
///     async fn store(&self, _: &[Write]) -> Result<()> {
///         Err(Error::us(Code::LedgerFailed).detail("the disk is full"))
///     }
/// }
///
/// let ledger: Arc<dyn Ledger> = Arc::new(Passing(Full(MemoryLedger::new())));
/// let (nothing, failed) =
///     Weave::new(1).run(async { (ledger.load(&"a".into()).await, ledger.store(&[]).await) })?;
/// assert!(nothing.is_ok_and(|record| record.is_none()));
/// assert!(failed.is_err_and(|e| e.code == Code::LedgerFailed));
/// # Ok::<(), tollway_testkit::weave::Stuck>(())
/// ```
#[async_trait]
pub trait PassesOn: Send + Sync {
    /// The ledger that does what is not written here.
    fn inner(&self) -> &dyn Ledger;
    /// See [`Ledger::reserve`].
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        self.inner().reserve(hold, lines, until, now).await
    }
    /// See [`Ledger::used`].
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        self.inner().used(lines).await
    }
    /// See [`Ledger::close`].
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        self.inner().close(hold, spend, now).await
    }
    /// See [`Ledger::seen`].
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        self.inner().seen(keys, print).await
    }
    /// See [`Ledger::claim`].
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        self.inner().claim(keys, print, until, now).await
    }
    /// See [`Ledger::conclude`].
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        self.inner().conclude(keys, print, receipt).await
    }
    /// See [`Ledger::load`].
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        self.inner().load(key).await
    }
    /// See [`Ledger::store`].
    async fn store(&self, writes: &[Write]) -> Result<()> {
        self.inner().store(writes).await
    }
    /// See [`Ledger::scan`].
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.inner().scan(prefix, after, limit).await
    }
}

/// The ledger that a [`PassesOn`] is.
pub struct Passing<P>(
    /// What does the work.
    pub P,
);

impl<P> fmt::Debug for Passing<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passing")
    }
}

#[async_trait]
impl<P: PassesOn> Ledger for Passing<P> {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        self.0.reserve(hold, lines, until, now).await
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        self.0.used(lines).await
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        self.0.close(hold, spend, now).await
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        self.0.seen(keys, print).await
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        self.0.claim(keys, print, until, now).await
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        self.0.conclude(keys, print, receipt).await
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        self.0.load(key).await
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        self.0.store(writes).await
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.0.scan(prefix, after, limit).await
    }
}
