//! One oracle out of several: each chain's own feeds, and fixed prices where a person has set them.

use std::collections::BTreeMap;
use std::sync::Arc;
use tollway_core::{AssetId, ChainId, Code, Error, Next, Oracle, Result, UsdPrice, async_trait};

/// Asks fixed prices first, then the feeds of the asset's own chain.
#[derive(Default)]
pub struct ChainOracles {
    fixed: BTreeMap<AssetId, UsdPrice>,
    chains: BTreeMap<ChainId, Arc<dyn Oracle>>,
}

impl std::fmt::Debug for ChainOracles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChainOracles").field("fixed", &self.fixed).finish_non_exhaustive()
    }
}

impl ChainOracles {
    /// Sets a price that never changes and never goes stale.
    pub fn fix(&mut self, asset: AssetId, price: UsdPrice) {
        self.fixed.insert(asset, price);
    }
    /// Sets the feeds of one chain.
    pub fn chain(&mut self, chain: ChainId, oracle: Arc<dyn Oracle>) {
        self.chains.insert(chain, oracle);
    }
}

#[async_trait]
impl Oracle for ChainOracles {
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice> {
        if let Some(price) = self.fixed.get(asset) {
            return Ok(*price);
        }
        match self.chains.get(&asset.chain) {
            Some(oracle) => oracle.usd(asset).await,
            None => Err(Error::caller(Code::NoPrice)
                .next(Next::OtherRoute)
                .detail(format!("no feed and no fixed price for {asset}"))),
        }
    }
}
