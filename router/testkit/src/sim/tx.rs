use super::api::SimCall;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tollway_core::{Account, Sample, TxId};

/// Bytes of the numbers in a transaction: nonce, gas limit, tip, coins.
const NUMBERS: u128 = 8 + 8 + 16 + 16;

/// A transaction as it travels, and as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tx {
    pub(super) id: TxId,
    pub(super) from: Account,
    pub(super) nonce: u64,
    pub(super) call: SimCall,
    pub(super) gas_limit: u64,
    pub(super) tip: u128,
}

impl Tx {
    pub(super) fn new(from: Account, nonce: u64, call: SimCall, gas_limit: u64, tip: u128) -> Self {
        let hash = Sha256::digest(encode(&from, nonce, &call, gas_limit, tip));
        let id = TxId(format!("0x{}", hex::encode(hash)));
        Self { id, from, nonce, call, gas_limit, tip }
    }
    /// Bytes on the wire.
    pub(super) fn bytes(&self) -> u128 {
        let texts = [self.from.address().as_bytes(), self.call.to.address().as_bytes(), &self.call.input];
        texts.into_iter().map(length).fold(NUMBERS, u128::saturating_add)
    }
}

/// The transaction that `call` would become: as long as the real one, since every number takes its full width.
pub(super) fn sample(call: &SimCall) -> Sample {
    let from = call.from.unwrap_or(call.to);
    Sample::new(encode(&from, u64::MAX, call, u64::MAX, u128::MAX))
}

pub(super) fn length(bytes: &[u8]) -> u128 {
    u128::try_from(bytes.len()).unwrap_or(u128::MAX)
}

fn encode(from: &Account, nonce: u64, call: &SimCall, gas_limit: u64, tip: u128) -> Vec<u8> {
    let mut out = Vec::with_capacity(call.input.len().saturating_add(160));
    out.extend_from_slice(from.address().as_bytes());
    out.extend_from_slice(call.to.address().as_bytes());
    out.extend_from_slice(&nonce.to_be_bytes());
    out.extend_from_slice(&gas_limit.to_be_bytes());
    out.extend_from_slice(&tip.to_be_bytes());
    out.extend_from_slice(&call.value_atomic.to_be_bytes());
    out.extend_from_slice(&call.input);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollway_core::ChainId;

    #[test]
    fn a_sample_is_as_long_as_the_transaction_and_its_length_is_known_without_writing_it() {
        let chain = ChainId::new("sim:1").unwrap();
        let (from, to) = (Account::new(chain, "0xabc").unwrap(), Account::new(chain, "0xabcdef").unwrap());
        for n in [0, 1, 1_000] {
            let call = SimCall { from: Some(from), ..SimCall::new(to, vec![7; n]) };
            let sample = sample(&call);
            let tx = Tx::new(from, 3, call.clone(), 50_000, 9);
            assert_eq!(tx.bytes(), length(&encode(&from, 3, &call, 50_000, 9)));
            assert_eq!(tx.bytes(), length(sample.bytes()));
        }
    }
}
