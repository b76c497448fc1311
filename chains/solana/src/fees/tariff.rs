use super::market::Market;
use super::view::FeeView;
use super::{LAMPORTS_PER_SIGNATURE, priority_lamports};
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::{Account, AssetId, ChainId, Cost, Part, Purpose, Result, Tariff, Time, Work};

/// A [`FeeView`] for one purpose. `Work::compute` is the compute *limit* here, because that is what is charged for.
///
/// Work that names the accounts it writes is priced by their own market, as far as that is known: the quote book asks
/// for the tariff of a whole chain, and what a payer offers is the price of the accounts that it writes.
#[derive(Debug)]
pub(crate) struct SolanaTariff {
    market: Arc<Market>,
    view: Arc<FeeView>,
    purpose: Purpose,
    coin: AssetId,
    /// What sets of accounts were priced at: whoever asks the same snapshot again gets the same price.
    priced: Mutex<Vec<(Box<[Account]>, u64)>>,
}

/// Sets of accounts whose price one snapshot remembers; the rest is priced as the chain as a whole.
const PRICED_MAX: usize = 256;

impl SolanaTariff {
    pub(crate) fn new(market: Arc<Market>, view: Arc<FeeView>, purpose: Purpose, chain: ChainId) -> Self {
        Self { market, view, purpose, coin: AssetId::native(chain), priced: Mutex::default() }
    }

    /// Micro-lamports per compute unit for whoever writes these accounts.
    fn unit_price(&self, touches: &[Account]) -> u64 {
        let whole = self.view.prices.of_purpose(self.purpose);
        if touches.is_empty() {
            return whole;
        }
        let mut priced = self.priced.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, price)) = priced.iter().find(|(accounts, _)| **accounts == *touches) {
            return *price;
        }
        if priced.len() >= PRICED_MAX {
            return whole;
        }
        let price = self.market.unit_price(touches, self.purpose).unwrap_or(whole);
        priced.push((touches.into(), price));
        price
    }
}

impl Tariff for SolanaTariff {
    fn price(&self, work: &Work) -> Result<Cost> {
        let mut cost = Cost::new(self.coin);
        let base = u128::from(work.signatures).saturating_mul(u128::from(LAMPORTS_PER_SIGNATURE));
        cost.add(Part::Execution, base)?;
        let price = self.unit_price(&work.touches);
        cost.add(Part::Priority, priority_lamports(work.compute, price).into())?;
        for bytes in &work.creates_bytes {
            cost.add(Part::Rent, self.view.rent_lamports(*bytes)?.into())?;
        }
        Ok(cost)
    }
    fn taken_at(&self) -> Time {
        self.view.taken_at
    }
    fn valid_until(&self) -> Time {
        self.view.valid_until
    }
    fn source(&self) -> &str {
        &self.view.source
    }
}

#[cfg(test)]
mod tests {
    use super::super::prices::{Prices, Row};
    use super::*;
    use crate::Profile;
    use crate::rpc::Rpc;
    use proptest::prelude::*;
    use std::sync::LazyLock;
    use std::time::Duration;
    use tollway_core::{Bearer, Clock, Sample, async_trait};

    struct Stopped;

    #[async_trait]
    impl Clock for Stopped {
        fn now(&self) -> Time {
            Time::ZERO
        }
        async fn sleep(&self, _: u64) {}
    }

    /// What an empty account must hold on every cluster: 128 bytes, 3,480 lamports a byte and year, two years.
    const EMPTY_RENT: u64 = 890_880;

    fn tariff(price: u64) -> SolanaTariff {
        let rows = vec![Row { slot: 1, prioritization_fee: price }];
        let view = Arc::new(FeeView::of(Prices::of(rows, u64::MAX), EMPTY_RENT));
        let chain = ChainId::new("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp").unwrap();
        // One for all cases: a client for HTTPS is dear to make.
        static MARKET: LazyLock<Arc<Market>> = LazyLock::new(|| {
            let rpc = Rpc::new(&["http://127.0.0.1:9".to_owned()], Duration::from_secs(1)).unwrap();
            Market::new(rpc, Profile::LOCAL, Arc::new(Stopped))
        });
        SolanaTariff::new(MARKET.clone(), view, Purpose::Interactive, chain)
    }

    fn work(compute: u64, signatures: u16, creates: &[u32]) -> Work {
        let mut work = Work::new(Bearer::Settler, "transferChecked", compute, Sample::default());
        work.signatures = signatures;
        work.creates_bytes = creates.to_vec();
        work
    }

    #[test]
    fn a_payment_is_priced_by_its_parts_and_a_token_account_by_its_rent_to_the_lamport() {
        let cost = tariff(1_000_000).price(&work(20_000, 2, &[165])).unwrap();
        let parts = [(Part::Execution, 10_000), (Part::Priority, 20_000), (Part::Rent, 2_039_280)];
        assert_eq!(cost.parts.as_slice(), parts);
        assert_eq!(tariff(7).price(&work(0, 0, &[])).unwrap().total(), 0, "no transaction at all");
        assert_eq!(tariff(7).price(&work(0, 0, &[82])).unwrap().total(), 1_461_600, "a mint's rent");
    }

    proptest! {
        #[test]
        fn a_price_is_the_fee_that_the_chain_takes(compute in 0u64..1_400_000, price in 1u64..u64::MAX / 2, n in 0u16..20) {
            let cost = tariff(price).price(&work(compute, n, &[])).unwrap();
            let fee = super::super::fee_lamports(u64::from(n), compute, price);
            prop_assume!(fee < u64::MAX);
            prop_assert_eq!(cost.total(), u128::from(fee));
        }
        #[test]
        fn rent_grows_with_every_byte_and_never_wraps(bytes: u32) {
            let cost = tariff(1).price(&work(0, 0, &[bytes])).unwrap();
            prop_assert_eq!(cost.total(), (u128::from(bytes) + 128) * 6_960);
        }
    }
}
