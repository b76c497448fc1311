use crate::family::FAMILY;
use crate::profiles::Profile;
use crate::read::Looker;
use crate::rpc::Level;
use crate::single::Single;
use crate::svm::State;
use solana_pubkey::Pubkey;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use tollway_core::{AssetId, ChainId, Clock, Code, Error, Oracle, Result, Time, UsdPrice, async_trait};

/// The program that owns price accounts.
const RECEIVER: Pubkey = Pubkey::from_str_const("rec5EKMGg6MxZYaMdyBfgwp4d5rB9T1VQH5pJv5LtFJ");
/// What a price account begins with.
const DISCRIMINATOR: [u8; 8] = [34, 241, 35, 99, 157, 126, 244, 205];
/// Signed by two thirds of the guardians, not by a few of them.
const FULLY_VERIFIED: u8 = 1;
/// Prices are read again after so long.
const LASTS_MS: u64 = 10_000;
/// A feed of these is renewed every minute.
const MAX_AGE_SECS: u64 = 600;
/// A price of more than a hundred million dollars for one whole unit is no price.
const DOLLARS_MAX: u128 = 100_000_000;
/// More fraction digits than any feed has.
const DECIMALS_MAX: u8 = 18;
/// How far a feed may be ahead of the chain's clock, in milliseconds.
const AHEAD_MS: u64 = 60_000;
/// A price whose publishers are further apart than one part in so many is none.
const CONFIDENCE_PART: u64 = 50;
/// Feeds in one oracle.
const FEEDS_MAX: usize = 64;

/// A Pyth price account, and how old its price may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PythFeed {
    /// The account.
    pub account: Pubkey,
    /// The oldest price that is believed, in seconds of the chain's time.
    pub max_age_secs: u64,
}

impl PythFeed {
    const fn at(account: Pubkey) -> Self {
        Self { account, max_age_secs: MAX_AGE_SECS }
    }
}

/// Prices by Pyth's price accounts on one chain. All feeds are read in one request; staleness is measured in the
/// chain's own time, so a wrong clock here cannot make an old price look new.
pub struct PythOracle {
    looker: Arc<Looker>,
    chain: ChainId,
    clock: Arc<dyn Clock>,
    feeds: Vec<(AssetId, u8, PythFeed)>,
    read: Arc<RwLock<Prices>>,
    fetch: Single<Result<()>>,
}

/// What was read last, and when by our clock.
#[derive(Default)]
struct Prices {
    at: Option<Time>,
    by_asset: HashMap<AssetId, Result<UsdPrice>>,
}

impl std::fmt::Debug for PythOracle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PythOracle({}, {} feeds)", self.chain, self.feeds.len())
    }
}

impl PythOracle {
    pub(crate) fn new(looker: Arc<Looker>, chain: ChainId, profile: &Profile, clock: Arc<dyn Clock>) -> Self {
        let (read, fetch) = (Arc::default(), Single::default());
        let mut oracle = Self { looker, chain, clock, feeds: Vec::new(), read, fetch };
        if let Some(account) = profile.native_usd {
            oracle.feeds.push((AssetId::native(chain), 9, PythFeed::at(account)));
        }
        let known = FAMILY.assets.iter().find(|a| a.chain == chain.as_str() && a.symbol == "USDC");
        if let (Some(account), Some(known)) = (profile.usdc_usd, known)
            && let Ok(asset) = FAMILY.asset(chain, known.key)
        {
            oracle.feeds.push((asset, known.decimals, PythFeed::at(account)));
        }
        oracle
    }

    /// Adds a feed for one more token of this chain, or replaces one.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for a token of another chain, or too many feeds.
    pub fn with(mut self, asset: AssetId, decimals: u8, feed: PythFeed) -> Result<Self> {
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
        let young = self.clock.now().ms_since(read.at?) < LASTS_MS;
        young.then(|| read.by_asset.get(asset).cloned()).flatten()
    }
}

#[async_trait]
impl Oracle for PythOracle {
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
    feeds: Vec<(AssetId, u8, PythFeed)>,
    read: Arc<RwLock<Prices>>,
) -> Result<()> {
    let accounts: Vec<Pubkey> = feeds.iter().map(|(.., feed)| feed.account).collect();
    let looked = looker.look(&accounts, Level::Confirmed).await?;
    let mut by_asset = HashMap::with_capacity(feeds.len());
    for ((asset, decimals, feed), state) in feeds.iter().zip(&looked.accounts) {
        by_asset.insert(*asset, price(asset, *decimals, feed, state.as_ref(), looked.time));
    }
    *read.write().unwrap_or_else(PoisonError::into_inner) = Prices { at: Some(clock.now()), by_asset };
    Ok(())
}

/// What a price account says: its owner's key (32 bytes), how it was verified (1), the feed's id (32), then price,
/// confidence, exponent and time.
struct Said {
    price: i64,
    confidence: u64,
    exponent: i32,
    at_secs: i64,
}

