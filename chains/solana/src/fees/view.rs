use super::prices::{Prices, Row};
use crate::SLOTS_PER_QUOTE;
use crate::profiles::Profile;
use crate::rpc::{Ask, Rpc};
use solana_pubkey::Pubkey;
use std::sync::Arc;
use tollway_core::{Clock, Code, Error, Result, Time};

/// Bytes that every account counts beside its data.
const ACCOUNT_OVERHEAD: u64 = 128;

/// The market of one set of accounts at one moment, for every purpose.
#[derive(Debug)]
pub(crate) struct FeeView {
    pub(crate) prices: Prices,
    /// Lamports that an account without data must hold.
    empty_rent: u64,
    pub(crate) taken_at: Time,
    pub(crate) valid_until: Time,
    pub(crate) source: String,
}

impl FeeView {
    /// One look at these markets, in one request. A market that cannot be read is left out; rent that cannot, is an
    /// error.
    pub(super) async fn take(
        rpc: Rpc,
        profile: Profile,
        clock: Arc<dyn Clock>,
        markets: Vec<Arc<[Pubkey]>>,
    ) -> Result<Vec<(Arc<[Pubkey]>, Arc<Self>)>> {
        let asks: Vec<Ask> = std::iter::once(Ask::rent(0))
            .chain(markets.iter().map(|market| Ask::unit_prices(market)))
            .collect();
        let answers = rpc.batch(&asks).await.map_err(|(fault, place)| fault.error("fees", place))?;
        let mut answers = answers.into_iter();
        let rent = answers.next().ok_or_else(|| Error::us(Code::Internal).detail("a batch of nothing"))?;
        let empty_rent: u64 = rent.get()?;
        let taken_at = clock.now();
        let valid_until = taken_at.plus_ms(u64::from(profile.slot_ms).saturating_mul(SLOTS_PER_QUOTE));
        let mut views = Vec::with_capacity(markets.len());
        for (market, answer) in markets.into_iter().zip(answers) {
            let Ok(rows) = answer.get::<Vec<Row>>() else { continue };
            let source = match rows.iter().map(|row| row.slot).max() {
                Some(slot) => format!("getRecentPrioritizationFees@{slot}"),
                None => "getRecentPrioritizationFees (quiet)".to_owned(),
            };
            let prices = Prices::of(rows, profile.max_unit_price);
            views.push((market, Arc::new(Self { prices, empty_rent, taken_at, valid_until, source })));
        }
        Ok(views)
    }

    /// What an account with so many bytes of data must hold: rent is in proportion to the bytes, those of the account
    /// itself included.
    pub(super) fn rent_lamports(&self, bytes: u32) -> Result<u64> {
        let all = u64::from(bytes).checked_add(ACCOUNT_OVERHEAD);
        let lamports = all.and_then(|all| all.checked_mul(self.empty_rent / ACCOUNT_OVERHEAD));
        lamports.ok_or_else(|| Error::network(Code::AbsurdPrice).detail("rent that does not fit"))
    }

    #[cfg(test)]
    pub(super) fn of(prices: Prices, empty_rent: u64) -> Self {
        let (taken_at, valid_until) = (Time::ZERO, Time::FAR);
        Self { prices, empty_rent, taken_at, valid_until, source: String::new() }
    }
}
