//! Are there prices for the coins and tokens, fresh ones, and do their sources agree?

use super::finding::{Finding, words};
use super::network::Node;
use super::{all, within};
use crate::config::Config;
use crate::prices::{self, Source};
use std::sync::Arc;
use tollway::core::{AssetId, Blame, ChainId, Clock as _, Code, Error, Family, Oracle, UsdPrice};
use tollway::route::Median;
use tollway::system::SystemClock;

const AREA: &str = "prices";
const ADVICE: &str =
    "routes there are rejected until it is there: add a [[price_feed]], or fix one under [prices]";

pub(super) async fn check(config: &Config, nodes: &[Node]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fixed = Vec::new();
    for asset in config.prices.keys() {
        match prices::fixed(config, asset) {
            Ok((asset, _)) => fixed.push(asset),
            Err(e) => {
                let advice =
                    "write it like \"eip155:8453/native\" = \"2500\", of a network and token in the tables";
                findings.push(Finding::bad(AREA, asset, e.words, advice));
            }
        }
    }
    let mut sources = Vec::new();
    for wanted in &config.price_feeds {
        match prices::source(wanted) {
            Ok(source) => sources.push(source),
            Err(e) => {
                findings.push(Finding::bad(AREA, "price_feed", e.words, "mend that [[price_feed]] section"));
            }
        }
    }
    let assets = nodes.iter().filter_map(|node| Some((node, assets(node)?)));
    let asked = assets.flat_map(|(node, (family, assets))| {
        assets.into_iter().map(move |asset| (node, family, asset)).collect::<Vec<_>>()
    });
    let asked =
        asked.map(|(node, family, asset)| one(config, node, family, asset, &sources, fixed.contains(&asset)));
    findings.extend(all(asked).await.into_iter().flatten());
    findings
}

/// The chain's coin, and what dollars mean there.
fn assets(node: &Node) -> Option<(Family, Vec<AssetId>)> {
    let chain: ChainId = node.live.as_ref()?.connected.handle.network.id();
    let family = prices::family(&chain)?;
    let first = family.assets.iter().find(|token| token.chain == chain.as_str());
    let token = first.and_then(|token| AssetId::new(chain, token.key).ok());
    Some((family, std::iter::once(AssetId::native(chain)).chain(token).collect()))
}

async fn one(
    config: &Config,
    node: &Node,
    family: Family,
    asset: AssetId,
    sources: &[Source],
    fixed: bool,
) -> Vec<Finding> {
    let Some(live) = &node.live else { return Vec::new() };
    let coin = family.network(&asset.chain).map_or("its coin", |n| n.coin);
    let symbol = family.known(&asset).map_or(coin, |token| token.symbol);
    let subject = format!("{} {symbol}", node.id);
    if fixed {
        return vec![Finding::ok(AREA, subject, "fixed by the configuration")];
    }
    let mut all = vec![("chain feeds", Arc::clone(&live.connected.oracle))];
    all.extend(
        sources.iter().filter(|s| s.assets.contains(&asset)).map(|s| (&*s.name, Arc::clone(&s.oracle))),
    );
    let mut findings = Vec::new();
    let mut median = Median::new(Arc::new(SystemClock), prices::agreement(config));
    let mut answering = 0usize;
    for (name, oracle) in all {
        median = median.with(name, Arc::clone(&oracle));
        match ask(&*oracle, &asset).await {
            Ok(_) => answering = answering.saturating_add(1),
            // No feed of this chain is known for it: whether that matters, the sum of the sources says.
            Err(e) if e.code == Code::NoPrice && e.blame == Blame::Caller => {}
            Err(e) => {
                let said = format!("{name}: {}: {}", e.code, words(&e));
                let advice = "that source is left out until it is fresh again; more sources make up for one";
                findings.push(Finding::warn(AREA, &subject, said, advice));
            }
        }
    }
    findings.push(match ask(&median, &asset).await {
        Ok(price) => Finding::ok(AREA, subject, fresh(&price, answering)),
        Err(e) => Finding::bad(AREA, subject, format!("{}: {}", e.code, words(&e)), ADVICE),
    });
    findings
}

async fn ask(oracle: &dyn Oracle, asset: &AssetId) -> Result<UsdPrice, Error> {
    let late = |late| Err(Error::network(Code::TimedOut).detail(late));
    within(oracle.usd(asset)).await.unwrap_or_else(late)
}

fn fresh(price: &UsdPrice, sources: usize) -> String {
    let unit = 10u128.checked_pow(price.asset_decimals.into()).unwrap_or(1);
    let worth = price.worth(unit).map_or_else(|_| "?".to_owned(), |usd| format!("{usd:.4}"));
    let age_s = SystemClock.now().ms_since(price.at) / 1000;
    let from = if sources == 1 { "one source".to_owned() } else { format!("{sources} sources that agree") };
    format!("{worth}, {age_s} s old, from {from}")
}
