//! Money is exact: checked against arithmetic in 512 bits.

use proptest::prelude::*;
use ruint::aliases::U512;
use tollway_core::{Amount, AssetId, Ceiling, ChainId, Code, Time, Usd, UsdPrice};

fn price(answer: u128, answer_decimals: u8, asset_decimals: u8) -> UsdPrice {
    UsdPrice { answer, answer_decimals, asset_decimals, at: Time::ZERO }
}

fn coin() -> AssetId {
    AssetId::native(ChainId::new("eip155:1").unwrap())
}

#[test]
fn dollars_are_read_as_people_write_them() {
    let cases: &[(&str, u128)] = &[
        ("0.01", 10_000_000_000_000_000),
        ("$0.01", 10_000_000_000_000_000),
        (" $1.50 ", 1_500_000_000_000_000_000),
        ("12", 12_000_000_000_000_000_000),
        (".5", 500_000_000_000_000_000),
        ("5.", 5_000_000_000_000_000_000),
        ("0", 0),
        ("00012.10", 12_100_000_000_000_000_000),
        ("0.000000000000000001", 1),
        ("340282366920938463463.374607431768211455", u128::MAX),
    ];
    for (text, atto) in cases {
        assert_eq!(Usd::parse(text).unwrap().e18(), *atto, "{text}");
    }
    let over = "340282366920938463463.374607431768211456";
    assert_eq!(Usd::parse(over).unwrap_err().code, Code::InvalidAmount);
}

#[test]
fn what_is_no_amount_is_refused() {
    let refused = [
        "",
        " ",
        "$",
        ".",
        "$.",
        "-1",
        "+1",
        "$-1",
        "-$1",
        "1e3",
        "1E3",
        "0x10",
        "1,000",
        "1_000",
        "1.2.3",
        "1..",
        "NaN",
        "inf",
        "٣",
        "１",
        "0.0000000000000000001",
        "1000000000000000000000",
        "1 000",
        "$ 1",
        "$$1",
        "1$",
        "\u{2212}1",
        "½",
    ];
    for text in refused {
        let error = Usd::parse(text).expect_err(text);
        assert_eq!(error.code, Code::InvalidAmount, "{text}");
    }
    let long = "9".repeat(1 << 20);
    assert!(Usd::parse(&long).unwrap_err().detail.len() < 200, "an error does not repeat a megabyte");
}

#[test]
fn dollars_are_shown_short_and_exact() {
    let cases = [
        ("0", "$0.00"),
        ("0.01", "$0.01"),
        ("0.1", "$0.10"),
        ("12", "$12.00"),
        ("0.000042", "$0.000042"),
        ("0.000000000000000001", "$0.000000000000000001"),
        ("1.999999999999999999", "$1.999999999999999999"),
    ];
    for (text, shown) in cases {
        assert_eq!(Usd::parse(text).unwrap().to_string(), shown);
    }
    let rounded = |text: &str, digits: usize| format!("{:.digits$}", Usd::parse(text).unwrap());
    assert_eq!(rounded("0.0000005", 6), "$0.000001");
    assert_eq!(rounded("0.00000049", 6), "$0.000000");
    assert_eq!(rounded("0.995", 2), "$1.00");
    assert_eq!(rounded("1.5", 0), "$2");
    assert_eq!(rounded("1.25", 40), "$1.250000000000000000");
    // At the very top rounding up would not fit; whatever it shows, it is not less than a dollar short.
    assert!(format!("{:.2}", Usd::from_e18(u128::MAX)).starts_with("$34028236692093846346"));
    assert_eq!(Usd::from_micros(u64::MAX).e18(), u128::from(u64::MAX) * 1_000_000_000_000);
}

#[test]
fn atomic_amounts_are_plain_digits() {
    for (text, n) in [("0", 0), ("1", 1), ("10000", 10_000), (&u128::MAX.to_string(), u128::MAX)] {
        assert_eq!(Amount::parse_atomic(text).unwrap(), n);
    }
    let refused = [
        "",
        "-1",
        "+1",
        "01",
        "00",
        "1.0",
        "1.",
        ".1",
        "1e3",
        "1E3",
        " 1",
        "1 ",
        "0x1",
        "1_0",
        "1,0",
        "NaN",
        "٣",
        "１",
        "\u{661}",
        "340282366920938463463374607431768211456",
        "999999999999999999999999999999999999999",
        "1000000000000000000000000000000000000000",
        "null",
    ];
    for text in refused {
        assert_eq!(Amount::parse_atomic(text).expect_err(text).code, Code::InvalidAmount);
    }
    assert!(Amount::parse_atomic(&"1".repeat(1 << 20)).unwrap_err().detail.len() < 200);
}

