//! What was to be taken and was never sent, on a scripted chain.

mod support;

use support::*;
use tollway_core::*;

#[test]
fn what_was_never_sent_is_sent_once_for_whoever_knows_the_charge() {
    let told = |bench: &Bench, order: &Order, atomic: u128| {
        let charge = Amount::new(order.requirement.price.asset(), atomic);
        block_on(bench.settling().resume(order, Some(charge)))
    };
    let bench = Bench::new();
    let order = bench.order();
    for _ in 0..2 {
        let Ok(Fate::Settled(receipt)) = told(&bench, &order, PRICE) else { panic!("settled") };
        assert_eq!(receipt.charged, order.requirement.price.0);
    }
    assert_eq!(bench.world().submitted.len(), 1);
    assert_eq!(bench.world().txs.len(), 1);
    for (what, atomic, at) in [("another amount", PRICE - 1, NOW), ("too late to be sent", PRICE, NOW + 55)] {
        let bench = Bench::new();
        let order = bench.order();
        bench.at(at);
        assert_eq!(told(&bench, &order, atomic), Ok(Fate::Open { cancel: None }), "{what}");
        assert!(bench.world().submitted.is_empty(), "{what}");
    }
}
