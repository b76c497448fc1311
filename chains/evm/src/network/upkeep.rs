//! What a network does on its own: learned gas kept across restarts, old results forgotten.

use super::EvmNetwork;
use crate::gas::{GasBook, GasLine};
use crate::send::Engine;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Ledger, RecordKey, Result, Write};

/// Between two looks at whether anything new was learned.
const SAVE_EVERY: Duration = Duration::from_secs(30);
/// Saves between two sweeps: an hour.
const SAVES_PER_SWEEP: u32 = 120;

impl EvmNetwork {
    /// Takes in what the ledger has, goes on with what is unfinished, and starts the upkeep.
    pub(super) async fn begin(&self, ledger: Arc<dyn Ledger>) -> Result<()> {
        let key = RecordKey(format!("evm/{}/gas", self.chain));
        if let Some(record) = ledger.load(&key).await?
            && let Ok(lines) = serde_json::from_str::<Vec<GasLine>>(&record.value)
        {
            self.gas.seed(lines);
        }
        let unfinished = self.engine.recover().await?;
        if unfinished > 0 {
            tracing::info!(target: "tollway_evm", chain = %self.chain, unfinished, "going on with an earlier process's transactions");
        }
        if !self.engine.senders().is_empty() {
            // The first payment should find the market known. If this look fails, that payment looks itself.
            let _ = self.market.look().await;
            self.engine.look_into_purses().await;
            self.tasks.spawn(upkeep(self.engine.clone(), self.gas.clone(), ledger, key));
        }
        Ok(())
    }
}

async fn upkeep(engine: Arc<Engine>, gas: Arc<GasBook>, ledger: Arc<dyn Ledger>, key: RecordKey) {
    loop {
        if let Err(error) = engine.sweep().await {
            tracing::debug!(target: "tollway_evm", %error, "old results were not swept");
        }
        for _ in 0..SAVES_PER_SWEEP {
            tokio::time::sleep(SAVE_EVERY).await;
            if let Some(lines) = gas.news()
                && let Err(error) = save(ledger.as_ref(), &key, &lines).await
            {
                tracing::debug!(target: "tollway_evm", %error, "learned gas was not saved");
            }
        }
    }
}

/// What is saved is only a starting point, so a save that another process overtook is let go.
async fn save(ledger: &dyn Ledger, key: &RecordKey, lines: &[GasLine]) -> Result<()> {
    let Ok(value) = serde_json::to_string(lines) else { return Ok(()) };
    let expect = ledger.load(key).await?.map(|record| record.version);
    ledger.store(&[Write { key: key.clone(), expect, value: Some(value) }]).await
}
