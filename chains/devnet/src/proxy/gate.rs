//! What happens to a request between the client and the node, on every family of chains.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::StatusCode;
use serde_json::value::RawValue;

use super::call::{self, Call};
use super::counts::{Counter, Counts};
use super::faults::{Dice, FaultKind, Faults};
use crate::rpc::Node;

/// How long a call that is never answered is kept.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

/// One chain's proxy, without the sockets.
#[derive(Debug)]
pub(crate) struct Gate<M> {
    pub(crate) name: &'static str,
    pub(crate) node: Node,
    pub(crate) manner: M,
    pub(super) counter: Counter,
    dice: Dice,
}

/// How one family of chains is served: what its node answers differently from a real one, put right.
pub(crate) trait Manner: fmt::Debug + Send + Sync + Sized + 'static {
    /// Serves a call that no fault keeps from it.
    fn serve(gate: &Gate<Self>, call: &Call<'_>, body: Bytes) -> impl Future<Output = Reply> + Send;

    /// Whether a batch that holds a call of this method cannot be handed on in one piece.
    fn special(&self, method: &str) -> bool;

    /// Whether the answer to a batch that was handed on is one that a real node would not give.
    fn spoiled(&self, answer: &[u8]) -> bool;

    /// The result by which a node says that it took this transaction; `None` for a call that brings none.
    fn taken(call: &Call<'_>) -> Option<String>;

    /// Whether the method starts or ends a subscription, for which a client needs a socket of the node's.
    fn subscribes(method: &str) -> bool;

    /// Whether it is the method of a push.
    fn pushes(method: &str) -> bool;
}

/// What the client gets.
#[derive(Debug)]
pub(crate) enum Reply {
    /// This.
    Answer(StatusCode, Bytes),
    /// A closed connection.
    HangUp,
}

impl<M> Gate<M> {
    pub(super) fn with(name: &'static str, node: Node, manner: M) -> Self {
        Self { name, node, manner, counter: Counter::default(), dice: Dice::default() }
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

    /// What strikes a call of this method, counted.
    pub(super) fn strike(&self, method: &str) -> Option<FaultKind> {
        let fault = self.dice.roll(method);
        if fault.is_some() {
            self.counter.fault();
        }
        fault
    }

    pub(super) async fn pass(&self, body: Bytes) -> Reply {
        match self.node.forward(body).await {
            Ok((status, answer)) => Reply::Answer(status, answer),
            Err(error) => broken(&error),
        }
    }
}

impl<M: Manner> Gate<M> {
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
        if calls.iter().any(|call| self.manner.special(&call.method)) {
            return None;
        }
        let reply = self.pass(body.clone()).await;
        if matches!(&reply, Reply::Answer(_, answer) if self.manner.spoiled(answer)) {
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
            FaultKind::Dropped => match M::taken(call) {
                Some(result) => Reply::Answer(StatusCode::OK, call.answer(&result)),
                None => self.perform(call, body).await,
            },
        }
    }

    /// The call as it should go.
    async fn perform(&self, call: &Call<'_>, body: Bytes) -> Reply {
        let reply = M::serve(self, call, body).await;
        if let (true, Reply::Answer(_, answer)) = (self.dice.wants_memory(), &reply)
            && let Some(result) = call::raw_result(answer)
        {
            self.dice.remember(&call.method, call.raw_params(), result);
        }
        reply
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

pub(super) fn broken(reason: &str) -> Reply {
    Reply::Answer(StatusCode::BAD_GATEWAY, format!("the node does not answer: {reason}").into())
}
