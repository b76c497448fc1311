//! Visits that are being driven right now: a recovery beside them must not release their claims.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::RecordKey;

#[derive(Default)]
pub(super) struct Live(Arc<Mutex<HashMap<RecordKey, usize>>>);

/// One visit; it ends when this is dropped.
pub(super) struct Visiting {
    live: Arc<Mutex<HashMap<RecordKey, usize>>>,
    key: RecordKey,
}

impl Live {
    /// Begins a visit. The same payment may come several times at once.
    pub(super) fn enter(&self, key: RecordKey) -> Visiting {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = live.entry(key.clone()).or_default();
        *open = open.saturating_add(1);
        Visiting { live: Arc::clone(&self.0), key }
    }

    pub(super) fn has(&self, key: &RecordKey) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
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
