//! The payer's attempt journal: one record per signature, written before it can be spent.

use crate::router::{Route, Router};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::{
    AttemptId, Authorization, BudgetLine, Ceiling, Code, Error, HoldId, Json, Receipt, Record, RecordKey,
    Requirement, Result, Spend, Time, Write,
};

/// How far an attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttemptStage {
    /// About to reserve; no signature has left this process.
    Reserving,
    /// Doing on chain what has to come before a signature; none has left this process.
    Acting,
    /// Given up before anything was sent: nobody may sign for it any more, and its hold is being freed.
    Abandoned,
    /// Signed: it may be on its way. Only the chain says what became of it.
    Signed,
    /// Refused by the server, and still spendable.
    Refused,
    /// Settled.
    Settled,
    /// Can never be used.
    Dead,
}

/// One attempt, as it stands in the ledger under `attempt/<id>`, and once it is settled or dead under `attempt/~/<id>`:
/// behind all that are open, so that who looks for those reads none of the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Its id; the hold has the same.
    pub id: AttemptId,
    /// How far it has come.
    pub stage: AttemptStage,
    /// When it began.
    pub begun_at: Time,
    /// What is being paid.
    pub requirement: Requirement,
    /// The most that the signature can spend.
    pub exposure: Ceiling,
    /// What was signed.
    pub authorization: Option<Authorization>,
    /// What it ended with.
    pub receipt: Option<Receipt>,
    /// Why the server refused.
    pub refusal: Option<Code>,
}

/// The journal's room; ids are hex digits.
pub(super) const ROOM: &str = "attempt/";
/// Its corner for what is settled or dead; no id comes after it.
pub(super) const PAST: &str = "attempt/~/";

/// An attempt that this process is working on; others leave it alone meanwhile.
pub(crate) struct Attempt {
    record: AttemptRecord,
    version: u64,
    /// True while what its actions cost is held, or may be.
    acting: bool,
    _lease: Lease,
}

/// The attempts that somebody in this process is working on.
pub(crate) type Active = Arc<Mutex<HashSet<AttemptId>>>;

/// Marks an attempt as worked on until dropped, also when a future is cancelled in the middle.
struct Lease {
    id: AttemptId,
    active: Active,
}

