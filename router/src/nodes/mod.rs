//! Nodes of every family of networks that this build carries, by their URLs.

#[cfg(feature = "evm")]
mod evm;
mod held;
mod keys;
#[cfg(feature = "solana")]
mod solana;

pub use keys::Keys;

use futures::future::{BoxFuture, join_all};
use std::fmt;
use std::sync::Arc;
use tollway_core::ledger::Leases;
use tollway_core::{ChainId, Checkup, Clock, Code, Error, Handle, Ledger, Oracle, Result};

/// Where a chain's node is, and what it must be.
#[derive(Clone, Default)]
pub struct Node {
    /// The node's URL; it may hold an API key, and is never shown.
    pub url: String,
    /// Other nodes of the same chain, which are asked when the first is not well.
    pub others: Vec<String>,
    /// The chain that it must serve; without it, the node is asked.
    pub chain: Option<ChainId>,
    /// Confirmations that count as final, on chains that count them; without it the network's default.
    pub confirmations: Option<u32>,
    /// The most that is ever offered per gas, in wei: the hard bound of what a transaction may cost. On EVM only; without it
    /// there is none.
    pub fee_cap_wei: Option<u64>,
    /// The most that is offered per gas for a transaction that is stuck, in multiples of what was offered for it first. On EVM
    /// only; without it 100.
    pub bid_times_max: Option<u32>,
}

impl Node {
    /// A node that says itself which chain it serves. Several URLs, separated by spaces, are several nodes of one chain:
    /// the first is asked as long as it is well.
    pub fn new(url: impl Into<String>) -> Self {
        let text = url.into();
        let mut urls = text.split_whitespace().map(str::to_owned);
        Self { url: urls.next().unwrap_or_default(), others: urls.collect(), ..Self::default() }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// A chain that is connected, with its own prices.
#[derive(Clone)]
pub struct Connected {
    /// The chain.
    pub handle: Handle,
    /// What its coin and its tokens are worth.
    pub oracle: Arc<dyn Oracle>,
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connected").field(&self.handle).finish()
    }
}

/// What every connection gets besides its node.
#[derive(Clone)]
pub struct Hands {
    /// Keys that pay.
    pub payers: Keys,
    /// Keys that send transactions.
    pub senders: Keys,
    /// Memory.
    pub ledger: Arc<dyn Ledger>,
    /// Whose each sender's key is, where several processes over the ledger have the same; `None` where this one is alone.
    pub leases: Option<Arc<dyn Leases>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Hands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hands")
            .field("payers", &self.payers)
            .field("senders", &self.senders)
            .finish_non_exhaustive()
    }
}

/// Connects to a node by the family of its chain. Where the chain is not known, every family tries.
///
/// # Errors
/// Those of the family; [`Code::BadSettings`] when no family of this build has such a chain.
pub async fn connect(node: &Node, hands: &Hands) -> Result<Connected> {
    let wanted = node.chain.as_ref().map(ChainId::namespace);
    let doors: Vec<_> = doors(node, hands)
        .into_iter()
        .filter_map(|(namespace, door)| wanted.is_none_or(|wanted| wanted == namespace).then_some(door))
        .collect();
    let mut why = None;
    for tried in join_all(doors).await {
        match tried {
            Ok(connected) => return Ok(connected),
            Err(error) => why = Some(telling(why, error)),
        }
    }
    Err(why.unwrap_or_else(|| {
        let chain = wanted.unwrap_or("any");
        Error::caller(Code::BadSettings).detail(format!("this build has no networks of the family {chain:?}"))
    }))
}

/// Looks at a connected chain's clock, and whether the tokens that are known there are what the tables say.
///
/// # Errors
/// Those of the chain; [`Code::NetworkMissing`] when it is of no family of this build.
pub async fn checkup(connected: &Connected) -> Result<Checkup> {
    let handle = &connected.handle;
    #[cfg(feature = "evm")]
    if let Some(looked) = evm::checkup(handle).await {
        return looked;
    }
    #[cfg(feature = "solana")]
    if let Some(looked) = solana::checkup(handle).await {
        return looked;
    }
    let what = format!("{} is of no family of this build", handle.network.id());
    Err(Error::caller(Code::NetworkMissing).detail(what))
}

type Door<'a> = BoxFuture<'a, Result<Connected>>;

/// Every way to connect to a node, by namespace.
fn doors<'a>(node: &'a Node, hands: &'a Hands) -> Vec<(&'static str, Door<'a>)> {
    let _ = (node, hands); // a build without any family has no door
    vec![
        #[cfg(feature = "evm")]
        (tollway_evm::FAMILY.namespace, Box::pin(evm::connect(node, hands))),
        #[cfg(feature = "solana")]
        (tollway_solana::FAMILY.namespace, Box::pin(solana::connect(node, hands))),
    ]
}

/// Of two families' complaints about one node, the one that says more: a node that nobody can reach tells nothing, and
/// one that is understood by a family and refused by it tells most.
fn telling(before: Option<Error>, error: Error) -> Error {
    let weight = |error: &Error| match error.code {
        Code::BadSettings | Code::WrongChain | Code::LedgerFailed => 2,
        Code::Unreachable => 0,
        _ => 1,
    };
    match before {
        Some(before) if weight(&before) >= weight(&error) => before,
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_nodes_url_is_never_shown() {
        assert!(!format!("{:?}", Node::new("https://node.example/v2/0secret0")).contains("0secret0"));
        let node = Node::new(" https://node.example/v2/0secret0  wss://other.example/0secret0\n");
        assert_eq!(node.url, "https://node.example/v2/0secret0");
        assert_eq!(node.others, ["wss://other.example/0secret0"]);
        assert!(!format!("{node:?}").contains("0secret0"));
    }

    #[test]
    fn the_family_that_understood_the_node_has_the_word() {
        let said = |code| Error::caller(code);
        let word = |a, b| telling(Some(said(a)), said(b)).code;
        assert_eq!(word(Code::Unreachable, Code::WrongChain), Code::WrongChain);
        assert_eq!(word(Code::WrongChain, Code::Unreachable), Code::WrongChain);
        assert_eq!(word(Code::BadSettings, Code::WrongChain), Code::BadSettings);
    }
}
