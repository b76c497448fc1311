//! A [`Ledger`] in PostgreSQL, for a fleet of processes on several machines.
//!
//! Every method is one call of a function in the database: one transaction, one round trip, committed when it is answered.
//! The functions are in `schema/1.sql`; what they decide, they decide under advisory locks, in one order.
//!
//! | file | what is there |
//! |---|---|
//! | `mod` | [`PostgresLedger`]: the contract's methods |
//! | `connect` | where the database is; TLS |
//! | `line` | a connection that comes back when it is lost |
//! | `backend` | the server's process behind a connection, ended when the connection is lost |
//! | `checkup` | how a database stands as a ledger, without changing it |
//! | `leases` | whose a signer's key is now, and lives of processes that end |
//! | `migrate` | the tables and functions, made once by whoever comes first |
//! | `calls` | the statements, prepared once for each connection |
//! | `fail` | PostgreSQL's errors in the contract's words |

mod backend;
mod calls;
mod checkup;
mod connect;
mod fail;
mod leases;
mod line;
mod migrate;

pub use checkup::PostgresCheckup;
pub use connect::PostgresSettings;
pub use leases::LeaseSettings;

use crate::RETENTION_MS;
use calls::{count, ms};
use leases::PostgresLeases;
use line::Lines;
use std::fmt;
use std::sync::Arc;
use tokio_postgres::Row;
use tollway_core::ledger::{Leases, check_line, moved, no_hold};
use tollway_core::{
    BudgetLine, Claim, HoldId, Ledger, Print, Receipt, Record, RecordKey, ReplayKey, Result, Spend, Time,
    Write,
};

/// How many claims one step of a purge looks at; others work between the steps.
const SWEEP: usize = 512;

/// A durable [`Ledger`] in a PostgreSQL database. Share it behind an `Arc`; any number of processes may use one database.
///
/// * Needs a tokio runtime when it is opened and for as long as it lives; its futures run on any executor.
/// * A connection that is lost comes back by itself. What was under way then fails with [`tollway_core::Next::Later`]: it was
///   done or not, for good when the next call is answered, and asking again is safe, as the contract says.
/// * Commits are synchronous whatever the database's default is: what was answered is on its disk.
pub struct PostgresLedger {
    lines: Lines,
    leases: Option<Arc<PostgresLeases>>,
}

impl fmt::Debug for PostgresLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresLedger")
    }
}

impl PostgresLedger {
    /// Connects, and makes the tables where there are none. Several processes may do so at once.
    ///
    /// # Errors
    /// [`tollway_core::Code::BadSettings`] for settings that cannot be meant; [`tollway_core::Code::LedgerFailed`], to be tried
    /// later when the database does not answer, the caller's fault when it refuses or holds a newer schema.
    pub async fn open(settings: PostgresSettings) -> Result<Self> {
        Lines::prepare(&settings).await?;
        let leases = match settings.lease.clone() {
            Some(lease) => Some(PostgresLeases::begin(&settings, lease).await?),
            None => None,
        };
        let settings = settings.life(leases.as_ref().map(|leases| leases.life()));
        Ok(Self { lines: Lines::kept(&settings), leases })
    }

    /// The leases of this life, where [`PostgresSettings::leases`] asked for one. What this ledger is told to write after that life
    /// has ended fails, for good.
    pub fn leases(&self) -> Option<Arc<dyn Leases>> {
        let leases = self.leases.clone()?;
        Some(leases)
    }

    /// Forgets replay claims that can do no more harm, and says how many; as
    /// [`SqliteLedger::purge`](crate::SqliteLedger::purge) does. Any process of a fleet may call it.
    ///
    /// # Errors
    /// [`tollway_core::Code::LedgerFailed`].
    pub async fn purge(&self, now: Time) -> Result<usize> {
        let (mut after, mut gone) = (Vec::<u8>::new(), 0usize);
        let marked_before = ms(now.minus_ms(RETENTION_MS));
        loop {
            let step =
                self.lines.call(|c| &c.sweep, &[&after, &count(SWEEP), &ms(now), &marked_before]).await?;
            let Some(row) = step.first() else { return Ok(gone) };
            after = get::<Vec<u8>>(row, 0)?;
            gone = gone.saturating_add(usize::try_from(get::<i64>(row, 1)?).unwrap_or(0));
        }
    }
}

