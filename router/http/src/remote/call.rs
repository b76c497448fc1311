use super::endpoint::Endpoint;
use http::{HeaderMap, StatusCode, header};
use reqwest::{Client, Method, Url};
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Blame, Code, Error, Json, Next, Result};

/// Makes the headers of one call, for credentials that are made anew for each.
pub(super) type Sign = Arc<dyn Fn(Endpoint) -> Result<HeaderMap> + Send + Sync>;

/// Calls one facilitator, bounded in time and in what is read.
pub(super) struct Caller {
    pub(super) client: Client,
    pub(super) base: Url,
    pub(super) headers: HeaderMap,
    pub(super) sign: Option<Sign>,
    pub(super) verify: Duration,
    pub(super) settle: Duration,
    pub(super) body_max: usize,
}

/// Whatever came back, under whatever status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    pub(super) retry_after: Option<String>,
}

/// No answer.
pub(super) struct Trouble {
    /// False only when it is certain that no byte of the request left.
    pub(super) maybe_sent: bool,
    pub(super) error: Error,
}

impl Caller {
    pub(super) async fn post(&self, endpoint: Endpoint, body: &Json) -> Result<Answer, Trouble> {
        self.call(endpoint, Method::POST, Some(body)).await
    }

    pub(super) async fn get(&self, endpoint: Endpoint) -> Result<Answer, Trouble> {
        self.call(endpoint, Method::GET, None).await
    }

    async fn call(&self, endpoint: Endpoint, method: Method, body: Option<&Json>) -> Result<Answer, Trouble> {
        let mut headers = self.headers.clone();
        if let Some(sign) = &self.sign {
            let made = sign(endpoint).map_err(|error| Trouble { maybe_sent: false, error })?;
            for (name, mut value) in made {
                value.set_sensitive(true);
                headers.extend(name.map(|name| (name, value)));
            }
        }
        let limit = if endpoint == Endpoint::Settle { self.settle } else { self.verify };
        let mut request =
            self.client.request(method, endpoint.of(&self.base)).headers(headers).timeout(limit);
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.as_str().to_owned());
        }
        let mut response = request.send().await.map_err(trouble)?;
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|v| v.to_str().ok()).map(|v| v.chars().take(64).collect());
        let mut read = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(trouble)? {
            if read.len().saturating_add(chunk.len()) > self.body_max {
                return Err(after(Code::TooLarge, "its answer is larger than is read"));
            }
            read.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status(), body: read, retry_after })
    }
}

/// The words are our own: reqwest's would show the address.
fn trouble(e: reqwest::Error) -> Trouble {
    if e.is_connect() || e.is_builder() {
        let error = Error::new(Code::Unreachable, Blame::Settler, Next::Later);
        return Trouble { maybe_sent: false, error: error.detail("no connection to the facilitator") };
    }
    if e.is_timeout() {
        return after(Code::TimedOut, "the facilitator did not answer in time");
    }
    after(Code::Unreachable, "the connection to the facilitator broke")
}

fn after(code: Code, words: &str) -> Trouble {
    let error = Error::new(code, Blame::Settler, Next::Unknown(None));
    Trouble { maybe_sent: true, error: error.detail(words) }
}
