//! What other facilitators over this ledger leave when they end.

use super::Inner;
use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use tollway_core::flow::VisitRecord;
use tollway_core::{Code, Json, Record, RecordKey, Result, Write};

/// Between two tries, while the ledger fails.
const AGAIN_MS: u64 = 1_000;

/// What is taken up from the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// An earlier life's of our own, and what others left.
    Ours,
    /// What others left; ours is under way.
    Others,
}

impl Inner {
    /// Makes a journaled settlement ours, whose owner has ended. False when it is not, or somebody else was faster.
    ///
    /// The owner writes nothing any more: its ledger refuses it. The record is ours before anything is done about it, so that
    /// of several who find it one goes on.
    pub(super) async fn adopt(&self, record: &mut Record, visit: &mut VisitRecord) -> Result<bool> {
        if visit.owner == self.owner {
            return Ok(false);
        }
        // Journaled before there were leases: an earlier life of this name.
        let before = visit.owner == self.name;
        if !before && !self.leases.has_ended(&visit.owner).await? {
            return Ok(false);
        }
        let from = std::mem::replace(&mut visit.owner, self.owner.clone());
        let value = Json::of(visit).as_str().to_owned();
        // An answer that is lost may be of a record that is ours now: the next try must know it from one that is under way.
        self.adopting().insert(record.key.clone(), value.clone());
        let write = Write { key: record.key.clone(), expect: Some(record.version), value: Some(value) };
        match self.ledger.store(&[write]).await {
            Ok(()) => {
                record.version = record.version.saturating_add(1);
                tracing::info!(key = %record.key, from, "a settlement is taken up from one that has ended");
                Ok(true)
            }
            Err(e) if e.code == Code::Conflict => {
                self.adopting().remove(&record.key);
                Ok(false)
            }
            Err(e) => Err(e),
        }
    }

    /// What this life has begun to take up and nobody here looks after yet, each as it was written.
    pub(super) fn adopting(&self) -> MutexGuard<'_, HashMap<RecordKey, String>> {
        self.adopting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up, for as long as the facilitator lives, what others leave. `seen` is what was known of them before the first look.
    pub(super) fn take_up_others(self: &Arc<Self>, seen: u64) {
        let (inner, leases, clock) = (Arc::downgrade(self), self.leases.clone(), self.clock.clone());
        drop(self.tasks.spawn(async move {
            let mut seen = seen;
            loop {
                leases.changed(seen).await;
                seen = leases.revision();
                if leases.is_over() {
                    return;
                }
                while let Err(e) = take_up(&inner).await {
                    tracing::warn!(error = %e, "what others left is not taken up yet");
                    clock.sleep(AGAIN_MS).await;
                }
                if inner.strong_count() == 0 {
                    return;
                }
            }
        }));
    }
}

async fn take_up(inner: &Weak<Inner>) -> Result<()> {
    match inner.upgrade() {
        Some(inner) => inner.take_up(Whose::Others).await,
        None => Ok(()),
    }
}
