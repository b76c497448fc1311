//! Transactions of the payer's that somebody else sends.

use super::EvmNetwork;
use crate::Evm;
use crate::EvmCall;
use crate::send::{Offer, unsigned};
use alloy::consensus::{SignableTransaction, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Bytes, U64};
use tollway_core::{Blame, Code, Error, Next, Purpose, Result};

/// Signed at the nonce that the chain has next, which is the one that it must carry when it is sent.
pub(super) async fn sign_call(network: &EvmNetwork, call: &EvmCall, gas_limit: u64) -> Result<Bytes> {
    let signer = network.signer()?;
    let fees = network.market.warm(&network.tasks).await?;
    let offer = Offer {
        max_fee_wei: fees.max_fee_wei(Purpose::Interactive),
        tip_wei: fees.tips_wei.of(Purpose::Interactive),
    };
    let nonce: U64 = network.rpc.call("eth_getTransactionCount", (signer.address(), "latest")).await?;
    let tx = unsigned(network.profile.chain_id, nonce.to(), call, gas_limit, offer);
    let signature = signer.sign_hash(&tx.signature_hash()).await.map_err(|_| {
        // The signer's own words may be about the key.
        Error::new(Code::NoSigner, Blame::Caller, Next::Later)
            .detail("the payer's key did not sign a transaction")
    })?;
    Ok(TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into())
}
