//! From the ledger's records to rows, page by page: never more than a page is held.

use super::Wanted;
use super::row::{Row, State};
use super::sinks::Sink;
use crate::exit::Outcome;
use tollway::core::flow::{BookRecord, Stage, VisitRecord};
use tollway::core::{Ledger, Record, RecordKey};
use tollway::route::pay::AttemptRecord;

/// Records that are read at a time.
const PAGE: usize = 256;

/// The sides that settle: as the ledger's rooms call them, and as people do.
const SIDES: [(&str, &str); 2] = [("gate", "seller"), ("facilitator", "facilitator")];

/// Hands every wanted payment on; says how many records could not be read.
pub(super) async fn all(ledger: &dyn Ledger, wanted: &Wanted, sink: &mut dyn Sink) -> Outcome<usize> {
    let mut unread = pages(ledger, "attempt/", None, wanted, sink, &attempt).await?;
    for (role, side) in SIDES {
        let since = wanted.since.map(|since| BookRecord::since(role, since));
        let booked = |record: &Record| Some(booked(side, &BookRecord::read(&record.value).ok()?));
        let room = BookRecord::room(role);
        unread = unread.saturating_add(pages(ledger, &room, since, wanted, sink, &booked).await?);
        let open = |record: &Record| Some(visit(side, &VisitRecord::read(&record.value).ok()?));
        let room = format!("visit/{role}/");
        unread = unread.saturating_add(pages(ledger, &room, None, wanted, sink, &open).await?);
    }
    Ok(unread)
}

/// One room, from a key on.
async fn pages(
    ledger: &dyn Ledger,
    room: &str,
    mut after: Option<RecordKey>,
    wanted: &Wanted,
    sink: &mut dyn Sink,
    read: &(dyn Fn(&Record) -> Option<Row> + Send + Sync),
) -> Outcome<usize> {
    let mut unread = 0usize;
    loop {
        let page = ledger.scan(room, after.as_ref(), PAGE).await?;
        for record in &page {
            match read(record) {
                Some(row) if wanted.has(&row) => sink.row(row)?,
                Some(_) => {}
                None => unread = unread.saturating_add(1),
            }
        }
        sink.page()?;
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.key.clone()),
            _ => return Ok(unread),
        }
    }
}

/// The payer's side.
fn attempt(record: &Record) -> Option<Row> {
    let attempt: AttemptRecord = serde_json::from_str(&record.value).ok()?;
    let mut row = Row::of("payer", attempt.id.0.clone(), &attempt.requirement);
    row.at = Some(attempt.begun_at);
    row.state = State::of(attempt.stage);
    row.most = Some(attempt.exposure.0);
    row.why = attempt.refusal.map(|code| code.to_string());
    if let Some(stated) = attempt.authorization.as_ref().and_then(|a| a.payment.resource.as_ref()) {
        row.resource = tollway::core::flow::resource(stated);
    }
    if let Some(receipt) = &attempt.receipt {
        row.receipt(receipt);
    }
    Some(row)
}

/// A settled payment of a side that settles.
fn booked(side: &'static str, line: &BookRecord) -> Row {
    let mut row = Row::new(side, line.print.0.clone(), line.scheme.as_str(), line.receipt.chain);
    row.at = Some(line.at);
    row.state = State::Paid;
    row.resource.clone_from(&line.resource);
    row.payee = Some(line.pay_to);
    row.receipt(&line.receipt);
    row
}

/// One that is under way, or whose outcome is not known yet.
fn visit(side: &'static str, visit: &VisitRecord) -> Row {
    let mut row = Row::of(side, visit.print.0.clone(), &visit.order.requirement);
    row.state = State::Open;
    row.most = Some(visit.order.requirement.price.0);
    row.why = Some(match visit.stage {
        Stage::Settling => "settling".to_owned(),
        _ => "verified, not sent".to_owned(),
    });
    if let Some(stated) = &visit.order.payment.resource {
        row.resource = tollway::core::flow::resource(stated);
    }
    row
}
