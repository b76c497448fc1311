//! What a network does on its own: what is known warmed up, old results forgotten.

use super::SolanaNetwork;
use crate::send::Engine;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::Result;

/// Between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

impl SolanaNetwork {
    /// Goes on with what is unfinished, and starts the upkeep.
    pub(super) async fn begin(&self) -> Result<()> {
        let unfinished = self.engine.recover().await?;
        if unfinished > 0 {
            tracing::info!(target: "tollway_solana", chain = %self.chain, unfinished, "going on with an earlier process's transactions");
        }
        if !self.fee_payers.is_empty() {
            // The first payment should find the chain known. What fails here, that payment looks at itself.
            let (_, balances) = futures::future::join(self.blockhashes.look(), self.fee_payers.look()).await;
            if let Err(error) = balances {
                tracing::debug!(target: "tollway_solana", %error, "the fee payers' balances are not known yet");
            }
            self.tasks.spawn(upkeep(self.engine.clone()));
        }
        Ok(())
    }
}

async fn upkeep(engine: Arc<Engine>) {
    loop {
        if let Err(error) = engine.sweep().await {
            tracing::debug!(target: "tollway_solana", %error, "old results were not swept");
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}
