//! Talking JSON-RPC to a node, or to several of one chain: bounded in time and size, with every kind of failure kept
//! apart.

mod batch;
mod fault;
mod heads;
mod http;
mod packet;
mod place;
mod pool;

pub(crate) use batch::{Batch, Slot};
pub(crate) use fault::{Refusal, RpcFault};
pub(crate) use heads::Heads;

use alloy::primitives::U64;
use alloy::rpc::client::{ClientBuilder, RpcClient, RpcClientInner};
use alloy::rpc::json_rpc::{RpcRecv, RpcSend};
use alloy::transports::ws::{WebSocketConfig, WsConnect};
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Code, Error, Result};
use url::Url;

/// The largest answer that is read, in bytes. A receipt with many logs or a multicall fits easily.
pub(crate) const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Where the ids of requests begin that go through a pool: each node's own client counts from zero on the same wire.
const POOL_IDS: u64 = 1 << 32;

/// A node or several, with a bound on how long an answer may take.
#[derive(Clone)]
pub(crate) struct Rpc {
    client: RpcClient,
    place: Arc<str>,
    timeout: Duration,
    pool: Option<pool::Pool>,
}

impl std::fmt::Debug for Rpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rpc({})", self.place)
    }
}

impl Rpc {
    /// Connects by the URLs' schemes: `http`, `https`, `ws` or `wss`. With several, one that is away is no failure.
    pub(crate) async fn connect(urls: &[String], timeout: Duration) -> Result<Self> {
        let url = match urls {
            [] => return Err(Error::caller(Code::BadSettings).detail("a node's URL is needed")),
            [url] => url,
            several => return Self::connect_several(several, timeout),
        };
        let parsed = place::parse(url)?;
        let place: Arc<str> = place::of(&parsed).into();
        let client = match parsed.scheme() {
            "ws" | "wss" => web_socket(&parsed, &place, timeout).await?,
            _ => RpcClient::new(http::HttpTransport::new(parsed, timeout)?, false),
        };
        Ok(Self { client, place, timeout, pool: None })
    }

    fn connect_several(urls: &[String], timeout: Duration) -> Result<Self> {
        let pool = pool::Pool::new(urls, timeout)?;
        let client = RpcClient::from_inner(RpcClientInner::new(pool.clone(), false).with_id(POOL_IDS));
        Ok(Self { client, place: pool.place().into(), timeout, pool: Some(pool) })
    }

    /// The chain that it serves; several nodes must agree.
    pub(crate) async fn served(&self) -> Result<u64> {
        match &self.pool {
            Some(pool) => pool.served().await,
            None => self.call::<_, U64>("eth_chainId", ()).await.map(|chain| chain.to()),
        }
    }

    /// Each node by itself, the well ones.
    pub(crate) fn each_well(&self) -> Vec<Self> {
        self.alone(true)
    }

    /// Each node by itself, also those that did not answer lately.
    pub(crate) fn each(&self) -> Vec<Self> {
        self.alone(false)
    }

    fn alone(&self, well: bool) -> Vec<Self> {
        let Some(pool) = &self.pool else { return vec![self.clone()] };
        let alone = |(client, place): (RpcClient, &str)| Self {
            client,
            place: place.into(),
            timeout: self.timeout,
            pool: None,
        };
        pool.each(well).map(alone).collect()
    }

    /// How many nodes there are.
    pub(crate) fn nodes(&self) -> usize {
        self.pool.as_ref().map_or(1, pool::Pool::len)
    }

    /// Over a client that exists already (a mock, or a transport of the caller's own).
    pub(crate) fn over(client: RpcClient, place: &str, timeout: Duration) -> Self {
        Self { client, place: place.into(), timeout, pool: None }
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
        let pusher = self.pool.as_ref().and_then(pool::Pool::pusher);
        Heads::subscribe(pusher.as_ref().unwrap_or(&self.client), self.timeout).await
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
