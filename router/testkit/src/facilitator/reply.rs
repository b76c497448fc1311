use serde::Serialize;
use std::fmt;
use tollway_core::Code;
use tollway_core::wire::{SettleResponse, SupportedKind, SupportedResponse, VerifyResponse};

/// One answer of a scripted facilitator.
#[derive(Clone)]
#[must_use]
pub struct Reply {
    pub(super) delay_ms: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) cut: Option<usize>,
    pub(super) hold: bool,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.bytes.split(|b| *b == b'\r').next().unwrap_or_default();
        write!(f, "Reply({}, {} bytes)", String::from_utf8_lossy(first), self.bytes.len())
    }
}

impl Reply {
    /// A status and a body of any type.
    pub fn new(status: u16, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self::with_headers(status, &[("content-type", content_type)], body.as_ref())
    }
    /// A status, headers and a body. Length and end of connection are added.
    pub fn with_headers(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
        let length = body.len().to_string();
        let all =
            headers.iter().copied().chain([("content-length", length.as_str()), ("connection", "close")]);
        for (name, value) in all {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        Self::garbage([head.as_bytes(), body].concat())
    }
    /// 200 and this, as JSON.
    pub fn json(value: &impl Serialize) -> Self {
        Self::new(200, "application/json", serde_json::to_vec(value).unwrap_or_default())
    }
    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self::new(status, "text/plain", "")
    }
    /// These very bytes in place of an HTTP answer.
    pub fn garbage(bytes: impl Into<Vec<u8>>) -> Self {
        Self { delay_ms: 0, bytes: bytes.into(), cut: None, hold: false }
    }
    /// 200 and a JSON string of `bytes` letters.
    pub fn huge(bytes: usize) -> Self {
        Self::new(200, "application/json", format!("\"{}\"", "A".repeat(bytes)))
    }
    /// No answer: the connection ends once the request was read.
    pub fn cut() -> Self {
        Self::garbage(Vec::new())
    }
    /// No answer, and the connection stays open until the client leaves.
    pub fn never() -> Self {
        Self { hold: true, ..Self::cut() }
    }
    /// The same, after so many milliseconds.
    pub fn after_ms(self, ms: u64) -> Self {
        Self { delay_ms: ms, ..self }
    }
    /// Only the first so many bytes, head included; then the connection ends.
    pub fn cut_after(self, bytes: usize) -> Self {
        Self { cut: Some(bytes), ..self }
    }
    /// Under another status.
    pub fn under(mut self, status: u16) -> Self {
        let begin = format!("HTTP/1.1 {status}").into_bytes();
        if self.bytes.starts_with(b"HTTP/1.1 ") && self.bytes.len() >= begin.len() {
            self.bytes.splice(..begin.len(), begin);
        }
        self
    }

    /// `/verify`: it holds.
    pub fn valid() -> Self {
        Self::json(&VerifyResponse { is_valid: true, ..VerifyResponse::default() })
    }
    /// `/verify`: it does not.
    pub fn invalid(code: Code) -> Self {
        Self::json(&VerifyResponse { invalid_reason: Some(code), ..VerifyResponse::default() })
    }
    /// `/settle`: done, in this transaction on this network.
    pub fn settled(transaction: &str, network: &str) -> Self {
        let (transaction, network) = (transaction.to_owned(), network.to_owned());
        Self::json(&SettleResponse { success: true, transaction, network, ..SettleResponse::default() })
    }
    /// `/settle`: not done.
    pub fn failed(code: Code) -> Self {
        Self::json(&SettleResponse { error_reason: Some(code), ..SettleResponse::default() })
    }
    /// `/settle`: broadcast, and not known to be settled.
    pub fn pending(transaction: &str) -> Self {
        Self::json(&SettleResponse {
            error_reason: Some(Code::SettlementPending),
            transaction: transaction.to_owned(),
            ..SettleResponse::default()
        })
    }
    /// `/supported`: these kinds, as version, scheme and network.
    pub fn kinds(kinds: &[(u8, &str, &str)]) -> Self {
        let kind = |(version, scheme, network): &(u8, &str, &str)| SupportedKind {
            version: *version,
            scheme: (*scheme).to_owned(),
            network: (*network).to_owned(),
            extra: None,
        };
        let kinds = kinds.iter().map(kind).collect();
        Self::json(&SupportedResponse { kinds, ..SupportedResponse::default() })
    }
}
