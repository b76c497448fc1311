//! Going on where a process stopped.

use super::engine::Engine;
use super::lane::Lane;
use alloy::primitives::U64;
use std::sync::Arc;
use tollway_core::{Result, Time};

impl Engine {
    /// Reads the journal: nonces go on after the highest open one, and everything unfinished is sent again in the
    /// order of nonces and looked after. Returns how much is unfinished. Keys that are shared are taken over one by one, as
    /// their leases come.
    pub(crate) async fn recover(self: &Arc<Self>) -> Result<usize> {
        if self.shared {
            return Ok(0);
        }
        for lane in &self.lanes {
            self.sync_lane(lane).await?;
        }
        let unfinished = self.journal.unfinished(None).await?;
        let count = unfinished.len();
        for (key, entry) in unfinished {
            self.look_after(&key, entry)?;
        }
        Ok(count)
    }

    /// Asks the chain and the journal where a sender's nonces stand.
    pub(super) async fn sync_lane(&self, lane: &Lane) -> Result<()> {
        let mut batch = self.rpc.batch();
        let pending = batch.add::<_, U64>("eth_getTransactionCount", &(lane.address, "pending"))?;
        let latest = batch.add::<_, U64>("eth_getTransactionCount", &(lane.address, "latest"))?;
        batch.send().await?;
        let (pending, latest): (u64, u64) = (pending.get().await?.to(), latest.get().await?.to());
        let journaled = self.journal.highest(&lane.address).await?.map_or(0, |nonce| nonce.saturating_add(1));
        lane.raise(pending.max(latest).max(journaled), latest);
        Ok(())
    }

    /// Forgets results that are older than the retention. Returns how many.
    pub(crate) async fn sweep(&self) -> Result<usize> {
        let before: Time = self.clock.now().minus_ms(self.settings.retention_ms);
        self.journal.sweep(before).await
    }
}