#[test]
fn charges_come_only_out_of_their_ceiling() {
    let ceiling = Ceiling(Amount::new(coin(), 100));
    assert_eq!(ceiling.charge(100).unwrap(), ceiling.full());
    assert_eq!(ceiling.charge(0).unwrap().atomic(), 0);
    assert_eq!(ceiling.charge(101).unwrap_err().code, Code::ChargeExceedsCeiling);
    let other = Ceiling(Amount::new(AssetId::native(ChainId::new("eip155:2").unwrap()), 1));
    assert_eq!(ceiling.min(other), ceiling, "another asset is no lower ceiling");
    assert_eq!(ceiling.min(Ceiling(Amount::new(coin(), 7))).atomic(), 7);
    assert_eq!(ceiling.0.checked_add(other.0), None);
    assert_eq!(ceiling.0.checked_sub(Amount::new(coin(), 101)), None);
    assert_eq!(ceiling.0.checked_add(Amount::new(coin(), u128::MAX)), None);
}

#[test]
fn absurd_prices_are_errors_and_no_panics() {
    for decimals in [(255, 255), (200, 60), (38, 38), (27, 28)] {
        let absurd = price(u128::MAX, decimals.0, decimals.1);
        let _ = (absurd.worth(0), absurd.worth(1), absurd.worth(u128::MAX), absurd.atomic_for(Usd::ONE));
    }
    assert_eq!(price(0, 8, 18).worth(u128::MAX).unwrap(), Usd::ZERO);
    assert_eq!(price(0, 8, 18).atomic_for(Usd::ONE).unwrap_err().code, Code::InvalidAmount);
    assert_eq!(price(1, 0, 0).worth(u128::MAX).unwrap_err().code, Code::InvalidAmount);
}

/// `n × answer / 10^(decimals) dollars`, in 10⁻¹⁸, rounded up.
fn reference(price: &UsdPrice, atomic: u128) -> Option<u128> {
    let scale = u32::from(price.answer_decimals) + u32::from(price.asset_decimals);
    let product = U512::from(atomic) * U512::from(price.answer) * U512::from(10).pow(U512::from(18));
    u128::try_from(product.div_ceil(U512::from(10).pow(U512::from(scale)))).ok()
}

fn any_price() -> impl Strategy<Value = UsdPrice> {
    let answer = prop_oneof![any::<u128>(), (0..1u128 << 64), 0..10_000u128];
    (answer, 0..30u8, 0..24u8).prop_map(|(answer, a, b)| price(answer, a, b))
}

fn any_atomic() -> impl Strategy<Value = u128> {
    (any::<u128>(), 0..128u32).prop_map(|(n, shift)| n >> shift)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn dollars_round_trip(atto in any_atomic()) {
        let usd = Usd::from_e18(atto % 10u128.pow(36));
        prop_assert_eq!(Usd::parse(&usd.to_string()).unwrap(), usd);
        let text = serde_json::to_string(&usd).unwrap();
        prop_assert!(!text.contains('$'));
        prop_assert_eq!(serde_json::from_str::<Usd>(&text).unwrap(), usd);
    }

    #[test]
    fn every_sum_that_is_stored_can_be_read_again(atto in any::<u128>()) {
        let usd = Usd::from_e18(atto);
        let text = serde_json::to_string(&usd).unwrap();
        prop_assert_eq!(serde_json::from_str::<Usd>(&text).unwrap(), usd);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,50}") {
        let _ = Usd::parse(&text);
        if let Ok(n) = Amount::parse_atomic(&text) {
            prop_assert_eq!(n.to_string(), text);
        }
    }

    #[test]
    fn worth_equals_the_reference(price in any_price(), atomic in any_atomic()) {
        prop_assert_eq!(price.worth(atomic).ok().map(Usd::e18), reference(&price, atomic));
    }

    #[test]
    fn atomic_for_is_the_least_that_is_worth_it(price in any_price(), atto in any_atomic()) {
        let usd = Usd::from_e18(atto);
        if let Ok(atomic) = price.atomic_for(usd) {
            // Exactly, without the rounding up that `worth` does: n × answer × 10^18 ≥ usd × 10^scale.
            let scale = u32::from(price.answer_decimals) + u32::from(price.asset_decimals);
            let enough = |n: u128| {
                U512::from(n) * U512::from(price.answer) * U512::from(10).pow(U512::from(18))
                    >= U512::from(atto) * U512::from(10).pow(U512::from(scale))
            };
            prop_assert!(enough(atomic));
            prop_assert!(atomic == 0 || !enough(atomic - 1));
            if let Ok(worth) = price.worth(atomic) {
                prop_assert!(worth >= usd);
            }
        }
    }

    #[test]
    fn shares_never_come_to_less_than_the_whole(atto in any_atomic(), n in 0..1000u32) {
        let share = Usd::from_e18(atto).shared_by(n).e18();
        let n = u128::from(n.max(1));
        prop_assert!(U512::from(share) * U512::from(n) >= U512::from(atto));
        prop_assert!(share == 0 || U512::from(share - 1) * U512::from(n) < U512::from(atto));
    }
}
