//! One oracle out of several: fixed prices where a person has set them, else what the sources agree on.

use std::collections::BTreeMap;
use std::sync::Arc;
use tollway_core::{AssetId, ChainId, Clock, Oracle, Result, UsdPrice, async_trait};
use tollway_route::{Median, MedianSettings};

/// Asks fixed prices first. Otherwise the feeds of the asset's own chain and the sources that are asked for every chain
/// have to agree, as [`Median`] says.
pub struct ChainOracles {
    fixed: BTreeMap<AssetId, UsdPrice>,
    chains: BTreeMap<ChainId, Vec<Source>>,
    everywhere: Vec<Source>,
    clock: Arc<dyn Clock>,
    agreement: MedianSettings,
}

type Source = (String, Arc<dyn Oracle>);

impl std::fmt::Debug for ChainOracles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChainOracles").field("fixed", &self.fixed).finish_non_exhaustive()
    }
}

impl ChainOracles {
    /// Without prices. The clock bounds how long a source is waited for.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (fixed, chains, everywhere) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { fixed, chains, everywhere, clock, agreement: MedianSettings::default() }
    }
    /// Sets a price that never changes and never goes stale.
    pub fn fix(&mut self, asset: AssetId, price: UsdPrice) {
        self.fixed.insert(asset, price);
    }
    /// Adds a source for the assets of one chain.
    pub fn chain(&mut self, chain: ChainId, oracle: Arc<dyn Oracle>) {
        self.chains.entry(chain).or_default().push(("chain feeds".to_owned(), oracle));
    }
    /// Adds a source that is asked for every asset.
    pub fn everywhere(&mut self, name: &str, oracle: Arc<dyn Oracle>) {
        self.everywhere.push((name.to_owned(), oracle));
    }
    /// Sets how far sources may be apart, and how many must agree.
    pub fn agreement(&mut self, settings: MedianSettings) {
        self.agreement = settings;
    }
}

#[async_trait]
impl Oracle for ChainOracles {
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice> {
        if let Some(price) = self.fixed.get(asset) {
            return Ok(*price);
        }
        let sources = self.chains.get(&asset.chain).into_iter().flatten().chain(&self.everywhere);
        let median = Median::new(Arc::clone(&self.clock), self.agreement);
        let median = sources.fold(median, |median, (name, source)| median.with(name, Arc::clone(source)));
        median.usd(asset).await
    }
}
