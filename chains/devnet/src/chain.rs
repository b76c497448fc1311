//! A running chain: where it is, what it counts, what breaks.

use std::sync::Arc;

use serde_json::Value;

use crate::chains::ChainSpec;
use crate::error::Result;
use crate::fresh::Pinned;
use crate::process::NodeProcess;
use crate::proxy::{Counts, Evm, Faults, Gate};

/// One running chain of a [`Devnet`](crate::Devnet).
///
/// The knobs are methods of this type: fees and prices, blocks and time, balances and code, faults and counts.
/// They talk to the node directly, so they are never counted and no fault strikes them.
#[derive(Debug)]
pub struct Chain {
    pub(crate) gate: Arc<Gate<Evm>>,
    pub(crate) process: NodeProcess,
    pub(crate) port: u16,
    pub(crate) pinned: Arc<Pinned>,
}

impl Chain {
    /// What chain it is: id, name, addresses.
    pub fn spec(&self) -> &ChainSpec {
        &self.gate.manner.spec
    }

    /// The chain id.
    pub fn id(&self) -> u64 {
        self.spec().chain_id
    }

    /// JSON-RPC over HTTP, through the proxy: what programs under test should use.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// JSON-RPC over WebSocket, through the proxy.
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// JSON-RPC over HTTP straight to anvil: nothing is counted, broken or put right. Transactions are mined as
    /// usual, but answered before they are; `evm_mine` escapes a held base fee.
    pub fn node_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.gate.node.port)
    }

    /// The operating system's id of the node's process.
    pub fn node_pid(&self) -> u32 {
        self.process.pid
    }

    /// Address of USDC.
    pub fn usdc(&self) -> &'static str {
        self.spec().usdc
    }

    /// What went through the proxy so far.
    pub fn counts(&self) -> Counts {
        self.gate.counts()
    }

    /// Starts counting from zero.
    pub fn reset_counts(&self) {
        self.gate.reset_counts();
    }

    /// Injects these faults from now on, in place of those before.
    pub fn set_faults(&self, faults: Faults) {
        self.gate.set_faults(faults);
    }

    /// Any call to the node, for what no knob covers. Not counted; what it sends or mines is mined as through the
    /// proxy.
    pub async fn call(&self, method: &'static str, params: Value) -> Result<Value> {
        self.gate.act(method, params).await
    }

    /// A call that neither sends nor mines.
    pub(crate) async fn rpc(&self, method: &'static str, params: Value) -> Result<Value> {
        self.gate.node.call(method, params).await
    }
}
