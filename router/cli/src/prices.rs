//! What coins and tokens are worth, as the configuration says.

use crate::config::{Config, PriceFeed};
use crate::exit::{Failure, Outcome};
use crate::setup::chain;
use std::sync::Arc;
use tollway::HouseBuilder;
use tollway::core::{AssetId, ChainId, Clock as _, Family, Plugin, Usd, UsdPrice};
use tollway::http::spot::{Feed, SpotOracle};
use tollway::plugins::PLUGINS;
use tollway::route::MedianSettings;
use tollway::system::SystemClock;

/// Sets fixed prices, feeds over HTTP, and how far sources may be apart.
pub(crate) fn set(mut builder: HouseBuilder, config: &Config) -> Outcome<HouseBuilder> {
    for (asset, price) in &config.prices {
        let (asset, asset_decimals) = known(asset)?;
        let usd = Usd::parse(price).map_err(|e| Failure::usage(format!("prices: {}", e.detail)))?;
        let price =
            UsdPrice { answer: usd.e18(), answer_decimals: 18, asset_decimals, at: SystemClock.now() };
        builder = builder.fixed_price(asset, price);
    }
    for wanted in &config.price_feeds {
        let assets = wanted.assets.iter().map(|asset| known(asset)).collect::<Outcome<Vec<_>>>()?;
        let oracle = SpotOracle::new(Arc::new(SystemClock))?.with(feed(wanted)?, assets)?;
        builder = builder.price_source(&host(&wanted.url), Arc::new(oracle));
    }
    let asked = &config.price_agreement;
    let usual = MedianSettings::default();
    let apart_bps_max = asked.apart_bps_max.unwrap_or(usual.apart_bps_max);
    Ok(builder.price_agreement(MedianSettings { apart_bps_max, agree_min: asked.agree_min, ..usual }))
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
    let wrong = || {
        Failure::usage(format!("prices: {text:?} is not like \"eip155:8453/native\" or \"eip155:8453/0x…\""))
    };
    let (id, key) = text.split_once('/').ok_or_else(wrong)?;
    let chain = chain(id)?;
    let family = family(&chain).ok_or_else(wrong)?;
    let unknown = || Failure::usage(format!("prices: {text} is in no table"));
    if key == AssetId::NATIVE {
        let coin = family.network(&chain).ok_or_else(unknown)?;
        return Ok((AssetId::native(chain), coin.coin_decimals));
    }
    let asset = family.asset(chain, key).map_err(|_| wrong())?;
    let decimals = family.known(&asset).ok_or_else(unknown)?.decimals;
    Ok((asset, decimals))
}

/// What is known of a chain without a node.
pub(crate) fn family(chain: &ChainId) -> Option<Family> {
    PLUGINS.iter().find_map(|plugin| match plugin {
        Plugin::Family(family) if family.namespace == chain.namespace() => Some(*family),
        _ => None,
    })
}
