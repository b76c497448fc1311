//! What the price feeds say.

use std::sync::atomic::Ordering;

use crate::chain::Chain;
use crate::error::Result;
use crate::slots::{FEED_ANSWER, FEED_UPDATED_AT};

impl Chain {
    /// Sets ETH/USD (8 decimals) as of now, in the chain's time.
    pub async fn set_eth_usd_e8(&self, answer: u64) -> Result<()> {
        let now = self.timestamp().await?;
        self.set_eth_usd_e8_at(answer, now).await?;
        self.pinned.eth_usd.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Sets ETH/USD (8 decimals) as of `updated_at` in Unix seconds; long ago makes the feed stale. The
    /// time stays as it is set here.
    pub async fn set_eth_usd_e8_at(&self, answer: u64, updated_at: u64) -> Result<()> {
        self.pinned.eth_usd.store(true, Ordering::Relaxed);
        self.set_feed(self.spec().eth_usd_feed, answer, updated_at).await
    }

    /// Sets USDC/USD (8 decimals) as of now, in the chain's time.
    pub async fn set_usdc_usd_e8(&self, answer: u64) -> Result<()> {
        let now = self.timestamp().await?;
        self.set_usdc_usd_e8_at(answer, now).await?;
        self.pinned.usdc_usd.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Sets USDC/USD (8 decimals) as of `updated_at` in Unix seconds; long ago makes the feed stale. The
    /// time stays as it is set here.
    pub async fn set_usdc_usd_e8_at(&self, answer: u64, updated_at: u64) -> Result<()> {
        self.pinned.usdc_usd.store(true, Ordering::Relaxed);
        self.set_feed(self.spec().usdc_usd_feed, answer, updated_at).await
    }

    async fn set_feed(&self, feed: &str, answer: u64, updated_at: u64) -> Result<()> {
        self.write_number(feed, FEED_ANSWER, answer).await?;
        self.write_number(feed, FEED_UPDATED_AT, updated_at).await
    }
}
