//! What really happened on a chain, read from its blocks.

use crate::Outcome;
use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolCall;
use serde_json::{Value, json};
use std::collections::HashMap;
use tollway_devnet::Chain;

mod abi {
    alloy::sol! {
        function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
    }
}
use abi::transferWithAuthorizationCall;

/// One transaction that tried to use an authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Its hash, as nodes spell it.
    pub transaction: String,
    /// False when it reverted.
    pub success: bool,
    /// Who was paid.
    pub to: Address,
    /// How much.
    pub value: U256,
}

/// What names an authorization on one token: payer and nonce.
pub type Authorization = (Address, B256);

/// Every transaction to USDC that tried to use an authorization, reverted ones too, by authorization.
///
/// # Errors
/// The node's.
pub async fn settlements(chain: &Chain) -> Outcome<HashMap<Authorization, Vec<Settlement>>> {
    let usdc: Address = chain.usdc().parse()?;
    let mut found: HashMap<Authorization, Vec<Settlement>> = HashMap::new();
    for number in 0..=chain.block_number().await? {
        let block = chain.call("eth_getBlockByNumber", json!([format!("{number:#x}"), true])).await?;
        for tx in block["transactions"].as_array().ok_or("a block without transactions")? {
            if text(tx, "to").parse::<Address>().ok() != Some(usdc) {
                continue;
            }
            let Ok(call) = transferWithAuthorizationCall::abi_decode(&hex::decode(input(tx))?) else {
                continue;
            };
            let hash = text(tx, "hash").to_owned();
            let receipt = chain.call("eth_getTransactionReceipt", json!([hash])).await?;
            found.entry((call.from, call.nonce)).or_default().push(Settlement {
                transaction: hash,
                success: receipt["status"] == "0x1",
                to: call.to,
                value: call.value,
            });
        }
    }
    Ok(found)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}

fn input(tx: &Value) -> &str {
    text(tx, "input").trim_start_matches("0x")
}
