//! Failures are counted, once each, against those who cause them.

use super::*;

fn three_strikes() -> GuardSettings {
    let strikes = Strikes { window_ms: HOUR_MS, payer: 2, payee: 4, caller: 6, lost_percent: 50 };
    GuardSettings { strikes: Some(strikes), ..GuardSettings::off() }
}

#[test]
fn who_fails_too_often_is_refused_for_a_while() {
    let bed = Bed::new(three_strikes());
    bed.does(Does::Fails(100));
    let fail = |caller: &str, to: &str, from: &str, nonce: &str| {
        bed.settle(caller, &order_to(to, from, nonce, DOLLAR, 0)).unwrap_err()
    };
    assert_eq!(fail("a", "x", "p1", "1").code, Code::TransactionFailed);
    assert_eq!(fail("a", "x", "p1", "2").code, Code::TransactionFailed);
    let e = fail("a", "x", "p1", "3");
    assert_eq!((e.code, e.blame, e.next), (Code::TooManyFailures, Blame::Payer, Next::Later));
    // Other payers of that payee, until it has had enough.
    assert_eq!(fail("a", "x", "p2", "4").code, Code::TransactionFailed);
    assert_eq!(fail("a", "x", "p3", "5").code, Code::TransactionFailed);
    let e = fail("a", "x", "p4", "6");
    assert_eq!((e.code, e.blame), (Code::TooManyFailures, Blame::Payee));
    // Other payees of that caller, until it has.
    assert_eq!(fail("a", "y", "p5", "7").code, Code::TransactionFailed);
    assert_eq!(fail("a", "z", "p6", "8").code, Code::TransactionFailed);
    let e = fail("a", "w", "p7", "9");
    assert_eq!((e.code, e.blame), (Code::TooManyFailures, Blame::Caller));
    assert_eq!(bed.settles(), 6);
    // Somebody else is served meanwhile, and everybody is again after a while.
    bed.does(Does::Lands(100));
    bed.settle("b", &order_to("v", "p8", "10", DOLLAR, 0)).unwrap();
    bed.world.advance(HOUR_MS + 1);
    bed.settle("a", &order_to("x", "p1", "11", DOLLAR, 0)).unwrap();
}

/// A stranger who fails at an honest shop on purpose does not end the shop's service: it lives by the rest.
#[test]
fn an_honest_shop_outlives_its_attackers() {
    let bed = Bed::new(three_strikes());
    for n in 0..20 {
        bed.does(Does::Lands(100));
        bed.settle("shop", &order("honest", &format!("good {n}"), DOLLAR, 0)).unwrap();
        bed.does(Does::Fails(40));
        let bad = order(&format!("evil{n}"), &format!("bad {n}"), DOLLAR, 0);
        assert_eq!(bed.settle("shop", &bad).unwrap_err().code, Code::TransactionFailed);
    }
    assert_eq!(bed.settles(), 40);
}

/// What the chain says twice is counted once.
#[test]
fn a_failure_that_is_found_out_later_counts_once() {
    let bed = Bed::new(three_strikes());
    bed.does(Does::Lost);
    let lost = order("p1", "1", DOLLAR, 0);
    assert!(bed.settle("a", &lost).unwrap_err().is_unknown_outcome());
    bed.does(Does::Fails(100));
    let settler = bed.guard.settler(Caller::anyone(), read, bed.inner.clone());
    for _ in 0..3 {
        assert_eq!(run(&bed.world, settler.resume(&lost, None)).unwrap_err().code, Code::TransactionFailed);
    }
    let counted = |budget: &str| bed.used(budget).e18();
    assert_eq!(counted(&format!("strikes/payer/{}", payee(1, "p1"))), 1);
    // For the caller that had asked, whoever found out.
    assert_eq!((counted("strikes/caller/a"), counted("strikes/caller/*")), (1, 0));
    assert_eq!(bed.open(), 0);
}
