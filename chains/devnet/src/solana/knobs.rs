//! The knobs of the running Solana.

use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{DevnetError, Result};
use crate::solana::chain::SolanaChain;
use crate::solana::feeds::{self, Feed};
use crate::solana::spec::SolanaToken;
use crate::solana::{address, blocks, layout};

/// The account in which the chain's clock stands, and where its time is in it.
const CLOCK: &str = "SysvarC1ock11111111111111111111111111111111";
const CLOCK_TIME_AT: usize = 32;

/// How many blocks a blockhash can be used for.
const BLOCKHASH_LIFE: u32 = 150;

impl SolanaChain {
    /// What a transaction is said to need for its place, in millionths of a lamport per compute unit.
    pub fn priority_fee(&self) -> u64 {
        self.gate.manner.market.everywhere()
    }

    /// Sets that level: `getRecentPrioritizationFees` shows it in all its slots at once. Cheaper transactions still
    /// land.
    pub fn set_priority_fee(&self, micro_lamports: u64) {
        self.gate.manner.market.set(micro_lamports);
    }

    /// Sets the level for those who write this account, where it is above the general one.
    pub fn set_priority_fee_of(&self, account: &str, micro_lamports: u64) {
        self.gate.manner.market.set_for(account, micro_lamports);
    }

    /// Sends this many small transactions at this price in millionths of a lamport per compute unit: real traffic.
    pub async fn traffic(&self, count: u32, micro_lamports: u64) -> Result<()> {
        self.gate.manner.market.notice(micro_lamports);
        self.maker.send(&self.gate.node, count, micro_lamports).await
    }

    /// The slot that is being worked on.
    pub async fn slot(&self) -> Result<u64> {
        self.number("getSlot", json!([{"commitment": "processed"}])).await
    }

    /// The height of the newest block.
    pub async fn block_height(&self) -> Result<u64> {
        self.number("getBlockHeight", json!([{"commitment": "processed"}])).await
    }

