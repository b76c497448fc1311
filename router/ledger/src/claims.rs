//! Replay keys: who used them, and with what result.

use crate::column::{self, ms};
use crate::fail;
use crate::receipt::{read, write};
use rusqlite::{Connection, OptionalExtension, params};
use tollway_core::{Claim, Print, Receipt, ReplayKey, Result, Time};

/// What is known of the keys; another print under any of them outweighs everything.
pub(crate) fn seen(db: &Connection, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
    let mut found = None;
    for key in keys {
        let row = db
            .prepare_cached("SELECT print, receipt FROM claim WHERE key = ?1")
            .and_then(|mut s| {
                s.query_row([&key.0], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)))
                    .optional()
            })
            .map_err(fail::sqlite)?;
        let Some((whose, receipt)) = row else { continue };
        if whose != print.0 {
            return Ok(Some(Claim::Replay));
        }
        let receipt = receipt.as_deref().map(read).transpose()?.map(Box::new);
        if !matches!(found, Some(Claim::Same(Some(_)))) {
            found = Some(Claim::Same(receipt));
        }
    }
    Ok(found)
}

/// Claims all keys, or none.
pub(crate) fn claim(
    db: &Connection,
    keys: &[ReplayKey],
    print: &Print,
    until: Time,
    now: Time,
) -> Result<Claim> {
    if let Some(known) = seen(db, keys, print)? {
        return Ok(known);
    }
    for key in keys {
        // A key that is listed twice is claimed once.
        db.prepare_cached("INSERT OR IGNORE INTO claim (key, print, made_at, until) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut s| s.execute(params![key.0, print.0, ms(now), ms(until)]))
            .map_err(fail::sqlite)?;
    }
    Ok(Claim::Fresh)
}

/// Remembers the receipt, or frees what has none.
pub(crate) fn conclude(
    db: &Connection,
    keys: &[ReplayKey],
    print: &Print,
    receipt: Option<&Receipt>,
) -> Result<()> {
    let text = receipt.map(write).transpose()?;
    for key in keys {
        let done = match &text {
            Some(text) => db
                .prepare_cached("UPDATE claim SET receipt = ?3 WHERE key = ?1 AND print = ?2")
                .and_then(|mut s| s.execute(params![key.0, print.0, text])),
            None => db
                .prepare_cached("DELETE FROM claim WHERE key = ?1 AND print = ?2 AND receipt IS NULL")
                .and_then(|mut s| s.execute(params![key.0, print.0])),
        };
        done.map_err(fail::sqlite)?;
    }
    Ok(())
}

/// One step of a purge: looks at `count` claims after a key, in key order.
pub(crate) struct Swept {
    /// Where the next step goes on; `None` at the end.
    pub(crate) on: Option<String>,
    /// How many claims were forgotten.
    pub(crate) gone: usize,
}

/// Marks concluded claims whose window is over with `now`, and forgets those that were marked before `marked_before`.
pub(crate) fn sweep(
    db: &Connection,
    after: &str,
    count: usize,
    now: Time,
    marked_before: Time,
) -> Result<Swept> {
    let last: Option<String> = db
        .prepare_cached("SELECT max(key) FROM (SELECT key FROM claim WHERE key > ?1 ORDER BY key LIMIT ?2)")
        .and_then(|mut s| s.query_row(params![after, column::count(count)], |row| row.get(0)))
        .map_err(fail::sqlite)?;
    let Some(last) = last else { return Ok(Swept { on: None, gone: 0 }) };
    let gone = db
        .prepare_cached(
            "DELETE FROM claim WHERE key > ?1 AND key <= ?2
             AND receipt IS NOT NULL AND until < ?3 AND seen_at <= ?4",
        )
        .and_then(|mut s| s.execute(params![after, last, ms(now), ms(marked_before)]))
        .map_err(fail::sqlite)?;
    db.prepare_cached(
        "UPDATE claim SET seen_at = ?3 WHERE key > ?1 AND key <= ?2
         AND receipt IS NOT NULL AND until < ?3 AND seen_at IS NULL",
    )
    .and_then(|mut s| s.execute(params![after, last, ms(now)]))
    .map_err(fail::sqlite)?;
    Ok(Swept { on: Some(last), gone })
}
