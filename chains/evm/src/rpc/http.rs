use super::ANSWER_BYTES_MAX;
use super::fault::HttpFault;
use super::packet;
use alloy::primitives::bytes::Bytes;
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use metrics::{SharedString, counter, histogram};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tollway_core::{Code, Error, Result};
use tower_service::Service;
use url::Url;

/// How often one read is asked of a node that moves on under it.
const READ_TRIES: u32 = 4;

/// JSON-RPC over HTTP. alloy's own transport writes the URL into its log spans and reads answers of any size; a URL
/// may hold an API key and a node may be hostile, so this one does neither. It also tells apart what never left
/// from what may have arrived.
#[derive(Clone)]
pub(super) struct HttpTransport {
    client: Client,
    url: Url,
    /// What may be shown of the URL.
    place: Arc<str>,
}

impl HttpTransport {
    pub(super) fn new(url: Url, timeout: Duration) -> Result<Self> {
        let client = Client::builder()
            .connect_timeout(timeout)
            .pool_max_idle_per_host(256)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Error::us(Code::Internal).detail(format!("HTTP client: {}", e.without_url())))?;
        let place = super::place::of(&url).into();
        Ok(Self { client, url, place })
    }

    /// Counts what becomes of a request, by what may be shown of where it went.
    async fn counted(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let (place, began) = (Arc::clone(&self.place), Instant::now());
        let answer = self.exchange(packet).await;
        let outcome = if answer.is_ok() { "answered" } else { "failed" };
        let node = SharedString::from_shared(place);
        counter!("tollway_rpc_requests_total", "node" => node.clone(), "outcome" => outcome).increment(1);
        histogram!("tollway_rpc_seconds", "node" => node).record(began.elapsed());
        answer
    }

    /// A node that moves on while it reads is asked again: it is its answer that is late, not ours.
    async fn exchange(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let mut tries = if packet::sends(&packet) { 1 } else { READ_TRIES };
        let body = packet.serialize().map_err(TransportError::ser_err)?;
        let body = Bytes::from(String::from(Box::<str>::from(body)));
        loop {
            tries = u32::saturating_sub(tries, 1);
            let answer = self.post(body.clone()).await?;
            if tries == 0 || !packet::moved_on(&answer) {
                return Ok(answer);
            }
        }
    }

    async fn post(&self, body: Bytes) -> Result<ResponsePacket, TransportError> {
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        let response = request.send().await.map_err(|e| TransportErrorKind::custom(HttpFault::of(&e)))?;
        let status = response.status();
        let body = bounded(response).await.map_err(TransportErrorKind::custom)?;
        match serde_json::from_slice(&body) {
            Ok(packet) => Ok(packet),
            Err(_) if !status.is_success() => {
                Err(TransportErrorKind::custom(HttpFault::Status(status.as_u16())))
            }
            Err(_) => Err(TransportErrorKind::custom(HttpFault::NotJson)),
        }
    }
}

/// The whole body, as long as it stays within [`ANSWER_BYTES_MAX`].
async fn bounded(mut response: Response) -> Result<Vec<u8>, HttpFault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| HttpFault::Cut)? {
        if body.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            return Err(HttpFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl Service<RequestPacket> for HttpTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().counted(packet))
    }
}
