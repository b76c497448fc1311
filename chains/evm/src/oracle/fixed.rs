use std::collections::HashMap;
use tollway_core::{AssetId, Code, Error, Oracle, Result, UsdPrice, async_trait};

/// Prices that somebody set: for chains without feeds, and for tests.
#[derive(Debug, Clone, Default)]
pub struct FixedOracle {
    prices: HashMap<AssetId, UsdPrice>,
}

impl FixedOracle {
    /// No prices yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// Sets a price.
    #[must_use]
    pub fn with(mut self, asset: AssetId, price: UsdPrice) -> Self {
        self.prices.insert(asset, price);
        self
    }
}

#[async_trait]
impl Oracle for FixedOracle {
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice> {
        self.prices
            .get(asset)
            .copied()
            .ok_or_else(|| Error::caller(Code::NoPrice).detail(format!("no price was set for {asset}")))
    }
}
