//! Holding the base fee where it was put.
//!
//! anvil takes a base fee for exactly the next block and lets it decay after. So the next block's fee is set anew
//! after each block: by the miner when blocks are made on demand, by a listener when they come by the clock. Only
//! blocks that someone mines past the proxy escape.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::error::Result;
use crate::rpc::{Node, hex_quantity, quantity};

/// What the base fee does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Follows EIP-1559.
    Free,
    /// Stays.
    Hold(u128),
    /// Block `first` and those after it get these, then it stays at the last.
    Walk { first: u128, fees: Vec<u128> },
}

impl Plan {
    fn fee(&self, block: u128) -> Option<u128> {
        match self {
            Self::Free => None,
            Self::Hold(fee) => Some(*fee),
            Self::Walk { first, fees } => {
                let step = usize::try_from(block.saturating_sub(*first)).unwrap_or(usize::MAX);
                fees.get(step).or_else(|| fees.last()).copied()
            }
        }
    }
}

/// Keeps the plan for one chain.
#[derive(Debug)]
pub(crate) struct Pacer {
    plan: Mutex<Plan>,
    turn: tokio::sync::Mutex<()>,
}

impl Pacer {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan: Mutex::new(plan), turn: tokio::sync::Mutex::default() }
    }

    fn plan(&self) -> Plan {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the plan, from the next block on.
    pub(super) async fn follow(&self, plan: Plan, node: &Node) -> Result<()> {
        let _turn = self.turn.lock().await;
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
        self.prepare(node, None).await
    }

    /// Takes the turn to mine.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Sets the fee of the block after `head`.
    pub(super) async fn prepare(&self, node: &Node, head: Option<u128>) -> Result<()> {
        let plan = self.plan();
        let next = match (&plan, head) {
            (Plan::Walk { .. }, None) => node.number("eth_blockNumber", json!([])).await? + 1,
            (_, head) => head.unwrap_or(0) + 1,
        };
        if let Some(fee) = plan.fee(next) {
            node.call("anvil_setNextBlockBaseFeePerGas", json!([hex_quantity(fee)])).await?;
        }
        Ok(())
    }
}

/// The methods that make blocks, or leave the node at another one.
pub(super) fn mines(method: &str) -> bool {
    matches!(
        method,
        "evm_mine" | "anvil_mine" | "hardhat_mine" | "evm_revert" | "anvil_reorg" | "anvil_rollback"
    )
}

/// Sets the fee after each block that the node mines by the clock. Ends with the node.
pub(super) async fn keep_up(pacer: Arc<Pacer>, node: Node) {
    let (heads, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let follow = async {
        while let Some(head) = heard.recv().await {
            if let Err(error) = pacer.prepare(&node, Some(head)).await {
                tracing::debug!(target: "tollway_devnet", %error, "the base fee was not set");
            }
        }
    };
    let hear = async {
        let tell = |news: &Value| {
            if let Some(head) = quantity(&news["number"]) {
                let _ = heads.send(head); // fails only when the devnet ends
            }
        };
        listen(&node, "newHeads", tell).await;
        drop(heads);
    };
    futures::join!(hear, follow);
}

/// Hands what a subscription brings to `act`, until the node ends.
pub(super) async fn listen(node: &Node, topic: &str, mut act: impl FnMut(&Value)) -> Option<()> {
    let url = format!("ws://127.0.0.1:{}", node.port);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.ok()?;
    let subscribe = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": [topic]});
    socket.send(Message::text(subscribe.to_string())).await.ok()?;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let news: Value = serde_json::from_str(&text).ok()?;
        if news["params"].is_object() {
            act(&news["params"]["result"]);
        }
    }
    Some(())
}
