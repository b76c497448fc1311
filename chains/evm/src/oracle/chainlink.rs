use crate::contracts::IAggregator;
use crate::family::FAMILY;
use crate::look::Looker;
use crate::profiles::{Feed, Profile};
use crate::single::Single;
use crate::{At, EvmCall};
use alloy::primitives::{Bytes, I256};
use alloy::sol_types::SolCall;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use tollway_core::{AssetId, ChainId, Clock, Code, Error, Oracle, Result, Time, UsdPrice, async_trait};

/// Prices are read again after so long.
const LASTS_MS: u64 = 10_000;
/// A price of more than a hundred million dollars for one whole unit is no price.
const DOLLARS_MAX: u128 = 100_000_000;
/// More fraction digits than any feed has.
const DECIMALS_MAX: u8 = 36;
/// How far a feed may be ahead of the chain's clock, in milliseconds.
const AHEAD_MS: u64 = 60_000;
/// Feeds in one oracle.
const FEEDS_MAX: usize = 256;

/// Prices by Chainlink's feeds on one chain. All feeds are read in one request; staleness is measured in the chain's
/// own time, so a wrong clock here cannot make an old price look new.
pub struct ChainlinkOracle {
    looker: Arc<Looker>,
    chain: ChainId,
    clock: Arc<dyn Clock>,
    feeds: Vec<(AssetId, u8, Feed)>,
    read: Arc<RwLock<Prices>>,
    fetch: Single<Result<()>>,
}

/// What was read last, and when by our clock.
#[derive(Default)]
struct Prices {
    at: Option<Time>,
    by_asset: HashMap<AssetId, Result<UsdPrice>>,
}

impl std::fmt::Debug for ChainlinkOracle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChainlinkOracle({}, {} feeds)", self.chain, self.feeds.len())
    }
}

impl ChainlinkOracle {
    pub(crate) fn new(looker: Arc<Looker>, chain: ChainId, profile: &Profile, clock: Arc<dyn Clock>) -> Self {
        let mut oracle =
            Self { looker, chain, clock, feeds: Vec::new(), read: Arc::default(), fetch: Single::default() };
        if let Some(feed) = profile.native_usd {
            oracle.feeds.push((AssetId::native(chain), 18, feed));
        }
        let known = FAMILY.assets.iter().find(|a| a.chain == chain.as_str() && a.symbol == "USDC");
        if let (Some(feed), Some(known)) = (profile.usdc_usd, known)
            && let Ok(asset) = FAMILY.asset(chain, known.key)
        {
            oracle.feeds.push((asset, known.decimals, feed));
        }
        oracle
    }

    /// Adds a feed for one more token of this chain, or replaces one.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for a token of another chain, or too many feeds.
    pub fn with(mut self, asset: AssetId, decimals: u8, feed: Feed) -> Result<Self> {
        if asset.chain != self.chain || self.feeds.len() >= FEEDS_MAX {
            return Err(Error::caller(Code::BadSettings).detail(format!(
                "{asset} in the oracle of {} with {} feeds",
                self.chain,
                self.feeds.len()
            )));
        }
        self.feeds.retain(|(known, ..)| *known != asset);
        self.feeds.push((asset, decimals, feed));
        Ok(self)
    }

    fn known(&self, asset: &AssetId) -> Option<Result<UsdPrice>> {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        let at = read.at?;
        let young = self.clock.now().ms_since(at) < LASTS_MS;
        young.then(|| read.by_asset.get(asset).cloned()).flatten()
    }
}

#[async_trait]
impl Oracle for ChainlinkOracle {
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice> {
        if !self.feeds.iter().any(|(known, ..)| known == asset) {
            return Err(Error::caller(Code::NoPrice).detail(format!("no feed is known for {asset}")));
        }
        if let Some(known) = self.known(asset) {
            return known;
        }
        let (looker, clock) = (self.looker.clone(), self.clock.clone());
        let (feeds, read) = (self.feeds.clone(), self.read.clone());
        self.fetch.join(|| read_all(looker, clock, feeds, read)).await?;
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        read.by_asset.get(asset).cloned().unwrap_or_else(|| {
            Err(Error::network(Code::NoPrice).detail(format!("the feed of {asset} was not read")))
        })
    }
}

async fn read_all(
    looker: Arc<Looker>,
    clock: Arc<dyn Clock>,
    feeds: Vec<(AssetId, u8, Feed)>,
    read: Arc<RwLock<Prices>>,
) -> Result<()> {
    let round: Bytes = IAggregator::latestRoundDataCall {}.abi_encode().into();
    let decimals: Bytes = IAggregator::decimalsCall {}.abi_encode().into();
    let calls: Vec<EvmCall> = feeds
        .iter()
        .flat_map(|(_, _, feed)| [(feed.address, round.clone()), (feed.address, decimals.clone())])
        .map(|(to, data)| EvmCall { to, data })
        .collect();
    let looked = looker.look(&calls, At::Latest).await?;
    let mut by_asset = HashMap::with_capacity(feeds.len());
    for ((asset, asset_decimals, feed), answers) in feeds.iter().zip(looked.results.chunks(2)) {
        by_asset.insert(*asset, price(asset, *asset_decimals, feed, answers, looked.time));
    }
    *read.write().unwrap_or_else(PoisonError::into_inner) = Prices { at: Some(clock.now()), by_asset };
    Ok(())
}

