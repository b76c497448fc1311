//! Where contracts keep what the genesis and the knobs write.

use alloy::primitives::{Address, B256, U256, keccak256};

use crate::chains::L1Prices;

/// USDC: the mapping of balances.
pub(crate) const USDC_BALANCES: u64 = 9;
/// USDC: the mapping of allowances.
pub(crate) const USDC_ALLOWANCES: u64 = 10;
/// USDC: the total supply.
pub(crate) const USDC_SUPPLY: u64 = 11;
/// Test tokens: balances, allowances, supply, name, symbol, decimals.
pub(crate) const TOKEN_BALANCES: u64 = 0;
pub(crate) const TOKEN_ALLOWANCES: u64 = 1;
pub(crate) const TOKEN_SUPPLY: u64 = 2;
pub(crate) const TOKEN_NAME: u64 = 3;
pub(crate) const TOKEN_SYMBOL: u64 = 4;
pub(crate) const TOKEN_DECIMALS: u64 = 5;
/// Price feed: the answer, then when it was given.
pub(crate) const FEED_ANSWER: u64 = 0;
pub(crate) const FEED_UPDATED_AT: u64 = 1;

/// The slot of `key` in the mapping that is declared at `slot`.
pub(crate) fn mapping(key: Address, slot: u64) -> B256 {
    inside(key, B256::from(U256::from(slot)))
}

/// The slot of `owner` and `spender` in the mapping of mappings that is declared at `slot`.
pub(crate) fn nested(owner: Address, spender: Address, slot: u64) -> B256 {
    inside(spender, mapping(owner, slot))
}

fn inside(key: Address, slot: B256) -> B256 {
    let mut preimage = [0_u8; 64];
    preimage[..32].copy_from_slice(key.into_word().as_slice());
    preimage[32..].copy_from_slice(slot.as_slice());
    keccak256(preimage)
}

/// A string of up to 31 bytes as Solidity packs it.
pub(crate) fn short_string(text: &str) -> B256 {
    let mut word = [0_u8; 32];
    let length = text.len().min(31);
    word[..length].copy_from_slice(&text.as_bytes()[..length]);
    word[31] = u8::try_from(2 * length).unwrap_or_default();
    B256::from(word)
}

/// A feed's round (80 bits) and decimals, which share a slot.
pub(crate) fn round_and_decimals(round: u64, decimals: u8) -> B256 {
    B256::from((U256::from(decimals) << 80) | U256::from(round))
}

/// What `L1Block` and the node's own fee rules read: slots 0, 1, 3, 7 and 8.
pub(crate) fn l1_block(prices: &L1Prices) -> Vec<(B256, B256)> {
    let scalars =
        (U256::from(prices.base_fee_scalar) << 96) | (U256::from(prices.blob_base_fee_scalar) << 64);
    let operator = (U256::from(prices.operator_fee_scalar) << 64) | U256::from(prices.operator_fee_constant);
    [
        (1, U256::from(prices.base_fee_wei)),
        (3, scalars),
        (7, U256::from(prices.blob_base_fee_wei)),
        (8, operator),
    ]
    .into_iter()
    .map(|(slot, value)| (B256::from(U256::from(slot)), B256::from(value)))
    .collect()
}
