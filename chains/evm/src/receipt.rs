//! Receipts, with what rollups add to them.

use crate::address::tx_id;
use crate::fees::FeeView;
use crate::{Landing, Mined};
use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde::Deserialize;
use tollway_core::{Code, Error, Result};

/// More logs than this are cut; no payment makes them.
const LOGS_MAX: usize = 4096;

/// A receipt as a node writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawReceipt {
    pub(crate) transaction_hash: B256,
    block_number: Option<U64>,
    status: Option<U64>,
    gas_used: U64,
    #[serde(default)]
    effective_gas_price: U256,
    #[serde(default)]
    logs: Vec<RawLog>,
    #[serde(default)]
    l1_fee: Option<U256>,
    #[serde(default)]
    gas_used_for_l1: Option<U64>,
}

/// A log as a node writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    pub(crate) block_number: Option<U64>,
    transaction_hash: Option<B256>,
    #[serde(default)]
    pub(crate) block_timestamp: Option<U64>,
}

/// A transaction as a node writes it, as far as it is looked at.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RawTransaction {
    pub(crate) to: Option<Address>,
    pub(crate) input: Bytes,
}

impl RawLog {
    pub(crate) fn landing(self) -> Option<Landing> {
        Some(Landing {
            address: self.address,
            topics: self.topics,
            data: self.data,
            tx: tx_id(&self.transaction_hash?),
            block: self.block_number?.to(),
        })
    }
}

impl RawReceipt {
    /// The block it is in; `None` while it is pending, as some nodes answer.
    pub(crate) fn block(&self) -> Option<u64> {
        self.block_number.map(|n| n.to())
    }

    /// Gas of the execution alone, without an L1 part: what there is to learn.
    pub(crate) fn execution_gas(&self) -> u64 {
        let l1 = self.gas_used_for_l1.map_or(0, |n| n.to::<u64>());
        self.gas_used.to::<u64>().saturating_sub(l1)
    }

    /// In the typed trait's words. `fees` is for what the receipt does not tell (an operator's fee).
    pub(crate) fn mined(self, fees: Option<&FeeView>) -> Result<Mined> {
        let wrong = |why| Error::network(Code::InvalidAnswer).detail(format!("a receipt {why}"));
        let block = self.block().ok_or_else(|| wrong("without a block"))?;
        let success = self.status.ok_or_else(|| wrong("without a status"))? == U64::from(1);
        let gas_used: u64 = self.gas_used.to();
        let execution = self.effective_gas_price.saturating_mul(U256::from(gas_used));
        let operator = fees.and_then(|f| f.operator_fee_wei(gas_used).ok()).unwrap_or(0);
        let cost =
            execution.saturating_add(self.l1_fee.unwrap_or_default()).saturating_add(U256::from(operator));
        Ok(Mined {
            tx: tx_id(&self.transaction_hash),
            block,
            success,
            gas_used,
            cost_wei: u128::try_from(cost).map_err(|_| wrong("with a cost beyond 128 bits"))?,
            logs: self.logs.into_iter().take(LOGS_MAX).filter_map(RawLog::landing).collect(),
        })
    }
}
