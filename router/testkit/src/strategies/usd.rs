//! US dollars.

use proptest::prelude::*;
use tollway_core::Usd;

/// Any amount of dollars, small ones and round ones often.
pub fn valid() -> BoxedStrategy<Usd> {
    prop_oneof![
        Just(Usd::ZERO),
        Just(Usd::ONE),
        any::<u64>().prop_map(Usd::from_micros),
        (0u64..10_000_000).prop_map(Usd::from_micros),
        any::<u128>().prop_map(Usd::from_e18),
        Just(Usd::from_e18(u128::MAX)),
    ]
    .boxed()
}

/// Dollars as people write them, which [`Usd::parse`] reads: `0.01`, `$1.50`, `.5`, ` 12 `.
pub fn text() -> BoxedStrategy<String> {
    prop_oneof!["\\$?[0-9]{1,18}", "\\$?[0-9]{1,18}\\.[0-9]{0,18}", "\\$?\\.[0-9]{1,18}", " \\$?[0-9]{1,9} "]
        .boxed()
}

/// Texts with one thing wrong: a sign, an exponent, a comma, a digit too many, two points, another currency. All are
/// [`tollway_core::Code::InvalidAmount`].
pub fn almost() -> BoxedStrategy<String> {
    prop_oneof![
        "[-+]\\$?[0-9]{1,9}(\\.[0-9]{1,6})?",
        "\\$?[0-9]{1,9}e[0-9]{1,3}",
        "\\$?[0-9]{1,3},[0-9]{3}(\\.[0-9]{2})?",
        "\\$?[0-9]{1,9}\\.[0-9]{19,25}",
        "\\$?[1-9][0-9]{21,40}",
        "\\$?[0-9]{1,9}\\.[0-9]{1,3}\\.[0-9]{1,3}",
        "\\$\\$[0-9]{1,9}",
        "€[0-9]{1,9}",
        "[0-9]{1,9} USD",
        "\\$?",
        "\\$?\\.",
        // The whole digits fit, the money does not.
        Just("340282366920938463464".to_owned()),
        Just("340282366920938463463.374607431768211456".to_owned()),
    ]
    .boxed()
}

/// Any text at all, up to `size` characters and more.
pub fn hostile(size: usize) -> BoxedStrategy<String> {
    prop_oneof![
        any::<String>(),
        (1..=size.max(1)).prop_map(|n| "9".repeat(n)),
        (1..=size.max(1)).prop_map(|n| format!("0.{}1", "0".repeat(n))),
        (1..=size.max(1)).prop_map(|n| "$".repeat(n)),
        almost(),
        super::json::hostile(size),
    ]
    .boxed()
}
