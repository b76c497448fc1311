//! A connection's settings, the tables, and how an old file becomes a new one.

use crate::fail;
use rusqlite::{Connection, ErrorCode};
use std::time::Duration;
use tollway_core::Result;

/// Marks a file as a Tollway ledger (SQLite's `application_id`, "Toll").
pub const APPLICATION_ID: i32 = 0x546f_6c6c;

/// The schema this build reads and writes (SQLite's `user_version`).
pub const SCHEMA_VERSION: i32 = 1;

/// Every step from an older schema to the next; step `n` makes version `n + 1`. Never edit one that was released.
const STEPS: &[&str] = &[include_str!("schema/1.sql")];

/// How long to wait for another process's transaction.
const BUSY: Duration = Duration::from_secs(5);

/// Prepares a fresh connection; `durable` is false only for memory.
pub(crate) fn prepare(db: &mut Connection, durable: bool) -> Result<()> {
    db.busy_timeout(BUSY).map_err(fail::sqlite)?;
    db.set_prepared_statement_cache_capacity(64);
    // Look before writing anything: switching to WAL already changes a file that may not be ours.
    version_of(db)?;
    if durable {
        write_ahead(db)?;
    }
    // FULL syncs the log at every commit: what was answered survives a power cut. Apple's fsync alone does not reach
    // the platter, hence fullfsync, which other systems ignore. 16 MiB of pages: keys are hashes, so writes go everywhere.
    db.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -16384;
         PRAGMA journal_size_limit = 67108864;",
    )
    .map_err(fail::sqlite)?;
    migrate(db)
}

/// The schema version of this file; zero for an empty one.
fn version_of(db: &Connection) -> Result<i32> {
    let number = |pragma: &str| db.query_row(pragma, [], |row| row.get::<_, i32>(0)).map_err(fail::sqlite);
    let (version, application) = (number("PRAGMA user_version")?, number("PRAGMA application_id")?);
    if application != APPLICATION_ID {
        let tables = number("SELECT count(*) FROM sqlite_schema")?;
        if application != 0 || version != 0 || tables > 0 {
            return Err(fail::unusable("that SQLite file belongs to another program".to_owned()));
        }
    }
    if !(0..=SCHEMA_VERSION).contains(&version) {
        return Err(fail::unusable(format!(
            "the ledger has schema {version}, and this Tollway knows up to {SCHEMA_VERSION}: use a newer Tollway"
        )));
    }
    Ok(version)
}

/// Readers do not stop the writer, and a commit is one sync of one file.
fn write_ahead(db: &Connection) -> Result<()> {
    let mut waited = Duration::ZERO;
    let pause = Duration::from_millis(10);
    loop {
        let mode = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(fail::unusable(format!(
                    "SQLite stays in journal mode {mode}: put the ledger on a local disk that can do WAL"
                )));
            }
            // Two processes that open a new file at once: SQLite does not wait by itself for this one lock.
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && waited < BUSY => {
                std::thread::sleep(pause);
                waited = waited.saturating_add(pause);
            }
            Err(e) => return Err(fail::sqlite(e)),
        }
    }
}

/// All missing steps in one transaction, so that a crash leaves the old schema whole.
fn migrate(db: &mut Connection) -> Result<()> {
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(fail::sqlite)?;
    let version = version_of(&tx)?;
    let done = usize::try_from(version).unwrap_or(0);
    for step in STEPS.iter().skip(done) {
        tx.execute_batch(step).map_err(fail::sqlite)?;
    }
    if version < SCHEMA_VERSION {
        tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(fail::sqlite)?;
        tx.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(fail::sqlite)?;
    }
    tx.commit().map_err(fail::sqlite)
}
