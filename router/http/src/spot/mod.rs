//! Prices from an HTTP endpoint: a number somewhere in a JSON answer.
//!
//! ```
//! # fn example(eth: tollway_core::AssetId, clock: std::sync::Arc<dyn tollway_core::Clock>) -> tollway_core::Result<()> {
//! use tollway_http::spot::{Feed, SpotOracle};
//!
//! // {"data": {"amount": "2650.12", …}}
//! let feed = Feed::new("https://prices.example/ETH-USD/spot", "/data/amount")?;
//! let oracle = SpotOracle::new(clock)?.with(feed, [(eth, 18)])?;
//! # Ok(()) }
//! ```
//!
//! | file | what is there |
//! |---|---|
//! | `feed` | where a price is, and how old it may be |
//! | `fetch` | one bounded request |
//! | `number` | the price in an answer, by JSON pointer, digit by digit |
//!
//! One source alone is a risk: `tollway_route::Median` asks several and believes what most of them say.

mod feed;
mod fetch;
mod number;

pub use feed::Feed;

use fetch::Rate;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use reqwest::Client;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::{AssetId, Clock, Code, Error, Oracle, Result, UsdPrice, async_trait};

/// An answer, good or bad, is kept for so long: several assets and many quotes share it.
const LASTS_MS: u64 = 5_000;
/// Feeds in one oracle.
const FEEDS_MAX: usize = 256;

/// USD prices over HTTP. Each feed is asked once for all its assets, by whoever needs it first, and at most every five
/// seconds, whatever it answers.
///
/// * A price that is too old, absurd or unreadable is an error with its own code, never an older price.
/// * Redirects are not followed and proxies are not taken from the environment: a price comes from where it was configured.
/// * Cancel safe: whoever waits drives the request that all share.
pub struct SpotOracle {
    client: Client,
    clock: Arc<dyn Clock>,
    feeds: Vec<Arc<Kept>>,
    assets: HashMap<AssetId, (Arc<Kept>, u8)>,
}

/// A feed, and what it said last.
struct Kept {
    feed: Feed,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    last: Option<(tollway_core::Time, Result<Rate>)>,
    under_way: Option<Shared<BoxFuture<'static, Result<Rate>>>>,
}

impl fmt::Debug for SpotOracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.feeds.iter().map(|kept| &kept.feed)).finish()
    }
}

impl SpotOracle {
    /// Without a feed every asset is unknown.
    ///
    /// # Errors
    /// [`Code::BadSettings`] when no HTTP client can be made.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self> {
        let client = fetch::client()?;
        Ok(Self { client, clock, feeds: Vec::new(), assets: HashMap::new() })
    }

    /// Adds a feed for assets, each with its fraction digits (ETH 18, USDC 6): the same coin on several networks is one
    /// feed. An asset that is there already is replaced.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for too many feeds.
    pub fn with(mut self, feed: Feed, assets: impl IntoIterator<Item = (AssetId, u8)>) -> Result<Self> {
        if self.feeds.len() >= FEEDS_MAX {
            return Err(Error::caller(Code::BadSettings).detail(format!("more than {FEEDS_MAX} price feeds")));
        }
        let kept = Arc::new(Kept { feed, said: Mutex::default() });
        self.assets
            .extend(assets.into_iter().map(|(asset, decimals)| (asset, (Arc::clone(&kept), decimals))));
        self.feeds.push(kept);
        Ok(self)
    }

    async fn rate(&self, kept: &Kept) -> Result<Rate> {
        let request = {
            let mut said = kept.said.lock().unwrap_or_else(PoisonError::into_inner);
            match (&said.last, &said.under_way) {
                (Some((at, rate)), _) if self.clock.now().ms_since(*at) < LASTS_MS => return rate.clone(),
                (_, Some(request)) => request.clone(),
                _ => {
                    let fetch = fetch::rate(self.client.clone(), kept.feed.clone(), Arc::clone(&self.clock));
                    said.under_way.insert(fetch.boxed().shared()).clone()
                }
            }
        };
        let rate = request.clone().await;
        let mut said = kept.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.under_way.as_ref().is_some_and(|current| current.ptr_eq(&request)) {
            *said = Said { last: Some((self.clock.now(), rate.clone())), under_way: None };
        }
        rate
    }
}

#[async_trait]
impl Oracle for SpotOracle {
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice> {
        let Some((kept, asset_decimals)) = self.assets.get(asset) else {
            return Err(Error::caller(Code::NoPrice).detail(format!("no feed is known for {asset}")));
        };
        let rate = self.rate(kept).await?;
        // What was fresh when it was fetched may have grown too old since.
        kept.feed.fresh(rate.at, self.clock.now())?;
        let Rate { answer, answer_decimals, at } = rate;
        Ok(UsdPrice { answer, answer_decimals, asset_decimals: *asset_decimals, at })
    }
}
