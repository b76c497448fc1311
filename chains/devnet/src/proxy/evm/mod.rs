//! EVM chains: mined on demand, with the base fee held, and with what anvil answers differently put right.

mod l1;
mod miner;
mod pacer;
mod quirks;
mod receipts;
mod unfunded;

use std::sync::Arc;

use alloy::primitives::keccak256;
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use tokio::runtime::Handle;

use super::call::{self, Call};
use super::gate::{Gate, Manner, Reply, broken};
use crate::chains::ChainSpec;
use crate::error::Result;
use crate::rpc::Node;
use l1::L1;
use miner::Miner;
use pacer::{Pacer, listen};

pub(crate) use pacer::Plan;

/// What an EVM chain's proxy knows and does besides counting and breaking.
#[derive(Debug)]
pub(crate) struct Evm {
    pub(crate) spec: ChainSpec,
    pub(crate) l1: L1,
    pub(crate) miner: Miner,
    pacer: Arc<Pacer>,
}

impl Gate<Evm> {
    pub(crate) fn evm(spec: ChainSpec, node: Node, plan: Plan, automine: bool) -> Self {
        let (pacer, miner) = (Arc::new(Pacer::new(plan)), Miner::new(automine));
        Self::with(spec.name, node, Evm { spec, l1: L1::new(spec.l1), miner, pacer })
    }

    pub(crate) async fn follow(&self, plan: Plan) -> Result<()> {
        self.manner.pacer.follow(plan, &self.node).await
    }

    /// The tasks that mine, or keep up with a node that does.
    pub(crate) fn attend(self: &Arc<Self>, runtime: &Handle) {
        let gate = self.clone();
        runtime.spawn(miner::run(self.clone()));
        if self.manner.miner.is_on() {
            let ring = move |_: &_| {
                gate.manner.miner.ring();
            };
            let node = self.node.clone();
            runtime.spawn(async move { listen(&node, "newPendingTransactions", ring).await });
        } else {
            runtime.spawn(pacer::keep_up(self.manner.pacer.clone(), self.node.clone()));
        }
    }

    /// Runs `act`, which makes blocks on the node directly, and sets the base fee that is due after it.
    pub(crate) async fn mining<T>(&self, act: impl Future<Output = Result<T>>) -> Result<T> {
        let turn = self.manner.pacer.turn().await;
        let done = self.manner.miner.alone(act).await?;
        self.manner.pacer.prepare(&self.node, None).await?;
        drop(turn);
        Ok(done)
    }

    /// A call of the devnet's own, with its blocks mined and its base fee set.
    pub(crate) async fn act(&self, method: &'static str, params: Value) -> Result<Value> {
        let call = self.node.call(method, params);
        if pacer::mines(method) {
            return self.mining(call).await;
        }
        let answer = call.await?;
        if miner::sends(method) && self.manner.miner.is_on() {
            self.manner.miner.mined().await;
        }
        Ok(answer)
    }

    async fn ask(&self, call: &Call<'_>, body: Bytes) -> Reply {
        let spec = &self.manner.spec;
        let mut reply = self.reach(call, body).await;
        if let (true, Reply::Answer(_, answer)) = (spec.pays_l1(), &reply)
            && let Some(again) = unfunded::again(call, answer)
        {
            reply = self.pass(again).await;
        }
        match reply {
            Reply::Answer(StatusCode::OK, answer) if quirks::concerns(spec, &call.method) => {
                self.correct(call, answer).await
            }
            other => other,
        }
    }

    /// Hands a call to the node, by the way that its kind needs.
    async fn reach(&self, call: &Call<'_>, body: Bytes) -> Reply {
        if self.manner.miner.is_on() && miner::sends(&call.method) {
            return miner::send(self, call, body).await;
        }
        if !pacer::mines(&call.method) {
            return self.pass(body).await;
        }
        match self.mining(async { Ok(self.pass(body).await) }).await {
            Ok(reply) => reply,
            Err(error) => broken(&error.to_string()),
        }
    }

    async fn correct(&self, call: &Call<'_>, answer: Bytes) -> Reply {
        let Some(result) = call::raw_result(&answer) else { return Reply::Answer(StatusCode::OK, answer) };
        match quirks::correct(&self.manner.spec, &self.manner.l1, &self.node, call, result).await {
            Ok(Some(corrected)) => Reply::Answer(StatusCode::OK, call.answer(&corrected)),
            Ok(None) => Reply::Answer(StatusCode::OK, answer),
            Err(error) => broken(&error.to_string()),
        }
    }
}

impl Manner for Evm {
    async fn serve(gate: &Gate<Self>, call: &Call<'_>, body: Bytes) -> Reply {
        let local = quirks::local(&gate.manner.spec, &call.method).or_else(|| miner::switch(gate, call));
        match local {
            Some(result) => Reply::Answer(StatusCode::OK, call.answer(&result)),
            None => gate.ask(call, body).await,
        }
    }

    fn special(&self, method: &str) -> bool {
        quirks::local(&self.spec, method).is_some()
            || quirks::concerns(&self.spec, method)
            || pacer::mines(method)
            || miner::sends(method)
            || method.ends_with("etAutomine")
    }

    fn spoiled(&self, answer: &[u8]) -> bool {
        self.spec.pays_l1() && unfunded::refused_anywhere(answer)
    }

    fn taken(call: &Call<'_>) -> Option<String> {
        let raw = (call.method == "eth_sendRawTransaction").then(|| call.param(0))??;
        Some(format!("\"{}\"", keccak256(l1::bytes_of(raw.as_str()?)?)))
    }

    fn subscribes(method: &str) -> bool {
        matches!(method, "eth_subscribe" | "eth_unsubscribe")
    }

    fn pushes(method: &str) -> bool {
        method == "eth_subscription"
    }
}
