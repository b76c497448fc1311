//! The quote book: tariffs and prices, kept warm, asked without I/O.
//!
//! It keeps *tariffs*, not prices of transactions, so a 402 that nobody has seen before is priced without I/O.

use crate::cache::{Age, Cache, Fresh, Held, Lookup, Waited};
use crate::cost::{Market, Quote};
use crate::priced::{Coin, Priced};
use futures::FutureExt;
use futures::future::{BoxFuture, Either, join_all, select};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tollway_core::{
    AssetId, ChainId, Clock, Code, Error, Network, Next, Oracle, Purpose, Result, Tariff, Time, UsdPrice,
    Work,
};

/// Runs a future in the background: `tokio::spawn` in most applications. The brain itself has no runtime.
pub type Spawn = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// How long quotes live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteSettings {
    /// How long a price may be used without a newer one, in milliseconds. Default 10 s: a feed moves by its own
    /// threshold (0.1 to 0.5%), and within seconds rarely at all.
    pub price_ttl_ms: u64,
    /// How long a tariff or price may still be used while a newer one is fetched, in milliseconds. Default 4 s,
    /// two L2 blocks: base fees move by at most 12.5% a block.
    pub stale_ms: u64,
    /// How long gathering may take before what is missing is rejected, in milliseconds. Default 1.5 s: a payer
    /// waits for a page, and a slow chain must not hold up the others.
    pub deadline_ms: u64,
}

impl Default for QuoteSettings {
    fn default() -> Self {
        Self { price_ttl_ms: 10_000, stale_ms: 4_000, deadline_ms: 1_500 }
    }
}

/// What a question needs quotes for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wants {
    /// Fee markets.
    pub tariffs: BTreeSet<(ChainId, Purpose)>,
    /// Coins and tokens.
    pub prices: BTreeSet<AssetId>,
}

/// Which fee market.
type Fees = (ChainId, Purpose);

