//! What coins and tokens are worth, as the configuration says.

use crate::config::{Config, FixedPrice, PriceFeed};
use crate::exit::{Failure, Outcome};
use crate::setup::chain;
use std::sync::Arc;
use tollway::HouseBuilder;
use tollway::core::{AssetId, ChainId, Clock as _, Family, Oracle, Plugin, Usd, UsdPrice};
use tollway::http::spot::{Feed, SpotOracle};
use tollway::plugins::PLUGINS;
use tollway::route::MedianSettings;
use tollway::system::SystemClock;

/// Sets fixed prices, feeds over HTTP, and how far sources may be apart.
pub(crate) fn set(mut builder: HouseBuilder, config: &Config) -> Outcome<HouseBuilder> {
    for asset in config.prices.keys() {
        let (asset, price) = fixed(config, asset)?;
        builder = builder.fixed_price(asset, price);
    }
    for wanted in &config.price_feeds {
        let Source { name, oracle, .. } = source(wanted)?;
        builder = builder.price_source(&name, oracle);
    }
    Ok(builder.price_agreement(agreement(config)))
}

/// A source of prices over HTTP.
pub(crate) struct Source {
    /// For people.
    pub(crate) name: String,
    /// Whose prices.
    pub(crate) assets: Vec<AssetId>,
    /// Asks it.
    pub(crate) oracle: Arc<dyn Oracle>,
}

/// One source over HTTP.
pub(crate) fn source(wanted: &PriceFeed) -> Outcome<Source> {
    let known = wanted.assets.iter().map(|asset| known(asset)).collect::<Outcome<Vec<_>>>()?;
    let assets = known.iter().map(|(asset, _)| *asset).collect();
    let oracle = Arc::new(SpotOracle::new(Arc::new(SystemClock))?.with(feed(wanted)?, known)?);
    Ok(Source { name: host(&wanted.url), assets, oracle })
}

/// A price that the configuration fixes.
pub(crate) fn fixed(config: &Config, asset: &str) -> Outcome<(AssetId, UsdPrice)> {
    let (price, decimals) = match config.prices.get(asset) {
        Some(FixedPrice::Known(usd)) => (usd.as_str(), None),
        Some(FixedPrice::Token(token)) => (token.usd.as_str(), Some(token.decimals)),
        None => ("", None),
    };
    let (asset, asset_decimals) = spelled(asset, decimals)?;
    let usd = Usd::parse(price).map_err(|e| Failure::usage(format!("prices: {}", e.detail)))?;
    Ok((asset, UsdPrice { answer: usd.e18(), answer_decimals: 18, asset_decimals, at: SystemClock.now() }))
}

/// How far sources may be apart, and how many must agree.
pub(crate) fn agreement(config: &Config) -> MedianSettings {
    let (asked, usual) = (&config.price_agreement, MedianSettings::default());
    let apart_bps_max = asked.apart_bps_max.unwrap_or(usual.apart_bps_max);
    MedianSettings { apart_bps_max, agree_min: asked.agree_min, ..usual }
}

fn feed(wanted: &PriceFeed) -> Outcome<Feed> {
    let mut feed = Feed::new(&wanted.url, &wanted.price)?;
    if let Some(pointer) = &wanted.time {
        feed = feed.time(pointer)?;
    }
    if let Some(secs) = wanted.max_age_secs {
        feed = feed.max_age_secs(secs);
    }
    for (name, variable) in &wanted.headers_env {
        let value = std::env::var(variable).map_err(|_| {
            Failure::usage(format!(
                "price_feed: the environment variable {variable} with the header {name} is not set"
            ))
        })?;
        feed = feed.header(name, &value)?;
    }
    Ok(feed)
}

/// What a source is called in messages: nothing of a URL that may hold a key.
fn host(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// An asset of the tables, with its fraction digits.
fn known(text: &str) -> Outcome<(AssetId, u8)> {
    spelled(text, None)
}

/// An asset, with its fraction digits: those of the tables, which nobody may contradict, else as they were said.
fn spelled(text: &str, said: Option<u8>) -> Outcome<(AssetId, u8)> {
    let wrong = || {
        Failure::usage(format!("prices: {text:?} is not like \"eip155:8453/native\" or \"eip155:8453/0x…\""))
    };
    let (id, key) = text.split_once('/').ok_or_else(wrong)?;
    let chain = chain(id)?;
    let family = family(&chain).ok_or_else(wrong)?;
    let (asset, table) = match key {
        AssetId::NATIVE => (AssetId::native(chain), family.network(&chain).map(|coin| coin.coin_decimals)),
        _ => {
            let asset = family.asset(chain, key).map_err(|_| wrong())?;
            (asset, family.known(&asset).map(|token| token.decimals))
        }
    };
    match (table, said) {
        (Some(real), Some(said)) if real != said => {
            Err(Failure::usage(format!("prices: {text} has {real} decimals, and not {said}")))
        }
        (Some(decimals), _) | (None, Some(decimals)) => Ok((asset, decimals)),
        (None, None) => Err(Failure::usage(format!(
            "prices: {text} is in no table; say how many decimals it has: {{ usd = \"1\", decimals = 18 }}"
        ))),
    }
}

/// What is known of a chain without a node.
pub(crate) fn family(chain: &ChainId) -> Option<Family> {
    PLUGINS.iter().find_map(|plugin| match plugin {
        Plugin::Family(family) if family.namespace == chain.namespace() => Some(*family),
        _ => None,
    })
}
