//! Mining on demand.
//!
//! anvil's own automining makes a block for each transaction it gets, answers before the block is there, and leaves no
//! moment to set the next base fee. So the node mines nothing by itself: this miner does, as soon as the pool holds
//! something that can be mined. What arrives while a block is made waits for it and goes into the next one together, so a crowd of
//! senders gets through faster than with automining, every block has the base fee that is due, and a send through the
//! proxy is answered when its block is there. Transactions that reach the node past the proxy are heard of by
//! subscription.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::{Notify, RwLock, watch};

use super::super::call::{Call, raw_result};
use super::super::gate::{Gate, Reply};
use super::Evm;
use crate::error::Result;
use crate::rpc::{Node, quantity};

/// How long a synchronous send waits when it does not say.
const SYNC_LIMIT: Duration = Duration::from_secs(10);

/// Whether to mine, who asked for it, and who was served.
#[derive(Debug)]
pub(crate) struct Miner {
    on: AtomicBool,
    asked: AtomicU64,
    bell: Notify,
    served: watch::Sender<u64>,
    /// Sends share it, a block has it alone. A transaction that reaches anvil's pool while the one before it is being
    /// mined is sometimes filed as waiting for that one, and then waits for ever.
    turn: RwLock<()>,
}

impl Miner {
    pub(super) fn new(on: bool) -> Self {
        Self {
            on: AtomicBool::new(on),
            asked: AtomicU64::new(0),
            bell: Notify::new(),
            served: watch::Sender::new(0),
            turn: RwLock::new(()),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::SeqCst)
    }

    /// Starts or stops mining; what waits in the pool is mined at the start.
    pub(crate) fn switch(&self, on: bool) {
        self.on.store(on, Ordering::SeqCst);
        self.ring();
    }

    /// Makes a block while nothing is being sent.
    pub(super) async fn alone<T>(&self, block: impl Future<Output = T>) -> T {
        let _turn = self.turn.write().await;
        block.await
    }

    /// Sends while no block is being made.
    async fn beside<T>(&self, sending: impl Future<Output = T>) -> T {
        let _turn = self.turn.read().await;
        sending.await
    }

    /// Says that there may be something to mine.
    pub(super) fn ring(&self) -> u64 {
        let ticket = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.bell.notify_one();
        ticket
    }

    /// Returns once everything that could be mined now is mined.
    pub(super) async fn mined(&self) {
        let ticket = self.ring();
        // The other end is in the same struct, so waiting cannot fail.
        let _ = self.served.subscribe().wait_for(|served| *served >= ticket).await;
    }
}

/// The miner's task; runs as long as the devnet does.
pub(super) async fn run(gate: Arc<Gate<Evm>>) {
    loop {
        gate.manner.miner.bell.notified().await;
        let asked = gate.manner.miner.asked.load(Ordering::SeqCst);
        if gate.manner.miner.is_on()
            && let Err(error) = empty_the_pool(&gate).await
        {
            tracing::debug!(target: "tollway_devnet", %error, "nothing was mined");
        }
        gate.manner.miner.served.send_replace(asked);
    }
}

/// Mines until nothing is left that can be.
async fn empty_the_pool(gate: &Gate<Evm>) -> Result<()> {
    let mut left = u128::MAX;
    loop {
        let waiting = pending(&gate.node).await?;
        if waiting == 0 || waiting >= left {
            return Ok(());
        }
        left = waiting;
        gate.mining(gate.node.call_here("evm_mine", json!([]))).await?;
    }
}

async fn pending(node: &Node) -> Result<u128> {
    let status = node.call_here("txpool_status", json!([])).await?;
    Ok(quantity(&status["pending"]).unwrap_or_default())
}

/// Whether the method brings a transaction.
pub(super) fn sends(method: &str) -> bool {
    matches!(
        method,
        "eth_sendRawTransaction"
            | "eth_sendRawTransactionSync"
            | "eth_sendTransaction"
            | "eth_sendTransactionSync"
            | "eth_sendUnsignedTransaction"
    )
}

/// Sends, and waits for the block; also for the receipt when the method asks for one.
pub(super) async fn send(gate: &Gate<Evm>, call: &Call<'_>, body: Bytes) -> Reply {
    let Some(plain) = call.method.strip_suffix("Sync") else {
        let reply = gate.manner.miner.beside(gate.pass(body)).await;
        if matches!(&reply, Reply::Answer(_, answer) if raw_result(answer).is_some()) {
            gate.manner.miner.mined().await;
        }
        return reply;
    };
    let first = call.param(0).unwrap_or_default();
    let sent = json!({"jsonrpc": "2.0", "id": call.id(), "method": plain, "params": [first]});
    let reply = gate.manner.miner.beside(gate.pass(sent.to_string().into())).await;
    let Reply::Answer(_, answer) = &reply else { return reply };
    let Some(hash) = raw_result(answer).map(str::to_owned) else { return reply };
    let limit = call.param(1).and_then(|limit| limit.as_u64()).map_or(SYNC_LIMIT, Duration::from_millis);
    match tokio::time::timeout(limit, receipt(gate, &hash)).await {
        Ok(Ok(receipt)) => Reply::Answer(StatusCode::OK, call.answer(&receipt)),
        Ok(Err(reply)) => reply,
        Err(_) => {
            let late = "the transaction is in the pool, but was not mined in time";
            Reply::Answer(StatusCode::OK, call.refuse(4, late))
        }
    }
}

/// The receipt of a transaction as soon as there is one.
async fn receipt(gate: &Gate<Evm>, hash: &str) -> std::result::Result<String, Reply> {
    let ask = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_getTransactionReceipt","params":[{hash}]}}"#);
    gate.manner.miner.mined().await;
    loop {
        let reply = gate.pass(ask.clone().into()).await;
        let Reply::Answer(_, answer) = &reply else { return Err(reply) };
        match raw_result(answer) {
            Some("null") => tokio::time::sleep(Duration::from_millis(2)).await,
            Some(receipt) => return Ok(receipt.to_owned()),
            None => return Err(reply),
        }
    }
}

/// Whether this switches mining on or off, and the answer to it.
pub(super) fn switch(gate: &Gate<Evm>, call: &Call<'_>) -> Option<String> {
    match &*call.method {
        "anvil_getAutomine" | "hardhat_getAutomine" => Some(gate.manner.miner.is_on().to_string()),
        "evm_setAutomine" | "anvil_setAutomine" => {
            gate.manner.miner.switch(call.param(0) == Some(Value::Bool(true)));
            Some("null".to_owned())
        }
        _ => None,
    }
}
