//! Talking JSON-RPC to a node: raw bytes for the proxy, values for the knobs.

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::error::{DevnetError, Result};

/// A node and a pool of connections to it. All I/O runs on the devnet's own runtime, so that a caller's runtime
/// may come and go.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) chain: &'static str,
    pub(crate) port: u16,
    pub(crate) ws_port: u16,
    uri: Uri,
    http: Client<HttpConnector, Full<Bytes>>,
    runtime: Handle,
}

impl Node {
    /// `ports` are those of HTTP and of WebSockets, which may be the same.
    pub(crate) fn new(chain: &'static str, ports: (u16, u16), runtime: Handle) -> Result<Self> {
        let (port, ws_port) = ports;
        let uri = format!("http://127.0.0.1:{port}/")
            .parse()
            .map_err(|_| DevnetError::Node { chain, reason: format!("port {port} makes no address") })?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { chain, port, ws_port, uri, http, runtime })
    }

    /// Passes a body on as it is.
    pub(crate) async fn forward(&self, body: Bytes) -> std::result::Result<(StatusCode, Bytes), String> {
        let request = Request::post(self.uri.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let answer = self.http.request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    }

    /// One call; an error of the node is an error here.
    pub(crate) async fn call(&self, method: &'static str, params: Value) -> Result<Value> {
        let node = self.clone();
        self.runtime
            .spawn(async move { node.call_here(method, params).await })
            .await
            .map_err(|error| DevnetError::Runtime(error.to_string()))?
    }

    /// As [`call`](Self::call), on the runtime that polls it.
    pub(crate) async fn call_here(&self, method: &'static str, params: Value) -> Result<Value> {
        let failed = |reason: String| DevnetError::Rpc { chain: self.chain, method, reason };
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let (_, answer) = self.forward(body.into()).await.map_err(failed)?;
        let mut answer: Value = serde_json::from_slice(&answer).map_err(|error| failed(error.to_string()))?;
        match answer.get("error") {
            Some(error) => Err(failed(error.to_string())),
            None => Ok(answer["result"].take()),
        }
    }

    /// One call whose answer is a number in hex.
    pub(crate) async fn number(&self, method: &'static str, params: Value) -> Result<u128> {
        let answer = self.call(method, params).await?;
        quantity(&answer).ok_or_else(|| DevnetError::Rpc {
            chain: self.chain,
            method,
            reason: format!("the answer is no number: {answer}"),
        })
    }
}

/// A hex quantity, as JSON-RPC writes numbers.
pub(crate) fn quantity(value: &Value) -> Option<u128> {
    u128::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

/// The reverse of [`quantity`].
pub(crate) fn hex_quantity(value: u128) -> String {
    format!("{value:#x}")
}
