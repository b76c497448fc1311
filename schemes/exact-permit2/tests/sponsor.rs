//! Coins for a payer's approval: for which they leave, how often, and who is told.

mod support;

use support::*;
use tollway_core::*;
use tollway_evm::permit2::Sponsoring;

#[test]
fn an_approval_that_is_far_too_dear_is_not_paid_for() {
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    bench.world().approval_fee_wei = 10_000;
    let order = bench.order();
    let e = bench.settle(&order).unwrap_err();
    assert_eq!((e.code, e.next), (Code::ApprovalNotSent, Next::OtherRoute));
    assert!(bench.world().endowed.is_empty() && bench.world().submitted.is_empty());
    // Four times what one costs now is the most.
    let most_wei = 4 * 500 * 56_000 / 70_000;
    for (fee_wei, paid_for) in [(most_wei, 1), (most_wei + 1, 0)] {
        let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
        bench.world().approval_fee_wei = fee_wei;
        let _ = bench.settle(&bench.order());
        assert_eq!(bench.world().endowed.len(), paid_for, "{fee_wei}");
    }
    // Who has the coins pays whatever he likes.
    bench.world().coins_wei = u128::MAX / 2;
    bench.settle(&order).unwrap();
}

#[test]
fn coins_leave_only_for_an_approval_that_can_be_mined_and_are_counted() {
    let left = 70_000 * 1_000 + 4_242;
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let receipt = bench.settle(&bench.order()).unwrap();
    assert_eq!(receipt.spent.unwrap().cost.atomic, left + 4_242, "coins, their gas, and the settlement's");

    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let order = bench.order();
    bench.world().payer_nonce = 1;
    let e = bench.settle(&order).unwrap_err();
    assert_eq!((e.code, e.next, e.transaction), (Code::ApprovalNotSent, Next::OtherRoute, None));
    assert!(bench.world().endowed.is_empty(), "before a coin leaves");

    // The payer takes the coins, and its approval never lands.
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let order = bench.order();
    bench.world().thief = true;
    for _ in 0..2 {
        let e = bench.settle(&order).unwrap_err();
        assert_eq!(e.code, Code::ApprovalNotSent);
        assert!(e.transaction.is_some());
        assert_eq!(e.spent.unwrap().atomic, left);
    }
    assert_eq!(bench.world().endowed.len(), 1);
}

#[test]
fn coins_for_one_approval_leave_once_whatever_payments_bring_it_along() {
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let first = bench.order();
    // The payer takes the coins away each time, so that it seems to lack them each time.
    bench.world().thief = true;
    for _ in 0..3 {
        let mut order = bench.order();
        assert_ne!(permit(&order).nonce, permit(&first).nonce);
        order.payment.extensions = first.payment.extensions.clone();
        let e = bench.settle(&order).unwrap_err();
        assert_eq!(e.code, Code::ApprovalNotSent);
    }
    assert_eq!(bench.world().endowed, [(bench.payer, 70_000 * 1_000)]);
}
