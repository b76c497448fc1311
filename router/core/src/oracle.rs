//! What coins and tokens are worth.

use crate::{AssetId, Result, UsdPrice};

/// A source of USD prices.
///
/// * Answers for native coins and tokens alike; an unknown asset is an error, never zero.
/// * Checks staleness itself: a price older than its own limit is [`crate::Code::StalePrice`].
/// * A read: safe to retry, cancel safe.
#[crate::async_trait]
pub trait Oracle: Send + Sync {
    /// The price of one asset.
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice>;
}