/// A request under way, and whether somebody has waited for it in vain.
type Waiting = (BoxFuture<'static, ()>, Waited);

/// Tariffs of all chains and prices of all assets that were ever asked for.
pub struct QuoteBook {
    networks: BTreeMap<ChainId, Arc<dyn Network>>,
    oracle: Arc<dyn Oracle>,
    clock: Arc<dyn Clock>,
    spawn: Spawn,
    settings: QuoteSettings,
    tariffs: Cache<Fees, Priced>,
    prices: Cache<AssetId, UsdPrice>,
}

impl std::fmt::Debug for QuoteBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuoteBook").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl QuoteBook {
    /// An empty book over these chains.
    pub fn new(
        networks: impl IntoIterator<Item = Arc<dyn Network>>,
        oracle: Arc<dyn Oracle>,
        clock: Arc<dyn Clock>,
        spawn: Spawn,
        settings: QuoteSettings,
    ) -> Self {
        let networks = networks.into_iter().map(|n| (n.id(), n)).collect();
        Self { networks, oracle, clock, spawn, settings, tariffs: Cache::new(), prices: Cache::new() }
    }

    /// The tariff of a chain, without I/O. One that is only stale is used while a newer one is fetched.
    ///
    /// # Errors
    /// [`Code::NoQuote`] with the node's own words, [`Code::StaleQuote`].
    pub fn tariff(&self, chain: ChainId, purpose: Purpose) -> Result<Arc<dyn Tariff>> {
        self.now().tariff(chain, purpose)
    }

    /// The price of an asset, without I/O.
    ///
    /// # Errors
    /// [`Code::NoPrice`], or the oracle's own code (stale, absurd) when that was its last word.
    pub fn price(&self, asset: &AssetId) -> Result<UsdPrice> {
        self.now().price(asset)
    }

    /// The book as it stands now.
    pub(crate) fn now(&self) -> Moment<'_> {
        Moment {
            book: self,
            now: self.clock.now(),
            tariffs: RefCell::new(self.tariffs.hold()),
            prices: RefCell::new(self.prices.hold()),
            all_fresh: Cell::new(true),
        }
    }

    fn tariff_of<'t>(&self, chain: ChainId, look: Lookup<&'t mut Priced>) -> Result<&'t mut Priced> {
        match look {
            Lookup::Fresh(priced) | Lookup::Stale(priced) => Ok(priced),
            Lookup::Expired => Err(stale(format!("fees of {chain}"))),
            Lookup::Missing(None) if !self.networks.contains_key(&chain) => Err(missing(
                Code::NoQuote,
                format!("fees of {chain}"),
                Some(Error::caller(Code::NetworkMissing)),
            )),
            Lookup::Missing(why) => Err(missing(Code::NoQuote, format!("fees of {chain}"), why)),
        }
    }

    /// Fetches what is missing or too old and waits for it, at most until the deadline; refreshes what is stale in
    /// the background. Afterwards every want is answered without I/O, with a quote or with the reason.
    ///
    /// Cancel safe: requests in flight go on for the next caller.
    pub async fn gather(&self, wants: &Wants) {
        let now = self.clock.now();
        let mut waits: Vec<Waiting> = Vec::new();
        for key in &wants.tariffs {
            match self.tariffs.age(key, now) {
                Age::Fresh => {}
                Age::Stale => drop(self.fetch_tariff(*key)),
                _ => waits.extend(self.fetch_tariff(*key)),
            }
        }
        for asset in &wants.prices {
            match self.prices.age(asset, now) {
                Age::Fresh => {}
                Age::Stale => drop(self.fetch_price(*asset)),
                _ => waits.push(self.fetch_price(*asset)),
            }
        }
        // Once somebody has waited a whole deadline, nobody does again for the same request: one dead node would
        // otherwise hold up every payment. When its answer comes after all, it serves whoever asks then.
        waits.retain(|(_, waited)| !waited.load(Ordering::Relaxed));
        if waits.is_empty() {
            return;
        }
        let (requests, waited): (Vec<_>, Vec<_>) = waits.into_iter().unzip();
        let (all, deadline) = (join_all(requests), self.clock.sleep(self.settings.deadline_ms));
        if let Either::Right(_) = select(all, deadline).await {
            waited.iter().for_each(|waited| waited.store(true, Ordering::Relaxed));
        }
    }

    /// Refreshes everything that was ever asked for, a little before it goes stale, until dropped. Spawn it once.
    pub async fn keep_warm(self: Arc<Self>, every_ms: u64) {
        loop {
            let wants = Wants {
                tariffs: self.tariffs.keys().into_iter().collect(),
                prices: self.prices.keys().into_iter().collect(),
            };
            let soon = self.clock.now().plus_ms(every_ms.saturating_mul(2));
            for key in wants.tariffs {
                if self.tariffs.age(&key, soon) != Age::Fresh {
                    drop(self.fetch_tariff(key));
                }
            }
            for asset in wants.prices {
                if self.prices.age(&asset, soon) != Age::Fresh {
                    drop(self.fetch_price(asset));
                }
            }
            self.clock.sleep(every_ms).await;
        }
    }

    /// Puts in a tariff from outside: a push, a test, a recorded market.
    pub fn put_tariff(&self, chain: ChainId, purpose: Purpose, tariff: Arc<dyn Tariff>) {
        let fresh = self.fresh_tariff(tariff);
        self.tariffs.put((chain, purpose), fresh);
    }

    /// Puts in a price from outside.
    pub fn put_price(&self, asset: AssetId, price: UsdPrice) {
        let fresh = fresh_price(price, self.clock.now(), &self.settings);
        self.prices.put(asset, fresh);
    }

    fn fresh_tariff(&self, tariff: Arc<dyn Tariff>) -> Fresh<Priced> {
        let fresh_until = tariff.valid_until();
        Fresh {
            value: Priced::new(tariff),
            fresh_until,
            usable_until: fresh_until.plus_ms(self.settings.stale_ms),
        }
    }

    fn fetch_tariff(&self, key: (ChainId, Purpose)) -> Option<Waiting> {
        let network = Arc::clone(self.networks.get(&key.0)?);
        let stale_ms = self.settings.stale_ms;
        let (flight, waited) = self.tariffs.refresh(key, self.clock.now(), &self.spawn, move || {
            async move {
                let tariff = network.tariff(key.1, &[]).await?;
                let fresh_until = tariff.valid_until();
                Ok(Fresh {
                    value: Priced::new(tariff),
                    fresh_until,
                    usable_until: fresh_until.plus_ms(stale_ms),
                })
            }
            .boxed()
        });
        Some((flight.map(drop).boxed(), waited))
    }

    fn fetch_price(&self, asset: AssetId) -> Waiting {
        let (oracle, clock, settings) = (Arc::clone(&self.oracle), Arc::clone(&self.clock), self.settings);
        let (flight, waited) = self.prices.refresh(asset, self.clock.now(), &self.spawn, move || {
            async move {
                let price = oracle.usd(&asset).await?;
                Ok(fresh_price(price, clock.now(), &settings))
            }
            .boxed()
        });
        (flight.map(drop).boxed(), waited)
    }
}

/// The book at one moment: time is asked once, and each lock taken once, however many quotes are. The book stands still
/// as long as this lives: it is dropped before anything is waited for or the book is asked otherwise, and meanwhile nobody
/// is called who could ask it; tariffs alone are, which are snapshots.
pub(crate) struct Moment<'b> {
    book: &'b QuoteBook,
    now: Time,
    tariffs: RefCell<Held<'b, Fees, Priced>>,
    prices: RefCell<Held<'b, AssetId, UsdPrice>>,
    all_fresh: Cell<bool>,
}

