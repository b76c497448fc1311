//! The record of decisions: who was looked at, for what, by whom, with what result. It holds no signature.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tollway_core::screen::Step;
use tollway_core::{Account, AssetId, Code, Error, Json, Ledger, RecordKey, Result, Time, Write};

/// The record's room in the ledger.
const ROOM: &str = "audit/screen/";
/// More of a host's name is not kept.
pub(super) const HOST_CHARS: usize = 253;
/// Names that are tried for one decision, while other processes decide in the same millisecond.
const TRIES: usize = 16;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Found {
    /// Nothing against it; it went on.
    Clear,
    /// Something against it; it was refused.
    Denied,
    /// No answer; it went on, because silence is open.
    SilentPassed,
    /// No answer; it was refused, because silence is closed.
    SilentRefused,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When, by this process's clock.
    pub at: Time,
    /// What was about to happen.
    pub step: Step,
    /// Who would have paid, where known.
    pub payer: Option<Account>,
    /// Who would have been paid.
    pub payee: Account,
    /// In what; the asset names its chain.
    pub asset: AssetId,
    /// How much at most, in atomic units.
    pub atomic: u128,
    /// The host that asked, where one did.
    pub host: Option<String>,
    /// Who said so.
    pub source: String,
    /// What was found.
    pub found: Found,
    /// The source's words, or why there was no answer. May be empty.
    pub why: String,
}

pub(super) struct Audit {
    ledger: Arc<dyn Ledger>,
    next: AtomicU64,
}

impl Audit {
    pub(super) fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, next: AtomicU64::new(0) }
    }

    /// Adds one; nothing that is there is ever written over.
    pub(super) async fn write(&self, decision: &Decision) -> Result<()> {
        let value = Json::of(decision).as_str().to_owned();
        let mut taken = Error::us(Code::Conflict);
        for _ in 0..TRIES {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            let key = RecordKey(format!("{}/{n:010}", moment(decision.at)));
            match self.ledger.store(&[Write { key, expect: None, value: Some(value.clone()) }]).await {
                Ok(()) => return Ok(()),
                Err(e) if e.code == Code::Conflict => taken = e,
                Err(e) => return Err(e),
            }
        }
        Err(taken)
    }
}

/// Names sort by time.
fn moment(at: Time) -> String {
    format!("{ROOM}{:015}", at.ms())
}

/// Decisions from `since` on, oldest first, at most `limit`, with their names; to go on, give the last name as `after`.
///
/// # Errors
/// The ledger's; [`Code::LedgerFailed`] for a record that cannot be read.
pub async fn decisions(
    ledger: &dyn Ledger,
    since: Time,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Vec<(RecordKey, Decision)>> {
    let first = RecordKey(moment(since));
    let after = after.filter(|after| **after > first).unwrap_or(&first);
    let records = ledger.scan(ROOM, Some(after), limit).await?;
    let read = |record: tollway_core::Record| {
        let decision = Json::parse(record.value).and_then(|json| json.read());
        decision.map(|decision| (record.key.clone(), decision)).map_err(|e| {
            Error::us(Code::LedgerFailed).detail(format!("record {} cannot be read: {e}", record.key))
        })
    };
    records.into_iter().map(read).collect()
}

/// Deletes decisions older than `before`; how many. Nothing else ever does: how long they are kept is a matter of law.
///
/// # Errors
/// The ledger's; what was deleted by then stays deleted.
pub async fn forget_before(ledger: &dyn Ledger, before: Time) -> Result<usize> {
    const PAGE: usize = 256;
    let end = RecordKey(moment(before));
    let mut gone = 0usize;
    loop {
        let page = ledger.scan(ROOM, None, PAGE).await?;
        let old: Vec<_> = page
            .into_iter()
            .filter(|record| record.key < end)
            .map(|record| Write { key: record.key, expect: Some(record.version), value: None })
            .collect();
        if old.is_empty() {
            return Ok(gone);
        }
        ledger.store(&old).await?;
        gone = gone.saturating_add(old.len());
    }
}
