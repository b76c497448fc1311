//! Each refusal by its own code, and what is just allowed.

use super::*;

#[test]
fn each_refusal_has_its_own_code_and_blame_at_both_doors() {
    let all_off = GuardSettings::off;
    let other = payee(1, "another-shop");
    let table: Vec<(&str, GuardSettings, Order, Code, Blame, Next)> = vec![
        (
            "another payee",
            GuardSettings { payees: List::Only(vec![other]), ..all_off() },
            order("me", "n", DOLLAR, 0),
            Code::PayeeNotServed,
            Blame::Payee,
            Next::OtherRoute,
        ),
        (
            "another asset",
            GuardSettings { assets: List::Only(vec![usdc(2)]), ..all_off() },
            order("me", "n", DOLLAR, 0),
            Code::AssetNotServed,
            Blame::Payee,
            Next::OtherRoute,
        ),
        (
            "dust, absolutely",
            GuardSettings { amount_usd_min: Some(usd("0.01")), ..all_off() },
            order("me", "n", 9_999, 0),
            Code::AmountTooSmall,
            Blame::Payee,
            Next::OtherRoute,
        ),
        (
            "less than its gas",
            GuardSettings { gas_percent_max: Some(100), ..all_off() },
            order("me", "n", 219_999, 0),
            Code::Unprofitable,
            Blame::Payee,
            Next::OtherRoute,
        ),
        (
            "more than half of it is gas",
            GuardSettings { gas_percent_max: Some(50), ..all_off() },
            order("me", "n", 439_999, 0),
            Code::Unprofitable,
            Blame::Payee,
            Next::OtherRoute,
        ),
        (
            "gas beyond the bound",
            GuardSettings { gas_usd_max: Some(usd("0.21")), ..all_off() },
            order("me", "n", 1_000 * DOLLAR, 0),
            Code::GasTooHigh,
            Blame::Payer,
            Next::OtherRoute,
        ),
        (
            "a contract that burns gas",
            GuardSettings { gas_over_plain_percent_max: Some(400), ..all_off() },
            order("me", "n", 1_000 * DOLLAR, 3 * PLAIN + 1),
            Code::GasTooHigh,
            Blame::Payer,
            Next::OtherRoute,
        ),
        (
            "no budget at all",
            GuardSettings { gas_all: hour("0.87"), ..all_off() },
            order("me", "n", DOLLAR, 0),
            Code::GasBudgetSpent,
            Blame::Caller,
            Next::Later,
        ),
        (
            "none for a caller",
            GuardSettings { gas_caller: hour("0.87"), ..all_off() },
            order("me", "n", DOLLAR, 0),
            Code::GasBudgetSpent,
            Blame::Caller,
            Next::Later,
        ),
        (
            "none for a payee",
            GuardSettings { gas_payee: hour("0.87"), ..all_off() },
            order("me", "n", DOLLAR, 0),
            Code::GasBudgetSpent,
            Blame::Caller,
            Next::Later,
        ),
    ];
    for (what, settings, order, code, blame, next) in table {
        let bed = Bed::new(settings);
        for e in [bed.verify("a", &order).unwrap_err(), bed.settle("a", &order).unwrap_err()] {
            assert_eq!((&e.code, e.blame, &e.next), (&code, blame, &next), "{what}: {e}");
            assert!(!e.detail.is_empty());
        }
        assert_eq!((bed.settles(), bed.open()), (0, 0), "{what}");
        // The same without the limit.
        let bed = Bed::new(GuardSettings::off());
        bed.verify("a", &order).unwrap();
        bed.settle("a", &order).unwrap();
    }
}

/// Limits that just hold let the payment pass: each boundary is where it is said to be.
#[test]
fn what_is_just_allowed_passes() {
    let fits = [
        (GuardSettings { amount_usd_min: Some(usd("0.01")), ..GuardSettings::off() }, 10_000, 0),
        (GuardSettings { gas_percent_max: Some(100), ..GuardSettings::off() }, 220_000, 0),
        (GuardSettings { gas_percent_max: Some(50), ..GuardSettings::off() }, 440_000, 0),
        (GuardSettings { gas_usd_max: Some(usd(PLAIN_USD)), ..GuardSettings::off() }, 1, 0),
        (GuardSettings { gas_over_plain_percent_max: Some(400), ..GuardSettings::off() }, 1, 3 * PLAIN),
        (GuardSettings { gas_all: hour("0.88"), ..GuardSettings::off() }, 1, 0),
        (GuardSettings::default(), 220_000, 0),
    ];
    for (settings, micros, gas) in fits {
        let bed = Bed::new(settings.clone());
        bed.verify("a", &order("me", "n", micros, gas)).unwrap_or_else(|e| panic!("{settings:?}: {e}"));
        bed.settle("a", &order("me", "n", micros, gas)).unwrap();
    }
}

#[test]
fn the_market_that_moved_since_is_looked_at_again() {
    let bed = Bed::new(GuardSettings { gas_percent_max: Some(100), ..GuardSettings::off() });
    bed.verify("a", &order("me", "n", DOLLAR, 0)).unwrap();
    bed.world.net(1, Net::Gas(20 * EACH));
    bed.world.advance(60_000);
    assert_eq!(bed.settle("a", &order("me", "n", DOLLAR, 0)).unwrap_err().code, Code::Unprofitable);
    assert_eq!(bed.settles(), 0);
}

#[test]
fn without_a_price_nothing_passes() {
    let bed = Bed::new(GuardSettings::default());
    bed.world.net(1, Net::Fails(Error::network(Code::Unreachable)));
    assert_eq!(bed.verify("a", &order("me", "n", DOLLAR, 0)).unwrap_err().code, Code::NoQuote);
    let bed = Bed::new(GuardSettings { amount_usd_min: Some(usd("0.01")), ..GuardSettings::off() });
    bed.world.price(usdc(1), Err(Error::network(Code::StalePrice)));
    assert_eq!(bed.verify("a", &order("me", "n", DOLLAR, 0)).unwrap_err().code, Code::StalePrice);
    assert_eq!(bed.settles(), 0);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let world = World::new();
    let strikes = |s: fn(&mut Strikes)| {
        let mut strikes = GuardSettings::default().strikes.unwrap();
        s(&mut strikes);
        GuardSettings { strikes: Some(strikes), ..GuardSettings::default() }
    };
    let wrong = [
        GuardSettings { at_once_payer: Some(0), ..GuardSettings::default() },
        GuardSettings { hold_percent: 99, ..GuardSettings::default() },
        GuardSettings { gas_all: Some(Limit { usd: Usd::ONE, window_ms: 0 }), ..GuardSettings::default() },
        strikes(|s| s.window_ms = 0),
        strikes(|s| s.payer = 0),
    ];
    for settings in wrong {
        let ledger: Arc<dyn Ledger> = world.books.clone();
        let e = Guard::new(settings, book(&world), ledger, world.clone()).unwrap_err();
        assert_eq!(e.code, Code::BadSettings);
    }
    for name in ["", "a/b", "*", "a b", &"x".repeat(65)] {
        assert_eq!(Caller::named(name).unwrap_err().code, Code::BadSettings, "{name:?}");
    }
}
