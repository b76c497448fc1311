//! What was priced on a tariff, for as long as the tariff lasts.

use crate::cost::{Quote, price_work};
use std::sync::Arc;
use tollway_core::{Result, Tariff, Time, UsdPrice, Work};

/// A tariff, and what was priced on it. The two come and go together, so a quote never outlives the look it is from.
#[derive(Clone)]
pub(crate) struct Priced {
    pub(crate) tariff: Arc<dyn Tariff>,
    pub(crate) coin: Option<Coin>,
    pub(crate) quotes: Vec<Remembered>,
}

/// The price of the chain's coin, as it was found when so much had been written to the book of prices.
#[derive(Clone, Copy)]
pub(crate) struct Coin {
    pub(crate) price: UsdPrice,
    pub(crate) fresh_until: Time,
    pub(crate) writes: u64,
}

/// A piece of work that was priced, at this price of the coin.
#[derive(Clone)]
pub(crate) struct Remembered {
    work: Work,
    coin: UsdPrice,
    quote: Arc<Quote>,
}

/// Quotes remembered per tariff. A wallet meets the same few kinds of work on a chain again and again: one per scheme
/// and token.
pub(crate) const REMEMBERED_MAX: usize = 8;

impl Priced {
    pub(crate) fn new(tariff: Arc<dyn Tariff>) -> Self {
        Self { tariff, coin: None, quotes: Vec::new() }
    }

    pub(crate) fn quote(&mut self, work: &Work, coin: &UsdPrice) -> Result<Arc<Quote>> {
        if let Some(known) = self.quotes.iter().find(|q| q.coin == *coin && q.work == *work) {
            return Ok(Arc::clone(&known.quote));
        }
        let quote = Arc::new(price_work(work, &self.tariff, coin)?);
        if self.quotes.len() >= REMEMBERED_MAX {
            self.quotes.clear();
        }
        self.quotes.push(Remembered { work: work.clone(), coin: *coin, quote: Arc::clone(&quote) });
        Ok(quote)
    }
}
