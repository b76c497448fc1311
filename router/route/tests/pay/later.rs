//! A receipt that comes after the answer.

use super::*;

/// Begun, and not finished; with the receipt that would be good for it.
fn begun() -> (Arc<World>, Router, Later, Receipt) {
    let world = World::new();
    let router = router(&world, policy());
    let mut till = Till::new(&world, vec![Act::Streams]);
    let asked = terms(PRICE);
    let got = run(&world, router.begin(&asked, FROM, &mut till)).unwrap();
    let Begun::Later(later) = got else { panic!("{got:?}") };
    assert_eq!((stages(&world), wallet_used(&world, 1)), (vec![AttemptStage::Signed], PRICE));
    let receipt = ok_receipt(&journal(&world)[0].authorization.as_ref().unwrap().payment);
    (world, router, later, receipt)
}

fn charged(receipt: &Receipt, atomic: u128) -> Receipt {
    Receipt { charged: Amount::new(receipt.charged.asset, atomic), ..receipt.clone() }
}

#[test]
fn what_was_not_charged_is_free_again() {
    let (world, router, later, receipt) = begun();
    // A metered scheme finds less than the price in its receipts.
    world.direct(|s| s.believes = true);
    let part = charged(&receipt, PRICE / 4);
    world.chain.lock().unwrap().insert(later.attempt().0.clone(), part.clone());
    let paid = run(&world, router.finish(&later, Some(&part))).unwrap();
    assert_eq!((paid.charged.atomic, paid.index, paid.corrected), (PRICE / 4, 0, false));
    assert_eq!((stages(&world), wallet_used(&world, 1)), (vec![AttemptStage::Settled], PRICE / 4));
    // Whoever asks again hears the same, with a receipt or without one.
    for again in [Some(&receipt), None] {
        assert_eq!(run(&world, router.finish(&later, again)).unwrap(), paid);
    }
    assert_eq!((world.signatures(), wallet_used(&world, 1)), (1, PRICE / 4));
}

/// A server that has taken everything, or still can, says that it was little, to have as much signed again.
#[test]
fn a_receipt_for_less_frees_nothing_until_the_chain_agrees() {
    for taken in [PRICE, PRICE / 2, PRICE / 4] {
        for late in [false, true] {
            let (world, router, later, receipt) = begun();
            world.direct(|s| s.believes = true);
            let (told, truth) = (charged(&receipt, PRICE / 4), charged(&receipt, taken));
            let land = || world.chain.lock().unwrap().insert(later.attempt().0.clone(), truth.clone());
            if !late {
                land();
            }
            let paid = run(&world, router.finish(&later, Some(&told))).unwrap();
            if late {
                assert_eq!((paid.charged.atomic, wallet_used(&world, 1)), (PRICE / 4, PRICE), "a word");
                assert_eq!(stages(&world), vec![AttemptStage::Signed]);
                land();
                assert_eq!(run(&world, router.settle_up()).unwrap().len(), 1);
            } else {
                assert_eq!(paid.charged.atomic, taken, "the chain's word");
            }
            assert_eq!((stages(&world), wallet_used(&world, 1)), (vec![AttemptStage::Settled], taken));
            assert_balanced(&world, &router);
        }
    }
}

#[test]
fn a_receipt_that_lies_is_checked_on_chain() {
    let (world, router, later, receipt) = begun();
    for lie in [charged(&receipt, PRICE + 1), charged(&receipt, PRICE - 1)] {
        let e = run(&world, router.finish(&later, Some(&lie))).unwrap_err();
        assert_eq!(e.code, Code::ReceiptMismatch);
        assert!(e.is_unknown_outcome());
        assert_eq!((stages(&world), wallet_used(&world, 1)), (vec![AttemptStage::Signed], PRICE));
    }
    // More than was signed is not believed by whomever.
    world.direct(|s| s.believes = true);
    assert!(run(&world, router.finish(&later, Some(&charged(&receipt, PRICE + 1)))).is_err());
    world.chain.lock().unwrap().insert(later.attempt().0.clone(), receipt.clone());
    let lie = charged(&receipt, PRICE + 1);
    assert_eq!(run(&world, router.finish(&later, Some(&lie))).unwrap().receipt, receipt, "the chain's word");
    assert_balanced(&world, &router);
}

#[test]
fn without_a_receipt_the_chain_tells() {
    let (world, router, later, receipt) = begun();
    assert!(run(&world, router.finish(&later, None)).unwrap_err().is_unknown_outcome());
    assert_eq!(wallet_used(&world, 1), PRICE, "still spendable, so still held");
    world.chain.lock().unwrap().insert(later.attempt().0.clone(), receipt);
    assert_eq!(run(&world, router.finish(&later, None)).unwrap().charged.atomic, PRICE);
    assert_balanced(&world, &router);

    let (world, router, later, _) = begun();
    world.advance(10_000_000);
    let dead = run(&world, router.finish(&later, None)).unwrap_err();
    assert_eq!((dead.code, dead.next, wallet_used(&world, 1)), (Code::Expired, Next::Never, 0));
}

#[test]
fn settling_up_finishes_what_nobody_else_has() {
    let (world, router, later, receipt) = begun();
    world.chain.lock().unwrap().insert(later.attempt().0.clone(), receipt.clone());
    assert_eq!(run(&world, router.settle_up()).unwrap().len(), 1);
    assert_eq!(run(&world, router.finish(&later, Some(&receipt))).unwrap().receipt, receipt);
    assert_balanced(&world, &router);
}

#[test]
fn who_cannot_finish_hears_that_the_outcome_is_open() {
    let (world, _, got) = pays(vec![Act::Streams]);
    let e = got.unwrap_err();
    assert_eq!(e.code, Code::SettlementPending);
    assert!(e.is_unknown_outcome());
    assert_eq!(wallet_used(&world, 1), PRICE);
}
