//! What a settlement will cost, and whether it is worth it.

use super::{Guard, refusal};
use crate::cost::{self, Costs};
use crate::quotes::Wants;
use tollway_core::{Bearer, Blame, Code, Error, Json, Next, Order, Purpose, Result, Settler, Usd};

/// So long a price is waited for. The book's own deadline is a payer's, who may take another route; here is no other.
const PATIENCE_MS: u64 = 5_000;
/// How long to wait before the next look at the book.
const PAUSE_MS: u64 = 100;

/// What settling is predicted to cost the settler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Gas {
    /// In the smallest units of the chain's own coin.
    pub(super) native: u128,
    /// In USD, plain fees included.
    pub(super) usd: Usd,
}

impl Guard {
    /// Prices the order at live fees. Zero where nothing depends on it.
    pub(super) async fn gas(&self, inner: &dyn Settler, order: &Order) -> Result<Gas> {
        if !self.settings.needs_gas() {
            return Ok(Gas::default());
        }
        let effort = inner.effort(order).await?;
        let chain = order.requirement.chain;
        let mut wants = Wants::default();
        cost::wants(&mut wants, chain, &effort, Purpose::Interactive);
        if self.settings.gas_percent_max.is_some() {
            wants.prices.insert(order.requirement.price.asset());
        }
        let costs = self.patiently(&wants, || {
            let mut costs = Costs::default();
            costs.add(&*self.quotes, chain, &effort, Purpose::Interactive).map(|()| costs)
        });
        let costs = costs.await?;
        let mut native = 0u128;
        for quote in costs.quotes.iter().filter(|q| q.bearer == Bearer::Settler && !q.refundable) {
            if quote.native.asset.is_native() {
                let share = quote.native.atomic.div_ceil(quote.shared_by.get().into());
                native = native.checked_add(share).ok_or_else(|| Error::us(Code::InvalidAmount))?;
            }
        }
        Ok(Gas { native, usd: costs.settler_work })
    }

    /// Is moving `atomic` of the order's asset worth `gas`? The quotes were gathered for it.
    pub(super) async fn worth_it(
        &self,
        inner: &dyn Settler,
        order: &Order,
        atomic: u128,
        gas: Gas,
    ) -> Result<()> {
        let settings = &self.settings;
        if settings.gas_percent_max.is_some() && atomic > 0 {
            let worth = self.worth(order, atomic).await?;
            let over = |percent: &u32| gas.usd.e18().saturating_mul(100) > percent_of(worth.e18(), *percent);
            if let Some(percent) = settings.gas_percent_max.filter(over) {
                return Err(refusal::share(gas.usd, worth, percent));
            }
        }
        if let Some(most) = settings.gas_usd_max.filter(|most| gas.usd > *most) {
            return Err(refusal::dear(gas.usd, most));
        }
        self.plain_enough(inner, order, gas).await
    }

    /// Is so much of the order's asset enough to be settled at all? A charge of nothing sends nothing.
    pub(super) async fn large_enough(&self, order: &Order, atomic: u128) -> Result<()> {
        let Some(least) = self.settings.amount_usd_min.filter(|_| atomic > 0) else { return Ok(()) };
        let worth = self.worth(order, atomic).await?;
        if worth < least { Err(refusal::too_small(worth, least)) } else { Ok(()) }
    }

    async fn worth(&self, order: &Order, atomic: u128) -> Result<Usd> {
        let asset = order.requirement.price.asset();
        let wants = Wants { prices: [asset].into(), ..Wants::default() };
        self.patiently(&wants, || self.quotes.price(&asset)).await?.worth(atomic)
    }

    /// What `look` finds in the book, waited for while the network is to blame that it finds nothing.
    async fn patiently<T: Send>(
        &self,
        wants: &Wants,
        look: impl Fn() -> Result<T> + Send + Sync,
    ) -> Result<T> {
        let begun = self.clock.now();
        loop {
            self.quotes.gather(wants).await;
            match look() {
                Err(e) if e.blame == Blame::Network => {
                    if self.clock.now().ms_since(begun) >= PATIENCE_MS {
                        return Err(e.next(Next::Later));
                    }
                }
                found => return found,
            }
            self.clock.sleep(PAUSE_MS).await;
        }
    }

    /// Against the same payment without anything of the payer's own: `effort` prices that for an empty payload.
    async fn plain_enough(&self, inner: &dyn Settler, order: &Order, gas: Gas) -> Result<()> {
        let Some(percent) = self.settings.gas_over_plain_percent_max else { return Ok(()) };
        let mut plain = order.clone();
        plain.payment.payload = Json::parse("{}")?;
        let plain = self.gas(inner, &plain).await?;
        if gas.native.saturating_mul(100) > percent_of(plain.native, percent) {
            return Err(refusal::burns(gas.native, plain.native, percent));
        }
        Ok(())
    }
}

fn percent_of(whole: u128, percent: u32) -> u128 {
    whole.saturating_mul(percent.into())
}
