use super::super::fault::HttpFault;
use super::super::{http, place, web_socket};
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::{BoxTransport, TransportError, TransportErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tollway_core::{Code, Error, Result};
use tower_service::Service;
use url::Url;

/// The first and the longest rest after a failure.
const REST_MIN: Duration = Duration::from_millis(500);
const REST_MAX: Duration = Duration::from_secs(30);

/// One node of several.
pub(super) struct Peer {
    url: Url,
    pub(super) place: String,
    timeout: Duration,
    link: OnceCell<Link>,
    health: Mutex<Health>,
    head: AtomicU64,
    /// It serves the right chain.
    checked: AtomicBool,
    /// It serves another chain, and is never asked again.
    foreign: AtomicBool,
}

/// The way to it.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) client: RpcClient,
    transport: BoxTransport,
}

#[derive(Debug, Default)]
struct Health {
    strikes: u32,
    rests_until: Option<Instant>,
}

impl Peer {
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self> {
        let url = place::parse(url)?;
        Ok(Self {
            place: place::of(&url),
            url,
            timeout,
            link: OnceCell::new(),
            health: Mutex::default(),
            head: AtomicU64::new(0),
            checked: AtomicBool::new(false),
            foreign: AtomicBool::new(false),
        })
    }

    /// The way to it, made when it is first needed: a node that is away at the start may come later.
    pub(super) async fn link(&self) -> Result<&Link> {
        self.link
            .get_or_try_init(|| async {
                if !matches!(self.url.scheme(), "ws" | "wss") {
                    let transport =
                        BoxTransport::new(http::HttpTransport::new(self.url.clone(), self.timeout)?);
                    return Ok(Link { client: RpcClient::new(transport.clone(), false), transport });
                }
                let client = web_socket(&self.url, &self.place, self.timeout).await?;
                let front = client.pubsub_frontend().cloned();
                let front =
                    front.ok_or_else(|| Error::us(Code::Internal).detail("a WebSocket that cannot push"))?;
                Ok(Link { client, transport: BoxTransport::new(front) })
            })
            .await
    }

    /// The way to it, if there is one already.
    pub(super) fn linked(&self) -> Option<&Link> {
        self.link.get()
    }

    /// One exchange. Its failures count against it.
    pub(super) async fn exchange(
        &self,
        packet: RequestPacket,
        limit: Option<Duration>,
    ) -> Result<ResponsePacket, TransportError> {
        let Ok(link) = self.link().await else {
            self.strike();
            return Err(TransportErrorKind::custom(HttpFault::Connect));
        };
        let asked = link.transport.clone().call(packet);
        let answer = match limit {
            None => asked.await,
            Some(limit) => tokio::time::timeout(limit, asked)
                .await
                .unwrap_or_else(|_| Err(TransportErrorKind::custom(HttpFault::Silent))),
        };
        match &answer {
            Ok(_) => self.well(),
            Err(_) => self.strike(),
        }
        answer
    }

    /// True while nothing speaks against asking it.
    pub(super) fn is_well(&self) -> bool {
        self.checked() && self.health().strikes == 0
    }
    /// True when it has failed, and has rested enough to be tried. Says so once per rest.
    pub(super) fn is_due(&self) -> bool {
        let mut health = self.health();
        let due = health.rests_until.is_none_or(|until| until <= Instant::now());
        if due {
            health.rests_until = Some(Instant::now() + REST_MAX);
        }
        due
    }
    pub(super) fn well(&self) {
        let mut health = self.health();
        if health.strikes > 0 {
            tracing::info!(target: "tollway_evm", node = %self.place, "a node answers again");
        }
        *health = Health::default();
    }
    pub(super) fn strike(&self) {
        let mut health = self.health();
        if health.strikes == 0 {
            tracing::warn!(target: "tollway_evm", node = %self.place, "a node fails; others are asked first");
        }
        let rest =
            REST_MIN.saturating_mul(1u32.checked_shl(health.strikes).unwrap_or(u32::MAX)).min(REST_MAX);
        health.strikes = health.strikes.saturating_add(1).min(16);
        health.rests_until = Some(Instant::now() + rest);
    }

    pub(super) fn checked(&self) -> bool {
        self.checked.load(Ordering::Relaxed)
    }
    pub(super) fn is_foreign(&self) -> bool {
        self.foreign.load(Ordering::Relaxed)
    }
    /// It said which chain it serves.
    pub(super) fn serves(&self, right: bool) {
        self.checked.store(right, Ordering::Relaxed);
        self.foreign.store(!right, Ordering::Relaxed);
    }

    /// The newest block that it has shown.
    pub(super) fn head(&self) -> u64 {
        self.head.load(Ordering::Relaxed)
    }
    pub(super) fn showed(&self, block: u64) {
        self.head.fetch_max(block, Ordering::Relaxed);
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_node_that_fails_rests_longer_each_time_and_an_answer_forgives_all() {
        let peer = Peer::new("http://node.example/key", Duration::from_secs(1)).unwrap();
        assert_eq!(peer.place, "http://node.example");
        peer.serves(true);
        assert!(peer.is_well());
        peer.strike();
        assert!(!peer.is_well() && !peer.is_due());
        tokio::time::advance(REST_MIN).await;
        assert!(peer.is_due() && !peer.is_due(), "it is tried once");
        peer.strike();
        tokio::time::advance(REST_MIN).await;
        assert!(!peer.is_due());
        tokio::time::advance(REST_MIN).await;
        assert!(peer.is_due());
        peer.well();
        assert!(peer.is_well());
    }
}
