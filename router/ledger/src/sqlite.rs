use crate::claims::{self, Swept};
use crate::writer::{Kind, Writer};
use crate::{budgets, fail, records, schema};
use rusqlite::{Connection, OpenFlags};
use std::fmt;
use std::path::{Path, PathBuf};
use tollway_core::{
    BudgetLine, Claim, Code, HoldId, Ledger, Print, Receipt, Record, RecordKey, ReplayKey, Result, Spend,
    Time, Write,
};

/// How long a concluded claim is kept after a purge first saw it past its window: seven days, in milliseconds.
pub const RETENTION_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// How many claims one step of a purge looks at; others work between the steps.
const SWEEP: usize = 512;

/// A durable [`Ledger`] in one SQLite file. Share it behind an `Arc`; several processes may open the same file.
///
/// Dropping it waits until what was queued is done and the file is closed. Its futures run on any executor.
pub struct SqliteLedger {
    writer: Writer,
    path: Option<PathBuf>,
}

impl fmt::Debug for SqliteLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "SqliteLedger({})", path.display()),
            None => f.write_str("SqliteLedger(in memory)"),
        }
    }
}

impl SqliteLedger {
    /// Opens the ledger at `path`, or makes one there that only this user may read: it will hold authorizations.
    /// The directory must exist, on a local disk. Blocks for the time of opening.
    ///
    /// # Errors
    /// [`tollway_core::Code::LedgerFailed`], the caller's fault, when the file belongs to another program, was
    /// written by a newer Tollway, or cannot be opened there; to be tried later when another process holds it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        // Without SQLite's own reading of `file:…` names: a path is a path.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(path, flags).map_err(fail::sqlite)?;
        make_private(path)
            .map_err(|e| fail::unusable(format!("cannot make {} private: {e}", path.display())))?;
        schema::prepare(&mut db, true)?;
        Ok(Self { writer: Writer::start(db)?, path: Some(path.to_owned()) })
    }

    /// A ledger that is gone when it is dropped: for tests, with the same code as the durable one.
    ///
    /// # Errors
    /// [`tollway_core::Code::LedgerFailed`] when there is no memory or no thread for it.
    pub fn in_memory() -> Result<Self> {
        let mut db = Connection::open_in_memory().map_err(fail::sqlite)?;
        schema::prepare(&mut db, false)?;
        Ok(Self { writer: Writer::start(db)?, path: None })
    }

    /// Forgets replay claims that can do no more harm, and says how many.
    ///
    /// A claim goes only when it was concluded with a receipt, its window is over, and an earlier purge already saw
    /// it so at least [`RETENTION_MS`] ago. So one call marks and a later one forgets; a daily call is right. Never
    /// an open claim, never one inside its window. Holds, spendings and records stay.
    ///
    /// May be dropped at any point and called again.
    ///
    /// # Errors
    /// [`tollway_core::Code::LedgerFailed`].
    pub async fn purge(&self, now: Time) -> Result<usize> {
        let (mut after, mut gone) = (String::new(), 0usize);
        loop {
            let marked_before = now.minus_ms(RETENTION_MS);
            let step = move |db: &Connection| claims::sweep(db, &after, SWEEP, now, marked_before);
            let Swept { on, gone: more } = self.writer.ask(Kind::Writes, step).await?;
            gone = gone.saturating_add(more);
            match on {
                Some(last) => after = last,
                None => return Ok(gone),
            }
        }
    }
}

/// Takes a new file's rights from everybody but its owner; SQLite gives its log files the same rights.
///
/// By path, never through a handle of our own: closing any handle would drop the locks that another connection of
/// this process holds on the file (POSIX `fcntl`).
fn make_private(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    if std::fs::metadata(path)?.len() == 0 {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    }
    Ok(())
}

#[tollway_core::async_trait]
impl Ledger for SqliteLedger {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        let (hold, lines) = (hold.clone(), lines.to_vec());
        self.writer.ask(Kind::Writes, move |db| budgets::reserve(db, &hold, &lines, until, now)).await
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        let lines = lines.to_vec();
        let each = move |db: &Connection| lines.iter().map(|line| budgets::used(db, line)).collect();
        self.writer.ask(Kind::Reads, each).await
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        let hold = hold.clone();
        self.writer.ask(Kind::Writes, move |db| budgets::close(db, &hold, spend, now)).await
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        let (keys, print) = (keys.to_vec(), print.clone());
        self.writer.ask(Kind::Reads, move |db| claims::seen(db, &keys, &print)).await
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        let (keys, print) = (keys.to_vec(), print.clone());
        self.writer.ask(Kind::Writes, move |db| claims::claim(db, &keys, &print, until, now)).await
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        let (keys, print, receipt) = (keys.to_vec(), print.clone(), receipt.cloned());
        self.writer.ask(Kind::Writes, move |db| claims::conclude(db, &keys, &print, receipt.as_ref())).await
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        let key = key.clone();
        self.writer.ask(Kind::Reads, move |db| records::load(db, &key)).await
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        let writes = writes.to_vec();
        self.writer.ask(Kind::Writes, move |db| records::store(db, &writes)).await
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        let (prefix, after) = (prefix.to_owned(), after.cloned());
        self.writer.ask(Kind::Reads, move |db| records::scan(db, &prefix, after.as_ref(), limit)).await
    }
    async fn store_then_claim(
        &self,
        writes: &[Write],
        keys: &[ReplayKey],
        print: &Print,
        until: Time,
        now: Time,
    ) -> Result<Result<Claim>> {
        let (writes, keys, print) = (writes.to_vec(), keys.to_vec(), print.clone());
        let both = move |db: &Connection| {
            records::store(db, &writes)?;
            claims::claim(db, &keys, &print, until, now).map(Ok)
        };
        self.writer.ask(Kind::Writes, both).await
    }
    async fn conclude_then_store(
        &self,
        keys: &[ReplayKey],
        print: &Print,
        receipt: Option<&Receipt>,
        writes: &[Write],
    ) -> Result<()> {
        let (keys, print, receipt, writes) =
            (keys.to_vec(), print.clone(), receipt.cloned(), writes.to_vec());
        let both = move |db: &Connection| {
            claims::conclude(db, &keys, &print, receipt.as_ref())?;
            match records::store(db, &writes) {
                // Found out before anything was written: the conclusion stands.
                Err(moved) if moved.code == Code::Conflict => Ok(Err(moved)),
                other => other.map(Ok),
            }
        };
        self.writer.ask(Kind::Writes, both).await?
    }
}
