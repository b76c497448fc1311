//! Sums, ceilings and words of money, each at the value where it turns.

use tollway_core::{Amount, AssetId, Ceiling, ChainId, Code, Time, Usd, UsdPrice};

fn coin(chain: &str) -> AssetId {
    AssetId::native(ChainId::new(chain).unwrap())
}

fn some(atomic: u128) -> Amount {
    Amount::new(coin("eip155:1"), atomic)
}

#[test]
fn sums_of_one_asset_are_exact_and_bounded() {
    assert_eq!(some(3).checked_add(some(4)), Some(some(7)));
    assert_eq!(some(u128::MAX - 1).checked_add(some(1)), Some(some(u128::MAX)));
    assert_eq!(some(u128::MAX).checked_add(some(1)), None);
    assert_eq!(some(7).checked_sub(some(4)), Some(some(3)));
    assert_eq!(some(4).checked_sub(some(4)), Some(Amount::zero(coin("eip155:1"))));
    assert_eq!(some(4).checked_sub(some(5)), None);
}

#[test]
fn different_assets_have_no_sum() {
    let other = Amount::new(coin("eip155:10"), 1);
    assert_eq!(some(3).checked_add(other), None);
    assert_eq!(some(3).checked_sub(other), None);
    assert_eq!(Ceiling(some(3)).min(Ceiling(other)), Ceiling(some(3)));
}

#[test]
fn the_lower_ceiling_counts() {
    assert_eq!(Ceiling(some(3)).min(Ceiling(some(2))), Ceiling(some(2)));
    assert_eq!(Ceiling(some(2)).min(Ceiling(some(3))), Ceiling(some(2)));
    assert_eq!(Ceiling(some(2)).min(Ceiling(some(2))), Ceiling(some(2)));
}

#[test]
fn a_charge_is_at_most_its_ceiling() {
    let ceiling = Ceiling(some(10));
    assert_eq!(ceiling.full().atomic(), 10);
    assert_eq!(ceiling.full().amount(), some(10));
    assert_eq!((ceiling.atomic(), ceiling.asset()), (10, coin("eip155:1")));
    for atomic in [0, 9, 10] {
        assert_eq!(ceiling.charge(atomic).unwrap().amount(), some(atomic));
    }
    assert_eq!(ceiling.charge(11).unwrap_err().code, Code::ChargeExceedsCeiling);
}

#[test]
fn an_amount_says_how_much_of_what() {
    assert_eq!(some(42).to_string(), "42 of eip155:1/native");
    assert_eq!(format!("{:?}", some(42)), "42 of eip155:1/native");
}

#[test]
fn amounts_are_decimal_strings_in_json() {
    let text = r#"{"asset":"eip155:1/native","atomic":"340282366920938463463374607431768211455"}"#;
    let read: Amount = serde_json::from_str(text).unwrap();
    assert_eq!(read, some(u128::MAX));
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    for bad in ["-1", "01", "1.0", "", "340282366920938463463374607431768211456"] {
        let text = format!(r#"{{"asset":"eip155:1/native","atomic":"{bad}"}}"#);
        assert!(serde_json::from_str::<Amount>(&text).is_err(), "{bad}");
    }
}

#[test]
fn dollars_add_up_until_they_no_longer_fit() {
    let usd = Usd::from_e18;
    assert_eq!(usd(3).checked_add(usd(4)), Some(usd(7)));
    assert_eq!(usd(u128::MAX).checked_add(usd(0)), Some(usd(u128::MAX)));
    assert_eq!(usd(u128::MAX).checked_add(usd(1)), None);
}

#[test]
fn prices_have_at_most_54_decimals_together() {
    let price =
        |answer, answer_decimals| UsdPrice { answer, answer_decimals, asset_decimals: 18, at: Time::ZERO };
    let huge = 10u128.pow(36);
    assert_eq!(price(huge, 36).atomic_for(Usd::ONE).unwrap(), 10u128.pow(18));
    assert_eq!(price(huge, 35).atomic_for(Usd::ONE).unwrap(), 10u128.pow(17));
    // It would come to one unit, but no feed and no token together have so many.
    assert_eq!(price(u128::MAX, 37).atomic_for(Usd::from_e18(1)).unwrap_err().code, Code::InvalidAmount);
}
