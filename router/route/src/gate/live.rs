//! Visits that are being driven right now: a recovery beside them must not release their claims.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::RecordKey;

#[derive(Default)]
pub(super) struct Live {
    now: Arc<Mutex<HashMap<RecordKey, usize>>>,
    /// What the first recovery had to leave alone, and nobody has moved on since; `None` before that. Such a visit
    /// may be of an earlier life, with its payer asking again right now; later ones cannot be.
    left: Mutex<Option<HashSet<RecordKey>>>,
}

/// One visit; it ends when this is dropped.
pub(super) struct Visiting {
    live: Arc<Mutex<HashMap<RecordKey, usize>>>,
    key: RecordKey,
}

impl Live {
    /// Begins a visit. The same payment may come several times at once.
    pub(super) fn enter(&self, key: RecordKey) -> Visiting {
        let mut live = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let open = live.entry(key.clone()).or_default();
        *open = open.saturating_add(1);
        Visiting { live: Arc::clone(&self.now), key }
    }

    pub(super) fn has(&self, key: &RecordKey) -> bool {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    /// True when a recovery that leaves this one alone has to come back to it.
    pub(super) fn owed(&self, key: &RecordKey) -> bool {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.as_ref().is_none_or(|left| left.contains(key))
    }

    /// A recovery is through, and came past these.
    pub(super) fn leave(&self, owed: HashSet<RecordKey>) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(owed);
    }
}

impl Drop for Visiting {
    fn drop(&mut self) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = live.get_mut(&self.key) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                live.remove(&self.key);
            }
        }
    }
}
