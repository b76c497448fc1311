//! What an all-seeing observer writes down while the processes work: the checks hold it against the chain.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tollway_http::codec::{self, Limits};
use tollway_testkit::weave::SeededDice;

/// One authorization: who signed it, and its nonce.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Signature {
    /// Lower case, as on the chain.
    pub(crate) from: String,
    pub(crate) nonce: String,
}

/// How a purchase ended for its buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// Paid, and served.
    Served,
    /// Paid, and the answer was lost.
    Undelivered,
    /// Something was signed, and nobody could say.
    Unknown,
    /// Refused, or not reached; nothing is known to be paid.
    Failed,
}

#[derive(Default)]
struct Seen {
    /// By thing: the authorizations that were sent for it.
    sent: BTreeMap<String, BTreeSet<Signature>>,
    /// By authorization: the things that it was answered 200 for, with the handler's run, where the answer is from one.
    served: BTreeMap<Signature, BTreeSet<(String, Option<String>)>>,
    runs: u64,
    ends: BTreeMap<End, u64>,
    begun: u64,
    stolen: u64,
}

#[derive(Default)]
pub(crate) struct Log {
    seen: Mutex<Seen>,
}

impl Log {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has left its sender.
    pub(crate) fn sent(&self, host: &str, request: &Request<Bytes>) {
        if host == crate::shop::HOST
            && let Some(signature) = signature(request.headers())
        {
            self.seen().sent.entry(request.uri().path().to_owned()).or_default().insert(signature);
        }
    }

    /// An answer has left its process.
    pub(crate) fn answered(&self, request: &Request<Bytes>, answer: &Response<Bytes>) {
        if answer.status().as_u16() != 200 {
            return;
        }
        if let Some(signature) = signature(request.headers()) {
            let run = answer.body();
            let run = String::from_utf8_lossy(run).strip_prefix("run ").map(str::to_owned);
            let path = request.uri().path().to_owned();
            self.seen().served.entry(signature).or_default().insert((path, run));
        }
    }

    /// Some other thing than the one that is asked for, when there is a payment to steal.
    pub(crate) fn another(&self, dice: &SeededDice, parts: &Parts) -> Option<String> {
        signature(&parts.headers)?;
        let mut seen = self.seen();
        let others: Vec<_> = seen.sent.keys().filter(|path| *path != parts.uri.path()).cloned().collect();
        let path = dice.pick(&others).cloned();
        seen.stolen = seen.stolen.saturating_add(u64::from(path.is_some()));
        path
    }

    /// The handler runs once more.
    pub(crate) fn run(&self) -> u64 {
        let mut seen = self.seen();
        seen.runs = seen.runs.saturating_add(1);
        seen.runs
    }

    pub(crate) fn begun(&self) {
        let mut seen = self.seen();
        seen.begun = seen.begun.saturating_add(1);
    }
    pub(crate) fn ended(&self, end: End) {
        let mut seen = self.seen();
        let count = seen.ends.entry(end).or_default();
        *count = count.saturating_add(1);
    }

    pub(crate) fn things(&self) -> BTreeMap<String, BTreeSet<Signature>> {
        self.seen().sent.clone()
    }
    pub(crate) fn served(&self) -> BTreeMap<Signature, BTreeSet<(String, Option<String>)>> {
        self.seen().served.clone()
    }
    pub(crate) fn count(&self, end: End) -> u64 {
        self.seen().ends.get(&end).copied().unwrap_or(0)
    }
    pub(crate) fn purchases(&self) -> u64 {
        self.seen().begun
    }
    pub(crate) fn stolen(&self) -> u64 {
        self.seen().stolen
    }
}

/// The authorization in a payment header, read as everybody reads it.
fn signature(headers: &HeaderMap) -> Option<Signature> {
    let (_, payment) = codec::payment_json(headers, &Limits::DEFAULT).ok()??;
    of_payload(payment.value().get("payload")?)
}

/// The authorization in a payload.
pub(crate) fn of_payload(payload: &serde_json::Value) -> Option<Signature> {
    let said = payload.get("authorization")?;
    let field = |name: &str| Some(said.get(name)?.as_str()?.to_ascii_lowercase());
    Some(Signature { from: field("from")?, nonce: field("nonce")? })
}
