//! One price out of several sources: the median of those that agree.

use futures::future::{Either, join_all, select};
use std::cmp::Ordering;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use tollway_core::{AssetId, Blame, Clock, Code, Error, Next, Oracle, Result, UsdPrice, async_trait};

/// How far sources may be apart, and how long they may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MedianSettings {
    /// How far a source may be from the median before it does not count, in hundredths of a percent (300): on-chain
    /// feeds follow the market in steps of up to half a percent, and a coin moves another while one of them is asked.
    pub apart_bps_max: u32,
    /// How many sources must agree; without it more than half of those that have a feed for the asset, so that neither one
    /// source that is wrong nor one that is gone decides alone.
    pub agree_min: Option<usize>,
    /// The longest a source may take, in milliseconds (1,000: less than a quote may take). A slower one does not count.
    pub timeout_ms: u64,
}

impl Default for MedianSettings {
    fn default() -> Self {
        Self { apart_bps_max: 300, agree_min: None, timeout_ms: 1_000 }
    }
}

/// Asks several oracles at once and believes what most of them say.
///
/// * A source without a feed for the asset ([`Code::NoPrice`], [`Blame::Caller`]) is none of the asset's sources.
/// * The answer is the median; of an even number the higher of the two in the middle, because a cost is never understated.
///   Sources too far from it are left out. Too few left is [`Code::PricesDisagree`]; where nobody was far off, it is the
///   first source's own error, such as [`Code::StalePrice`].
/// * With a single source it is that source.
///
/// ```
/// # use std::sync::Arc;
/// # use tollway_core::{Clock, Oracle};
/// # fn example(feeds: Arc<dyn Oracle>, spot: Arc<dyn Oracle>, clock: Arc<dyn Clock>) {
/// use tollway_route::{Median, MedianSettings};
///
/// let settings = MedianSettings { apart_bps_max: 150, ..MedianSettings::default() };
/// let oracle = Median::new(clock, settings).with("feeds", feeds).with("spot", spot);
/// # }
/// ```
pub struct Median {
    sources: Vec<(Box<str>, Arc<dyn Oracle>)>,
    clock: Arc<dyn Clock>,
    settings: MedianSettings,
}

impl fmt::Debug for Median {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sources.iter().map(|(name, _)| name)).finish()
    }
}

impl Median {
    /// Without a source every asset is unknown.
    pub fn new(clock: Arc<dyn Clock>, settings: MedianSettings) -> Self {
        Self { sources: Vec::new(), clock, settings }
    }
    /// Adds a source; the name is for people.
    #[must_use]
    pub fn with(mut self, name: &str, source: Arc<dyn Oracle>) -> Self {
        self.sources.push((name.into(), source));
        self
    }

    async fn ask(&self, source: &dyn Oracle, asset: &AssetId) -> Result<UsdPrice> {
        let late = self.clock.sleep(self.settings.timeout_ms);
        match select(pin!(source.usd(asset)), pin!(late)).await {
            Either::Left((answer, _)) => answer.and_then(usable),
            Either::Right(_) => Err(Error::network(Code::TimedOut).detail("no price in time")),
        }
    }
}

#[async_trait]
impl Oracle for Median {
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice> {
        if let [(_, only)] = &self.sources[..] {
            // Nobody else waits for it.
            return only.usd(asset).await.and_then(usable);
        }
        let asked = self
            .sources
            .iter()
            .map(|(name, source)| async move { (&**name, self.ask(source.as_ref(), asset).await) });
        let mut answers = join_all(asked).await;
        answers.retain(|(_, answer)| !matches!(answer, Err(e) if is_unknown(e)));
        agreed(asset, &answers, self.settings)
    }
}

/// Says that the source has no feed for the asset, as opposed to one that does not answer.
fn is_unknown(e: &Error) -> bool {
    e.code == Code::NoPrice && e.blame == Blame::Caller
}

fn usable(price: UsdPrice) -> Result<UsdPrice> {
    // Every price that can be compared can be compared with itself.
    let says = || Error::network(Code::AbsurdPrice).detail("a price of zero, or with too many digits");
    price.compare(&price).map(|_| price).ok_or_else(says)
}

type Said<'a> = (&'a str, Result<UsdPrice>);

/// The median of the answers that are near to it, when there are enough of them.
fn agreed(asset: &AssetId, answers: &[Said<'_>], settings: MedianSettings) -> Result<UsdPrice> {
    let mut prices: Vec<UsdPrice> = answers.iter().filter_map(|(_, said)| said.clone().ok()).collect();
    prices.sort_by(|a, b| a.compare(b).unwrap_or(Ordering::Equal));
    let Some(median) = prices.get(prices.len() / 2) else {
        return Err(none(asset, answers));
    };
    let near = |price: &UsdPrice| median.apart_bps(price).is_some_and(|bps| bps <= settings.apart_bps_max);
    let agree = prices.iter().filter(|price| near(price)).count();
    let least = settings.agree_min.unwrap_or((answers.len() / 2).saturating_add(1)).max(1);
    if agree < prices.len() {
        tracing::warn!(%asset, said = %words(answers), "sources of a price disagree");
    }
    if agree >= least {
        return Ok(*median);
    }
    let code = match answers.iter().find_map(|(_, said)| said.as_ref().err()) {
        Some(e) if agree == prices.len() => e.code.clone(),
        _ => Code::PricesDisagree,
    };
    Err(Error::network(code).next(Next::OtherRoute).detail(format!(
        "{agree} of {} sources agree on {asset}, {least} must: {}",
        answers.len(),
        words(answers)
    )))
}

fn none(asset: &AssetId, answers: &[Said<'_>]) -> Error {
    match answers {
        [] => Error::caller(Code::NoPrice).next(Next::OtherRoute).detail(format!("no source has {asset}")),
        [(_, Err(only))] => only.clone(),
        [(_, first), ..] => {
            let code = first.as_ref().err().map_or(Code::NoPrice, |e| e.code.clone());
            Error::network(code).next(Next::OtherRoute).detail(format!("{asset}: {}", words(answers)))
        }
    }
}

/// What each source said, for people.
fn words(answers: &[Said<'_>]) -> String {
    let one = |(name, said): &Said<'_>| match said {
        Ok(price) => match price.worth(10u128.saturating_pow(price.asset_decimals.into())) {
            Ok(usd) => format!("{name} {usd:.6}"),
            Err(_) => format!("{name} more than can be counted"),
        },
        Err(e) => format!("{name} {}", e.code),
    };
    answers.iter().map(one).collect::<Vec<_>>().join(", ")
}
