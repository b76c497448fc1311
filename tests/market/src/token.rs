//! A token that no table knows, put beside the devnet's USDC: the same code at another address, with balances of its
//! own. What it costs to use can only be learned.

use alloy::primitives::{Address, B256, U256, address, keccak256};
use serde_json::json;
use tollway_devnet::Chain;

/// Where the copy stands on every chain.
pub const COPY: Address = address!("7011000000000000000000000000000000000c0b");
/// The copy's EIP-712 version.
pub const VERSION: &str = "2";

/// Slots of the token that hold its own facts (owner, pauser, blacklister, name, symbol, decimals, currency, master).
const FACTS: u64 = 9;
/// The mapping of balances.
const BALANCES: u64 = 9;

/// Puts the copy on a chain.
///
/// # Errors
/// The node's.
///
/// # Panics
/// When the node answers something that is no code.
pub async fn deploy(chain: &Chain) -> tollway_devnet::Result<()> {
    let code = chain.call("eth_getCode", json!([chain.usdc(), "latest"])).await?;
    chain.set_code(&COPY.to_string(), code.as_str().expect("code is a string")).await?;
    let implementation = keccak256("org.zeppelinos.proxy.implementation");
    let facts = (0..FACTS).map(|n| B256::from(U256::from(n))).chain([implementation]);
    for slot in facts {
        let word = chain.call("eth_getStorageAt", json!([chain.usdc(), slot, "latest"])).await?;
        chain.set_storage(&COPY.to_string(), &slot.to_string(), word.as_str().expect("a word")).await?;
    }
    Ok(())
}

/// Gives `owner` so much of the copy, in millionths.
///
/// # Errors
/// The node's.
pub async fn fund(chain: &Chain, owner: Address, units: u64) -> tollway_devnet::Result<()> {
    let mut key = [0u8; 64];
    key[..32].copy_from_slice(owner.into_word().as_slice());
    key[32..].copy_from_slice(&U256::from(BALANCES).to_be_bytes::<32>());
    let value = B256::from(U256::from(units));
    chain.set_storage(&COPY.to_string(), &keccak256(key).to_string(), &value.to_string()).await
}

/// Somebody who never held anything: the `n`th of a series.
pub fn stranger(series: &str, n: usize) -> Address {
    Address::from_word(keccak256(format!("{series}/{n}")))
}
