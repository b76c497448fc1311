//! Coins for a payer's approval: for which they leave, how often, and who is told.

mod support;

use support::*;
use tollway_core::*;
use tollway_evm::permit2::Sponsoring;

/// Nothing of ours is gone by this one.
fn not_sent_at_no_cost(bench: &Bench, order: &Order) -> Error {
    let e = bench.settle(order).unwrap_err();
    assert_eq!((&e.code, &e.transaction, &e.spent), (&Code::ApprovalNotSent, &None, &None), "{e}");
    e
}

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
    let e = bench.settle(&order).unwrap_err();
    assert_eq!(e.code, Code::ApprovalNotSent);
    assert!(e.transaction.is_some());
    assert_eq!(e.spent.unwrap().atomic, left);
    not_sent_at_no_cost(&bench, &order);
    assert_eq!(bench.world().endowed.len(), 1);
}

#[test]
fn coins_for_one_approval_leave_once_whatever_payments_bring_it_along() {
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let first = bench.order();
    // The payer takes the coins away each time, so that it seems to lack them each time.
    bench.world().thief = true;
    for n in 0..3 {
        let mut order = bench.order();
        assert_ne!(permit(&order).nonce, permit(&first).nonce);
        order.payment.extensions = first.payment.extensions.clone();
        if n > 0 {
            not_sent_at_no_cost(&bench, &order);
            continue;
        }
        let e = bench.settle(&order).unwrap_err();
        assert_eq!(e.code, Code::ApprovalNotSent);
        assert_eq!(e.spent.unwrap().atomic, 70_000 * 1_000 + 4_242);
    }
    assert_eq!(bench.world().endowed, [(bench.payer, 70_000 * 1_000)]);
}

#[test]
fn whoever_comes_after_anothers_approval_settles_at_its_own_cost() {
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let first = bench.order();
    bench.world().approval_fee_wei = 1_100;
    let second = bench.order();
    assert_ne!(first.payment.extensions, second.payment.extensions, "other bytes at the same nonce");
    // Both are verified while there is no allowance.
    let due = |order: &Order| bench.verify(order).unwrap().due(order.requirement.price.full()).unwrap();
    let (first, second) = (due(&first), due(&second));
    let settle = |due| block_on(bench.settling().settle(due)).unwrap().spent.unwrap().cost.atomic;
    assert_eq!(settle(first), 70_000 * 1_000 + 4_242 + 4_242, "coins, their gas, and the settlement's");
    assert_eq!(settle(second), 4_242, "the settlement's");
    let world = bench.world();
    assert_eq!((world.endowed.len(), world.relayed.len(), world.submitted.len()), (1, 1, 2));
}

#[test]
fn an_approval_that_lost_its_race_for_the_nonce_is_settled_behind_the_one_that_won() {
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let (first, second) = (bench.order(), bench.order());
    let due = |order: &Order| bench.verify(order).unwrap().due(order.requirement.price.full()).unwrap();
    let (first, second) = (due(&first), due(&second));
    block_on(bench.settling().settle(first)).unwrap();
    // A node that is behind does not tell of the one that won.
    bench.world().stale_nonce = Some(0);
    let receipt = block_on(bench.settling().settle(second)).unwrap();
    assert_eq!(receipt.spent.unwrap().cost.atomic, 4_242);
}

#[test]
fn a_used_up_nonce_costs_nothing_however_often_it_is_presented() {
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let (first, second) = (bench.order(), bench.order());
    bench.world().thief = true;
    bench.settle(&first).unwrap_err();
    // The payer spends its coins on another transaction at that nonce.
    bench.world().payer_nonce = 1;
    bench.world().coins_wei = u128::MAX / 2;
    for order in [&first, &second, &first, &second] {
        assert_eq!(not_sent_at_no_cost(&bench, order).next, Next::OtherRoute);
    }
    let world = bench.world();
    assert_eq!((world.endowed.len(), world.relayed.len(), world.submitted.len()), (1, 0, 0));
}

#[test]
fn no_coins_are_counted_that_a_dearer_approval_at_a_funded_nonce_would_have_needed() {
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let first = bench.order();
    bench.world().thief = true;
    assert_eq!(bench.settle(&first).unwrap_err().spent.unwrap().atomic, 70_000 * 1_000 + 4_242);
    bench.world().approval_fee_wei = 10_000;
    for _ in 0..2 {
        not_sent_at_no_cost(&bench, &bench.order());
    }
    assert_eq!(bench.world().endowed.len(), 1);
}

#[test]
fn coins_whose_end_was_not_seen_are_counted_when_their_payment_is_settled_again() {
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let (first, second) = (bench.order(), bench.order());
    bench.world().slow_coins = true;
    let e = bench.settle(&first).unwrap_err();
    assert!(e.is_unknown_outcome() && e.spent.is_none(), "{e}");
    bench.world().slow_coins = false;
    // Another payment uses them, and says nothing of them.
    let due = bench.verify(&first).unwrap().due(first.requirement.price.full()).unwrap();
    assert_eq!(bench.settle(&second).unwrap().spent.unwrap().cost.atomic, 4_242);
    let receipt = block_on(bench.settling().settle(due)).unwrap();
    assert_eq!(receipt.spent.unwrap().cost.atomic, 70_000 * 1_000 + 4_242 + 4_242);
    assert_eq!(bench.world().endowed.len(), 1);
}

#[test]
fn coins_that_were_of_use_before_they_were_final_are_counted() {
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let order = bench.order();
    bench.world().slow_coins = true;
    assert!(bench.settle(&order).unwrap_err().is_unknown_outcome());
    let due = bench.verify(&order).unwrap().due(order.requirement.price.full()).unwrap();
    // The payer, or somebody else, has sent the approval meanwhile.
    bench.world().payer_nonce = 1;
    bench.world().allowances.insert(bench.payer, alloy::primitives::U256::MAX);
    let receipt = block_on(bench.settling().settle(due)).unwrap();
    assert_eq!(receipt.spent.unwrap().cost.atomic, 70_000 * 1_000 + 4_242 + 4_242);
}
