//! What happens to a request between the client and the node.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::StatusCode;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::runtime::Handle;

use super::call::{self, Call};
use super::counts::{Counter, Counts};
use super::faults::{Dice, FaultKind, Faults};
use super::l1::L1;
use super::miner::{self, Miner};
use super::pacer::{self, Pacer, Plan, listen};
use super::{quirks, unfunded};
use crate::chains::ChainSpec;
use crate::error::Result;
use crate::rpc::Node;

/// How long a call that is never answered is kept.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

/// One chain's proxy, without the sockets.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) spec: ChainSpec,
    pub(crate) node: Node,
    pub(crate) l1: L1,
    pub(super) counter: Counter,
    dice: Dice,
    pacer: Arc<Pacer>,
    pub(crate) miner: Miner,
}

/// What the client gets.
#[derive(Debug)]
pub(super) enum Reply {
    /// This.
    Answer(StatusCode, Bytes),
    /// A closed connection.
    HangUp,
}

impl Gate {
    pub(crate) fn new(spec: ChainSpec, node: Node, plan: Plan, automine: bool) -> Self {
        let pacer = Arc::new(Pacer::new(plan));
        let (counter, dice, miner) = (Counter::default(), Dice::default(), Miner::new(automine));
        Self { spec, node, l1: L1::new(spec.l1), counter, dice, pacer, miner }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counter.read()
    }

    pub(crate) fn reset_counts(&self) {
        self.counter.reset();
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        self.dice.set(faults);
    }

    pub(crate) async fn follow(&self, plan: Plan) -> Result<()> {
        self.pacer.follow(plan, &self.node).await
    }

    /// The tasks that mine, or keep up with a node that does.
    pub(crate) fn attend(self: &Arc<Self>, runtime: &Handle) {
        let gate = self.clone();
        runtime.spawn(miner::run(self.clone()));
        if self.miner.is_on() {
            let ring = move |_: &_| {
                gate.miner.ring();
            };
            let node = self.node.clone();
            runtime.spawn(async move { listen(&node, "newPendingTransactions", ring).await });
        } else {
            runtime.spawn(pacer::keep_up(self.pacer.clone(), self.node.clone()));
        }
    }

    /// Runs `act`, which makes blocks on the node directly, and sets the base fee that is due after it.
    pub(crate) async fn mining<T>(&self, act: impl Future<Output = Result<T>>) -> Result<T> {
        let turn = self.pacer.turn().await;
        let done = self.miner.alone(act).await?;
        self.pacer.prepare(&self.node, None).await?;
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
        if miner::sends(method) && self.miner.is_on() {
            self.miner.mined().await;
        }
        Ok(answer)
    }

    /// Serves one body: a request or a batch.
    pub(super) async fn serve(&self, body: Bytes) -> Reply {
        match call::batch(&body) {
            Some(calls) => match self.pass_batch(&calls, &body).await {
                Some(reply) => reply,
                None => self.serve_batch(&calls).await,
            },
            None => self.serve_one(body.clone()).await,
        }
    }

    /// Hands a batch on in one piece, when nothing in it has to be looked at.
    async fn pass_batch(&self, calls: &[&RawValue], body: &Bytes) -> Option<Reply> {
        let calls: Option<Vec<_>> = calls.iter().map(|call| Call::read(call.get().as_bytes())).collect();
        let calls = calls.filter(|_| self.dice.idle())?;
        let special = |method: &str| {
            quirks::local(&self.spec, method).is_some()
                || quirks::concerns(&self.spec, method)
                || pacer::mines(method)
                || miner::sends(method)
                || method.ends_with("etAutomine")
        };
        if calls.iter().any(|call| special(&call.method)) {
            return None;
        }
        let reply = self.pass(body.clone()).await;
        if let (true, Reply::Answer(_, answer)) = (self.spec.pays_l1(), &reply)
            && unfunded::refused_anywhere(answer)
        {
            return None;
        }
        calls.iter().for_each(|call| self.counter.call(&call.method));
        Some(reply)
    }

    async fn serve_batch(&self, calls: &[&RawValue]) -> Reply {
        let one = |call: &&RawValue| self.serve_one(Bytes::copy_from_slice(call.get().as_bytes()));
        let mut whole = Vec::from(*b"[");
        for reply in join_all(calls.iter().map(one)).await {
            match reply {
                Reply::Answer(StatusCode::OK, answer) => {
                    if whole.len() > 1 {
                        whole.push(b',');
                    }
                    whole.extend_from_slice(&answer);
                }
                other => return other,
            }
        }
        whole.push(b']');
        Reply::Answer(StatusCode::OK, whole.into())
    }

