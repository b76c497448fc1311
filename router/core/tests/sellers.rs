//! Whatever a plugin's seller answers, the driver serves nothing unpaid and leaves nothing claimed.
#![allow(clippy::as_conversions, reason = "closures become boxed ones; no number is cast")]

mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_core::flow::{Delivered, Driver};
use tollway_core::*;
use world::*;

type Answer = Box<dyn FnOnce(&Visit, &Event<'_>) -> Result<Move> + Send>;

/// Answers each event from a list, whatever the event.
struct Scripted(Mutex<Vec<Answer>>);

#[async_trait]
impl Seller for Scripted {
    fn offer(&self, _: &Price, _: &Kind) -> Result<Offer> {
        Err(Error::us(Code::Internal))
    }
    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        let answer = self.0.lock().unwrap().remove(0);
        answer(visit, &event)
    }
    async fn upkeep(&self, _: Wish, _: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}

fn drive(world: &World, runs: &AtomicUsize, script: Vec<Answer>) -> Result<Delivered> {
    let seller = Scripted(Mutex::new(script));
    let mut kitchen = Kitchen { world, flow: Flow::Authorization, nonce: "n", works: true, runs };
    let arrival = arrival(Flow::Authorization, "n", "p");
    let said = run(Driver { once: world.once(), seller: &seller }.drive(arrival, &mut kitchen));
    assert!(run(world.ledger.scan("visit", None, 9)).unwrap().is_empty(), "left in the journal");
    said
}

fn price(visit: &Visit) -> Ceiling {
    visit.arrival.offer.requirement.price
}

fn verify() -> Answer {
    Box::new(|v, _| Ok(Move::Verify(flow::order(v, Leg::After))))
}

fn serve() -> Answer {
    Box::new(|v, _| Ok(Move::Serve(price(v))))
}

fn freed(world: &World) -> bool {
    run(world.ledger.seen(&keys("n"), &"p".into())).unwrap().is_none()
}

#[test]
fn serving_or_settling_first_is_refused() {
    for first in
        [serve(), Box::new(|v: &Visit, _: &Event<'_>| Ok(Move::SettleHeld(price(v).full()))) as Answer]
    {
        let (world, runs) = (World::new(Settles::Well), AtomicUsize::new(0));
        assert_eq!(drive(&world, &runs, vec![first]).unwrap_err().code, Code::ServeWithoutPayment);
        assert_eq!((runs.load(Ordering::SeqCst), world.sends()), (0, 0));
    }
}

#[test]
fn a_seller_that_gives_up_frees_the_claim() {
    let give_up = || -> Answer { Box::new(|_, _| Err(Error::payee(Code::UnsupportedFlow))) };
    for script in [vec![verify(), give_up()], vec![verify(), serve(), give_up()]] {
        let (world, runs) = (World::new(Settles::Well), AtomicUsize::new(0));
        assert_eq!(drive(&world, &runs, script).unwrap_err().code, Code::UnsupportedFlow);
        assert!(freed(&world));
    }
}

#[test]
fn charging_more_or_in_another_coin_settles_nothing() {
    let dear = || {
        Box::new(|v: &Visit, _: &Event<'_>| {
            let more = Amount::new(price(v).asset(), PRICE + 1);
            Ok(Move::SettleHeld(Ceiling(more).full()))
        }) as Answer
    };
    let other = || {
        Box::new(|_: &Visit, _: &Event<'_>| {
            let coin = AssetId::native(ChainId::new("eip155:1").unwrap());
            Ok(Move::SettleHeld(Ceiling(Amount::new(coin, 1)).full()))
        }) as Answer
    };
    for bad in [dear(), other()] {
        let (world, runs) = (World::new(Settles::Well), AtomicUsize::new(0));
        let refused = drive(&world, &runs, vec![verify(), serve(), bad]).unwrap_err();
        assert_eq!(refused.code, Code::ChargeExceedsCeiling);
        assert_eq!(world.sends(), 0);
        assert!(freed(&world));
    }
}

#[test]
fn verifying_twice_leaves_nothing_claimed() {
    let (world, runs) = (World::new(Settles::Well), AtomicUsize::new(0));
    let said = drive(&world, &runs, vec![verify(), verify(), serve()]);
    assert!(said.is_err(), "{said:?}");
    assert_eq!((runs.load(Ordering::SeqCst), world.sends()), (0, 0));
    assert!(freed(&world), "claimed for ever");
}

#[test]
fn done_with_nothing_frees_the_claim() {
    let (world, runs) = (World::new(Settles::Well), AtomicUsize::new(0));
    let said = drive(&world, &runs, vec![verify(), Box::new(|_, _| Ok(Move::Done(None)))]).unwrap();
    assert_eq!(said, Delivered::Unpaid);
    assert!(freed(&world));
    assert_eq!((runs.load(Ordering::SeqCst), world.sends()), (0, 0));
}
