//! From effort to money: each piece of work at its chain's tariff, in the chain's coin and in USD.

use crate::quotes::{QuoteBook, Wants};
use arrayvec::ArrayVec;
use std::num::NonZeroU32;
use std::sync::Arc;
pub use tollway_core::Part;
use tollway_core::{
    Amount, AssetId, Bearer, ChainId, Code, Effort, Error, Fee, Few, Next, Purpose, Result, Tariff, Time,
    Usd, UsdPrice, Work,
};

/// Where quotes come from while pricing: the book, or a recorded market.
pub trait Market {
    /// The tariff of a chain.
    ///
    /// # Errors
    /// Why there is none: it becomes the rejection.
    fn tariff(&self, chain: ChainId, purpose: Purpose) -> Result<Arc<dyn Tariff>>;
    /// The price of an asset.
    ///
    /// # Errors
    /// Why there is none: it becomes the rejection.
    fn price(&self, asset: &AssetId) -> Result<UsdPrice>;
    /// The price of one piece of work. A market that remembers its quotes answers from memory, with the very same quote
    /// as long as tariff and coin are the same.
    ///
    /// # Errors
    /// Those of the tariff and of the coin's price; [`Code::InvalidAmount`] when a sum does not fit.
    fn quote(&self, chain: ChainId, purpose: Purpose, work: &Work) -> Result<Arc<Quote>> {
        let tariff = self.tariff(chain, purpose)?;
        price_work(work, &tariff, &self.price(&AssetId::native(chain))?).map(Arc::new)
    }
}

impl Market for QuoteBook {
    fn tariff(&self, chain: ChainId, purpose: Purpose) -> Result<Arc<dyn Tariff>> {
        Self::tariff(self, chain, purpose)
    }
    fn price(&self, asset: &AssetId) -> Result<UsdPrice> {
        Self::price(self, asset)
    }
}

/// One part of a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartCost {
    /// Which part.
    pub part: Part,
    /// In the coin's atomic units, before sharing.
    pub atomic: u128,
    /// This payment's share in USD, rounded up.
    pub usd: Usd,
}

/// The price of one piece of work.
#[derive(Debug, Clone)]
pub struct Quote {
    /// What it is.
    pub label: &'static str,
    /// Who pays.
    pub bearer: Bearer,
    /// The whole cost in the chain's coin, before sharing.
    pub native: Amount,
    /// This payment's share in USD: the sum of the parts' shares.
    pub usd: Usd,
    /// The whole of it in USD, which has to be there when the work is done, whoever shares it later.
    pub whole_usd: Usd,
    /// By part.
    pub parts: ArrayVec<PartCost, 6>,
    /// True when it comes back: shown, and not counted as cost.
    pub refundable: bool,
    /// How many payments share it.
    pub shared_by: NonZeroU32,
    /// The fee market it was priced on; `None` for a plain fee.
    pub tariff: Option<Arc<dyn Tariff>>,
}

impl Quote {
    /// When the fee market was looked at.
    pub fn taken_at(&self) -> Option<Time> {
        self.tariff.as_ref().map(|t| t.taken_at())
    }
    /// Until when the quote is good.
    pub fn valid_until(&self) -> Option<Time> {
        self.tariff.as_ref().map(|t| t.valid_until())
    }
}

/// Everything a route costs, by who pays it.
#[derive(Debug, Clone, Default)]
pub struct Costs {
    /// What the payee takes, in USD.
    pub price: Usd,
    /// What one would pay to avoid this route.
    pub penalty: Usd,
    /// The payer's own on-chain work and fees: this payment's share of them.
    pub payer_work: Usd,
    /// The same, shared with no other payment: what the payer may have to spend now.
    pub payer_outlay: Usd,
    /// What of that goes into what the payer does on chain before it signs: spent whatever becomes of the payment.
    pub payer_actions: Usd,
    /// The payee's own on-chain work and fees.
    pub payee_work: Usd,
    /// The settler's on-chain work and fees.
    pub settler_work: Usd,
    /// Expected time to settle.
    pub latency_ms: u64,
    /// Every piece of work. A quote that another route has too is shared with it.
    pub quotes: Few<Arc<Quote>>,
}

