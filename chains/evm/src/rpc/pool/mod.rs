//! Several nodes of one chain behind one client.
//!
//! * **Order**: the first URL is asked, as long as it is well; a node that fails rests for half a second, and longer
//!   each time, and is asked in the background whether it is back.
//! * **Reads** go on to the next node when one gives no answer in time, cannot serve, or has not seen a block yet that
//!   another has shown us.
//! * **Transactions** go to one node. To the next only when nothing left for the first; what became of a lost answer
//!   is found out by looking for the hash on all of them, not in here.
//! * **The chain id** of each node is asked before its first answer is believed. A node that serves another chain is
//!   never asked again.
//!
//! # Read your writes
//! The newest block that any node has shown is the *floor*. A node that has shown it itself may answer at once; another
//! is asked for its head in the same request, and an answer from below the floor is not used. When nobody has shown the floor
//! for a while, a reorganisation has taken it back, or the node that had it is gone: then it goes down.

mod peer;
#[cfg(test)]
mod tests;

use super::fault::HttpFault;
use super::packet;
use alloy::primitives::U64;
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use peer::Peer;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tollway_core::{Code, Error, Floor, Result};
use tower_service::Service;

/// How long a node may take while there is another to ask, and how much more for each question of a batch.
const TRY_LIMIT: Duration = Duration::from_secs(1);
const TRY_EACH: Duration = Duration::from_millis(20);
/// How long nobody must have shown the floor before it goes down.
const FLOOR_GRACE: Duration = Duration::from_secs(2);

/// Several nodes of one chain.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    peers: Vec<Peer>,
    floor: Floor,
    since: Instant,
    chain: OnceLock<u64>,
    probes: AtomicU64,
}

/// What one node's answer is worth.
enum Heard {
    Good(ResponsePacket),
    /// It is older than what was seen before: the answer, and its node's newest block.
    Old(ResponsePacket, u64),
}

impl Pool {
    pub(super) fn new(urls: &[String], timeout: Duration) -> Result<Self> {
        let peers = urls.iter().map(|url| Peer::new(url, timeout)).collect::<Result<Vec<_>>>()?;
        let (floor, chain, probes) = (Floor::default(), OnceLock::new(), AtomicU64::new(0));
        Ok(Self(Arc::new(Inner { peers, floor, since: Instant::now(), chain, probes })))
    }

    /// Where the nodes are, for people.
    pub(super) fn place(&self) -> String {
        let places: Vec<&str> = self.0.peers.iter().map(|peer| peer.place.as_str()).collect();
        places.join(", ")
    }

    /// The chain that the nodes serve. One that does not answer is a warning, as long as another does.
    pub(super) async fn served(&self) -> Result<u64> {
        let asked = self.0.peers.iter().map(|peer| async move { (peer, chain_of(peer).await) });
        let mut served: Option<(u64, &str)> = None;
        let mut away = None;
        for (peer, chain) in futures::future::join_all(asked).await {
            match (chain, served) {
                (Ok(chain), Some((other, at))) if chain != other => {
                    return Err(Error::caller(Code::WrongChain).detail(format!(
                        "{at} serves eip155:{other}, and {} serves eip155:{chain}",
                        peer.place
                    )));
                }
                (Ok(chain), _) => {
                    peer.serves(true);
                    served = served.or(Some((chain, &peer.place)));
                }
                (Err(error), _) => {
                    peer.strike();
                    tracing::warn!(target: "tollway_evm", node = %peer.place, %error, "a node is away; others are there");
                    away = Some(error);
                }
            }
        }
        let (chain, _) = served.ok_or_else(|| away.unwrap_or_else(|| Error::caller(Code::BadSettings)))?;
        Ok(*self.0.chain.get_or_init(|| chain))
    }

    /// A client for each node of the right chain; of the well ones only, as long as there is one.
    pub(super) fn each(&self, well: bool) -> impl Iterator<Item = (RpcClient, &str)> {
        let any_well = well && self.0.peers.iter().any(Peer::is_well);
        let fits = move |peer: &&Peer| if any_well { peer.is_well() } else { peer.checked() };
        let checked = self.0.peers.iter().filter(fits);
        checked.filter_map(|peer| Some((peer.linked()?.client.clone(), peer.place.as_str())))
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.0.peers.len()
    }

    /// The first node that can push.
    pub(super) fn pusher(&self) -> Option<RpcClient> {
        let links = self.0.peers.iter().filter_map(Peer::linked);
        links.map(|link| link.client.clone()).find(|client| client.pubsub_frontend().is_some())
    }

    async fn exchange(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        if packet::sends(&packet) { self.send(packet).await } else { self.read(packet).await }
    }