impl Moment<'_> {
    /// True as long as every answer was fresh: then [`QuoteBook::gather`] has nothing to do.
    pub(crate) fn all_fresh(&self) -> bool {
        self.all_fresh.get()
    }

    /// The price of a chain's coin: `known`, unless anything was written since or it is not fresh any more.
    fn coin(&self, chain: ChainId, known: &mut Option<Coin>) -> Result<UsdPrice> {
        let writes = self.prices.borrow().writes();
        if let Some(coin) = known.filter(|coin| coin.writes == writes && self.now < coin.fresh_until) {
            return Ok(coin.price);
        }
        let asset = AssetId::native(chain);
        let price = self.price(&asset)?;
        let fresh_until = self.prices.borrow().fresh_until(&asset).filter(|until| self.now < *until);
        *known = fresh_until.map(|fresh_until| Coin { price, fresh_until, writes });
        Ok(price)
    }

    fn note<V>(&self, look: Lookup<V>) -> Lookup<V> {
        if !matches!(look, Lookup::Fresh(_)) {
            self.all_fresh.set(false);
        }
        look
    }
}

impl Market for Moment<'_> {
    fn tariff(&self, chain: ChainId, purpose: Purpose) -> Result<Arc<dyn Tariff>> {
        let mut tariffs = self.tariffs.borrow_mut();
        let look = self.note(tariffs.look(&(chain, purpose), self.now));
        self.book.tariff_of(chain, look).map(|priced| Arc::clone(&priced.tariff))
    }

    fn price(&self, asset: &AssetId) -> Result<UsdPrice> {
        match self.note(self.prices.borrow_mut().look(asset, self.now)) {
            Lookup::Fresh(price) | Lookup::Stale(price) => Ok(*price),
            Lookup::Expired => Err(stale(format!("price of {asset}"))),
            Lookup::Missing(why) => Err(missing(Code::NoPrice, format!("price of {asset}"), why)),
        }
    }

    fn quote(&self, chain: ChainId, purpose: Purpose, work: &Work) -> Result<Arc<Quote>> {
        let mut tariffs = self.tariffs.borrow_mut();
        let look = self.note(tariffs.look(&(chain, purpose), self.now));
        let priced = self.book.tariff_of(chain, look)?;
        let coin = self.coin(chain, &mut priced.coin)?;
        priced.quote(work, &coin)
    }
}

fn fresh_price(price: UsdPrice, now: Time, settings: &QuoteSettings) -> Fresh<UsdPrice> {
    let fresh_until = now.plus_ms(settings.price_ttl_ms);
    Fresh { value: price, fresh_until, usable_until: fresh_until.plus_ms(settings.stale_ms) }
}

fn stale(what: String) -> Error {
    Error::network(Code::StaleQuote)
        .next(Next::OtherRoute)
        .detail(format!("{what}: the last quote is too old"))
}

