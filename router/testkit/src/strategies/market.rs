//! Fee markets, and books of quotes from many of them.

use crate::sim::{FeeSettings, SimTariff};
use proptest::prelude::*;
use tollway_core::{AssetId, ChainId, Time, UsdPrice};

/// A fee market that some chain could have.
pub fn valid() -> BoxedStrategy<FeeSettings> {
    let l1 = prop_oneof![2 => Just(0), 1 => 1u128..1_000_000_000_000];
    let rent = prop_oneof![2 => Just(0), 1 => 1u128..1_000_000_000];
    (1_000u128..1_000_000_000_000, 0u16..=125, 0u128..10_000_000_000, l1, rent, 1u32..10)
        .prop_map(|(base, walk_per_mille, tip, l1_per_byte, rent_per_byte, fresh_blocks)| FeeSettings {
            base,
            floor: base / 100,
            cap: base.saturating_mul(100),
            walk_per_mille,
            tip,
            l1_per_byte,
            rent_per_byte,
            fresh_blocks,
        })
        .boxed()
}

/// A way to make a fee market odd.
type Change = fn(FeeSettings) -> FeeSettings;

/// A fee market with one thing odd, and what: the chain must live with it all the same.
pub fn almost() -> BoxedStrategy<(FeeSettings, &'static str)> {
    let odd: Vec<(&'static str, Change)> = vec![
        ("the base fee begins below its floor", |m| FeeSettings { base: m.floor / 2, ..m }),
        ("the base fee begins above its cap", |m| FeeSettings { base: m.cap.saturating_add(1), ..m }),
        ("it may walk by more than an eighth", |m| FeeSettings { walk_per_mille: 1_000, ..m }),
        ("a quote is never fresh", |m| FeeSettings { fresh_blocks: 0, ..m }),
        ("gas is free", |m| FeeSettings { base: 0, floor: 0, cap: 0, tip: 0, ..m }),
    ];
    (valid(), prop::sample::select(odd)).prop_map(|(market, (fault, change))| (change(market), fault)).boxed()
}

/// Any numbers in every field.
pub fn hostile() -> BoxedStrategy<FeeSettings> {
    let fee = || prop_oneof![Just(0), Just(1), Just(u128::MAX), any::<u128>()];
    ((fee(), fee(), fee()), any::<u16>(), (fee(), fee(), fee()), any::<u32>())
        .prop_map(|((base, floor, cap), walk_per_mille, (tip, l1_per_byte, rent_per_byte), fresh_blocks)| {
            FeeSettings { base, floor, cap, walk_per_mille, tip, l1_per_byte, rent_per_byte, fresh_blocks }
        })
        .boxed()
}

/// What is known of one chain's fees and coin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    /// The chain.
    pub chain: ChainId,
    /// Its fees; `None` where no quote came.
    pub tariff: Option<SimTariff>,
    /// What its coin is worth; `None` where no price came.
    pub price: Option<UsdPrice>,
}

/// Quotes of these chains at `now`, each there in nine of ten books.
pub fn book(chains: &[ChainId], now: Time) -> BoxedStrategy<Vec<Quoted>> {
    let quotes = chains.iter().map(|chain| {
        let chain = *chain;
        let tariff = prop::option::weighted(0.9, super::tariff::valid(AssetId::native(chain), now));
        let price = prop::option::weighted(0.9, super::price::valid(now));
        (tariff, price).prop_map(move |(tariff, price)| Quoted { chain, tariff, price })
    });
    quotes.collect::<Vec<_>>().boxed()
}
