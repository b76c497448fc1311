//! Paying: what each answer means, and that no signature is ever lost, doubled or forgotten.

mod actions;
mod answers;
mod crashes;
#[path = "../kit/mod.rs"]
mod kit;
mod later;
mod past;

use kit::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tollway_core::screen::{Subject, Verdict};
use tollway_core::*;
use tollway_route::pay::AttemptStage;
use tollway_route::*;

const PRICE: u128 = 10_000;
const FROM: Context<'_> = Context { host: Some("a.example") };

fn terms(atomic: u128) -> Challenge {
    challenge(vec![accept(1, atomic)])
}

fn pay(world: &Arc<World>, router: &Router, asked: &Challenge, acts: Vec<Act>) -> Result<Paid> {
    let mut till = Till::new(world, acts);
    run(world, router.pay(asked, FROM, &mut till))
}

fn pays(acts: Vec<Act>) -> (Arc<World>, Router, Result<Paid>) {
    let world = World::new();
    let router = router(&world, policy());
    let got = pay(&world, &router, &terms(PRICE), acts);
    (world, router, got)
}

fn stages(world: &World) -> Vec<AttemptStage> {
    let mut records = journal(world);
    records.sort_by_key(|r| r.begun_at);
    records.into_iter().map(|r| r.stage).collect()
}

/// After everything has expired and was looked after, the books are exactly what the chain says.
fn assert_balanced(world: &World, router: &Router) {
    world.advance(10_000_000);
    run(world, router.settle_up()).unwrap();
    let landed: u128 = world.chain.lock().unwrap().values().map(|r| r.charged.atomic).sum();
    assert_eq!(wallet_used(world, 1), landed, "{:?}", journal(world));
    for record in journal(world) {
        let on_chain = world.chain.lock().unwrap().contains_key(&record.id.0);
        let want = if on_chain { AttemptStage::Settled } else { AttemptStage::Dead };
        assert_eq!(record.stage, want, "{record:?}");
    }
    assert!(run(world, router.settle_up()).unwrap().is_empty(), "settling up twice moves nothing");
}
