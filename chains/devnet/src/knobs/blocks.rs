//! Blocks, time, and going back in it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::chain::Chain;
use crate::error::{DevnetError, Result};
use crate::rpc::{hex_quantity, quantity};

/// A state of a chain to come back to, made by [`Chain::snapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(Value);

impl Chain {
    /// The number of the latest block.
    pub async fn block_number(&self) -> Result<u64> {
        self.number_u64("eth_blockNumber", json!([])).await
    }

    /// The time of the latest block, in Unix seconds.
    pub async fn timestamp(&self) -> Result<u64> {
        let block = self.rpc("eth_getBlockByNumber", json!(["latest", false])).await?;
        let time = quantity(&block["timestamp"]).and_then(|time| u64::try_from(time).ok());
        time.ok_or_else(|| self.unreadable("eth_getBlockByNumber", &block))
    }

    /// Mines this many blocks, each with the base fee that is due.
    pub async fn mine(&self, blocks: u32) -> Result<()> {
        for _ in 0..blocks {
            self.gate.mining(self.rpc("evm_mine", json!([]))).await?;
        }
        Ok(())
    }

    /// Moves the chain's clock forward and mines a block there.
    pub async fn advance_time(&self, by: Duration) -> Result<()> {
        self.rpc("evm_increaseTime", json!([hex_quantity(by.as_secs().into())])).await?;
        self.mine(1).await
    }

    /// Mines as soon as there is a transaction (`true`, the default without a block time) or only on
    /// [`mine`](Self::mine). Either ends mining by the clock.
    pub async fn set_automine(&self, on: bool) -> Result<()> {
        self.rpc("evm_setIntervalMining", json!([0])).await?;
        self.gate.manner.miner.switch(on);
        Ok(())
    }

    /// Remembers the state as it is.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        self.rpc("evm_snapshot", json!([])).await.map(Snapshot)
    }

    /// Goes back to a snapshot, which is used up by it.
    pub async fn revert(&self, snapshot: Snapshot) -> Result<()> {
        let Snapshot(id) = snapshot;
        let went = self.rpc("evm_revert", json!([id])).await?;
        if went != Value::Bool(true) {
            return Err(DevnetError::BadInput {
                what: "snapshot",
                value: id.to_string(),
                expected: "a snapshot of this chain that was not used, nor any before it",
            });
        }
        self.settle_after_jump().await
    }

    /// Replaces the last `depth` blocks with new ones that hold none of their transactions, which are gone: they
    /// do not return to the pool.
    pub async fn reorg(&self, depth: u64) -> Result<()> {
        self.reorg_with(depth, []).await
    }

    /// As [`reorg`](Self::reorg), with raw signed transactions at block offsets in the new blocks.
    pub async fn reorg_with(
        &self,
        depth: u64,
        transactions: impl IntoIterator<Item = (String, u64)>,
    ) -> Result<()> {
        let transactions: Vec<Value> =
            transactions.into_iter().map(|(raw, offset)| json!([raw, offset])).collect();
        self.rpc("anvil_reorg", json!([depth, transactions])).await?;
        self.settle_after_jump().await
    }

    /// After the chain went elsewhere: the prices may be others, and the next base fee is not set.
    async fn settle_after_jump(&self) -> Result<()> {
        if self.spec().pays_l1() {
            self.gate.manner.l1.refresh(&self.gate.node).await?;
        }
        self.gate.mining(async { Ok(()) }).await
    }

    pub(crate) async fn number_u64(&self, method: &'static str, params: Value) -> Result<u64> {
        let answer = self.gate.node.number(method, params).await?;
        u64::try_from(answer).map_err(|_| self.unreadable(method, &json!(hex_quantity(answer))))
    }

    pub(crate) fn unreadable(&self, method: &'static str, answer: &Value) -> DevnetError {
        DevnetError::Rpc {
            chain: self.spec().name,
            method,
            reason: format!("the answer was not understood: {answer}"),
        }
    }
}