fn missing(code: Code, what: String, why: Option<Error>) -> Error {
    let kept = why.as_ref().map(|e| e.code.clone());
    let code = match kept {
        Some(kept @ (Code::StalePrice | Code::AbsurdPrice | Code::PricesDisagree)) => kept,
        _ => code,
    };
    let words = match why {
        Some(why) => format!("{what}: {why}"),
        None => format!("{what}: nothing came in time"),
    };
    Error::network(code).next(Next::OtherRoute).detail(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::price_work;
    use crate::priced::REMEMBERED_MAX;
    use std::sync::atomic::AtomicU64;
    use tollway_core::{Bearer, Cost, Part, Sample, async_trait};

    /// So much per unit of compute and per byte.
    #[derive(Debug)]
    struct Gas(AssetId, u128);

    impl Tariff for Gas {
        fn price(&self, work: &Work) -> Result<Cost> {
            let mut cost = Cost::new(self.0);
            cost.add(Part::Execution, self.1 * u128::from(work.compute))?;
            cost.add(Part::L1Data, self.1 * u128::try_from(work.sample.bytes().len()).unwrap())?;
            Ok(cost)
        }
        fn taken_at(&self) -> Time {
            Time::ZERO
        }
        fn valid_until(&self) -> Time {
            Time::FAR
        }
        fn source(&self) -> &str {
            "test"
        }
    }

    #[derive(Default)]
    struct Hands(AtomicU64);

    #[async_trait]
    impl Clock for Hands {
        fn now(&self) -> Time {
            Time::from_secs(self.0.load(Ordering::Relaxed))
        }
        async fn sleep(&self, _: u64) {}
    }

    #[async_trait]
    impl Oracle for Hands {
        async fn usd(&self, _: &AssetId) -> Result<UsdPrice> {
            Err(Error::network(Code::NoPrice))
        }
    }

    fn chain(n: u64) -> ChainId {
        ChainId::new(&format!("test:{n}")).unwrap()
    }

    fn usd(answer: u128) -> UsdPrice {
        UsdPrice { answer, answer_decimals: 8, asset_decimals: 18, at: Time::ZERO }
    }

    fn book(clock: &Arc<Hands>) -> QuoteBook {
        QuoteBook::new([], clock.clone(), clock.clone(), Arc::new(drop), QuoteSettings::default())
    }

    fn put(book: &QuoteBook, n: u64, each: u128, coin: u128) {
        let asset = AssetId::native(chain(n));
        book.put_tariff(chain(n), Purpose::Interactive, Arc::new(Gas(asset, each)));
        book.put_price(asset, usd(coin));
    }

    fn quote(book: &QuoteBook, n: u64, work: &Work) -> Result<Arc<Quote>> {
        book.now().quote(chain(n), Purpose::Interactive, work)
    }

    #[test]
    fn a_quote_is_remembered_as_long_as_nothing_it_rests_on_has_changed() {
        let clock = Arc::new(Hands::default());
        let book = book(&clock);
        put(&book, 1, 7, 300_000_000_000);
        let work = Work::new(Bearer::Settler, "w", 10, Sample::new([1, 2, 3]));
        let first = quote(&book, 1, &work).unwrap();
        let same = |work: &Work| Arc::ptr_eq(&first, &quote(&book, 1, work).unwrap());
        assert!(same(&work) && same(&work.clone()));
        let mut others = [(); 9].map(|()| work.clone());
        others[0].bearer = Bearer::Payer;
        others[1].label = "v";
        others[2].compute = 11;
        others[3].sample = Sample::new([1, 2]);
        others[4].signatures = 2;
        others[5].touches.push(tollway_core::Account::new(chain(1), "x").unwrap());
        others[6].creates_bytes.push(1);
        others[7].refundable = true;
        others[8].shared_by = std::num::NonZeroU32::new(2).unwrap();
        assert!(others.iter().all(|other| !same(other)));
        let native = |each, coin| {
            put(&book, 1, each, coin);
            let quote = quote(&book, 1, &work).unwrap();
            (quote.native.atomic, quote.usd)
        };
        assert_eq!(native(8, 300_000_000_000).0, 8 * 13);
        let (before, after) = (native(8, 300_000_000_000).1, native(8, 600_000_000_000).1);
        assert_eq!(before.checked_add(before), Some(after));
    }

    #[test]
    fn a_remembered_price_of_the_coin_ages_like_the_price() {
        let clock = Arc::new(Hands::default());
        let book = book(&clock);
        put(&book, 1, 7, 300_000_000_000);
        let work = Work::new(Bearer::Settler, "w", 10, Sample::default());
        let fresh_at = |secs| {
            clock.0.store(secs, Ordering::Relaxed);
            let moment = book.now();
            moment.quote(chain(1), Purpose::Interactive, &work).map(|_| moment.all_fresh())
        };
        assert_eq!([0, 5, 9].map(fresh_at), [Ok(true), Ok(true), Ok(true)]);
        assert_eq!([10, 13].map(fresh_at), [Ok(false), Ok(false)], "stale: used, and renewed");
        assert_eq!(fresh_at(14).unwrap_err().code, Code::StaleQuote);
        assert_eq!(fresh_at(5), Ok(true));
    }

    #[test]
    fn remembered_or_not_a_quote_is_what_pricing_gives() {
        let (clock, mut state) = (Arc::new(Hands::default()), 1u64);
        let (book, mut truth) = (book(&clock), std::collections::HashMap::new());
        let mut dice = |sides: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % sides
        };
        for _ in 0..20_000 {
            let n = dice(3);
            if dice(8) == 0 {
                let (each, coin) = (u128::from(dice(4)), u128::from(dice(4)) * 100_000_000);
                put(&book, n, each, coin);
                truth.insert(n, (each, coin));
            }
            let sample = Sample::new(vec![0; usize::try_from(dice(3)).unwrap()]);
            let work = Work::new(Bearer::Settler, "w", dice(9), sample);
            let got = quote(&book, n, &work);
            let Some((each, coin)) = truth.get(&n) else {
                assert_eq!(got.unwrap_err().code, Code::NoQuote);
                continue;
            };
            let tariff: Arc<dyn Tariff> = Arc::new(Gas(AssetId::native(chain(n)), *each));
            let (got, want) = (got.unwrap(), price_work(&work, &tariff, &usd(*coin)).unwrap());
            assert_eq!((got.native, got.usd, &got.parts), (want.native, want.usd, &want.parts));
            let mut tariffs = book.tariffs.hold();
            let Lookup::Fresh(priced) = tariffs.look(&(chain(n), Purpose::Interactive), Time::ZERO) else {
                panic!("a tariff was put in")
            };
            assert!(priced.quotes.len() <= REMEMBERED_MAX);
        }
    }
}
