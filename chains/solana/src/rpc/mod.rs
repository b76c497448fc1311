//! Talking JSON-RPC to nodes: one round trip per operation, bounded in time and size, with every kind of failure kept
//! apart. Of several nodes the one that answered last is asked first; what it cannot answer, or not soon, the others are
//! asked, and nobody's answer is older than what another has shown.

mod ask;
mod fault;
mod floors;
mod http;
pub(crate) mod notices;
mod place;

pub(crate) use ask::{Ask, Level};
pub(crate) use fault::{Refusal, RpcFault};

use fault::RawRefusal;
use floors::Floors;
use http::Node;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tollway_core::{Code, Error, Result};
use url::Url;

/// More nodes than anybody asks one after the other.
const NODES_MAX: usize = 8;
/// How long a node may take while there is another to ask, and how much more for each question of a batch.
const TRY_LIMIT: Duration = Duration::from_secs(1);
const TRY_EACH: Duration = Duration::from_millis(20);

/// The nodes of one chain, with a bound on how long each may take to answer.
#[derive(Clone)]
pub(crate) struct Rpc {
    nodes: Arc<[Node]>,
    first: Arc<AtomicUsize>,
    /// The hash of the first block that every node must have.
    genesis: Arc<OnceLock<String>>,
    floors: Arc<Floors>,
    timeout: Duration,
}

impl std::fmt::Debug for Rpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rpc({})", self.place())
    }
}

/// One answer of a batch, not read yet.
pub(crate) struct Answer {
    method: &'static str,
    place: Box<str>,
    body: Result<Option<Box<RawValue>>, RpcFault>,
}

#[derive(Deserialize)]
struct Reply {
    id: Option<usize>,
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<RawRefusal>,
}

impl Answer {
    /// What it says; failures as they are.
    pub(crate) fn take<R: DeserializeOwned>(self) -> Result<R, RpcFault> {
        let body = self.body?;
        let text = body.as_ref().map_or("null", |raw| raw.get());
        serde_json::from_str(text).map_err(|e| RpcFault::Garbled(e.to_string()))
    }
    /// What it says; failures in the contract's words.
    pub(crate) fn get<R: DeserializeOwned>(self) -> Result<R> {
        let (method, place) = (self.method, self.place.clone());
        self.take().map_err(|fault| fault.error(method, &place))
    }
}

impl Rpc {
    pub(crate) fn new(urls: &[String], timeout: Duration) -> Result<Self> {
        if urls.is_empty() || urls.len() > NODES_MAX {
            return Err(Error::caller(Code::BadSettings)
                .detail(format!("{} nodes; one is needed and {NODES_MAX} are the limit", urls.len())));
        }
        let nodes: Vec<Node> = urls.iter().map(|url| Node::new(url, timeout)).collect::<Result<_>>()?;
        let (first, genesis, floors) = (Arc::default(), Arc::default(), Arc::default());
        Ok(Self { nodes: nodes.into(), first, genesis, floors, timeout })
    }

    /// From now on nothing is believed of a node whose chain begins with another block. Each is asked along with its
    /// next question.
    pub(crate) fn require(&self, genesis: &str) {
        let _ = self.genesis.set(genesis.to_owned());
    }

    /// Where the nodes are, for people: scheme, host and port, never the path, query or user.
    pub(crate) fn place(&self) -> String {
        self.nodes.iter().map(|node| &*node.place).collect::<Vec<_>>().join(", ")
    }

    /// Where each node pushes, unless told otherwise.
    pub(crate) fn push_urls(&self) -> Vec<Url> {
        self.nodes.iter().filter_map(Node::push_url).collect()
    }

    /// A slot is there, as firm as this: from now on no other node's answer is believed that has not reached it.
    pub(crate) fn reached(&self, level: Level, slot: u64) {
        self.floors.raise(level, slot);
    }

    /// The same nodes with a shorter limit per call, if it is shorter.
    pub(crate) fn within(&self, limit: Duration) -> Self {
        Self { timeout: self.timeout.min(limit), ..self.clone() }
    }

