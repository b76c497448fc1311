//! Solana's chains.

use super::{Connected, Hands, Node};
use std::sync::Arc;
use tollway_core::{Checkup, Code, Error, Handle, Result};
use tollway_solana::{SolanaNetwork, Svm};

pub(super) async fn connect(node: &Node, hands: &Hands) -> Result<Connected> {
    let mut builder =
        SolanaNetwork::builder(Arc::clone(&hands.ledger), Arc::clone(&hands.clock)).url(node.url.as_str());
    if let Some(chain) = node.chain {
        builder = builder.chain(chain);
    }
    for other in &node.others {
        builder = builder.url(other.as_str());
    }
    if node.confirmations.is_some() {
        return Err(Error::caller(Code::BadSettings).detail("Solana counts no confirmations: leave them out"));
    }
    if node.fee_cap_wei.is_some() || node.bid_times_max.is_some() {
        return Err(Error::caller(Code::BadSettings)
            .detail("Solana's fees are not in wei: leave the fee cap and bids out"));
    }
    if let Some(payer) = hands.payers.solana.first() {
        builder = builder.payer(payer.clone());
    }
    for sender in &hands.senders.solana {
        builder = builder.fee_payer(sender.clone());
    }
    let network = builder.connect().await?;
    Ok(Connected { handle: network.handle(), oracle: Arc::new(network.oracle(Arc::clone(&hands.clock))) })
}

/// Looks at the chain, if it is one of this family.
pub(super) async fn checkup(handle: &Handle) -> Option<Result<Checkup>> {
    let svm = handle.typed::<dyn Svm>()?;
    Some(tollway_solana::checkup(&*svm).await)
}