    /// Those to ask, in order: the well ones, then the others, longest at rest last.
    fn order(&self) -> Vec<&Peer> {
        let peers = || self.0.peers.iter().filter(|peer| !peer.is_foreign());
        for (at, peer) in self.0.peers.iter().enumerate() {
            if !peer.is_well() && !peer.is_foreign() && peer.is_due() {
                let pool = self.clone();
                // Short, and not worth waiting for: it holds nothing up and ends by itself.
                tokio::spawn(async move { pool.revive(at).await });
            }
        }
        let well = peers().filter(|peer| peer.is_well());
        well.chain(peers().filter(|peer| !peer.is_well())).collect()
    }

    async fn revive(self, at: usize) {
        let Some(peer) = self.0.peers.get(at) else { return };
        match self.known(peer).await {
            true if chain_of(peer).await.is_ok() => peer.well(),
            _ => peer.strike(),
        }
    }

    /// True once the node has said that it serves the right chain.
    async fn known(&self, peer: &Peer) -> bool {
        if peer.checked() || peer.is_foreign() {
            return peer.checked();
        }
        let (Ok(chain), Some(right)) = (chain_of(peer).await, self.0.chain.get()) else { return false };
        peer.serves(chain == *right);
        if chain != *right {
            tracing::error!(target: "tollway_evm", node = %peer.place, chain, right, "a node serves another chain and is not asked again");
        }
        chain == *right
    }

    async fn send(&self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        for peer in self.order() {
            if !self.known(peer).await {
                continue;
            }
            match peer.exchange(packet.clone(), None).await {
                Err(error) if HttpFault::in_error(&error) == Some(&HttpFault::Connect) => {}
                Err(error) => return Err(error),
                Ok(answer) => {
                    if packet::overloaded(&answer) {
                        peer.strike(); // what comes of it is found out by others
                    }
                    self.showed(peer, packet::newest(&packet, &answer));
                    return Ok(answer);
                }
            }
        }
        Err(TransportErrorKind::custom(HttpFault::Connect))
    }

    async fn read(&self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let order = self.order();
        let many = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let limit = TRY_LIMIT.saturating_add(TRY_EACH.saturating_mul(many));
        let (mut why, mut oldest) = (None, None);
        for (turn, peer) in order.iter().enumerate() {
            let last = turn.saturating_add(1) == order.len();
            if !self.known(peer).await {
                continue;
            }
            match self.ask(peer, &packet, (!last).then_some(limit)).await {
                Ok(Heard::Good(answer)) if last || !packet::overloaded(&answer) => return Ok(answer),
                Ok(Heard::Good(answer)) => {
                    peer.strike();
                    why = Some(Ok(answer));
                }
                Ok(Heard::Old(answer, head)) => {
                    if oldest.as_ref().is_none_or(|(_, newer)| *newer < head) {
                        oldest = Some((answer, head));
                    }
                }
                Err(error) => why = Some(Err(error)),
            }
        }
        match oldest {
            Some((answer, head)) if self.0.floor.lower(head, self.0.since.elapsed(), FLOOR_GRACE) => {
                Ok(answer)
            }
            Some(_) => Err(TransportErrorKind::custom(HttpFault::Old)),
            None => why.unwrap_or_else(|| Err(TransportErrorKind::custom(HttpFault::Connect))),
        }
    }

    /// Asks one node, and for its head beside it where it may be behind.
    async fn ask(
        &self,
        peer: &Peer,
        packet: &RequestPacket,
        limit: Option<Duration>,
    ) -> Result<Heard, TransportError> {
        let floor = self.0.floor.place();
        if peer.head() >= floor {
            let answer = peer.exchange(packet.clone(), limit).await?;
            self.showed(peer, packet::newest(packet, &answer));
            return Ok(Heard::Good(answer));
        }
        let probe = packet::probed(packet.clone(), self.0.probes.fetch_add(1, Ordering::Relaxed))?;
        let answer = peer.exchange(probe, limit).await?;
        let (answer, head) = packet::unprobed(answer, packet.as_single().is_some());
        let (Some(answer), Some(head)) = (answer, head) else {
            return Err(TransportErrorKind::custom(HttpFault::NotJson));
        };
        self.showed(peer, packet::newest(packet, &answer).max(Some(head)));
        Ok(if head >= floor { Heard::Good(answer) } else { Heard::Old(answer, head) })
    }

    fn showed(&self, peer: &Peer, block: Option<u64>) {
        if let Some(block) = block {
            peer.showed(block);
            self.0.floor.raise(block, self.0.since.elapsed());
        }
    }
}

/// Which chain a node says that it serves.
async fn chain_of(peer: &Peer) -> Result<u64> {
    let client = peer.link().await?.client.clone();
    let asked = client.request::<_, U64>("eth_chainId", ());
    let answer = tokio::time::timeout(TRY_LIMIT.saturating_mul(2), asked).await;
    let fault = match answer {
        Ok(Ok(chain)) => return Ok(chain.to()),
        Ok(Err(error)) => super::RpcFault::of(error),
        Err(_) => super::RpcFault::Silent,
    };
    Err(fault.error("eth_chainId", &peer.place))
}

impl Service<RequestPacket> for Pool {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().exchange(packet))
    }
}