impl Costs {
    /// The payer's whole bill: price, own work and penalty.
    ///
    /// # Errors
    /// [`Code::InvalidAmount`] when the sum does not fit.
    pub fn payer(&self) -> Result<Usd> {
        sum([self.price, self.payer_work, self.penalty])
    }
    /// The most that paying can cost the payer now when the payee takes `exposure`: limits look at this. Work that later
    /// payments will share counts whole, for nobody knows whether they will come.
    ///
    /// # Errors
    /// [`Code::InvalidAmount`] when the sum does not fit.
    pub fn at_stake(&self, exposure: Usd) -> Result<Usd> {
        sum([exposure, self.payer_outlay, self.penalty])
    }
    /// What settling costs those who do it.
    ///
    /// # Errors
    /// [`Code::InvalidAmount`] when the sum does not fit.
    pub fn settlement(&self) -> Result<Usd> {
        sum([self.settler_work, self.payee_work])
    }

    /// Prices one effort on its chain and adds it.
    ///
    /// # Errors
    /// The market's, when a tariff or price is missing; [`Code::InvalidAmount`] when a sum does not fit.
    pub fn add(
        &mut self,
        market: &impl Market,
        chain: ChainId,
        effort: &Effort,
        purpose: Purpose,
    ) -> Result<()> {
        for work in &effort.works {
            self.take(market.quote(chain, purpose, work)?)?;
        }
        for fee in &effort.fees {
            let quote = price_fee(fee, &market.price(&fee.amount.asset)?)?;
            self.take(Arc::new(quote))?;
        }
        Ok(())
    }

    fn take(&mut self, quote: Arc<Quote>) -> Result<()> {
        if !quote.refundable {
            let total = match quote.bearer {
                Bearer::Payer => &mut self.payer_work,
                Bearer::Payee => &mut self.payee_work,
                Bearer::Settler => &mut self.settler_work,
            };
            *total = sum([*total, quote.usd])?;
            if quote.bearer == Bearer::Payer {
                self.payer_outlay = sum([self.payer_outlay, quote.whole_usd])?;
            }
        }
        self.quotes.push(quote);
        Ok(())
    }
}

/// What pricing `effort` on `chain` will ask the market for.
pub fn wants(wants: &mut Wants, chain: ChainId, effort: &Effort, purpose: Purpose) {
    if !effort.works.is_empty() {
        wants.tariffs.insert((chain, purpose));
        wants.prices.insert(AssetId::native(chain));
    }
    wants.prices.extend(effort.fees.iter().map(|f| f.amount.asset));
}

pub(crate) fn price_work(work: &Work, tariff: &Arc<dyn Tariff>, coin: &UsdPrice) -> Result<Quote> {
    let cost = tariff.price(work)?;
    if !cost.asset.is_native() {
        return Err(Error::network(Code::NoPrice)
            .next(Next::OtherRoute)
            .detail(format!("the tariff charges in {}, which is not the chain's own coin", cost.asset)));
    }
    let mut parts = ArrayVec::new();
    let (mut usd, mut whole_usd) = (Usd::ZERO, Usd::ZERO);
    for (part, atomic) in &cost.parts {
        let worth = coin.worth(*atomic)?;
        let share = worth.shared_by(work.shared_by.get());
        (usd, whole_usd) = (sum([usd, share])?, sum([whole_usd, worth])?);
        // Cost holds at most as many parts as this array.
        let _ = parts.try_push(PartCost { part: *part, atomic: *atomic, usd: share });
    }
    Ok(Quote {
        label: work.label,
        bearer: work.bearer,
        native: Amount::new(cost.asset, cost.total()),
        usd,
        whole_usd,
        parts,
        refundable: work.refundable,
        shared_by: work.shared_by,
        tariff: Some(Arc::clone(tariff)),
    })
}

fn price_fee(fee: &Fee, price: &UsdPrice) -> Result<Quote> {
    let usd = price.worth(fee.amount.atomic)?;
    let mut parts = ArrayVec::new();
    let _ = parts.try_push(PartCost { part: Part::Fee, atomic: fee.amount.atomic, usd });
    Ok(Quote {
        label: fee.label,
        bearer: fee.bearer,
        native: fee.amount,
        usd,
        whole_usd: usd,
        parts,
        refundable: false,
        shared_by: NonZeroU32::MIN,
        tariff: None,
    })
}

fn sum<const N: usize>(terms: [Usd; N]) -> Result<Usd> {
    terms
        .into_iter()
        .try_fold(Usd::ZERO, Usd::checked_add)
        .ok_or_else(|| Error::us(Code::InvalidAmount).detail("a cost in USD does not fit"))
}
