//! What anvil answers differently from a real chain, put right.
//!
//! | call | anvil | here |
//! |---|---|---|
//! | `eth_maxPriorityFeePerGas` | 1 gwei, always | the chain's usual tip |
//! | `eth_gasPrice` | next base fee + 1 gwei | next base fee + the usual tip |
//! | `eth_call`, `eth_estimateGas` on rollups | refused to callers without coin | served (`unfunded`) |
//! | receipts on the OP stack | no `l1Fee` | with it |
//! | receipts and `eth_estimateGas` on Arbitrum | no L1 part | with it, and it is paid |

use alloy::primitives::keccak256;
use serde_json::{Value, json};

use super::super::call::Call;
use super::l1::{self, L1, bytes_of};
use super::receipts;
use crate::chains::{ChainKind, ChainSpec};
use crate::error::Result;
use crate::rpc::{Node, hex_quantity, quantity};

/// What anvil puts on top of the base fee.
const ANVIL_TIP: u128 = 1_000_000_000;

/// What an EIP-1559 transaction holds besides its data and signature, as in `NodeInterface.sol`.
const ENVELOPE: &str =
    "02f9016b82a4b1820539830f42408405f5e1008302bf2094af88d065e77c8cc2239327c5edb3a432268e583180";

/// An answer that needs no node.
pub(super) fn local(spec: &ChainSpec, method: &str) -> Option<String> {
    (method == "eth_maxPriorityFeePerGas").then(|| quoted(spec.priority_fee_wei.into()))
}

/// Whether answers to this method are put right on this chain.
pub(super) fn concerns(spec: &ChainSpec, method: &str) -> bool {
    match method {
        "eth_gasPrice" => true,
        "eth_estimateGas" => spec.kind == ChainKind::Arbitrum,
        "eth_getTransactionReceipt"
        | "eth_getBlockReceipts"
        | "eth_sendRawTransaction"
        | "eth_sendRawTransactionSync"
        | "anvil_setStorageAt"
        | "hardhat_setStorageAt"
        | "evm_revert"
        | "anvil_reorg"
        | "anvil_rollback" => spec.pays_l1(),
        _ => false,
    }
}

/// The result as the real chain would give it; `None` leaves it as it is.
pub(super) async fn correct(
    spec: &ChainSpec,
    l1: &L1,
    node: &Node,
    call: &Call<'_>,
    result: &str,
) -> Result<Option<String>> {
    let Ok(mut value) = serde_json::from_str::<Value>(result) else { return Ok(None) };
    match &*call.method {
        "eth_gasPrice" => Ok(quantity(&value).map(|price| quoted(gas_price(spec, price)))),
        "eth_estimateGas" => {
            let Some(gas) = quantity(&value) else { return Ok(None) };
            Ok(Some(quoted(gas + l1_gas(spec, l1, node, call).await?)))
        }
        "eth_sendRawTransaction" => {
            remember(l1, call);
            Ok(None)
        }
        "eth_getTransactionReceipt" | "eth_sendRawTransactionSync" if !value.is_null() => {
            if call.method.ends_with("Sync") {
                remember(l1, call);
            }
            receipts::complete(&mut value, spec, l1, node).await?;
            Ok(Some(value.to_string()))
        }
        "eth_getBlockReceipts" => {
            receipts::complete_all(&mut value, spec, l1, node).await?;
            Ok(Some(value.to_string()))
        }
        "anvil_setStorageAt" | "hardhat_setStorageAt" | "evm_revert" | "anvil_reorg" | "anvil_rollback" => {
            l1.refresh(node).await?;
            Ok(None)
        }
        _ => Ok(None),
    }
}

fn gas_price(spec: &ChainSpec, anvils: u128) -> u128 {
    anvils.saturating_sub(ANVIL_TIP) + u128::from(spec.priority_fee_wei)
}

/// The L1 part of an estimate in gas, at the price of the next block. Real nodes pad it against a rise of the L1
/// price; here that only changes when someone changes it.
async fn l1_gas(spec: &ChainSpec, l1: &L1, node: &Node, call: &Call<'_>) -> Result<u128> {
    let request = call.param(0).unwrap_or_default();
    let data = request.get("input").or_else(|| request.get("data")).and_then(Value::as_str).unwrap_or("0x");
    let mut unsigned = bytes_of(ENVELOPE).unwrap_or_default();
    unsigned.extend(bytes_of(data).unwrap_or_default());
    let price = node.call_here("eth_gasPrice", json!([])).await?;
    let price = gas_price(spec, quantity(&price).unwrap_or_default());
    Ok(l1::fee(l1::size_of_unsigned(&unsigned), &l1.now()).checked_div(price).unwrap_or(0))
}

/// Keeps the size of a transaction that passes through, so that its receipt needs no further question.
fn remember(l1: &L1, call: &Call<'_>) {
    let raw = call.param(0).and_then(|raw| bytes_of(raw.as_str()?));
    if let Some(raw) = raw {
        l1.remember(&keccak256(&raw).to_string(), l1::size_of(&raw));
    }
}

fn quoted(value: u128) -> String {
    format!("\"{}\"", hex_quantity(value))
}
