//! Solana's chains.

use super::{Connected, Hands, Keys, Node};
use std::sync::Arc;
use tollway_core::{Checkup, Code, Error, Handle, Result};
use tollway_solana::custody::PolicySigner;
use tollway_solana::{LocalKey, Signer, SolanaNetwork, Svm};

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
        builder = builder.payer(held(payer, &hands.payers, node, hands)?);
    }
    for sender in &hands.senders.solana {
        builder = builder.fee_payer(held(sender, &hands.senders, node, hands)?);
    }
    let network = builder.connect().await?;
    Ok(Connected { handle: network.handle(), oracle: Arc::new(network.oracle(Arc::clone(&hands.clock))) })
}

/// The key, behind its policy where it has one. A Solana message does not say which chain it is for.
fn held(
    key: &Arc<LocalKey>,
    keys: &Keys,
    node: &Node,
    hands: &Hands,
) -> Result<Arc<dyn Signer + Send + Sync>> {
    let Some(policy) = keys.policy_of(&key.address().to_string()) else { return Ok(key.clone()) };
    let chain = node.chain.ok_or_else(|| {
        Error::caller(Code::BadSettings)
            .detail("a Solana key that is held to a policy needs its node's chain to be named")
    })?;
    let (ledger, clock) = (Arc::clone(&hands.ledger), Arc::clone(&hands.clock));
    Ok(Arc::new(PolicySigner::new(key.clone(), chain, policy.clone(), ledger, clock)?))
}

/// Looks at the chain, if it is one of this family.
pub(super) async fn checkup(handle: &Handle) -> Option<Result<Checkup>> {
    let svm = handle.typed::<dyn Svm>()?;
    Some(tollway_solana::checkup(&*svm).await)
}
