//! Amounts of atomic units.

use proptest::prelude::*;
use tollway_core::{Amount, AssetId, ChainId};

/// Any count of atomic units, prices of everyday use often.
pub fn atomic() -> BoxedStrategy<u128> {
    prop_oneof![
        3 => 1u128..100_000_000,
        1 => Just(0),
        1 => any::<u64>().prop_map(u128::from),
        1 => any::<u128>(),
        1 => Just(u128::MAX),
    ]
    .boxed()
}

/// Any amount of one asset.
pub fn valid(asset: AssetId) -> BoxedStrategy<Amount> {
    atomic().prop_map(move |n| Amount::new(asset, n)).boxed()
}

/// Texts with one thing wrong: a sign, a point, an exponent, a leading zero, a digit too many, digits of another script.
/// All are [`tollway_core::Code::InvalidAmount`].
pub fn almost() -> BoxedStrategy<String> {
    prop_oneof![
        "[-+][0-9]{1,20}",
        "[0-9]{1,20}\\.[0-9]{1,6}",
        "[1-9][0-9]{0,5}e[0-9]{1,3}",
        "0[0-9]{1,20}",
        "[1-9][0-9]{39,60}",
        "0x[0-9a-f]{1,16}",
        "[1-9][0-9]{0,2}[_,][0-9]{3}",
        " [0-9]{1,9}",
        "[0-9]{1,9} ",
        "[٠-٩]{1,9}",
        Just(String::new()),
        Just("340282366920938463463374607431768211456".to_owned()),
    ]
    .boxed()
}

/// Amounts of assets and chains that nobody knows, at the edges of what fits: sums of two overflow often.
pub fn hostile() -> BoxedStrategy<Amount> {
    let asset = "[a-z]{3,8}:[a-zA-Z0-9_-]{1,32}/[!-~]{1,68}".prop_filter_map("no asset", |text| {
        let (chain, key) = text.split_once('/')?;
        AssetId::new(ChainId::new(chain).ok()?, key).ok()
    });
    let atomic = prop_oneof![Just(0), Just(1), Just(u128::MAX), Just(u128::MAX / 2), any::<u128>()];
    (asset, atomic).prop_map(|(asset, n)| Amount::new(asset, n)).boxed()
}