impl Lease {
    fn take(active: &Active, id: &AttemptId) -> Option<Self> {
        let fresh = active.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        fresh.then(|| Self { id: id.clone(), active: Arc::clone(active) })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Attempt {
    /// Writes down that something is about to be signed.
    pub(super) async fn open(router: &Router, route: &Route<'_>, now: Time) -> Result<Self> {
        let mut bytes = [0u8; 16];
        router.dice.fill(&mut bytes);
        let id = AttemptId(bytes.iter().map(|b| format!("{b:02x}")).collect());
        let record = AttemptRecord {
            id: id.clone(),
            stage: AttemptStage::Reserving,
            begun_at: now,
            requirement: route.requirement.clone(),
            exposure: route.plan.exposure,
            authorization: None,
            receipt: None,
            refusal: None,
        };
        let taken = || Error::us(Code::Internal).detail("an attempt's id came up twice");
        let lease = Lease::take(&router.active, &id).ok_or_else(taken)?;
        let mut attempt = Self { record, version: 0, acting: false, _lease: lease };
        attempt.save(router).await?;
        Ok(attempt)
    }

    /// Takes up one from the journal; `None` while somebody in this process works on it.
    pub(super) fn take_up(router: &Router, found: &Record) -> Result<Option<Self>> {
        let record: AttemptRecord = serde_json::from_str(&found.value)
            .map_err(|e| Error::us(Code::LedgerFailed).detail(format!("attempt record: {e}")))?;
        let lease = Lease::take(&router.active, &record.id);
        Ok(lease.map(|lease| Self { record, version: found.version, acting: false, _lease: lease }))
    }

    /// The record of an attempt, open or past.
    pub(super) async fn find(router: &Router, id: &AttemptId) -> Result<Option<Record>> {
        match router.ledger.load(&RecordKey(format!("{ROOM}{}", id.0))).await? {
            Some(open) => Ok(Some(open)),
            None => router.ledger.load(&RecordKey(format!("{PAST}{}", id.0))).await,
        }
    }

    pub(super) fn id(&self) -> &AttemptId {
        &self.record.id
    }
    pub(super) fn record(&self) -> &AttemptRecord {
        &self.record
    }
    pub(super) fn is_over(&self) -> bool {
        matches!(self.record.stage, AttemptStage::Settled | AttemptStage::Dead)
    }

    /// Holds what its actions cost, and journals that they begin; they may only after this.
    ///
    /// # Errors
    /// [`Code::BudgetExceeded`]; [`Code::Conflict`] when somebody has given it up meanwhile; the ledger's.
    pub(super) async fn acts(&mut self, router: &Router, lines: &[BudgetLine], until: Time) -> Result<()> {
        self.acting = true;
        router.ledger.reserve(&self.acts_hold(), lines, until, router.clock.now()).await?;
        self.record.stage = AttemptStage::Acting;
        self.save(router).await
    }

    /// Ends the hold of its actions.
    pub(super) async fn acted(&mut self, router: &Router, spend: Spend) -> Result<()> {
        close(router, &self.acts_hold(), spend).await?;
        self.acting = false;
        Ok(())
    }

    fn hold(&self) -> HoldId {
        HoldId(self.record.id.0.clone())
    }
    fn acts_hold(&self) -> HoldId {
        HoldId(format!("{}/acts", self.record.id.0))
    }

    /// Journals the signature; it may be sent only after this.
    pub(super) async fn signed(&mut self, router: &Router, auth: &Authorization) -> Result<()> {
        self.record.stage = AttemptStage::Signed;
        self.record.authorization = Some(auth.clone());
        self.save(router).await
    }

    /// Takes the attempt away from whoever began it and never journaled a signature; `None` when it has moved on since
    /// it was read. Only the owner of the record's next version may sign or free the hold, so this comes first.
    pub(super) async fn give_up(mut self, router: &Router) -> Result<Option<AttemptRecord>> {
        // Nobody knows how far the actions have come: they count as done.
        let acts = if self.record.stage == AttemptStage::Reserving { Spend::Nothing } else { Spend::All };
        if self.record.stage != AttemptStage::Abandoned {
            self.record.stage = AttemptStage::Abandoned;
            match self.save(router).await {
                Err(e) if e.code == Code::Conflict => return Ok(None),
                other => other?,
            }
        }
        // Whoever began it may be about to reserve: a hold that is known already, and ended, cannot be made again.
        let now = router.clock.now();
        for hold in [self.hold(), self.acts_hold()] {
            router.ledger.reserve(&hold, &[], now, now).await?;
        }
        self.acted(router, acts).await?;
        self.finish(router, AttemptStage::Dead, Spend::Nothing).await?;
        Ok(Some(self.record))
    }

    /// Nothing was sent: frees what is held and says why. Actions that were done stay spent.
    pub(super) async fn abandon<T>(mut self, router: &Router, why: Error) -> Result<T> {
        if self.acting {
            self.acted(router, Spend::Nothing).await?;
        }
        self.finish(router, AttemptStage::Dead, Spend::Nothing).await?;
        Err(why)
    }

    pub(super) async fn settled(mut self, router: &Router, spend: Spend, receipt: &Receipt) -> Result<()> {
        tracing::info!(transaction = receipt.transaction().map(|tx| &*tx.0), "paid");
        self.record.receipt = Some(receipt.clone());
        self.finish(router, AttemptStage::Settled, spend).await
    }

    /// Keeps a receipt that proves nothing: the hold stays until the chain says what became of the signature.
    pub(super) async fn told(mut self, router: &Router, receipt: &Receipt) -> Result<()> {
        self.record.receipt = Some(receipt.clone());
        self.save(router).await.or_else(moved_on)
    }

    pub(super) async fn dead(mut self, router: &Router) -> Result<()> {
        self.finish(router, AttemptStage::Dead, Spend::Nothing).await
    }

    /// The server said no, and the signature can still be used: the hold stays.
    pub(super) async fn refused(mut self, router: &Router, why: &Error) -> Result<()> {
        self.record.stage = AttemptStage::Refused;
        self.record.refusal = Some(why.code.clone());
        self.save(router).await
    }

    async fn finish(&mut self, router: &Router, stage: AttemptStage, spend: Spend) -> Result<()> {
        self.record.stage = stage;
        // The hold first: a record that says "dead" over an open hold would bind the money for ever.
        close(router, &self.hold(), spend).await?;
        self.file(router).await
    }

    /// Moves the record of what is settled or dead out of the way of those who look for what is open.
    pub(super) async fn file(&mut self, router: &Router) -> Result<()> {
        let id = &self.record.id.0;
        let value = Some(Json::of(&self.record).as_str().to_owned());
        let gone = Write { key: RecordKey(format!("{ROOM}{id}")), expect: Some(self.version), value: None };
        let filed = Write { key: RecordKey(format!("{PAST}{id}")), expect: None, value };
        router.ledger.store(&[gone, filed]).await.or_else(moved_on)
    }

    async fn save(&mut self, router: &Router) -> Result<()> {
        let key = RecordKey(format!("{ROOM}{}", self.record.id.0));
        let expect = (self.version > 0).then_some(self.version);
        let value = Some(Json::of(&self.record).as_str().to_owned());
        router.ledger.store(&[Write { key, expect, value }]).await?;
        self.version = self.version.saturating_add(1);
        Ok(())
    }
}

/// Ends a hold, where there is one.
async fn close(router: &Router, hold: &HoldId, spend: Spend) -> Result<()> {
    let closed = router.ledger.close(hold, spend, router.clock.now()).await;
    closed.or_else(|e| if e.code == Code::NotFound { Ok(()) } else { Err(e) })
}

/// Another process over the same ledger may have found out before us: its word is as good.
fn moved_on(e: Error) -> Result<()> {
    if e.code == Code::Conflict { Ok(()) } else { Err(e) }
}
