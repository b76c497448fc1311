//! Receipts as the real chain writes them, with the L1 part in its place.

use serde_json::{Value, json};

use super::l1::{self, L1, field};
use crate::chains::{ChainKind, ChainSpec};
use crate::error::Result;
use crate::rpc::{Node, hex_quantity};

/// Adds the L1 part to one receipt. Returns the gas by which it grew (Arbitrum).
pub(super) async fn complete(receipt: &mut Value, spec: &ChainSpec, l1: &L1, node: &Node) -> Result<u128> {
    let Some(hash) = receipt.get("transactionHash").and_then(Value::as_str).map(str::to_owned) else {
        return Ok(0);
    };
    let size = l1.size(node, &hash).await?;
    let prices = l1.at(field(receipt, "blockNumber"));
    let fee = l1::fee(size, &prices);
    match spec.kind {
        ChainKind::OpStack => {
            receipt["l1Fee"] = json!(hex_quantity(fee));
            receipt["l1GasUsed"] = json!(hex_quantity(size * 16 / 1_000_000));
            receipt["l1GasPrice"] = json!(hex_quantity(prices.base_fee_wei.into()));
            receipt["l1BlobBaseFee"] = json!(hex_quantity(prices.blob_base_fee_wei.into()));
            receipt["l1BaseFeeScalar"] = json!(hex_quantity(prices.base_fee_scalar.into()));
            receipt["l1BlobBaseFeeScalar"] = json!(hex_quantity(prices.blob_base_fee_scalar.into()));
            receipt["operatorFeeScalar"] = json!(hex_quantity(prices.operator_fee_scalar.into()));
            receipt["operatorFeeConstant"] = json!(hex_quantity(prices.operator_fee_constant.into()));
            Ok(0)
        }
        ChainKind::Arbitrum => {
            let gas = fee.checked_div(field(receipt, "effectiveGasPrice")).unwrap_or(0);
            receipt["gasUsedForL1"] = json!(hex_quantity(gas));
            receipt["l1BlockNumber"] = json!(hex_quantity(field(receipt, "blockNumber")));
            grow(receipt, "gasUsed", gas);
            grow(receipt, "cumulativeGasUsed", gas);
            Ok(gas)
        }
        ChainKind::Ethereum => Ok(0),
    }
}

/// The same for all the receipts of a block; the cumulative gas carries on.
pub(super) async fn complete_all(list: &mut Value, spec: &ChainSpec, l1: &L1, node: &Node) -> Result<()> {
    let mut before = 0;
    for receipt in list.as_array_mut().into_iter().flatten() {
        let gas = complete(receipt, spec, l1, node).await?;
        grow(receipt, "cumulativeGasUsed", before);
        before += gas;
    }
    Ok(())
}

fn grow(receipt: &mut Value, name: &str, by: u128) {
    if by > 0 {
        receipt[name] = json!(hex_quantity(field(receipt, name) + by));
    }
}
