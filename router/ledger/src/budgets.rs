//! Budgets: what is held, what was spent, and what still fits.

use crate::column::{Atomic, count, ms};
use crate::fail;
use crate::wide::Wide;
use rusqlite::{Connection, OptionalExtension, params};
use tollway_core::ledger::{check_line, no_hold};
use tollway_core::{BudgetLine, HoldId, Result, Spend, Time};

/// Holds every line or none.
pub(crate) fn reserve(
    db: &Connection,
    hold: &HoldId,
    lines: &[BudgetLine],
    until: Time,
    now: Time,
) -> Result<()> {
    if closed_at(db, hold)?.is_some() {
        return Ok(());
    }
    for (n, line) in lines.iter().enumerate() {
        // Two lines of one reservation on one budget add up.
        let beside = lines.iter().take(n).filter(|l| l.budget == line.budget);
        let used = beside.map(|l| l.amount).fold(used(db, line)?, u128::saturating_add);
        check_line(line, used)?;
    }
    db.prepare_cached("INSERT INTO hold (id, made_at, until) VALUES (?1, ?2, ?3)")
        .and_then(|mut s| s.execute(params![hold.0, ms(now), ms(until)]))
        .map_err(fail::sqlite)?;
    for (n, line) in lines.iter().enumerate() {
        set_held(db, &line.budget.0, held(db, &line.budget.0)?.plus(line.amount)?)?;
        db.prepare_cached("INSERT INTO line (hold, n, budget, amount) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut s| s.execute(params![hold.0, count(n), line.budget.0, Atomic(line.amount)]))
            .map_err(fail::sqlite)?;
    }
    Ok(())
}

/// What open holds and spendings since `line.since` come to; saturates, and no limit allows more than that.
pub(crate) fn used(db: &Connection, line: &BudgetLine) -> Result<u128> {
    let spent = spent_since(db, line)?.narrow();
    Ok(held(db, &line.budget.0)?.plus(spent)?.narrow())
}

/// Ends a hold; a closed one stays as it was.
pub(crate) fn close(db: &Connection, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
    match closed_at(db, hold)? {
        None => return Err(no_hold(hold)),
        Some(Some(_)) => return Ok(()),
        Some(None) => {}
    }
    for (budget, amount) in lines_of(db, hold)? {
        set_held(db, &budget, held(db, &budget)?.minus(amount)?)?;
        let spent = spend.of(amount);
        if spent > 0 {
            add_spending(db, &budget, now, spent)?;
        }
    }
    db.prepare_cached("DELETE FROM line WHERE hold = ?1")
        .and_then(|mut s| s.execute([&hold.0]))
        .and_then(|_| db.prepare_cached("UPDATE hold SET closed_at = ?2 WHERE id = ?1"))
        .and_then(|mut s| s.execute(params![hold.0, ms(now)]))
        .map_err(fail::sqlite)?;
    Ok(())
}

/// `None`: no such hold. `Some(None)`: open.
fn closed_at(db: &Connection, hold: &HoldId) -> Result<Option<Option<i64>>> {
    db.prepare_cached("SELECT closed_at FROM hold WHERE id = ?1")
        .and_then(|mut s| s.query_row([&hold.0], |row| row.get(0)).optional())
        .map_err(fail::sqlite)
}

fn lines_of(db: &Connection, hold: &HoldId) -> Result<Vec<(String, u128)>> {
    let mut statement = db
        .prepare_cached("SELECT budget, amount FROM line WHERE hold = ?1 ORDER BY n")
        .map_err(fail::sqlite)?;
    let rows = statement
        .query_map([&hold.0], |row| Ok((row.get(0)?, row.get::<_, Atomic>(1)?.0)))
        .map_err(fail::sqlite)?;
    rows.collect::<rusqlite::Result<_>>().map_err(fail::sqlite)
}

fn held(db: &Connection, budget: &str) -> Result<Wide> {
    let found = db
        .prepare_cached("SELECT held FROM budget WHERE id = ?1")
        .and_then(|mut s| s.query_row([budget], |row| row.get(0)).optional())
        .map_err(fail::sqlite)?;
    Ok(found.unwrap_or_default())
}

fn set_held(db: &Connection, budget: &str, held: Wide) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO budget (id, held) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET held = excluded.held",
    )
    .and_then(|mut s| s.execute(params![budget, held]))
    .map_err(fail::sqlite)?;
    Ok(())
}

/// What was spent in the line's window: two look-ups, whether it spans one spending or a million.
fn spent_since(db: &Connection, line: &BudgetLine) -> Result<Wide> {
    let all = through(db, &line.budget.0, i64::MAX)?;
    all.since(through(db, &line.budget.0, ms(line.since).saturating_sub(1))?)
}

/// What was spent up to and including `at`.
fn through(db: &Connection, budget: &str, at: i64) -> Result<Wide> {
    let sql = "SELECT through FROM spending WHERE budget = ?1 AND at <= ?2 ORDER BY at DESC LIMIT 1";
    let found = db
        .prepare_cached(sql)
        .and_then(|mut s| s.query_row(params![budget, at], |row| row.get(0)).optional())
        .map_err(fail::sqlite)?;
    Ok(found.unwrap_or_default())
}

fn add_spending(db: &Connection, budget: &str, now: Time, spent: u128) -> Result<()> {
    let now = ms(now);
    set_through(db, budget, now, through(db, budget, now)?.plus(spent)?)?;
    // Usually none: only a clock that stepped back, or another process's that runs ahead, leaves later rows.
    for (at, sum) in later(db, budget, now)? {
        set_through(db, budget, at, sum.plus(spent)?)?;
    }
    Ok(())
}

fn set_through(db: &Connection, budget: &str, at: i64, through: Wide) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO spending (budget, at, through) VALUES (?1, ?2, ?3)
         ON CONFLICT (budget, at) DO UPDATE SET through = excluded.through",
    )
    .and_then(|mut s| s.execute(params![budget, at, through]))
    .map_err(fail::sqlite)?;
    Ok(())
}

fn later(db: &Connection, budget: &str, now: i64) -> Result<Vec<(i64, Wide)>> {
    let mut statement = db
        .prepare_cached("SELECT at, through FROM spending WHERE budget = ?1 AND at > ?2")
        .map_err(fail::sqlite)?;
    let rows = statement
        .query_map(params![budget, now], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(fail::sqlite)?;
    rows.collect::<rusqlite::Result<_>>().map_err(fail::sqlite)
}
