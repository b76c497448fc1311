//! Chains by their nodes' URLs, connected all at once.

use crate::house::{House, HouseBuilder};
use crate::nodes::{self, Connected, Hands, Keys, Node};
use crate::system::SystemClock;
use futures::future::try_join_all;
use std::sync::Arc;
use tollway_core::{Network, Result};

/// Nodes to connect to, and the keys that all of them use.
#[derive(Debug, Default)]
pub(crate) struct Rpcs {
    pub(crate) nodes: Vec<Node>,
    payers: Keys,
    senders: Keys,
}

impl HouseBuilder {
    /// Adds chains by their nodes' URLs, for [`Self::connect`]. The node says which chain it is. For a chain that must be a
    /// certain one, or another finality, use [`Self::node`]; for other signers, make the chain crate's network and give
    /// its handle to [`Self::network`].
    #[must_use]
    pub fn rpcs<U: Into<String>>(mut self, urls: impl IntoIterator<Item = U>) -> Self {
        self.rpcs.nodes.extend(urls.into_iter().map(Node::new));
        self
    }
    /// Adds one chain by its node, for [`Self::connect`].
    #[must_use]
    pub fn node(mut self, node: Node) -> Self {
        self.rpcs.nodes.push(node);
        self
    }
    /// Adds the key that pays, in the spelling of its family; several are separated by commas, one for each family of
    /// networks. See [`Keys`].
    ///
    /// # Errors
    /// [`tollway_core::Code::BadKey`], without the key in it.
    pub fn payer_key(mut self, text: &str) -> Result<Self> {
        self.rpcs.payers = self.rpcs.payers.and(Keys::read(text)?)?;
        Ok(self)
    }
    /// Adds a key that sends transactions and pays their fees, as in [`Self::payer_key`]. A family may have several.
    ///
    /// # Errors
    /// [`tollway_core::Code::BadKey`], without the key in it.
    pub fn sender_key(mut self, text: &str) -> Result<Self> {
        self.rpcs.senders = self.rpcs.senders.and(Keys::read(text)?)?;
        Ok(self)
    }
    /// Adds a chain that is connected already, with its own prices.
    #[must_use]
    pub fn connected(self, chain: Connected) -> Self {
        let id = Network::id(chain.handle.network.as_ref());
        self.network(chain.handle).oracle(id, chain.oracle)
    }

    /// Connects to every node at once, and builds.
    ///
    /// # Errors
    /// Of the first node that does not answer or serves a chain that is in no table, and those of [`Self::build`].
    pub async fn connect(mut self) -> Result<House> {
        let ledger = self.memory()?;
        let Rpcs { nodes, payers, senders } = std::mem::take(&mut self.rpcs);
        let (leases, clock) =
            (self.leases.as_ref().map(|shared| Arc::clone(&shared.0)), Arc::new(SystemClock));
        let hands = Hands { payers, senders, ledger, leases, clock };
        for chain in try_join_all(nodes.iter().map(|node| nodes::connect(node, &hands))).await? {
            self = self.connected(chain);
        }
        self.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_nodes_url_is_never_shown() {
        let builder = House::builder().rpcs(["https://node.example/v2/0secret0"]);
        assert!(!format!("{builder:?}").contains("0secret0"), "{builder:?}");
    }
}
