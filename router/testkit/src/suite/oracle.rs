//! What every oracle must do: a price is dated and never zero, and an unknown one is an error.

use super::Guise;
use super::Verdict;
use super::property::{Checked, OrSeen, Property, Subject, ensure, insist};
use futures::future::BoxFuture;
use std::sync::Arc;
use tollway_core::{AssetId, Clock, Code, Oracle, Usd, async_trait};

/// What the author of an oracle supplies.
pub trait Stand: Send + Sync + 'static {
    /// An oracle with some prices. The same seed builds the same place.
    fn place(&self, seed: u64) -> Place;
}

/// Where an oracle is tried.
pub struct Place {
    /// The oracle.
    pub oracle: Arc<dyn Oracle>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Assets that it has a price for, with their fraction digits.
    pub known: Vec<(AssetId, u8)>,
    /// An asset that it has none for.
    pub unknown: AssetId,
    /// How old a price may become, in milliseconds; `None` for one that never ages (a fixed one).
    pub stale_after_ms: Option<u64>,
    /// What the suite may do beyond the contract.
    pub probe: Arc<dyn Probe>,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Place({} assets)", self.known.len())
    }
}

/// What lies under a place.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Runs one piece of work to its end.
    fn run(&self, work: BoxFuture<'static, ()>);
    /// Lets time go on while the feeds stand still.
    async fn age(&self, ms: u64);
}

/// An oracle in its place, in one guise.
pub struct Trial {
    place: Place,
    oracle: Arc<dyn Oracle>,
    guise: Guise,
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trial({:?})", self.place)
    }
}

impl Subject for Trial {
    fn run(&self, work: BoxFuture<'static, ()>) {
        self.place.probe.run(work);
    }
    fn wears(&self) -> &'static str {
        self.guise.words()
    }
}

macro_rules! properties {
    ($($name:ident, $says:literal;)*) => {
        /// What every oracle must do.
        pub const PROPERTIES: &[Property<Trial, ()>] = &[$(Property {
            name: stringify!($name),
            says: $says,
            needs: |()| true,
            seeds: |()| 3,
            check: |trial| Box::pin($name(trial)),
        }),*];
    };
}

properties! {
    known_assets_have_a_price, "a known asset has a price above zero, with the asset's own digits, that can be counted with";
    unknown_assets_are_errors, "an unknown asset is an error, never zero";
    prices_are_dated, "a price was said before now, and is the same while the feed stands still";
    stale_prices_are_refused, "a price older than the oracle's own limit is refused as stale";
}

/// The properties' names, in order.
pub fn names() -> Vec<&'static str> {
    PROPERTIES.iter().map(|p| p.name).collect()
}

/// Runs one property over its seeds; each seed wears the next guise.
pub fn check(stand: &dyn Stand, property: &Property<Trial, ()>) -> Checked {
    property.judge(&(), |seed| {
        let (place, guise) = (stand.place(seed), Guise::of(seed));
        let oracle = guise.oracle(Arc::clone(&place.oracle));
        Ok(Trial { place, oracle, guise })
    })
}

/// Runs every property that `wanted` names.
pub fn check_all(stand: &dyn Stand, wanted: impl Fn(&str) -> bool) -> Vec<(&'static str, Checked)> {
    PROPERTIES.iter().filter(|p| wanted(p.name)).map(|p| (p.name, check(stand, p))).collect()
}

/// One test: runs the property of that name, and panics with what was seen unless it holds.
pub fn prove(stand: impl Stand, name: &str) {
    let property = PROPERTIES.iter().find(|p| p.name == name);
    insist(&check(&stand, property.unwrap_or_else(|| panic!("no property {name}"))));
}

/// Proves an oracle: one `#[test]` for each property of [`oracle`](crate::suite::oracle). Takes a
/// [`Stand`](crate::suite::oracle::Stand).
#[macro_export]
macro_rules! oracle_suite {
    ($stand:expr) => {
        $crate::__tests! { oracle, $stand,
            known_assets_have_a_price
            unknown_assets_are_errors
            prices_are_dated
            stale_prices_are_refused
        }
    };
}

async fn known_assets_have_a_price(t: Arc<Trial>) -> Verdict {
    for (asset, digits) in &t.place.known {
        let price = t.oracle.usd(asset).await.or_seen(&format!("the price of {asset}"))?;
        ensure!(price.answer > 0, "{asset} is worth nothing");
        ensure!(
            price.asset_decimals == *digits,
            "{asset} has {digits} digits, the price says {}",
            price.asset_decimals
        );
        let one = 10u128.checked_pow(u32::from(*digits)).ok_or("too many digits")?;
        let worth = price.worth(one).or_seen("the worth of one")?;
        ensure!(worth > Usd::ZERO, "one of {asset} is worth {worth}");
        let back = price.atomic_for(worth).or_seen("the amount for that worth")?;
        ensure!(back <= one, "one of {asset} is worth {worth}, and that takes {back} units");
    }
    Ok(())
}

async fn unknown_assets_are_errors(t: Arc<Trial>) -> Verdict {
    for _ in 0..2 {
        match t.oracle.usd(&t.place.unknown).await {
            Ok(price) => return Err(format!("{} has the price {price:?}", t.place.unknown)),
            Err(e) => ensure!(!e.is_unknown_outcome() && e.code != Code::Internal, "{e}"),
        }
    }
    Ok(())
}

async fn prices_are_dated(t: Arc<Trial>) -> Verdict {
    for (asset, _) in &t.place.known {
        let first = t.oracle.usd(asset).await.or_seen("a price")?;
        ensure!(
            first.at <= t.place.clock.now(),
            "said at {:?}, now it is {:?}",
            first.at,
            t.place.clock.now()
        );
        let again = t.oracle.usd(asset).await.or_seen("the price again")?;
        ensure!(
            first.answer == again.answer && first.at <= again.at,
            "asked twice: {first:?}, then {again:?}"
        );
    }
    Ok(())
}

async fn stale_prices_are_refused(t: Arc<Trial>) -> Verdict {
    let Some(limit) = t.place.stale_after_ms else { return Ok(()) };
    t.place.probe.age(limit.saturating_add(2_000)).await;
    for (asset, _) in &t.place.known {
        let said = t.oracle.usd(asset).await;
        let code = said.as_ref().err().map(|e| e.code.clone());
        ensure!(code == Some(Code::StalePrice), "{asset}, older than {limit} ms: {said:?}");
    }
    Ok(())
}
