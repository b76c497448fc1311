//! Going on where a process stopped.

use super::engine::Engine;
use super::journal::Entry;
use std::sync::Arc;
use tollway_core::{RecordKey, Result};

impl Engine {
    /// Reads the journal: everything unfinished is looked after, and sent again. Returns how much that is.
    pub(crate) async fn recover(self: &Arc<Self>) -> Result<usize> {
        let unfinished = self.journal.unfinished().await?;
        let count = unfinished.len();
        for (key, entry) in unfinished {
            self.look_after(&key, entry)?;
        }
        Ok(count)
    }

    /// Looks after a journaled transaction, unless somebody does already.
    pub(super) fn look_after(&self, key: &RecordKey, entry: Entry) -> Result<()> {
        let (flight, new) = self.flight(key)?;
        if new {
            self.follow(&flight, entry);
        }
        Ok(())
    }

    /// Forgets ends that are older than the retention. Returns how many.
    pub(crate) async fn sweep(&self) -> Result<usize> {
        let before = self.clock.now().minus_ms(self.settings.retention_ms);
        self.journal.sweep(before).await
    }
}
