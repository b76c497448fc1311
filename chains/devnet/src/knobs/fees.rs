//! What gas and data cost.

use serde_json::json;

use crate::chain::Chain;
use crate::chains::{ARB_GAS_INFO, ChainKind, L1_BLOCK, L1Prices};
use crate::error::{DevnetError, Result};
use crate::proxy::Plan;
use crate::rpc::{hex_quantity, quantity};
use crate::slots;

impl Chain {
    /// Sets the base fee of the next block and holds it there.
    pub async fn set_base_fee_wei(&self, wei: u64) -> Result<()> {
        self.gate.follow(Plan::Hold(wei.into())).await
    }

    /// Sets the base fee of the next block only; from there it follows EIP-1559.
    pub async fn set_next_base_fee_wei(&self, wei: u64) -> Result<()> {
        self.gate.follow(Plan::Free).await?;
        self.rpc("anvil_setNextBlockBaseFeePerGas", json!([hex_quantity(wei.into())])).await.map(drop)
    }

    /// Lets the base fee follow EIP-1559 from where it is.
    pub async fn free_base_fee(&self) -> Result<()> {
        self.gate.follow(Plan::Free).await
    }

    /// Gives each next block the next of these base fees; the last one is held. An empty walk changes nothing.
    pub async fn walk_base_fee_wei(&self, fees: impl IntoIterator<Item = u64>) -> Result<()> {
        let fees: Vec<u128> = fees.into_iter().map(u128::from).collect();
        if fees.is_empty() {
            return Ok(());
        }
        let first = u128::from(self.block_number().await?) + 1;
        self.gate.follow(Plan::Walk { first, fees }).await
    }

    /// The base fee of the next block, in wei.
    pub async fn next_base_fee_wei(&self) -> Result<u64> {
        let history = self.rpc("eth_feeHistory", json!(["0x1", "latest", []])).await?;
        let next = history["baseFeePerGas"].as_array().and_then(|fees| quantity(fees.last()?));
        next.and_then(|fee| u64::try_from(fee).ok()).ok_or_else(|| DevnetError::Rpc {
            chain: self.spec().name,
            method: "eth_feeHistory",
            reason: format!("no base fee in {history}"),
        })
    }

    /// What L1 costs this rollup from the next block on; all zero on Ethereum.
    pub fn l1_prices(&self) -> L1Prices {
        self.gate.manner.l1.now()
    }

    /// Sets all that L1 costs (rollups only). On Arbitrum only `base_fee_wei` is used: the price of a unit.
    pub async fn set_l1_prices(&self, prices: L1Prices) -> Result<()> {
        let prices = match self.spec().kind {
            ChainKind::Ethereum => return Err(self.no_knob("L1 price", "the OP stack and Arbitrum")),
            ChainKind::OpStack => prices,
            ChainKind::Arbitrum => L1Prices { base_fee_wei: prices.base_fee_wei, ..self.spec().l1 },
        };
        for (slot, value) in slots::l1_block(&prices) {
            self.write(L1_BLOCK, slot, value).await?;
        }
        self.gate.manner.l1.refresh(&self.gate.node).await
    }

    /// Sets the L1 base fee; on Arbitrum the L1 price of one calldata unit.
    pub async fn set_l1_base_fee_wei(&self, wei: u64) -> Result<()> {
        self.set_l1_prices(L1Prices { base_fee_wei: wei, ..self.l1_prices() }).await
    }

    /// Sets the L1 blob base fee (OP stack).
    pub async fn set_l1_blob_base_fee_wei(&self, wei: u64) -> Result<()> {
        self.only_on(ChainKind::OpStack, "blob base fee", "the OP stack")?;
        self.set_l1_prices(L1Prices { blob_base_fee_wei: wei, ..self.l1_prices() }).await
    }

    /// Sets the weights of the L1 base fee and the blob base fee, in millionths (OP stack).
    pub async fn set_l1_scalars(&self, base_fee: u32, blob_base_fee: u32) -> Result<()> {
        self.only_on(ChainKind::OpStack, "L1 scalar", "the OP stack")?;
        let prices = self.l1_prices();
        let scalars = L1Prices { base_fee_scalar: base_fee, blob_base_fee_scalar: blob_base_fee, ..prices };
        self.set_l1_prices(scalars).await
    }

    /// Sets the operator fee (OP stack): `gas used * scalar / 1,000,000 + constant` wei a
    /// transaction.
    pub async fn set_operator_fee(&self, scalar: u32, constant: u64) -> Result<()> {
        self.only_on(ChainKind::OpStack, "operator fee", "the OP stack")?;
        let prices = self.l1_prices();
        let fees = L1Prices { operator_fee_scalar: scalar, operator_fee_constant: constant, ..prices };
        self.set_l1_prices(fees).await
    }

    /// Sets what `ArbGasInfo.getMinimumGasPrice` answers (Arbitrum).
    pub async fn set_minimum_gas_price_wei(&self, wei: u64) -> Result<()> {
        self.only_on(ChainKind::Arbitrum, "minimum gas price", "Arbitrum")?;
        self.write_number(ARB_GAS_INFO, 0, wei).await
    }

    fn only_on(&self, kind: ChainKind, knob: &'static str, on: &'static str) -> Result<()> {
        if self.spec().kind == kind { Ok(()) } else { Err(self.no_knob(knob, on)) }
    }

    fn no_knob(&self, knob: &'static str, on: &'static str) -> DevnetError {
        DevnetError::NoSuchKnob { chain: self.spec().name, knob, on }
    }
}
