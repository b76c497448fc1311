//! A door that can be shut.

use crate::PATIENCE;
use std::sync::Arc;
use tokio::sync::watch;
use tollway_e2e::{Anything, Outcome};

/// Holds whoever comes while it is shut, and counts all who came. Cheap to clone; clones are one.
#[derive(Debug, Clone)]
pub struct Door {
    open: Arc<watch::Sender<bool>>,
    came: Arc<watch::Sender<usize>>,
}

impl Default for Door {
    fn default() -> Self {
        Self { open: Arc::new(watch::Sender::new(true)), came: Arc::new(watch::Sender::new(0)) }
    }
}

impl Door {
    /// Goes through, as soon as it is open.
    pub async fn pass(&self) {
        self.came.send_modify(|n| *n = n.saturating_add(1));
        // The sender lives as long as `self`.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }

    /// Shuts it, or opens it.
    pub fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// How many came so far.
    pub fn came(&self) -> usize {
        *self.came.borrow()
    }

    /// Waits until so many have come.
    ///
    /// # Errors
    /// They do not come.
    pub async fn seen(&self, many: usize) -> Outcome {
        let mut came = self.came.subscribe();
        let seen = tokio::time::timeout(PATIENCE, came.wait_for(|n| *n >= many)).await;
        seen.map_err(|_| Anything::from(format!("{} came, not {many}", self.came())))??;
        Ok(())
    }
}
