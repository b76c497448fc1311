//! What a user may set for this plugin.

use crate::shape::{LIMIT_MAX, PRICE_MAX};
use serde::Deserialize;
use tollway_core::{Code, Error, Result, Site};

/// The section of the configuration that is this plugin's own.
pub(crate) const SECTION: &str = "exact-spl";

/// The section `exact-spl`.
///
/// ```toml
/// [exact-spl]
/// compute_units = 20000
/// max_compute_units = 400000
/// max_compute_price = 5000000
/// max_priority_lamports = 100000
/// open_accounts = false
/// smart_wallets = false
/// ```
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The compute limit that a payer asks for. A sponsor pays for the limit, not for what is used of it.
    pub(crate) compute_units: u32,
    /// The highest compute limit that a sponsor pays for.
    pub(crate) max_compute_units: u32,
    /// The highest price per compute unit, in micro-lamports, that a payer offers or a sponsor pays.
    pub(crate) max_compute_price: u64,
    /// The most lamports that limit and price may come to together.
    pub(crate) max_priority_lamports: u64,
    /// A payer makes, and pays the rent of, a payee's missing token account. Off, because a payee can close
    /// the account again and keep the rent; the entry is then rejected.
    pub(crate) open_accounts: bool,
    /// Payments of smart wallets are offered, verified by what their simulation does, and settled.
    pub(crate) smart_wallets: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            compute_units: 20_000,
            max_compute_units: LIMIT_MAX,
            max_compute_price: PRICE_MAX,
            max_priority_lamports: 100_000,
            open_accounts: false,
            smart_wallets: false,
        }
    }
}

impl Settings {
    /// The settings at a site.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for a value that could never be used.
    pub(crate) fn of(site: &Site) -> Result<Self> {
        let settings: Self = site.settings()?;
        let bad = |name: &str, most: u64| {
            let words = format!("{SECTION}.{name}: 1 to {most} can be used");
            Err(Error::caller(Code::BadSettings).detail(words))
        };
        match settings {
            Self { compute_units: 0 | LIMIT_ABOVE.., .. } => bad("compute_units", LIMIT_MAX.into()),
            Self { max_compute_units: 0 | LIMIT_ABOVE.., .. } => bad("max_compute_units", LIMIT_MAX.into()),
            Self { max_compute_price: 0 | PRICE_ABOVE.., .. } => bad("max_compute_price", PRICE_MAX),
            settings => Ok(settings),
        }
    }

    /// The price per compute unit that a payer offers where the market asks for `market`: no more than a
    /// sponsor of these settings would pay, and at least 1.
    pub(crate) fn price(&self, market: u64, units: u32) -> u64 {
        let micro = self.max_priority_lamports.saturating_mul(1_000_000);
        let affordable = micro.checked_div(units.into()).unwrap_or(0);
        market.min(self.max_compute_price).min(affordable).max(1)
    }
}

const LIMIT_ABOVE: u32 = LIMIT_MAX.saturating_add(1);
const PRICE_ABOVE: u64 = PRICE_MAX.saturating_add(1);

#[cfg(test)]
mod tests {
    use super::*;
    use tollway_solana::fees::priority_lamports;

    #[test]
    fn a_payer_never_offers_more_than_a_sponsor_of_the_same_settings_pays() {
        let settings = Settings::default();
        for units in [1, 7, 20_000, 20_127, 333_333, LIMIT_MAX] {
            for market in [0, 1, 999, 1_000_000, PRICE_MAX, u64::MAX] {
                let price = settings.price(market, units);
                assert!(price <= market.max(1) && price <= PRICE_MAX, "{units} at {market}");
                assert!(
                    priority_lamports(units.into(), price) <= settings.max_priority_lamports,
                    "{units} at {market}"
                );
            }
        }
        assert_eq!(settings.price(123, 20_000), 123);
    }
}
