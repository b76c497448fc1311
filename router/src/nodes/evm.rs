//! EVM chains.

use super::{Connected, Hands, Keys, Node};
use std::sync::Arc;
use tollway_core::{Checkup, Code, Error, Handle, Result};
use tollway_evm::custody::PolicySigner;
use tollway_evm::{Evm, EvmNetwork, Finality, LocalKey, SendSettings};

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
    let mut sending = SendSettings::default();
    if node.fee_cap_wei == Some(0) {
        return Err(Error::caller(Code::BadSettings)
            .detail("a fee cap of 0 wei sends nothing: leave it out for no cap"));
    }
    sending.fee_cap_wei = node.fee_cap_wei.unwrap_or(sending.fee_cap_wei);
    sending.bid_times_max = node.bid_times_max.unwrap_or(sending.bid_times_max);
    builder = builder.sending(sending);
    if let Some(payer) = hands.payers.evm.first() {
        builder = match held(payer, &hands.payers, hands) {
            Some(held) => builder.payer(held),
            None => builder.payer(payer.clone()),
        };
    }
    for sender in &hands.senders.evm {
        builder = match held(sender, &hands.senders, hands) {
            Some(held) => builder.sender(held),
            None => builder.sender(sender.clone()),
        };
    }
    if let Some(leases) = &hands.leases {
        builder = builder.leases(Arc::clone(leases));
    }
    let network = builder.connect().await?;
    Ok(Connected { handle: network.handle(), oracle: Arc::new(network.oracle(Arc::clone(&hands.clock))) })
}

/// The key behind its policy, where it has one.
fn held(key: &Arc<LocalKey>, keys: &Keys, hands: &Hands) -> Option<Arc<PolicySigner>> {
    let policy = keys.policy_of(&key.address().to_string())?.clone();
    let (ledger, clock) = (Arc::clone(&hands.ledger), Arc::clone(&hands.clock));
    Some(Arc::new(PolicySigner::new(key.clone(), policy, ledger, clock)))
}

/// Looks at the chain, if it is one of this family.
pub(super) async fn checkup(handle: &Handle) -> Option<Result<Checkup>> {
    let evm = handle.typed::<dyn Evm>()?;
    Some(tollway_evm::checkup(&*evm).await)
}
