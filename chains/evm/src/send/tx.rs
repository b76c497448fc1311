//! Transactions: how one looks before it is signed, and signing it.

use crate::EvmCall;
use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::network::TxSigner;
use alloy::primitives::{Address, B256, Bytes, Signature, TxKind, U256};
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

/// The transaction of these signed bytes.
pub(super) fn of(raw: &Bytes) -> Result<TxEip1559> {
    let unread = || Error::us(Code::Internal).detail("a journaled transaction cannot be read");
    let signed = TxEnvelope::decode_2718(&mut raw.as_ref()).map_err(|_| unread())?;
    Ok(signed.as_eip1559().ok_or_else(unread)?.tx().clone())
}

/// The most that can leave its sender's account, in wei: execution, and the coins that go with it.
pub(super) fn may_cost_wei(tx: &TxEip1559) -> u128 {
    let value_wei = u128::try_from(tx.value).unwrap_or(u128::MAX);
    u128::from(tx.gas_limit).saturating_mul(tx.max_fee_per_gas).saturating_add(value_wei)
}

/// The transaction of these signed bytes, with another offer and nothing else changed.
pub(super) fn outbid(raw: &Bytes, offer: Offer) -> Result<TxEip1559> {
    let mut tx = of(raw)?;
    (tx.max_fee_per_gas, tx.max_priority_fee_per_gas) = (offer.max_fee_wei, offer.tip_wei);
    Ok(tx)
}

/// Signs a transaction: its hash, and the bytes to send.
pub(super) async fn sign(
    signer: &(dyn TxSigner<Signature> + Send + Sync),
    mut tx: TxEip1559,
) -> Result<(B256, Bytes)> {
    let signature = signer.sign_transaction(&mut tx).await.map_err(|why| unsigned(why, signer.address()))?;
    let signed = tx.into_signed(signature);
    let raw = signed.encoded_2718();
    Ok((*signed.hash(), raw.into()))
}

/// A policy says in our own words why there is no signature. Another signer's may be about the key, and stay out.
fn unsigned(why: alloy::signers::Error, who: Address) -> Error {
    let other = || {
        Error::new(Code::NoSigner, Blame::Us, Next::Later)
            .detail(format!("the key of {who} did not sign a transaction"))
    };
    match why {
        alloy::signers::Error::Other(why) => why.downcast::<Error>().map_or_else(|_| other(), |ours| *ours),
        _ => other(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalKey;

    #[tokio::test]
    async fn a_higher_offer_changes_the_fees_and_nothing_else() {
        let key = LocalKey::from_bytes(&[5; 32]).unwrap();
        let call = EvmCall { to: Address::repeat_byte(7), data: vec![1, 2, 3].into() };
        let first = body(8453, 9, &call, 120_000, Offer { max_fee_wei: 100, tip_wei: 10 });
        let (hash, raw) = sign(&key, first.clone()).await.unwrap();
        let offer = Offer { max_fee_wei: 2_000, tip_wei: 30 };
        let second = outbid(&raw, offer).unwrap();
        assert_eq!(second, TxEip1559 { max_fee_per_gas: 2_000, max_priority_fee_per_gas: 30, ..first });
        assert_ne!(sign(&key, second).await.unwrap().0, hash);
        assert!(outbid(&vec![2, 1].into(), offer).is_err());
    }
}
