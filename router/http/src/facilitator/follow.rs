use super::{Inner, pending};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::Semaphore;
use tollway_core::flow::{Stage, VisitRecord};
use tollway_core::{Print, RecordKey, Result};

/// How many unknown outcomes are asked after at once.
const AT_ONCE: usize = 16;
/// The first pause between two looks, and the longest.
const PAUSE_MS: (u64, u64) = (1_000, 60_000);

/// Settlements with an unknown outcome, each followed up by a task until it is known.
pub(super) struct Follow {
    keys: Mutex<BTreeSet<RecordKey>>,
    looks: Arc<Semaphore>,
}

impl Default for Follow {
    fn default() -> Self {
        Self { keys: Mutex::default(), looks: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Follow {
    /// How many are not known yet.
    pub(super) fn backlog(&self) -> usize {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
    fn add(&self, key: &RecordKey) -> bool {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone())
    }
    fn remove(&self, key: &RecordKey) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl Inner {
    /// Follows one up, unless somebody does already. Ends when it is known or when the facilitator is dropped; then
    /// the journal has it for the next life.
    pub(super) fn follow(self: &Arc<Self>, key: RecordKey, print: Print) {
        if self.follow.add(&key) {
            drop(self.tasks.spawn(follow(Arc::downgrade(self), self.clock.clone(), key, print)));
        }
    }

    /// One look. True when there is nothing left to follow.
    async fn look(&self, key: &RecordKey) -> Result<bool> {
        let Some(found) = self.ledger.load(key).await? else { return Ok(true) };
        let visit = VisitRecord::read(&found.value)?;
        // Released and begun anew beside us: a life of its own, which follows up for itself.
        if visit.stage != Stage::Settling || visit.owner != self.owner {
            return Ok(true);
        }
        let (cell, settler) = self.cell(&visit.order.requirement)?;
        let settler = self.settler_of_old(cell, settler);
        let outcome = self.once(cell, &*settler).recover(key.clone(), found.version, visit).await;
        match outcome {
            Ok(Some(receipt)) => {
                tracing::info!(%key, transaction = ?receipt.transaction(), "an unknown outcome is known: settled");
                Ok(true)
            }
            Ok(None) => Ok(false),
            // Known to have failed, when the record is gone; else an error of the look itself.
            Err(e) => Ok(self.ledger.load(key).await?.is_none_or(|_| {
                tracing::debug!(%key, error = %e, "an unknown outcome stays unknown");
                false
            })),
        }
    }
}

async fn follow(inner: Weak<Inner>, clock: Arc<dyn tollway_core::Clock>, key: RecordKey, print: Print) {
    let mut pause_ms = PAUSE_MS.0;
    loop {
        let Some(alive) = inner.upgrade() else { return };
        let Ok(permit) = alive.follow.looks.clone().acquire_owned().await else { return };
        match alive.look(&key).await {
            Ok(true) => {
                pending::forget(&alive, &print).await;
                alive.follow.remove(&key);
                return;
            }
            Ok(false) => {}
            Err(e) => tracing::warn!(%key, error = %e, "an unknown outcome could not be asked after"),
        }
        drop(permit);
        drop(alive);
        clock.sleep(pause_ms).await;
        pause_ms = pause_ms.saturating_mul(2).min(PAUSE_MS.1);
    }
}
