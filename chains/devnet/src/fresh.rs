//! Keeping an idle chain young.
//!
//! A real chain always has a block of a few seconds ago, and a real feed an answer of this hour. A chain that mines
//! on each transaction grows old while nobody pays: calls at `latest` then run at the time of the last block, and
//! a payment that is valid since ten minutes looks "not yet valid". So an idle chain gets an empty block every half
//! minute, and the feeds a new time, unless a test gave them one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alloy::primitives::{B256, U256};
use serde_json::json;

use crate::error::Result;
use crate::proxy::{Evm, Gate};
use crate::rpc::quantity;
use crate::slots::FEED_UPDATED_AT;

const EVERY: Duration = Duration::from_secs(30);

/// Which feeds were given a time of their own.
#[derive(Debug, Default)]
pub(crate) struct Pinned {
    pub(crate) eth_usd: AtomicBool,
    pub(crate) usdc_usd: AtomicBool,
}

/// Runs as long as the devnet does.
pub(crate) async fn keep(gate: Arc<Gate<Evm>>, pinned: Arc<Pinned>) {
    let mut last = None;
    loop {
        tokio::time::sleep(EVERY).await;
        match freshen(&gate, &pinned, last).await {
            Ok(head) => last = Some(head),
            Err(error) => tracing::debug!(target: "tollway_devnet", %error, "the chain was not freshened"),
        }
    }
}

/// Mines if the head is still the one of last time, then renews the feeds. Returns the head.
async fn freshen(gate: &Gate<Evm>, pinned: &Pinned, last: Option<u128>) -> Result<u128> {
    let node = &gate.node;
    let mut head = node.number("eth_blockNumber", json!([])).await?;
    if gate.manner.miner.is_on() && last.is_none_or(|last| last == head) {
        gate.mining(node.call("evm_mine", json!([]))).await?;
        head += 1;
    }
    let block = node.call("eth_getBlockByNumber", json!(["latest", false])).await?;
    let now = quantity(&block["timestamp"]).unwrap_or_default();
    let feeds = [
        (gate.manner.spec.eth_usd_feed, &pinned.eth_usd),
        (gate.manner.spec.usdc_usd_feed, &pinned.usdc_usd),
    ];
    for (feed, pinned) in feeds {
        if !pinned.load(Ordering::Relaxed) {
            let slot = B256::from(U256::from(FEED_UPDATED_AT));
            node.call("anvil_setStorageAt", json!([feed, slot, B256::from(U256::from(now))])).await?;
        }
    }
    Ok(head)
}
