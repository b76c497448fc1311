//! The running Solana: where it is, what it counts, what breaks.

use std::sync::Arc;

use serde_json::Value;

use crate::error::Result;
use crate::process::NodeProcess;
use crate::proxy::{Counts, Faults, Gate, Solana};
use crate::solana::accounts::SolanaAccounts;
use crate::solana::blocks::Maker;
use crate::solana::feeds::Fresh;
use crate::solana::spec::{NAME, SOLANA_CAIP2, SolanaToken};

/// The running Solana of a [`Devnet`](crate::Devnet).
///
/// The knobs are methods of this type: priority fees and prices, blocks and time, balances, faults and counts. They
/// talk to the node directly, so they are never counted and no fault strikes them.
#[derive(Debug)]
pub struct SolanaChain {
    pub(crate) gate: Arc<Gate<Solana>>,
    pub(crate) process: NodeProcess,
    pub(crate) port: u16,
    pub(crate) accounts: SolanaAccounts,
    pub(crate) maker: Maker,
    pub(crate) fresh: Arc<Fresh>,
    pub(crate) by_the_clock: bool,
}

impl SolanaChain {
    /// Its name, for people.
    pub fn name(&self) -> &'static str {
        NAME
    }

    /// The CAIP-2 name, as x402 v2 spells networks: mainnet's.
    pub fn caip2(&self) -> &'static str {
        SOLANA_CAIP2
    }

    /// JSON-RPC over HTTP, through the proxy: what programs under test should use.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Subscriptions over WebSocket, through the proxy: on the port of HTTP, as hosted nodes have it.
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// JSON-RPC over HTTP straight to surfpool: nothing is counted, broken or put right.
    pub fn node_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.gate.node.port)
    }

    /// The operating system's id of the node's process.
    pub fn node_pid(&self) -> u32 {
        self.process.pid
    }

    /// The funded accounts.
    pub fn accounts(&self) -> &SolanaAccounts {
        &self.accounts
    }

    /// The mint of USDC.
    pub fn usdc(&self) -> &'static str {
        SolanaToken::USDC.mint
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

    /// Any call to the node, for what no knob covers. Not counted.
    pub async fn call(&self, method: &'static str, params: Value) -> Result<Value> {
        self.gate.node.call(method, params).await
    }
}