/// One feed's answer, checked.
fn price(
    asset: &AssetId,
    asset_decimals: u8,
    feed: &Feed,
    answers: &[Result<Bytes, Bytes>],
    now: Time,
) -> Result<UsdPrice> {
    let of = |code, why: String| {
        Err(Error::network(code).detail(format!("the feed {} of {asset}: {why}", feed.address)))
    };
    let (Some(Ok(round)), Some(Ok(decimals))) = (answers.first(), answers.get(1)) else {
        return of(Code::NoPrice, "it does not answer".into());
    };
    let (Ok(round), Ok(decimals)) = (
        IAggregator::latestRoundDataCall::abi_decode_returns_validate(round),
        IAggregator::decimalsCall::abi_decode_returns_validate(decimals),
    ) else {
        return of(Code::InvalidAnswer, "not a Chainlink feed's answer".into());
    };
    if round.answer <= I256::ZERO || decimals > DECIMALS_MAX {
        return of(Code::AbsurdPrice, format!("{} with {decimals} decimals", round.answer));
    }
    let answer = u128::try_from(round.answer.into_raw()).ok();
    let most = 10u128.checked_pow(u32::from(decimals)).and_then(|unit| unit.checked_mul(DOLLARS_MAX));
    let Some(answer) = answer.filter(|answer| most.is_none_or(|most| *answer <= most)) else {
        return of(Code::AbsurdPrice, format!("{} with {decimals} decimals", round.answer));
    };
    let at = Time::from_secs(u64::try_from(round.updatedAt).unwrap_or(u64::MAX));
    if at > now.plus_ms(AHEAD_MS) {
        return of(Code::AbsurdPrice, "its time is in the chain's future".into());
    }
    let age_secs = now.ms_since(at) / 1000;
    if age_secs > feed.max_age_secs {
        return of(Code::StalePrice, format!("{age_secs} s old; {} s are the limit", feed.max_age_secs));
    }
    Ok(UsdPrice { answer, answer_decimals: decimals, asset_decimals, at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Address, U256};

    fn seen(answer: I256, updated: u64, decimals: u64) -> Result<UsdPrice> {
        let words = [U256::from(1), answer.into_raw(), U256::ZERO, U256::from(updated), U256::from(1)];
        let round: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes::<32>()).collect();
        let decimals = U256::from(decimals).to_be_bytes::<32>().to_vec();
        let feed = Feed { address: Address::ZERO, max_age_secs: 3_600 };
        let asset = AssetId::native(ChainId::new("eip155:1").unwrap());
        price(&asset, 18, &feed, &[Ok(round.into()), Ok(decimals.into())], Time::from_secs(1_000_000))
    }

    fn code(answer: i64, updated: u64, decimals: u64) -> Code {
        seen(I256::try_from(answer).unwrap(), updated, decimals).unwrap_err().code
    }

    #[test]
    fn a_good_answer_is_a_price_and_every_bad_one_is_said_to_be() {
        let good = seen(I256::try_from(265_000_000_000i64).unwrap(), 999_000, 8).unwrap();
        assert_eq!((good.answer, good.answer_decimals, good.asset_decimals), (265_000_000_000, 8, 18));
        assert_eq!(code(265_000_000_000, 996_000, 8), Code::StalePrice);
        assert_eq!(code(0, 999_000, 8), Code::AbsurdPrice);
        assert_eq!(code(-1, 999_000, 8), Code::AbsurdPrice);
        assert_eq!(code(1, 999_000, 77), Code::AbsurdPrice);
        assert_eq!(code(1, 2_000_000, 8), Code::AbsurdPrice);
        assert_eq!(seen(I256::MAX, 999_000, 8).unwrap_err().code, Code::AbsurdPrice);
        assert_eq!(code(i64::MAX, 999_000, 8), Code::AbsurdPrice);
    }

    #[test]
    fn a_feed_that_is_not_there_is_no_price() {
        let feed = Feed { address: Address::ZERO, max_age_secs: 1 };
        let asset = AssetId::native(ChainId::new("eip155:1").unwrap());
        let none = price(&asset, 18, &feed, &[Ok(Bytes::new()), Err(Bytes::new())], Time::ZERO);
        assert_eq!(none.unwrap_err().code, Code::NoPrice);
        let odd = price(&asset, 18, &feed, &[Ok(Bytes::new()), Ok(Bytes::new())], Time::ZERO);
        assert_eq!(odd.unwrap_err().code, Code::InvalidAnswer);
    }
}
