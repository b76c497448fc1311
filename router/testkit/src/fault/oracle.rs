use super::ask;
use super::plan::{Faults, Remembered};
use std::fmt;
use std::sync::Arc;
use tollway_core::{AssetId, Code, Error, Oracle, Result, UsdPrice, async_trait};

/// An oracle with faults.
///
/// Keeps: an unknown asset is an error; a failure says "later"; cancel safe. A stale answer keeps its own `at`, so it shows
/// its age, but may be older than the inner oracle's limit, as after a cache. Lying: a price off by a factor of up to a
/// thousand, or zero, dated as the true one.
pub struct FaultyOracle<O: ?Sized> {
    inner: Arc<O>,
    faults: Arc<Faults>,
    prices: Remembered<AssetId, UsdPrice>,
}

impl<O: ?Sized> fmt::Debug for FaultyOracle<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyOracle")
    }
}

impl<O: Oracle + ?Sized> FaultyOracle<O> {
    /// Wraps `inner`.
    pub fn new(inner: Arc<O>, faults: &Arc<Faults>) -> Self {
        Self { inner, faults: Arc::clone(faults), prices: Remembered::default() }
    }
    async fn honest(&self, asset: &AssetId) -> Result<UsdPrice> {
        ask!(self.faults, self.prices, *asset, lost(), self.inner.usd(asset))
    }
}

fn lost() -> Error {
    Error::network(Code::Unreachable).detail("the oracle did not answer")
}

#[async_trait]
impl<O: Oracle + ?Sized> Oracle for FaultyOracle<O> {
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice> {
        let price = self.honest(asset).await?;
        if !self.faults.lies() {
            return Ok(price);
        }
        let factor = u128::from(self.faults.dice().between(2, 1_000));
        let answer = match self.faults.dice().below(3) {
            0 => price.answer.saturating_mul(factor),
            1 => price.answer / factor.max(1),
            _ => 0,
        };
        Ok(UsdPrice { answer, ..price })
    }
}
