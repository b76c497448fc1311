//! The L1 part of a transaction's cost, by the rules that the node charges by.
//!
//! A rollup pays L1 for the bytes of each transaction after compression. The OP stack (since Fjord) estimates the
//! compressed size from the length that FastLZ would give, and multiplies it with a weighed mean of the L1 base
//! fee and the blob base fee:
//!
//! ```text
//! size = max(100, 0.8365 * fastlz(signed transaction) - 42.5856)              bytes, kept in millionths
//! fee  = size * (16 * baseFeeScalar * l1BaseFee + blobBaseFeeScalar * blobBaseFee) / 10^6
//! ```
//!
//! `anvil --network optimism` takes that fee from the sender within the transaction itself, but tells nobody.
//!
//! **Arbitrum** charges `compressed bytes * 16 * L1 price per unit`, expressed as gas at the transaction's gas
//! price and added to `gasUsed`. With `baseFeeScalar` 1 (a million millionths) and no blobs, the formula above is
//! exactly that. So our Arbitrum runs with the same rules: the node really takes the money, atomically, and the
//! proxy makes it look as it does on Arbitrum: it adds `fee / gas price` to `gasUsed` and `gasUsedForL1` in receipts
//! and to `eth_estimateGas`. Sum and balance difference then agree to less than the price of one gas.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy::primitives::U256;
use op_alloy_flz::flz_compress_len;
use serde_json::{Value, json};

use crate::chains::{L1_BLOCK, L1Prices};
use crate::error::Result;
use crate::rpc::{Node, quantity};

const MILLION: u128 = 1_000_000;
/// More transactions than this are not remembered; their bytes are asked of the node again.
const REMEMBERED: usize = 100_000;

/// What L1 costs, block by block, and the sizes of the transactions seen.
#[derive(Debug)]
pub(crate) struct L1 {
    prices: Mutex<Vec<(u128, L1Prices)>>,
    sizes: Mutex<HashMap<String, u128>>,
}

impl L1 {
    pub(super) fn new(prices: L1Prices) -> Self {
        Self { prices: Mutex::new(vec![(0, prices)]), sizes: Mutex::default() }
    }

    /// The prices that this block was charged by.
    pub(super) fn at(&self, block: u128) -> L1Prices {
        let prices = lock(&self.prices);
        let found = prices.iter().rev().find(|(first, _)| *first <= block).or_else(|| prices.first());
        found.map(|(_, prices)| *prices).unwrap_or_default()
    }

    /// The prices that the next block is charged by.
    pub(crate) fn now(&self) -> L1Prices {
        self.at(u128::MAX)
    }

    /// Reads the prices off the node again, for the blocks to come. Call it after anything that may change them.
    pub(crate) async fn refresh(&self, node: &Node) -> Result<()> {
        let head = node.number("eth_blockNumber", json!([])).await?;
        let found = read(node).await?;
        let mut prices = lock(&self.prices);
        prices.retain(|(first, _)| *first <= head || *first == 0);
        if prices.last().is_none_or(|(_, last)| *last != found) {
            prices.push((head + 1, found));
        }
        Ok(())
    }

    pub(super) fn remember(&self, hash: &str, size: u128) {
        let mut sizes = lock(&self.sizes);
        if sizes.len() >= REMEMBERED {
            sizes.clear();
        }
        sizes.insert(hash.to_owned(), size);
    }

    /// The size of a transaction in millionths of a byte, from its hash.
    pub(super) async fn size(&self, node: &Node, hash: &str) -> Result<u128> {
        if let Some(size) = lock(&self.sizes).get(hash) {
            return Ok(*size);
        }
        let raw = node.call_here("eth_getRawTransactionByHash", json!([hash])).await?;
        let size = raw.as_str().and_then(bytes_of).map_or(0, |raw| size_of(&raw));
        self.remember(hash, size);
        Ok(size)
    }
}

async fn read(node: &Node) -> Result<L1Prices> {
    let mut words = [U256::ZERO; 4];
    for (word, slot) in words.iter_mut().zip(["0x1", "0x3", "0x7", "0x8"]) {
        let value = node.call("eth_getStorageAt", json!([L1_BLOCK, slot, "latest"])).await?;
        *word = value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
    }
    let [base, scalars, blob, operator] = words;
    let low32 = |word: U256| u32::try_from(word & U256::from(u32::MAX)).unwrap_or_default();
    let low64 = |word: U256| u64::try_from(word & U256::from(u64::MAX)).unwrap_or_default();
    Ok(L1Prices {
        base_fee_wei: low64(base),
        blob_base_fee_wei: low64(blob),
        base_fee_scalar: low32(scalars >> 96),
        blob_base_fee_scalar: low32(scalars >> 64),
        operator_fee_scalar: low32(operator >> 64),
        operator_fee_constant: low64(operator),
    })
}

/// The L1 fee in wei for a size in millionths of a byte.
pub(super) fn fee(size: u128, prices: &L1Prices) -> u128 {
    let calldata = 16 * u128::from(prices.base_fee_scalar) * u128::from(prices.base_fee_wei);
    let blobs = u128::from(prices.blob_base_fee_scalar) * u128::from(prices.blob_base_fee_wei);
    size.saturating_mul(calldata.saturating_add(blobs)) / MILLION / MILLION
}

/// The compressed size of a signed transaction, in millionths of a byte.
pub(super) fn size_of(signed: &[u8]) -> u128 {
    size_from_fastlz(flz_compress_len(signed))
}

/// The same from an unsigned one: the signature does not compress, and counts 68 bytes as in `GasPriceOracle`.
pub(super) fn size_of_unsigned(unsigned: &[u8]) -> u128 {
    size_from_fastlz(flz_compress_len(unsigned) + 68)
}

fn size_from_fastlz(length: u32) -> u128 {
    (u128::from(length) * 836_500).saturating_sub(42_585_600).max(100 * MILLION)
}

/// Hex to bytes.
pub(super) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok()
}

/// The number in a field of a JSON object.
pub(super) fn field(object: &Value, name: &str) -> u128 {
    object.get(name).and_then(quantity).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_transactions_count_as_a_hundred_bytes() {
        let prices = L1Prices { base_fee_wei: 1_000, base_fee_scalar: 1_000_000, ..L1Prices::default() };
        assert_eq!(fee(size_of(&[0; 50]), &prices), 100 * 16 * 1_000);
        assert_eq!(fee(size_of(&[]), &L1Prices::default()), 0);
    }
}
