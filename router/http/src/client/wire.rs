//! The way a request goes out, whichever client sends it.

use super::unfinished::Key;
use crate::codec;
use futures::future::BoxFuture;
use http::header::TE;
use http::{HeaderMap, HeaderValue, Response};
use http_body::Body;
use std::error::Error as StdError;
use tollway_core::{Error, Family, Payment, Result, async_trait, wire};

/// One request that may be sent several times, with or without a payment.
#[async_trait]
pub(super) trait Wire: Send {
    /// The answers' body.
    type Body: Body<Data: Send, Error: Send> + Send;

    /// The request's own headers.
    fn headers(&self) -> &HeaderMap;
    /// Who it goes to, after the redirects that were followed.
    fn target(&self) -> Target;
    /// False when it was sent and cannot be sent again.
    fn replayable(&self) -> bool;
    /// What tells it from other requests; `None` where nobody can say.
    fn key(&self) -> Option<Key>;
    /// Sends it, with `stamp` over its headers, and waits for the answer's head. Redirects are followed without a
    /// payment only.
    async fn send(&mut self, stamp: Option<&Stamp>) -> Result<Response<Self::Body>, Failure>;
    /// The same request with the same payment, to be sent any time later for the head of its answer; `None` where it cannot
    /// be sent again.
    fn again(&self, stamp: &Stamp) -> Option<Again>;
}

/// Asks once more, and returns the head's fields; `None` when no answer came.
pub(super) type Again = Box<dyn Fn() -> BoxFuture<'static, Option<HeaderMap>> + Send + Sync>;

/// No answer came.
pub(super) struct Failure {
    /// False when it is certain that nothing left this process.
    pub(super) sent: bool,
    /// What happened, without URL and headers.
    pub(super) error: Error,
    /// The transport's own error.
    pub(super) source: Box<dyn StdError + Send + Sync>,
}

/// Who a request goes to, and whether it may go there twice.
pub(super) struct Target {
    /// `https`, or `None` where the request does not say.
    pub(super) https: Option<bool>,
    /// Lower case, without port, brackets and a dot at the end.
    pub(super) host: Option<String>,
    /// True when the method's effect is the same once and twice.
    pub(super) idempotent: bool,
    /// True for a `HEAD`, which brings nothing that could be paid for.
    pub(super) head: bool,
}

impl Target {
    pub(super) fn new(scheme: Option<&str>, host: Option<&str>, method: &http::Method) -> Self {
        let bare = |h: &str| {
            let h = h.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(h);
            h.strip_suffix('.').unwrap_or(h).to_ascii_lowercase()
        };
        Self {
            https: scheme.map(|s| s.eq_ignore_ascii_case("https")),
            host: host.map(bare).filter(|h| !h.is_empty()),
            idempotent: method.is_idempotent(),
            head: *method == http::Method::HEAD,
        }
    }
}

/// A signed payment as a header: made once per signature, so every sending has the very same bytes. No `Debug`.
#[derive(Clone)]
pub(super) struct Stamp(HeaderMap);

impl Stamp {
    pub(super) fn new(payment: &Payment, families: &[Family]) -> Result<Self> {
        let json = wire::write_payment(payment, families)?;
        let mut headers = HeaderMap::with_capacity(1);
        codec::set_payment(&mut headers, payment.accepted.version, &json)?;
        Ok(Self(headers))
    }

    /// How long it is.
    pub(super) fn bytes(&self) -> usize {
        self.0.values().map(|value| value.len()).sum()
    }

    /// Puts it on a request, over whatever is there.
    pub(super) fn put(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            headers.insert(name, value.clone());
        }
        // A receipt that comes after the answer is understood. No `Connection: TE` beside it: nothing is lost where a proxy
        // lets trailers fall, and HTTP/2 forbids it.
        headers.entry(TE).or_insert(HeaderValue::from_static("trailers"));
    }
}
