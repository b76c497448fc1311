//! Talking JSON-RPC to one node: bounded in time and size, with every kind of failure kept apart.

mod batch;
mod fault;
mod heads;
mod http;
mod place;

pub(crate) use batch::{Batch, Slot};
pub(crate) use fault::{Refusal, RpcFault};
pub(crate) use heads::Heads;

use alloy::rpc::client::{ClientBuilder, RpcClient};
use alloy::rpc::json_rpc::{RpcRecv, RpcSend};
use alloy::transports::ws::{WebSocketConfig, WsConnect};
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Code, Error, Result};
use url::Url;

/// The largest answer that is read, in bytes. A receipt with many logs or a multicall fits easily.
pub(crate) const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A node, with a bound on how long it may take to answer.
#[derive(Clone)]
pub(crate) struct Rpc {
    client: RpcClient,
    place: Arc<str>,
    timeout: Duration,
}

impl std::fmt::Debug for Rpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rpc({})", self.place)
    }
}

impl Rpc {
    /// Connects by the URL's scheme: `http`, `https`, `ws` or `wss`.
    pub(crate) async fn connect(url: &str, timeout: Duration) -> Result<Self> {
        let parsed = Url::parse(url)
            .map_err(|e| Error::caller(Code::BadSettings).detail(format!("the node's URL: {e}")))?;
        let place: Arc<str> = place::of(&parsed).into();
        let client = match parsed.scheme() {
            "http" | "https" => RpcClient::new(http::HttpTransport::new(parsed, timeout)?, false),
            "ws" | "wss" => web_socket(&parsed, &place, timeout).await?,
            other => {
                return Err(Error::caller(Code::BadSettings).detail(format!(
                    "the node's URL begins with {other:.16}; http, https, ws and wss are known"
                )));
            }
        };
        Ok(Self { client, place, timeout })
    }

    /// Over a client that exists already (a mock, or a transport of the caller's own).
    pub(crate) fn over(client: RpcClient, place: &str, timeout: Duration) -> Self {
        Self { client, place: place.into(), timeout }
    }

    /// Where the node is, for people: scheme, host and port, never the path, query or user.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The same node with a shorter limit per call, if it is shorter.
    pub(crate) fn within(&self, limit: Duration) -> Self {
        Self { timeout: self.timeout.min(limit), ..self.clone() }
    }

    /// How long one call may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// One call; failures as they are.
    pub(crate) async fn ask<P: RpcSend, R: RpcRecv>(
        &self,
        method: &'static str,
        params: P,
    ) -> Result<R, RpcFault> {
        self.ask_within(method, params, self.timeout).await
    }

    /// One call with a time limit of its own.
    pub(crate) async fn ask_within<P: RpcSend, R: RpcRecv>(
        &self,
        method: &'static str,
        params: P,
        limit: Duration,
    ) -> Result<R, RpcFault> {
        match tokio::time::timeout(limit, self.client.request::<P, R>(method, params)).await {
            Ok(answer) => answer.map_err(RpcFault::of),
            Err(_) => Err(RpcFault::Silent),
        }
    }

    /// One call; failures in the contract's words.
    pub(crate) async fn call<P: RpcSend, R: RpcRecv>(&self, method: &'static str, params: P) -> Result<R> {
        self.ask(method, params).await.map_err(|fault| fault.error(method, &self.place))
    }

    /// Starts a batch: any number of calls in one request.
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch::new(self, self.client.new_batch())
    }

    /// New blocks as they come, where the transport can push (WebSocket).
    pub(crate) async fn heads(&self) -> Option<Heads> {
        Heads::subscribe(&self.client, self.timeout).await
    }
}

async fn web_socket(url: &Url, place: &str, timeout: Duration) -> Result<RpcClient> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(ANSWER_BYTES_MAX))
        .max_frame_size(Some(ANSWER_BYTES_MAX));
    let connect = WsConnect::new(url.as_str())
        .with_config(config)
        .with_max_retries(u32::MAX)
        .with_retry_interval(Duration::from_millis(250));
    let refused = |why: &str| Error::network(Code::Unreachable).detail(format!("{place}: {why}"));
    match tokio::time::timeout(timeout, ClientBuilder::default().ws(connect)).await {
        Ok(Ok(client)) => Ok(client),
        // The library's words may hold the URL, and with it a key.
        Ok(Err(_)) => Err(refused("the WebSocket could not be opened")),
        Err(_) => Err(refused("the WebSocket was not opened in time")),
    }
}
