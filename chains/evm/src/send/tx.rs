//! Transactions: how one looks before it is signed, and signing it.

use crate::EvmCall;
use alloy::consensus::{SignableTransaction, TxEip1559};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSigner;
use alloy::primitives::{B256, Bytes, Signature, TxKind, U256};
use tollway_core::{Blame, Code, Error, Next, Result, Sample};

/// What a transaction offers per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) max_fee_wei: u128,
    pub(crate) tip_wei: u128,
}

/// Fields of a usual size, for samples before there was any look at the market.
const USUAL: Offer = Offer { max_fee_wei: 100_000_000, tip_wei: 1_000_000 };
/// A nonce of a usual size.
const USUAL_NONCE: u64 = 1337;

/// The unsigned transaction that a call would become. Fees and nonce are only as wide as they will be: the sample is
/// priced by its bytes, not sent.
pub(crate) fn unsigned_sample(chain_id: u64, call: &EvmCall, gas_limit: u64, offer: Option<Offer>) -> Sample {
    let tx = body(chain_id, USUAL_NONCE, call, gas_limit, offer.unwrap_or(USUAL));
    Sample::new(tx.encoded_for_signing())
}

/// A transaction that pays for a call.
pub(crate) fn body(chain_id: u64, nonce: u64, call: &EvmCall, gas_limit: u64, offer: Offer) -> TxEip1559 {
    TxEip1559 {
        chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas: offer.max_fee_wei,
        max_priority_fee_per_gas: offer.tip_wei,
        to: TxKind::Call(call.to),
        value: U256::ZERO,
        access_list: Default::default(),
        input: call.data.clone(),
    }
}

/// Signs a transaction: its hash, and the bytes to send.
pub(super) async fn sign(
    signer: &(dyn TxSigner<Signature> + Send + Sync),
    mut tx: TxEip1559,
) -> Result<(B256, Bytes)> {
    let signature = signer.sign_transaction(&mut tx).await.map_err(|_| {
        // The signer's own words may be about the key.
        Error::new(Code::NoSigner, Blame::Us, Next::Later)
            .detail(format!("the key of {} did not sign a transaction", signer.address()))
    })?;
    let signed = tx.into_signed(signature);
    let raw = signed.encoded_2718();
    Ok((*signed.hash(), raw.into()))
}