    /// Returns when this many more blocks are there: made at once, or awaited where they come by the clock.
    pub async fn make_blocks(&self, count: u32) -> Result<()> {
        if !self.by_the_clock {
            return self.maker.send(&self.gate.node, count, 0).await;
        }
        let target = self.block_height().await? + u64::from(count);
        while self.block_height().await? < target {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Returns when every blockhash that anybody has seen so far is too old.
    pub async fn expire_blockhashes(&self) -> Result<()> {
        self.make_blocks(BLOCKHASH_LIFE + 2).await
    }

    /// Stops making blocks by the clock; transactions wait. Without a block time there is no clock to stop.
    pub async fn pause_clock(&self) -> Result<()> {
        self.call("surfnet_pauseClock", json!([])).await.map(drop)
    }

    /// Makes blocks by the clock again.
    pub async fn resume_clock(&self) -> Result<()> {
        self.call("surfnet_resumeClock", json!([])).await.map(drop)
    }

    /// What the chain's own clock says, in Unix seconds.
    pub async fn time(&self) -> Result<u64> {
        let data = self.data(CLOCK).await?.unwrap_or_default();
        let time = data.get(CLOCK_TIME_AT..).and_then(|rest| rest.first_chunk::<8>());
        Ok(time.map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    /// Moves the chain's time and its slots forward, without blocks: blockhashes do not get older.
    pub async fn advance_time(&self, by: Duration) -> Result<()> {
        let to = u128::from(self.time().await?) * 1000 + by.as_millis();
        self.call("surfnet_timeTravel", json!([{"absoluteTimestamp": to}])).await.map(drop)
    }

    /// Lamports of `address`.
    pub async fn lamports(&self, address: &str) -> Result<u64> {
        let answer = self.call("getBalance", json!([address, {"commitment": "processed"}])).await?;
        answer["value"].as_u64().ok_or_else(|| blocks::unreadable("getBalance", &answer))
    }

    /// Sets the lamports of `address`.
    pub async fn set_lamports(&self, address: &str, lamports: u64) -> Result<()> {
        self.call("surfnet_setAccount", json!([address, {"lamports": lamports}])).await.map(drop)
    }

    /// The address of the account that keeps `owner`'s tokens, whether it is there or not.
    pub fn token_account(&self, owner: &str, token: &SolanaToken) -> Result<String> {
        address::token_account(owner, token.mint, token.program)
    }

    /// What `owner` has of a token, in its smallest units; `None` without an account for it.
    pub async fn token_balance(&self, owner: &str, token: &SolanaToken) -> Result<Option<u64>> {
        let account = self.token_account(owner, token)?;
        let Some(data) = self.data(&account).await? else { return Ok(None) };
        let amount = data.get(layout::AMOUNT_AT..).and_then(|rest| rest.first_chunk::<8>());
        Ok(amount.map(|bytes| u64::from_le_bytes(*bytes)))
    }

    /// The USDC of `owner`, in millionths; `None` without an account for it.
    pub async fn usdc_balance(&self, owner: &str) -> Result<Option<u64>> {
        self.token_balance(owner, &SolanaToken::USDC).await
    }

    /// Sets what `owner` has of a token, and makes the account where there is none: written into the state at once,
    /// with no transaction. A payment in the same instant may be lost.
    pub async fn set_token_balance(&self, owner: &str, token: &SolanaToken, units: u64) -> Result<()> {
        let account = self.token_account(owner, token)?;
        let data = match self.data(&account).await? {
            Some(mut data) => {
                if let Some(amount) = data.get_mut(layout::AMOUNT_AT..layout::AMOUNT_AT + 8) {
                    amount.copy_from_slice(&units.to_le_bytes());
                }
                data
            }
            None => layout::token_account(token, owner, units)?,
        };
        let fields = json!({
            "lamports": layout::rent(data.len()), "owner": token.program, "data": hex::encode(data),
        });
        self.call("surfnet_setAccount", json!([account, fields])).await.map(drop)
    }

    /// Sets SOL/USD (8 decimals) as of now; it is kept fresh.
    pub async fn set_sol_usd_e8(&self, price: u64) -> Result<()> {
        self.set_price(Feed::Sol, price, None).await
    }

    /// Sets SOL/USD (8 decimals) as of `published` in Unix seconds; long ago makes it stale. The time stays.
    pub async fn set_sol_usd_e8_at(&self, price: u64, published: i64) -> Result<()> {
        self.set_price(Feed::Sol, price, Some(published)).await
    }

    /// Sets USDC/USD (8 decimals) as of now; it is kept fresh.
    pub async fn set_usdc_usd_e8(&self, price: u64) -> Result<()> {
        self.set_price(Feed::Usdc, price, None).await
    }

    /// Sets USDC/USD (8 decimals) as of `published` in Unix seconds; long ago makes it stale. The time stays.
    pub async fn set_usdc_usd_e8_at(&self, price: u64, published: i64) -> Result<()> {
        self.set_price(Feed::Usdc, price, Some(published)).await
    }

    async fn set_price(&self, feed: Feed, price: u64, published: Option<i64>) -> Result<()> {
        self.fresh.set(feed, published.is_none().then_some(price));
        feeds::write(&self.gate.node, feed, price, published).await
    }

    async fn number(&self, method: &'static str, params: Value) -> Result<u64> {
        let answer = self.call(method, params).await?;
        answer.as_u64().ok_or_else(|| blocks::unreadable(method, &answer))
    }

    /// The data of an account, if there is one.
    async fn data(&self, address: &str) -> Result<Option<Vec<u8>>> {
        let config = json!({"encoding": "base64", "commitment": "processed"});
        let answer = self.call("getAccountInfo", json!([address, config])).await?;
        let Some(encoded) = answer["value"]["data"][0].as_str() else { return Ok(None) };
        let decoded = base64_simd::STANDARD.decode_to_vec(encoded).map_err(|error| DevnetError::Rpc {
            chain: self.name(),
            method: "getAccountInfo",
            reason: error.to_string(),
        })?;
        Ok(Some(decoded))
    }
}