#[tollway_core::async_trait]
impl Ledger for PostgresLedger {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        let budgets = budgets(lines);
        let amounts: Vec<String> = lines.iter().map(|line| line.amount.to_string()).collect();
        let limits: Vec<String> = lines.iter().map(|line| line.limit.to_string()).collect();
        let name = hold.0.as_bytes();
        let over = self
            .lines
            .call(|c| &c.reserve, &[&name, &budgets, &amounts, &limits, &since(lines), &ms(until), &ms(now)])
            .await?;
        let Some(row) = over.first() else { return Ok(()) };
        let at = usize::try_from(get::<i32>(row, 0)?).unwrap_or(0).saturating_sub(1);
        let line = lines.get(at).ok_or_else(|| fail::broken("a line that was not asked for"))?;
        check_line(line, narrow(get(row, 1)?)?)?;
        Err(fail::broken("a line was refused that fits"))
    }

    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        let rows = self.lines.call(|c| &c.used, &[&budgets(lines), &since(lines)]).await?;
        rows.iter().map(|row| narrow(get(row, 0)?)).collect()
    }

    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        let (taken, of) = match spend {
            Spend::Nothing => (0, 1),
            Spend::All => (1, 1),
            Spend::Part { taken, of } => (taken, of),
        };
        let (name, taken, of) = (hold.0.as_bytes(), taken.to_string(), of.to_string());
        let rows = self.lines.call(|c| &c.close, &[&name, &taken, &of, &ms(now)]).await?;
        match rows.first().map(|row| get::<bool>(row, 0)).transpose()? {
            Some(true) => Ok(()),
            _ => Err(no_hold(hold)),
        }
    }

    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        known(&self.lines.call(|c| &c.seen, &[&names(keys), &print.0.as_bytes()]).await?)
    }

    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        let (keys, print) = (names(keys), print.0.as_bytes());
        let taken = self.lines.call(|c| &c.claim, &[&keys, &print, &ms(until), &ms(now)]).await?;
        Ok(known(&taken)?.unwrap_or(Claim::Fresh))
    }

    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        let receipt = receipt.map(crate::receipt::write).transpose()?;
        self.lines.call(|c| &c.conclude, &[&names(keys), &print.0.as_bytes(), &receipt]).await.map(drop)
    }

    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        self.lines.call(|c| &c.load, &[&key.0.as_bytes()]).await?.first().map(record).transpose()
    }

    async fn store(&self, writes: &[Write]) -> Result<()> {
        let keys: Vec<&[u8]> = writes.iter().map(|write| write.key.0.as_bytes()).collect();
        let expects: Vec<Option<i64>> =
            writes.iter().map(|write| write.expect.map(|v| i64::try_from(v).unwrap_or(i64::MAX))).collect();
        let values: Vec<Option<&[u8]>> =
            writes.iter().map(|write| write.value.as_ref().map(|value| value.as_bytes())).collect();
        let rows = self.lines.call(|c| &c.store, &[&keys, &expects, &values]).await?;
        let Some(row) = rows.first() else { return Ok(()) };
        let at = usize::try_from(get::<i32>(row, 0)?).unwrap_or(0).saturating_sub(1);
        let write = writes.get(at).ok_or_else(|| fail::broken("a write that was not asked for"))?;
        let have = get::<Option<i64>>(row, 1)?.map(version);
        Err(moved(&write.key, write.expect, have))
    }

    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        let (ends, after) = (beyond(prefix), after.map(|key| key.0.as_bytes()));
        let rows = self.lines.call(|c| &c.scan, &[&prefix.as_bytes(), &ends, &after, &count(limit)]).await?;
        rows.iter().map(record).collect()
    }
}

fn budgets(lines: &[BudgetLine]) -> Vec<&[u8]> {
    lines.iter().map(|line| line.budget.0.as_bytes()).collect()
}

fn since(lines: &[BudgetLine]) -> Vec<i64> {
    lines.iter().map(|line| ms(line.since)).collect()
}

fn names(keys: &[ReplayKey]) -> Vec<&[u8]> {
    keys.iter().map(|key| key.0.as_bytes()).collect()
}

/// Another print under any of the keys outweighs everything.
fn known(rows: &[Row]) -> Result<Option<Claim>> {
    let mut found = None;
    for row in rows {
        if !get::<bool>(row, 0)? {
            return Ok(Some(Claim::Replay));
        }
        let receipt = get::<Option<&str>>(row, 1)?.map(crate::receipt::read).transpose()?.map(Box::new);
        if !matches!(found, Some(Claim::Same(Some(_)))) {
            found = Some(Claim::Same(receipt));
        }
    }
    Ok(found)
}

fn record(row: &Row) -> Result<Record> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| fail::broken("a record is no text"));
    Ok(Record {
        key: RecordKey(text(get(row, 0)?)?),
        version: version(get(row, 1)?),
        value: text(get(row, 2)?)?,
    })
}

/// What the database counts, and never below zero.
fn version(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

/// A sum in 128 bits; more than fits is the most that fits, which no limit allows anything on top of.
fn narrow(digits: &str) -> Result<u128> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain {
        Ok(digits.parse().unwrap_or(u128::MAX))
    } else {
        Err(fail::broken("a budget's sums do not add up"))
    }
}

/// The first key after all that start with `prefix`; `None` when there is no end.
fn beyond(prefix: &str) -> Option<Vec<u8>> {
    let mut end = prefix.as_bytes().to_vec();
    // No byte of UTF-8 is 0xff, so the last one can always grow.
    let last = end.last_mut()?;
    *last = last.saturating_add(1);
    Some(end)
}

fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, at: usize) -> Result<T> {
    row.try_get(at).map_err(|_| fail::broken("an answer of another shape than asked for"))
}
