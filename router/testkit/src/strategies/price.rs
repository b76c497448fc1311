//! Prices in dollars.

use proptest::prelude::*;
use tollway_core::{Time, UsdPrice};

/// A price that some feed could give now: from a thousandth of a cent to a million dollars a coin.
pub fn valid(at: Time) -> BoxedStrategy<UsdPrice> {
    (1_000u128..100_000_000_000_000, prop::sample::select(vec![0u8, 6, 8, 9, 18]))
        .prop_map(move |(answer, asset_decimals)| UsdPrice { answer, answer_decimals: 8, asset_decimals, at })
        .boxed()
}

/// A price with one thing wrong, and what: `answer` is zero, or the decimals add up to more than 54, so that nothing can be
/// counted with it. [`UsdPrice::atomic_for`] refuses both.
pub fn almost(at: Time) -> BoxedStrategy<(UsdPrice, &'static str)> {
    let zero = valid(at).prop_map(|price| (UsdPrice { answer: 0, ..price }, "the answer is zero"));
    let fine = (valid(at), 1u8..=100).prop_map(|(price, over)| {
        let asset_decimals = 54u8.saturating_sub(price.answer_decimals).saturating_add(over);
        (UsdPrice { asset_decimals, ..price }, "the decimals add up to more than 54")
    });
    prop_oneof![zero, fine].boxed()
}

/// Any numbers in every field.
pub fn hostile() -> BoxedStrategy<UsdPrice> {
    let answer = prop_oneof![Just(0), Just(1), Just(u128::MAX), any::<u128>()];
    (answer, any::<u8>(), any::<u8>(), super::time::hostile())
        .prop_map(|(answer, answer_decimals, asset_decimals, at)| UsdPrice {
            answer,
            answer_decimals,
            asset_decimals,
            at,
        })
        .boxed()
}