    async fn serve_one(&self, body: Bytes) -> Reply {
        let Some(call) = Call::read(&body) else { return self.pass(body.clone()).await };
        self.counter.call(&call.method);
        match self.strike(&call.method) {
            None => self.perform(&call, body.clone()).await,
            Some(fault) => self.fail(&fault, &call, body.clone()).await,
        }
    }

    /// What strikes a call of this method, counted.
    pub(super) fn strike(&self, method: &str) -> Option<FaultKind> {
        let fault = self.dice.roll(method);
        if fault.is_some() {
            self.counter.fault();
        }
        fault
    }

    async fn fail(&self, fault: &FaultKind, call: &Call<'_>, body: Bytes) -> Reply {
        match fault {
            FaultKind::Rpc { .. } | FaultKind::Http(_) => refusal(fault, call),
            FaultKind::HangUp => {
                self.perform(call, body).await;
                Reply::HangUp
            }
            FaultKind::Silence => {
                self.perform(call, body).await;
                tokio::time::sleep(FOREVER).await;
                Reply::HangUp
            }
            FaultKind::Delay(delay) => {
                let reply = self.perform(call, body).await;
                tokio::time::sleep(*delay).await;
                reply
            }
            FaultKind::Stale => match self.dice.stale(&call.method, call.raw_params()) {
                Some(result) => Reply::Answer(StatusCode::OK, call.answer(&result)),
                None => self.perform(call, body).await,
            },
            FaultKind::Duplicate => {
                self.perform(call, body.clone()).await;
                self.perform(call, body).await
            }
        }
    }

    /// The call as it should go.
    async fn perform(&self, call: &Call<'_>, body: Bytes) -> Reply {
        let local = quirks::local(&self.spec, &call.method).or_else(|| miner::switch(self, call));
        let reply = match local {
            Some(result) => Reply::Answer(StatusCode::OK, call.answer(&result)),
            None => self.ask(call, body).await,
        };
        if let (true, Reply::Answer(_, answer)) = (self.dice.wants_memory(), &reply)
            && let Some(result) = call::raw_result(answer)
        {
            self.dice.remember(&call.method, call.raw_params(), result);
        }
        reply
    }

    async fn ask(&self, call: &Call<'_>, body: Bytes) -> Reply {
        let mut reply = self.reach(call, body).await;
        if let (true, Reply::Answer(_, answer)) = (self.spec.pays_l1(), &reply)
            && let Some(again) = unfunded::again(call, answer)
        {
            reply = self.pass(again).await;
        }
        match reply {
            Reply::Answer(StatusCode::OK, answer) if quirks::concerns(&self.spec, &call.method) => {
                self.correct(call, answer).await
            }
            other => other,
        }
    }

    /// Hands a call to the node, by the way that its kind needs.
    async fn reach(&self, call: &Call<'_>, body: Bytes) -> Reply {
        if self.miner.is_on() && miner::sends(&call.method) {
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
        match quirks::correct(&self.spec, &self.l1, &self.node, call, result).await {
            Ok(Some(corrected)) => Reply::Answer(StatusCode::OK, call.answer(&corrected)),
            Ok(None) => Reply::Answer(StatusCode::OK, answer),
            Err(error) => broken(&error.to_string()),
        }
    }

    pub(super) async fn pass(&self, body: Bytes) -> Reply {
        match self.node.forward(body).await {
            Ok((status, answer)) => Reply::Answer(status, answer),
            Err(error) => broken(&error),
        }
    }
}

/// The answer to a call that a fault keeps from the node.
pub(super) fn refusal(fault: &FaultKind, call: &Call<'_>) -> Reply {
    match fault {
        FaultKind::Rpc { code, message } => Reply::Answer(StatusCode::OK, call.refuse(*code, message)),
        FaultKind::Http(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let message = format!("HTTP status {status}");
            Reply::Answer(status, call.refuse(-32005, &message))
        }
        _ => Reply::HangUp,
    }
}

fn broken(reason: &str) -> Reply {
    Reply::Answer(StatusCode::BAD_GATEWAY, format!("the node does not answer: {reason}").into())
}
