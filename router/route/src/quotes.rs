//! The quote book: tariffs and prices, kept warm, asked without I/O.
//!
//! It keeps *tariffs*, not prices of transactions, so a 402 that nobody has seen before is priced without I/O.

use crate::cache::{Cache, Fresh, Lookup, Waited};
use crate::cost::Market;
use futures::FutureExt;
use futures::future::{BoxFuture, Either, join_all, select};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tollway_core::{
    AssetId, ChainId, Clock, Code, Error, Network, Next, Oracle, Purpose, Result, Tariff, Time, UsdPrice,
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

/// A request under way, and whether somebody has waited for it in vain.
type Waiting = (BoxFuture<'static, ()>, Waited);

/// Tariffs of all chains and prices of all assets that were ever asked for.
pub struct QuoteBook {
    networks: BTreeMap<ChainId, Arc<dyn Network>>,
    oracle: Arc<dyn Oracle>,
    clock: Arc<dyn Clock>,
    spawn: Spawn,
    settings: QuoteSettings,
    tariffs: Cache<(ChainId, Purpose), Arc<dyn Tariff>>,
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
        Moment { book: self, now: self.clock.now(), all_fresh: Cell::new(true) }
    }

    fn tariff_of(&self, chain: ChainId, look: Lookup<Arc<dyn Tariff>>) -> Result<Arc<dyn Tariff>> {
        match look {
            Lookup::Fresh(tariff) | Lookup::Stale(tariff) => Ok(tariff),
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
            match self.tariffs.look(key, now) {
                Lookup::Fresh(_) => {}
                Lookup::Stale(_) => drop(self.fetch_tariff(*key)),
                _ => waits.extend(self.fetch_tariff(*key)),
            }
        }
        for asset in &wants.prices {
            match self.prices.look(asset, now) {
                Lookup::Fresh(_) => {}
                Lookup::Stale(_) => drop(self.fetch_price(*asset)),
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
                if !matches!(self.tariffs.look(&key, soon), Lookup::Fresh(_)) {
                    drop(self.fetch_tariff(key));
                }
            }
            for asset in wants.prices {
                if !matches!(self.prices.look(&asset, soon), Lookup::Fresh(_)) {
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

    fn fresh_tariff(&self, tariff: Arc<dyn Tariff>) -> Fresh<Arc<dyn Tariff>> {
        let fresh_until = tariff.valid_until();
        Fresh { value: tariff, fresh_until, usable_until: fresh_until.plus_ms(self.settings.stale_ms) }
    }

    fn fetch_tariff(&self, key: (ChainId, Purpose)) -> Option<Waiting> {
        let network = Arc::clone(self.networks.get(&key.0)?);
        let stale_ms = self.settings.stale_ms;
        let (flight, waited) = self.tariffs.refresh(key, self.clock.now(), &self.spawn, move || {
            async move {
                let tariff = network.tariff(key.1, &[]).await?;
                let fresh_until = tariff.valid_until();
                Ok(Fresh { value: tariff, fresh_until, usable_until: fresh_until.plus_ms(stale_ms) })
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

/// The book at one moment: time is asked once, however many quotes are.
pub(crate) struct Moment<'b> {
    book: &'b QuoteBook,
    now: Time,
    all_fresh: Cell<bool>,
}

impl Moment<'_> {
    /// True as long as every answer was fresh: then [`QuoteBook::gather`] has nothing to do.
    pub(crate) fn all_fresh(&self) -> bool {
        self.all_fresh.get()
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
        let look = self.note(self.book.tariffs.look(&(chain, purpose), self.now));
        self.book.tariff_of(chain, look)
    }

    fn price(&self, asset: &AssetId) -> Result<UsdPrice> {
        match self.note(self.book.prices.look(asset, self.now)) {
            Lookup::Fresh(price) | Lookup::Stale(price) => Ok(price),
            Lookup::Expired => Err(stale(format!("price of {asset}"))),
            Lookup::Missing(why) => Err(missing(Code::NoPrice, format!("price of {asset}"), why)),
        }
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
        Some(kept @ (Code::StalePrice | Code::AbsurdPrice)) => kept,
        _ => code,
    };
    let words = match why {
        Some(why) => format!("{what}: {why}"),
        None => format!("{what}: nothing came in time"),
    };
    Error::network(code).next(Next::OtherRoute).detail(words)
}
