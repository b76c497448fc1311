//! What SOL and USDC are worth, in the accounts where mainnet keeps it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::error::Result;
use crate::rpc::Node;
use crate::solana::layout;
use crate::solana::spec::{FEED_PROGRAM, SOL_USD_FEED, SOLANA_USDC_USD_FEED};

const EVERY: Duration = Duration::from_secs(30);

/// One of the two prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feed {
    Sol,
    Usdc,
}

impl Feed {
    fn account(self) -> &'static str {
        match self {
            Self::Sol => SOL_USD_FEED,
            Self::Usdc => SOLANA_USDC_USD_FEED,
        }
    }

    /// The id that Pyth gives to the pair on every chain.
    fn id(self) -> [u8; 32] {
        let id = match self {
            Self::Sol => "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d",
            Self::Usdc => "eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a",
        };
        let mut bytes = [0; 32];
        // Both are whole hex; a test says so.
        let _ = hex::decode_to_slice(id, &mut bytes);
        bytes
    }
}

/// The prices that are kept fresh; one that was given a time of its own is not among them.
#[derive(Debug)]
pub(crate) struct Fresh {
    sol: Mutex<Option<u64>>,
    usdc: Mutex<Option<u64>>,
}

impl Fresh {
    pub(super) fn new(sol_e8: u64, usdc_e8: u64) -> Arc<Self> {
        Arc::new(Self { sol: Mutex::new(Some(sol_e8)), usdc: Mutex::new(Some(usdc_e8)) })
    }

    pub(super) fn set(&self, feed: Feed, price_e8: Option<u64>) {
        *self.slot(feed).lock().unwrap_or_else(PoisonError::into_inner) = price_e8;
    }

    fn get(&self, feed: Feed) -> Option<u64> {
        *self.slot(feed).lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, feed: Feed) -> &Mutex<Option<u64>> {
        match feed {
            Feed::Sol => &self.sol,
            Feed::Usdc => &self.usdc,
        }
    }
}

/// Writes a price as of `published` in Unix seconds, or as of now.
pub(super) async fn write(node: &Node, feed: Feed, price_e8: u64, published: Option<i64>) -> Result<()> {
    let slot = node.call("getSlot", json!([{"commitment": "processed"}])).await?;
    let data =
        layout::feed(feed.id(), price_e8, published.unwrap_or_else(now), slot.as_u64().unwrap_or_default());
    let fields = json!({
        "lamports": layout::rent(data.len()), "owner": FEED_PROGRAM, "data": hex::encode(data),
    });
    node.call("surfnet_setAccount", json!([feed.account(), fields])).await.map(drop)
}

/// Writes them anew every half minute, as long as the devnet runs.
pub(super) async fn keep(node: Node, fresh: Arc<Fresh>) {
    loop {
        tokio::time::sleep(EVERY).await;
        for feed in [Feed::Sol, Feed::Usdc] {
            let Some(price) = fresh.get(feed) else { continue };
            if let Err(error) = write(&node, feed, price, None).await {
                tracing::debug!(target: "tollway_devnet", %error, "a price was not freshened");
            }
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_whole() {
        assert_eq!(hex::encode(Feed::Sol.id()).get(..4), Some("ef0d"));
        assert_eq!(hex::encode(Feed::Usdc.id()).get(60..), Some("c94a"));
    }
}
