//! One node over HTTP: bounded in time and size.

use super::fault::RpcFault;
use super::place;
use metrics::{counter, histogram};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use tollway_core::{Code, Error, Result};
use url::Url;

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A node. Its URL may hold an API key, so it is never shown.
pub(super) struct Node {
    client: Client,
    url: Url,
    pub(super) place: Box<str>,
    /// True once it told that it serves the right chain.
    pub(super) checked: AtomicBool,
}

impl Node {
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self> {
        let url = Url::parse(url)
            .map_err(|e| Error::caller(Code::BadSettings).detail(format!("the node's URL: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            let words = format!("the node's URL begins with {:.16}; http and https are known", url.scheme());
            return Err(Error::caller(Code::BadSettings).detail(words));
        }
        let client = Client::builder()
            .connect_timeout(timeout)
            .pool_max_idle_per_host(256)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Error::us(Code::Internal).detail(format!("HTTP client: {}", e.without_url())))?;
        let place = place::of(&url).into();
        Ok(Self { client, url, place, checked: AtomicBool::new(false) })
    }

    /// Where it pushes by default: the same place, over a WebSocket.
    pub(super) fn push_url(&self) -> Option<Url> {
        let mut url = self.url.clone();
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).ok()?;
        Some(url)
    }

    /// Posts a body and gives back the answer's, whatever its status, as long as there is JSON in it.
    pub(super) async fn post(&self, body: String, limit: Duration) -> Result<Vec<u8>, RpcFault> {
        let began = Instant::now();
        let answer = tokio::time::timeout(limit, self.exchange(body)).await;
        let answer = answer.unwrap_or(Err(RpcFault::Silent));
        let (node, outcome) = (self.place.to_string(), if answer.is_ok() { "answered" } else { "failed" });
        counter!("tollway_rpc_requests_total", "node" => node.clone(), "outcome" => outcome).increment(1);
        histogram!("tollway_rpc_seconds", "node" => node).record(began.elapsed());
        answer
    }

    async fn exchange(&self, body: String) -> Result<Vec<u8>, RpcFault> {
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        let response = request.send().await.map_err(|e| RpcFault::of_http(&e))?;
        let status = response.status();
        if status.as_u16() == 429 {
            return Err(RpcFault::Throttled);
        }
        let body = bounded(response).await?;
        let json = body.iter().find(|byte| !byte.is_ascii_whitespace());
        if status.is_success() || matches!(json, Some(b'{' | b'[')) {
            return Ok(body);
        }
        Err(RpcFault::Status(status.as_u16()))
    }
}

/// The whole body, as long as it stays within [`ANSWER_BYTES_MAX`].
async fn bounded(mut response: Response) -> Result<Vec<u8>, RpcFault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| RpcFault::Lost("the answer broke off"))? {
        if body.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            return Err(RpcFault::Garbled("the answer is too large".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
