//! EVM chains.

use super::{Connected, Hands, Node};
use std::sync::Arc;
use tollway_core::{Checkup, Handle, Result};
use tollway_evm::{Evm, EvmNetwork, Finality};

pub(super) async fn connect(node: &Node, hands: &Hands) -> Result<Connected> {
    let mut builder =
        EvmNetwork::builder(Arc::clone(&hands.ledger), Arc::clone(&hands.clock)).url(node.url.as_str());
    for url in &node.others {
        builder = builder.url(url.as_str());
    }
    if let Some(chain) = &node.chain {
        builder = builder.chain(chain)?;
    }
    if let Some(blocks) = node.confirmations {
        builder = builder.finality(Finality::Confirmations(blocks));
    }
    if let Some(payer) = hands.payers.evm.first() {
        builder = builder.payer(payer.clone());
    }
    for sender in &hands.senders.evm {
        builder = builder.sender(sender.clone());
    }
    let network = builder.connect().await?;
    Ok(Connected { handle: network.handle(), oracle: Arc::new(network.oracle(Arc::clone(&hands.clock))) })
}

/// Looks at the chain, if it is one of this family.
pub(super) async fn checkup(handle: &Handle) -> Option<Result<Checkup>> {
    let evm = handle.typed::<dyn Evm>()?;
    Some(tollway_evm::checkup(&*evm).await)
}
