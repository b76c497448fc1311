//! Balances and allowances of any token here: USDC and [`TokenSpec::ALL`](crate::TokenSpec::ALL).

use alloy::primitives::{Address, B256, U256};
use serde_json::json;

use super::money::parse;
use crate::chain::Chain;
use crate::error::{DevnetError, Result};
use crate::slots;

impl Chain {
    /// How much of `token`, in its smallest units, `address` has in the latest block.
    pub async fn token_balance(&self, token: &str, address: &str) -> Result<u128> {
        if self.slots_of(token)?.is_usdc {
            return self.usdc_balance(address).await;
        }
        let units = self.read(token, slots::mapping(parse(address)?, slots::TOKEN_BALANCES)).await?;
        u128::try_from(units).map_err(|_| self.unreadable("eth_getStorageAt", &json!(units)))
    }

    /// Sets how much of `token` `address` has; the total supply stays as it was.
    pub async fn set_token_balance(&self, token: &str, address: &str, units: u128) -> Result<()> {
        let slot = slots::mapping(parse(address)?, self.slots_of(token)?.balances);
        self.write(token, slot, B256::from(U256::from(units))).await
    }

    /// How much of `owner`'s `token` `spender` may move; `u128::MAX` stands for anything as great or greater.
    pub async fn allowance(&self, token: &str, owner: &str, spender: &str) -> Result<u128> {
        let units = self.read(token, self.allowance_slot(token, owner, spender)?).await?;
        Ok(u128::try_from(units).unwrap_or(u128::MAX))
    }

    /// Lets `spender` (Permit2, say) move so much of `owner`'s `token`, as an `approve` would, but written into the
    /// state at once, with no transaction and no log. `u128::MAX` is an allowance without end.
    pub async fn set_allowance(&self, token: &str, owner: &str, spender: &str, units: u128) -> Result<()> {
        let units = if units == u128::MAX { U256::MAX } else { U256::from(units) };
        self.write(token, self.allowance_slot(token, owner, spender)?, B256::from(units)).await
    }

    fn allowance_slot(&self, token: &str, owner: &str, spender: &str) -> Result<B256> {
        Ok(slots::nested(parse(owner)?, parse(spender)?, self.slots_of(token)?.allowances))
    }

    fn slots_of(&self, token: &str) -> Result<TokenSlots> {
        let wanted = parse(token)?;
        let is = |address: &str| address.parse::<Address>().is_ok_and(|address| address == wanted);
        if is(self.usdc()) {
            return Ok(TokenSlots {
                balances: slots::USDC_BALANCES,
                allowances: slots::USDC_ALLOWANCES,
                is_usdc: true,
            });
        }
        if self.spec().tokens.iter().any(|spec| is(spec.address)) {
            return Ok(TokenSlots {
                balances: slots::TOKEN_BALANCES,
                allowances: slots::TOKEN_ALLOWANCES,
                is_usdc: false,
            });
        }
        Err(DevnetError::BadInput {
            what: "token",
            value: token.to_owned(),
            expected: "the address of USDC or of one of `ChainSpec::tokens`",
        })
    }
}

/// Where a token keeps what.
struct TokenSlots {
    balances: u64,
    allowances: u64,
    is_usdc: bool,
}
