//! Balances and code, read and written.

use alloy::primitives::{Address, B256, U256};
use serde_json::json;

use crate::chain::Chain;
use crate::error::{DevnetError, Result};
use crate::genesis::USDC_MASTER;
use crate::rpc::hex_quantity;
use crate::slots;

impl Chain {
    /// The native coin of `address` in wei, in the latest block.
    pub async fn native_balance(&self, address: &str) -> Result<u128> {
        self.gate.node.number("eth_getBalance", json!([address, "latest"])).await
    }

    /// Sets the native coin of `address` in wei.
    pub async fn set_native_balance(&self, address: &str, wei: u128) -> Result<()> {
        self.rpc("anvil_setBalance", json!([address, hex_quantity(wei)])).await.map(drop)
    }

    /// The USDC of `address` in millionths, in the latest block.
    pub async fn usdc_balance(&self, address: &str) -> Result<u128> {
        let word = self.read(self.usdc(), slots::mapping(parse(address)?, slots::USDC_BALANCES)).await?;
        let unflagged = word & (U256::MAX >> 1_usize);
        u128::try_from(unflagged).map_err(|_| self.unreadable("eth_getStorageAt", &json!(word)))
    }

    /// Adds USDC, in millionths, to `address`: written into the state at once, with no transaction and no log.
    /// A payment in the same instant may be lost; use it between payments.
    pub async fn mint_usdc(&self, address: &str, units: u64) -> Result<()> {
        let slot = slots::mapping(parse(address)?, slots::USDC_BALANCES);
        let supply = B256::from(U256::from(slots::USDC_SUPPLY));
        for slot in [slot, supply] {
            let value = self.read(self.usdc(), slot).await? + U256::from(units);
            self.write(self.usdc(), slot, B256::from(value)).await?;
        }
        Ok(())
    }

    /// Sets the USDC of `address`, in millionths; the total supply stays as it was.
    pub async fn set_usdc_balance(&self, address: &str, units: u64) -> Result<()> {
        let slot = slots::mapping(parse(address)?, slots::USDC_BALANCES);
        self.write(self.usdc(), slot, B256::from(U256::from(units))).await
    }

    /// Puts `address` on USDC's blacklist, or takes it off.
    pub async fn blacklist_usdc(&self, address: &str, listed: bool) -> Result<()> {
        let flag = U256::ONE << 255_usize;
        let slot = slots::mapping(parse(address)?, slots::USDC_BALANCES);
        let units = self.read(self.usdc(), slot).await? & !flag;
        let value = if listed { units | flag } else { units };
        self.write(self.usdc(), slot, B256::from(value)).await
    }

    /// Pauses USDC, or lets it go on.
    pub async fn pause_usdc(&self, paused: bool) -> Result<()> {
        let flag = U256::from(u8::from(paused)) << 160_usize;
        let pauser = U256::from_be_bytes(parse(USDC_MASTER)?.into_word().0);
        self.write(self.usdc(), B256::from(U256::from(1)), B256::from(pauser | flag)).await
    }

    /// Sets the code of `address`, as hex of runtime code.
    pub async fn set_code(&self, address: &str, code: &str) -> Result<()> {
        self.rpc("anvil_setCode", json!([address, code])).await.map(drop)
    }

    /// Writes one storage slot.
    pub async fn set_storage(&self, address: &str, slot: &str, value: &str) -> Result<()> {
        self.rpc("anvil_setStorageAt", json!([address, slot, value])).await.map(drop)
    }

    pub(crate) async fn read(&self, address: &str, slot: B256) -> Result<U256> {
        let word = self.rpc("eth_getStorageAt", json!([address, slot, "latest"])).await?;
        let parsed = word.as_str().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| self.unreadable("eth_getStorageAt", &word))
    }

    pub(crate) async fn write(&self, address: &str, slot: B256, value: B256) -> Result<()> {
        self.rpc("anvil_setStorageAt", json!([address, slot, value])).await.map(drop)
    }

    pub(crate) async fn write_number(&self, address: &str, slot: u64, value: u64) -> Result<()> {
        self.write(address, B256::from(U256::from(slot)), B256::from(U256::from(value))).await
    }
}

pub(super) fn parse(address: &str) -> Result<Address> {
    address.parse().map_err(|_| DevnetError::BadInput {
        what: "address",
        value: address.to_owned(),
        expected: "20 bytes of hex with 0x",
    })
}
