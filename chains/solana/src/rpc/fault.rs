//! What can go wrong with a node.

use crate::fault::Fault;
use serde::Deserialize;
use serde_json::Value;
use tollway_core::{Code, Error};

/// Longest part of a node's own words that is kept, in bytes.
const WORDS_MAX: usize = 256;
/// The node is behind, or has not reached the slot that was asked for: another one may do.
const LAGGING: [i64; 3] = [-32005, -32016, -32004];

/// Why a call brought no answer. What matters most to a sender of transactions is whether the node may have acted.
#[derive(Debug, Clone)]
pub(crate) enum RpcFault {
    /// It never left this machine.
    NotSent,
    /// It may have arrived; the answer is lost. Holds what was seen.
    Lost(&'static str),
    /// No answer in time.
    Silent,
    /// The node asks for patience (429 and its like).
    Throttled,
    /// An HTTP status without JSON-RPC in it.
    Status(u16),
    /// The node said no, in its own words.
    Refused(Refusal),
    /// An answer that cannot be read.
    Garbled(String),
}

/// A JSON-RPC error object.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// Its number.
    pub(crate) code: i64,
    /// Its words, cut to a bound.
    pub(crate) message: String,
    /// What a trial before sending showed, when it says so.
    pub(crate) fault: Option<Fault>,
    /// The slot that the node has reached, when it says so.
    pub(crate) slot: Option<u64>,
}

/// The error object as it comes.
#[derive(Debug, Deserialize)]
pub(super) struct RawRefusal {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

impl From<RawRefusal> for RpcFault {
    fn from(raw: RawRefusal) -> Self {
        if raw.code == 429 || raw.code == -32429 {
            return Self::Throttled;
        }
        let fault = raw.data.as_ref().and_then(|data| data.get("err")).and_then(Fault::read);
        let slot = raw.data.as_ref().and_then(|data| data.get("contextSlot")).and_then(Value::as_u64);
        Self::Refused(Refusal { code: raw.code, message: cut(&raw.message), fault, slot })
    }
}

impl RpcFault {
    pub(super) fn of_http(error: &reqwest::Error) -> Self {
        // Only a failed connection proves that nothing left; everything else may have arrived.
        if error.is_connect() || error.is_builder() {
            Self::NotSent
        } else if error.is_timeout() {
            Self::Silent
        } else {
            Self::Lost("the connection broke before an answer")
        }
    }

    /// True when another node may well answer what this one did not.
    pub(super) fn is_the_nodes(&self) -> bool {
        match self {
            Self::Refused(no) => LAGGING.contains(&no.code),
            _ => true,
        }
    }

    /// In the contract's words. For reads: nothing has moved, so the same call may succeed later.
    pub(crate) fn error(&self, method: &str, place: &str) -> Error {
        let (code, why): (Code, String) = match self {
            Self::NotSent => (Code::Unreachable, "no connection".into()),
            Self::Lost(why) => (Code::Unreachable, (*why).into()),
            Self::Silent => (Code::TimedOut, "no answer in time".into()),
            Self::Throttled => (Code::RpcRefused, "the node asks for fewer requests".into()),
            Self::Status(status) => (Code::Unreachable, format!("HTTP status {status}")),
            Self::Refused(no) => (Code::RpcRefused, format!("{} (code {})", no.message, no.code)),
            Self::Garbled(why) => (Code::InvalidAnswer, cut(why)),
        };
        Error::network(code).detail(format!("{method} at {place}: {why}"))
    }
}

/// At most [`WORDS_MAX`] bytes, and nothing that would break a log line.
fn cut(words: &str) -> String {
    let end = words.floor_char_boundary(WORDS_MAX);
    words.get(..end).unwrap_or("").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