    /// How long it takes at most until every node was asked one thing, one after the other.
    pub(crate) fn all_in_turn(&self) -> Duration {
        self.timeout.saturating_mul(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX))
    }

    /// The nodes' numbers, the one to ask first at the front.
    pub(crate) fn order(&self) -> Vec<usize> {
        let first = self.first.load(Ordering::Relaxed);
        std::iter::once(first).chain((0..self.nodes.len()).filter(|n| *n != first)).collect()
    }

    /// Where one node is.
    pub(crate) fn place_of(&self, node: usize) -> &str {
        self.nodes.get(node).map_or("?", |node| &node.place)
    }

    /// One call; failures in the contract's words.
    pub(crate) async fn call<R: DeserializeOwned>(&self, ask: Ask) -> Result<R> {
        let [answer] = self.together([ask]).await?;
        answer.get()
    }

    /// Several calls in one request to one node. A failure of the node itself sends all of them to the next.
    pub(crate) async fn together<const N: usize>(&self, asks: [Ask; N]) -> Result<[Answer; N]> {
        let method = asks.first().map_or("nothing", |ask| ask.method);
        let mut answers = self.batch(&asks).await.map_err(|(fault, place)| fault.error(method, place))?;
        answers.truncate(N);
        answers.try_into().map_err(|_| Error::us(Code::Internal).detail("a batch of another length"))
    }

    /// Any number of calls in one request to one node.
    pub(crate) async fn batch(&self, asks: &[Ask]) -> Result<Vec<Answer>, (RpcFault, &str)> {
        if self.nodes.len() == 1 {
            return self.round(asks).await.map_err(|(_, why)| why);
        }
        let mut round = self.round(&self.floors.over(asks)).await;
        if let Err((Some(reached), _)) = round
            && self.floors.lower(reached)
        {
            round = self.round(&self.floors.over(asks)).await;
        }
        let answers = round.map_err(|(_, why)| why)?;
        self.floors.learn(asks, &answers);
        Ok(answers)
    }

    /// One node after the other. Where nobody answered: the newest slot of those who are behind, if that is why.
    async fn round(&self, asks: &[Ask]) -> Result<Vec<Answer>, (Option<u64>, (RpcFault, &str))> {
        let (mut worst, mut behind) = ((RpcFault::NotSent, "nowhere"), None);
        let order = self.order();
        let many = u32::try_from(asks.len()).unwrap_or(u32::MAX);
        let short = self.timeout.min(TRY_LIMIT.saturating_add(TRY_EACH.saturating_mul(many)));
        for (turn, node) in order.iter().enumerate() {
            let last = turn.saturating_add(1) == order.len();
            let answers = match self.at(*node, asks, if last { self.timeout } else { short }).await {
                Ok(answers) => answers,
                Err(fault) => {
                    worst = (fault, self.place_of(*node));
                    continue;
                }
            };
            // One call that this node cannot answer for reasons of its own, and the next node gets all of them.
            match answers.iter().find_map(|a| a.body.as_ref().err().filter(|f| f.is_the_nodes())) {
                Some(fault) => {
                    behind = behind.max(floors::behind(fault));
                    worst = (fault.clone(), self.place_of(*node));
                }
                None => {
                    self.first.store(*node, Ordering::Relaxed);
                    return Ok(answers);
                }
            }
        }
        Err((behind, worst))
    }

    /// One call at one node and no other; failures as they are.
    pub(crate) async fn at_node<R: DeserializeOwned>(&self, node: usize, ask: Ask) -> Result<R, RpcFault> {
        let answers = self.at(node, &[ask], self.timeout).await?;
        answers.into_iter().next().ok_or(RpcFault::Lost("no answer"))?.take()
    }

    async fn at(&self, node: usize, asks: &[Ask], limit: Duration) -> Result<Vec<Answer>, RpcFault> {
        let node = self.nodes.get(node).ok_or(RpcFault::NotSent)?;
        let genesis = self.genesis.get().filter(|_| !node.checked.load(Ordering::Relaxed));
        let Some(genesis) = genesis else { return Self::exchange(node, asks, limit).await };
        let mut more = asks.to_vec();
        more.push(Ask::genesis());
        let mut answers = Self::exchange(node, &more, limit).await?;
        let served: Option<String> = answers.pop().and_then(|answer| answer.take().ok());
        if served.as_ref() != Some(genesis) {
            return Err(RpcFault::Garbled("this node serves another chain".into()));
        }
        node.checked.store(true, Ordering::Relaxed);
        Ok(answers)
    }

    async fn exchange(node: &Node, asks: &[Ask], limit: Duration) -> Result<Vec<Answer>, RpcFault> {
        let body = node.post(ask::body(asks), limit).await?;
        let mut replies = replies(&body, asks.len())?;
        let answer = |(n, ask): (usize, &Ask)| Answer {
            method: ask.method,
            place: node.place.clone(),
            body: replies
                .get_mut(n)
                .and_then(Option::take)
                .unwrap_or(Err(RpcFault::Lost("a batch came back incomplete"))),
        };
        Ok(asks.iter().enumerate().map(answer).collect())
    }
}

type Body = Result<Option<Box<RawValue>>, RpcFault>;

/// The replies by number. One object instead of a list is the answer to one call, or a refusal of the whole batch.
fn replies(body: &[u8], count: usize) -> Result<Vec<Option<Body>>, RpcFault> {
    let garbled = |e: serde_json::Error| RpcFault::Garbled(format!("no JSON-RPC: {e}"));
    let list = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let replies: Vec<Reply> = if list {
        serde_json::from_slice(body).map_err(garbled)?
    } else {
        let one: Reply = serde_json::from_slice(body).map_err(garbled)?;
        if count != 1 {
            return Err(one
                .error
                .map_or(RpcFault::Garbled("one answer to many calls".into()), RpcFault::from));
        }
        vec![Reply { id: Some(0), ..one }]
    };
    let mut by_number: Vec<Option<Body>> = (0..count).map(|_| None).collect();
    for reply in replies {
        if let Some(slot) = reply.id.and_then(|id| by_number.get_mut(id)) {
            *slot = Some(reply.error.map_or(Ok(reply.result), |error| Err(error.into())));
        }
    }
    Ok(by_number)
}
