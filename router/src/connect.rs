//! EVM networks by their nodes' URLs, connected all at once.

use crate::house::{House, HouseBuilder};
use crate::system::SystemClock;
use futures::future::try_join_all;
use std::sync::Arc;
use tollway_core::{Clock, Ledger, Result};
use tollway_evm::{EvmNetwork, LocalKey};

/// Nodes to connect to, and the keys that all of them use.
#[derive(Default)]
pub(crate) struct EvmRpcs {
    pub(crate) urls: Vec<String>,
    payer: Option<Arc<LocalKey>>,
    senders: Vec<Arc<LocalKey>>,
}

/// A node's URL may hold a key, so none is shown.
impl std::fmt::Debug for EvmRpcs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EvmRpcs({} nodes, {} senders)", self.urls.len(), self.senders.len())
    }
}

impl EvmRpcs {
    fn network(&self, url: &str, ledger: &Arc<dyn Ledger>) -> tollway_evm::Builder {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut network = EvmNetwork::builder(Arc::clone(ledger), clock).url(url);
        if let Some(payer) = &self.payer {
            network = network.payer(payer.clone());
        }
        for sender in &self.senders {
            network = network.sender(sender.clone());
        }
        network
    }
}

impl HouseBuilder {
    /// Adds EVM chains by their nodes' URLs, for [`Self::connect`]. The node says which chain it is. For a chain that
    /// must be a certain one, another finality or other signers, make an [`EvmNetwork`] and give it to [`Self::evm`].
    #[must_use]
    pub fn evm_rpcs<U: Into<String>>(mut self, urls: impl IntoIterator<Item = U>) -> Self {
        self.evm_rpcs.urls.extend(urls.into_iter().map(Into::into));
        self
    }
    /// Sets the key that pays, on every chain of [`Self::evm_rpcs`].
    #[must_use]
    pub fn evm_payer(mut self, key: LocalKey) -> Self {
        self.evm_rpcs.payer = Some(Arc::new(key));
        self
    }
    /// Adds a key that sends transactions, on every chain of [`Self::evm_rpcs`].
    #[must_use]
    pub fn evm_sender(mut self, key: LocalKey) -> Self {
        self.evm_rpcs.senders.push(Arc::new(key));
        self
    }

    /// Connects to every node at once, and builds.
    ///
    /// # Errors
    /// Of the first node that does not answer or serves a chain that is in no table, and those of [`Self::build`].
    pub async fn connect(mut self) -> Result<House> {
        let ledger = self.memory()?;
        let rpcs = std::mem::take(&mut self.evm_rpcs);
        let connecting = rpcs.urls.iter().map(|url| rpcs.network(url, &ledger).connect());
        for network in try_join_all(connecting).await? {
            self = self.evm(&network);
        }
        self.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_nodes_url_is_never_shown() {
        let builder = House::builder().evm_rpcs(["https://node.example/v2/0secret0"]);
        assert!(!format!("{builder:?}").contains("0secret0"), "{builder:?}");
    }
}