fn said(state: &State) -> Option<Said> {
    fn at<const N: usize>(data: &[u8], from: usize) -> Option<[u8; N]> {
        data.get(from..from.checked_add(N)?)?.try_into().ok()
    }
    let data = state.data.as_slice();
    let ours =
        state.owner == RECEIVER && data.starts_with(&DISCRIMINATOR) && data.get(40) == Some(&FULLY_VERIFIED);
    ours.then_some(())?;
    Some(Said {
        price: i64::from_le_bytes(at(data, 73)?),
        confidence: u64::from_le_bytes(at(data, 81)?),
        exponent: i32::from_le_bytes(at(data, 89)?),
        at_secs: i64::from_le_bytes(at(data, 93)?),
    })
}

/// One feed's price, checked.
fn price(
    asset: &AssetId,
    asset_decimals: u8,
    feed: &PythFeed,
    state: Option<&State>,
    now: Time,
) -> Result<UsdPrice> {
    let of = |code, why: String| {
        Err(Error::network(code).detail(format!("the feed {} of {asset}: {why}", feed.account)))
    };
    let Some(state) = state else { return of(Code::NoPrice, "there is none".into()) };
    let Some(said) = said(state) else { return of(Code::InvalidAnswer, "not a Pyth price account".into()) };
    let answer = u64::try_from(said.price).ok().filter(|price| *price > 0);
    let decimals =
        said.exponent.checked_neg().and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= DECIMALS_MAX);
    let (Some(answer), Some(decimals)) = (answer, decimals) else {
        return of(Code::AbsurdPrice, format!("{} with exponent {}", said.price, said.exponent));
    };
    let most = 10u128.checked_pow(decimals.into()).and_then(|unit| unit.checked_mul(DOLLARS_MAX));
    if most.is_some_and(|most| u128::from(answer) > most) || said.confidence > answer / CONFIDENCE_PART {
        return of(Code::AbsurdPrice, format!("{answer} ± {} with {decimals} decimals", said.confidence));
    }
    let at = Time::from_secs(u64::try_from(said.at_secs).unwrap_or(0));
    if at > now.plus_ms(AHEAD_MS) {
        return of(Code::AbsurdPrice, "its time is in the chain's future".into());
    }
    let age_secs = now.ms_since(at) / 1000;
    if age_secs > feed.max_age_secs {
        return of(Code::StalePrice, format!("{age_secs} s old; {} s are the limit", feed.max_age_secs));
    }
    Ok(UsdPrice { answer: answer.into(), answer_decimals: decimals, asset_decimals, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(price: i64, confidence: u64, exponent: i32, at: i64) -> State {
        let mut data = DISCRIMINATOR.to_vec();
        data.extend([3; 32]);
        data.push(FULLY_VERIFIED);
        data.extend([4; 32]);
        data.extend(price.to_le_bytes());
        data.extend(confidence.to_le_bytes());
        data.extend(exponent.to_le_bytes());
        data.extend(at.to_le_bytes());
        data.extend([0; 33]);
        State { owner: RECEIVER, lamports: 1, executable: false, data }
    }

    fn seen(state: Option<&State>) -> Result<UsdPrice> {
        let asset = AssetId::native(ChainId::new("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp").unwrap());
        price(&asset, 9, &PythFeed::at(Pubkey::default()), state, Time::from_secs(1_000_000))
    }

    fn code(price: i64, confidence: u64, exponent: i32, at: i64) -> Code {
        seen(Some(&state(price, confidence, exponent, at))).unwrap_err().code
    }

    #[test]
    fn a_good_price_is_one_and_every_bad_one_is_said_to_be() {
        let good = seen(Some(&state(15_000_000_000, 7_000_000, -8, 999_990))).unwrap();
        assert_eq!((good.answer, good.answer_decimals, good.asset_decimals), (15_000_000_000, 8, 9));
        assert_eq!(good.at, Time::from_secs(999_990));
        assert_eq!(code(15_000_000_000, 7_000_000, -8, 990_000), Code::StalePrice);
        assert_eq!(code(15_000_000_000, 7_000_000, -8, 2_000_000), Code::AbsurdPrice);
        assert_eq!(code(15_000_000_000, 600_000_000, -8, 999_990), Code::AbsurdPrice, "publishers disagree");
        assert_eq!(code(0, 0, -8, 999_990), Code::AbsurdPrice);
        assert_eq!(code(-5, 0, -8, 999_990), Code::AbsurdPrice);
        assert_eq!(code(5, 0, 3, 999_990), Code::AbsurdPrice);
        assert_eq!(code(i64::MAX, 0, -2, 999_990), Code::AbsurdPrice);
    }

    #[test]
    fn what_is_no_price_account_is_no_price() {
        assert_eq!(seen(None).unwrap_err().code, Code::NoPrice);
        let good = state(15_000_000_000, 0, -8, 999_990);
        for spoil in [
            |s: &mut State| s.owner = Pubkey::default(),
            |s: &mut State| s.data[0] ^= 1,
            |s: &mut State| s.data[40] = 0,
            |s: &mut State| s.data.truncate(96),
        ] {
            let mut spoiled = good.clone();
            spoil(&mut spoiled);
            assert_eq!(seen(Some(&spoiled)).unwrap_err().code, Code::InvalidAnswer);
        }
    }
}
