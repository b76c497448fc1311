//! The way to a facilitator, and reqwest as one.

use http::{HeaderMap, Method, StatusCode, header};
use reqwest::{Client, Url};
use std::fmt;
use std::time::Duration;
use tollway_core::{Blame, Code, Error, Json, Next, Result, async_trait};

/// One call of a facilitator. `Debug` shows neither headers nor body: they hold credentials and authorizations.
#[non_exhaustive]
pub struct Call {
    /// `GET` or `POST`.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// The headers, credentials among them.
    pub headers: HeaderMap,
    /// The body of a `POST`.
    pub body: Option<Json>,
    /// The longest that it may take until the answer is whole.
    pub limit: Duration,
    /// The most bytes that are read of the answer's body.
    pub body_max: usize,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} {})", self.method, self.url.path())
    }
}

/// Whatever came back, under whatever status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Vec<u8>,
    /// What it says in `Retry-After`.
    pub retry_after: Option<String>,
}

/// No answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// False only when it is certain that no byte of the request left.
    pub maybe_sent: bool,
    /// What happened, without address and headers.
    pub error: Error,
}

impl Trouble {
    /// The call may have arrived: of a settlement nobody knows the outcome.
    pub fn after(code: Code, words: &str) -> Self {
        let error = Error::new(code, Blame::Settler, Next::Unknown(None));
        Self { maybe_sent: true, error: error.detail(words) }
    }
    /// Nothing has left this process.
    pub fn before(words: &str) -> Self {
        let error = Error::new(Code::Unreachable, Blame::Settler, Next::Later);
        Self { maybe_sent: false, error: error.detail(words) }
    }
}

/// Makes calls to a facilitator: reqwest, unless a [`Builder`](super::Builder) is given something else.
///
/// * A call goes out once. Whether it may be repeated is decided above, by what it means.
/// * Wrong: following a redirect to another origin, which would carry a payment and credentials there.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Makes one call, and reads the answer whole.
    async fn call(&self, call: Call) -> Result<Answer, Trouble>;
}

/// Over the network.
pub(super) struct Reqwest(pub(super) Client);

#[async_trait]
impl Transport for Reqwest {
    async fn call(&self, call: Call) -> Result<Answer, Trouble> {
        let mut request = self.0.request(call.method, call.url).headers(call.headers).timeout(call.limit);
        if let Some(body) = call.body {
            request = request.body(body.as_str().to_owned());
        }
        let mut response = request.send().await.map_err(trouble)?;
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|v| v.to_str().ok()).map(|v| v.chars().take(64).collect());
        let mut read = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(trouble)? {
            if read.len().saturating_add(chunk.len()) > call.body_max {
                return Err(Trouble::after(Code::TooLarge, "its answer is larger than is read"));
            }
            read.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status(), body: read, retry_after })
    }
}

/// The words are our own: reqwest's would show the address.
fn trouble(e: reqwest::Error) -> Trouble {
    if e.is_connect() || e.is_builder() {
        return Trouble::before("no connection to the facilitator");
    }
    if e.is_timeout() {
        return Trouble::after(Code::TimedOut, "the facilitator did not answer in time");
    }
    Trouble::after(Code::Unreachable, "the connection to the facilitator broke")
}
