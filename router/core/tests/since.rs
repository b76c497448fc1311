//! When a payment came is noted with it, for whoever is asked after it later.

mod world;

use std::sync::atomic::Ordering;
use tollway_core::*;
use world::*;

/// A payment may have no window of its own, and then only the visit says what need not be looked for.
#[test]
fn whoever_is_asked_after_a_payment_is_told_when_it_came() {
    let world = World { patience_ms: 2_000, ..World::new(Settles::LostBeforeSending) };
    let came = world.now();
    let order = order(&arrival(Flow::Authorization, "n", "p"));
    assert!(run(world.once().settle(order, PRICE, &"p".into())).unwrap_err().is_unknown_outcome());
    let mut told = std::mem::take(&mut *world.since.lock().unwrap());
    told.dedup();
    assert_eq!(told, [came], "by whoever waits for it");
    world.clock.fetch_add(1_000_000, Ordering::SeqCst);
    let found = run(world.ledger.scan("visit/gate", None, 9)).unwrap().remove(0);
    let record = flow::VisitRecord::read(&found.value).unwrap();
    run(world.once().recover(found.key, found.version, record)).unwrap();
    assert_eq!(*world.since.lock().unwrap(), [came], "after a restart");
    let older = found.value.replace(&format!(",\"begun\":{}", came.ms()), "");
    assert_ne!(older, found.value);
    assert_eq!(
        flow::VisitRecord::read(&older).unwrap().begun,
        Time::ZERO,
        "of a version that did not note it"
    );
}
