use alloy::primitives::Bytes;
use alloy::rpc::json_rpc::{ErrorPayload, RpcError};
use alloy::transports::{TransportError, TransportErrorKind};
use std::fmt;
use tollway_core::{Code, Error};

/// Longest part of a node's own words that is kept, in bytes.
const WORDS_MAX: usize = 256;

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
    /// Every node that answered is behind what was seen before.
    Old,
}

/// A JSON-RPC error object.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// Its number.
    pub(crate) code: i64,
    /// Its words, cut to a bound.
    pub(crate) message: String,
    /// What a call reverted with, when it says so.
    pub(crate) revert: Option<Bytes>,
}

/// What HTTP itself can do wrong, and a pool of nodes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HttpFault {
    Connect,
    Sent,
    Silent,
    Old,
    Cut,
    TooLarge,
    NotJson,
    Status(u16),
}

impl HttpFault {
    pub(super) fn of(error: &reqwest::Error) -> Self {
        // Only a failed connection proves that nothing left; everything else may have arrived.
        if error.is_connect() || error.is_builder() { Self::Connect } else { Self::Sent }
    }

    /// What it was, if it was one of these.
    pub(super) fn in_error(error: &TransportError) -> Option<&Self> {
        match error {
            RpcError::Transport(kind) => kind.as_custom()?.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
impl std::error::Error for HttpFault {}

impl RpcFault {
    pub(super) fn of(error: TransportError) -> Self {
        match error {
            RpcError::ErrorResp(payload) => Self::refused(&payload),
            RpcError::NullResp => Self::Garbled("null where something was expected".into()),
            RpcError::SerError(e) => Self::Garbled(format!("the request cannot be written: {e}")),
            RpcError::DeserError { err, .. } => Self::Garbled(err.to_string()),
            RpcError::UnsupportedFeature(what) => Self::Garbled(what.into()),
            RpcError::LocalUsageError(_) => Self::NotSent,
            RpcError::Transport(kind) => Self::of_transport(&kind),
        }
    }

    fn of_transport(kind: &TransportErrorKind) -> Self {
        match kind.as_custom().and_then(|e| e.downcast_ref::<HttpFault>()) {
            Some(HttpFault::Connect) => return Self::NotSent,
            Some(HttpFault::Sent) => return Self::Lost("the connection broke before an answer"),
            Some(HttpFault::Cut) => return Self::Lost("the answer broke off"),
            Some(HttpFault::TooLarge) => return Self::Garbled("the answer is too large".into()),
            Some(HttpFault::NotJson) => return Self::Garbled("the answer is not JSON-RPC".into()),
            Some(HttpFault::Silent) => return Self::Silent,
            Some(HttpFault::Old) => return Self::Old,
            Some(HttpFault::Status(429)) => return Self::Throttled,
            Some(HttpFault::Status(status)) => return Self::Status(*status),
            None => {}
        }
        match kind {
            TransportErrorKind::MissingBatchResponse(_) => Self::Lost("a batch came back incomplete"),
            TransportErrorKind::BackendGone => Self::Lost("the connection is gone"),
            _ => Self::Lost("the transport failed"),
        }
    }

    fn refused(payload: &ErrorPayload) -> Self {
        if payload.is_retry_err() {
            return Self::Throttled;
        }
        Self::Refused(Refusal {
            code: payload.code,
            message: cut(&payload.message),
            revert: payload.as_revert_data(),
        })
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
            Self::Old => (Code::TimedOut, "every node that answers is behind what was seen before".into()),
        };
        Error::network(code).detail(format!("{method} at {place}: {why}"))
    }
}

/// At most [`WORDS_MAX`] bytes, and nothing that would break a log line.
fn cut(words: &str) -> String {
    let end = (0..=words.len().min(WORDS_MAX)).rev().find(|i| words.is_char_boundary(*i)).unwrap_or(0);
    words.get(..end).unwrap_or("").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
