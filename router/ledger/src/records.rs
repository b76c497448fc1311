//! Versioned records.

use crate::column::{count, version};
use crate::fail;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tollway_core::ledger::moved;
use tollway_core::{Record, RecordKey, Result, Write};

/// Reads one record.
pub(crate) fn load(db: &Connection, key: &RecordKey) -> Result<Option<Record>> {
    db.prepare_cached("SELECT key, version, value FROM record WHERE key = ?1")
        .and_then(|mut s| s.query_row([&key.0], record).optional())
        .map_err(fail::sqlite)
}

/// All writes or none: every expectation is checked against what was there before the first of them.
pub(crate) fn store(db: &Connection, writes: &[Write]) -> Result<()> {
    for write in writes {
        let have = have(db, &write.key)?;
        if have != write.expect {
            return Err(moved(&write.key, write.expect, have));
        }
    }
    for write in writes {
        let done = match &write.value {
            Some(value) => {
                let next = write.expect.unwrap_or(0).saturating_add(1);
                let next = i64::try_from(next).map_err(|_| fail::broken("a version does not fit"))?;
                db.prepare_cached(
                    "INSERT INTO record (key, version, value) VALUES (?1, ?2, ?3)
                     ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value",
                )
                .and_then(|mut s| s.execute(params![write.key.0, next, value]))
            }
            None => db
                .prepare_cached("DELETE FROM record WHERE key = ?1")
                .and_then(|mut s| s.execute([&write.key.0])),
        };
        done.map_err(fail::sqlite)?;
    }
    Ok(())
}

/// Records under a prefix, in key order.
pub(crate) fn scan(
    db: &Connection,
    prefix: &str,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Vec<Record>> {
    let limit = count(limit);
    // A NULL `after` compares as unknown, hence the two statements.
    let sql = match after {
        Some(_) => {
            "SELECT key, version, value FROM record WHERE key >= ?1 AND key > ?3 ORDER BY key LIMIT ?2"
        }
        None => "SELECT key, version, value FROM record WHERE key >= ?1 ORDER BY key LIMIT ?2",
    };
    let mut statement = db.prepare_cached(sql).map_err(fail::sqlite)?;
    let rows = match after {
        Some(after) => statement.query_map(params![prefix, limit, after.0], record),
        None => statement.query_map(params![prefix, limit], record),
    };
    // Keys with one prefix stand together, so the first without it ends the walk; nothing beyond it is read.
    let mut found = Vec::new();
    for row in rows.map_err(fail::sqlite)? {
        let row = row.map_err(fail::sqlite)?;
        if !row.key.0.starts_with(prefix) {
            break;
        }
        found.push(row);
    }
    Ok(found)
}

fn have(db: &Connection, key: &RecordKey) -> Result<Option<u64>> {
    let found = db
        .prepare_cached("SELECT version FROM record WHERE key = ?1")
        .and_then(|mut s| s.query_row([&key.0], |row| row.get(0)).optional())
        .map_err(fail::sqlite)?;
    Ok(found.map(version))
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record { key: RecordKey(row.get(0)?), version: version(row.get(1)?), value: row.get(2)? })
}
