//! The driver: nothing served unpaid, nothing settled twice, nothing left behind.

mod world;

use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use tollway_core::flow::{Delivered, Driver, VisitRecord};
use tollway_core::*;
use world::*;

/// One whole visit.
async fn visit(
    world: &World,
    flow: Flow,
    nonce: &'static str,
    print: &str,
    works: bool,
    runs: &AtomicUsize,
) -> Result<Delivered> {
    let mut kitchen = Kitchen { world, flow, nonce, works, runs };
    Driver { once: world.once(), seller: world }.drive(arrival(flow, nonce, print), &mut kitchen).await
}

fn journal(world: &World) -> Vec<Record> {
    run(world.ledger.scan("visit/gate", None, 99)).unwrap()
}

fn seen(world: &World, nonce: &str, print: &str) -> Option<Claim> {
    run(world.ledger.seen(&keys(nonce), &print.into())).unwrap()
}

const FLOWS: [Flow; 2] = [Flow::Authorization, Flow::Upfront];

#[test]
fn a_good_payment_is_served_once_and_settled_once() {
    for flow in FLOWS {
        let (world, runs) = (World::new(Settles::Well), AtomicUsize::new(0));
        let Delivered::Paid(receipt) = run(visit(&world, flow, "n", "p", true, &runs)).unwrap() else {
            panic!("not paid")
        };
        assert_eq!(receipt.charged.atomic, PRICE);
        assert!(journal(&world).is_empty());
        // The same print again gets the receipt, and nothing runs.
        let again = run(visit(&world, flow, "n", "p", true, &runs)).unwrap();
        assert_eq!(again, Delivered::Again(receipt));
        // Another print is a replay.
        let replay = run(visit(&world, flow, "n", "q", true, &runs)).unwrap_err();
        assert_eq!(replay.code, Code::ReplayedPayment);
        assert_eq!((runs.load(Ordering::SeqCst), world.sends()), (1, 1));
        assert!(journal(&world).is_empty());
    }
}

#[test]
fn a_forged_payload_burns_nothing() {
    for flow in FLOWS {
        let (world, runs) = (World::new(Settles::Well), AtomicUsize::new(0));
        let mut forged = arrival(flow, "n", "thief");
        forged.payment.payload = Json::parse(r#"{"nonce":"n","forged":true}"#).unwrap();
        let mut kitchen = Kitchen { world: &world, flow, nonce: "n", works: true, runs: &runs };
        let driver = Driver { once: world.once(), seller: &world };
        let refused = run(driver.drive(forged, &mut kitchen)).unwrap_err();
        assert_eq!(refused.code, Code::InvalidSignature);
        assert_eq!((runs.load(Ordering::SeqCst), world.sends()), (0, 0));
        assert!(journal(&world).is_empty());
        assert!(matches!(run(visit(&world, flow, "n", "p", true, &runs)).unwrap(), Delivered::Paid(_)));
    }
}

#[test]
fn a_failed_handler_takes_nothing_unless_it_was_paid_upfront() {
    let (world, runs) = (World::new(Settles::Well), AtomicUsize::new(0));
    let unpaid = run(visit(&world, Flow::Authorization, "n", "p", false, &runs)).unwrap();
    assert_eq!((unpaid, world.sends(), seen(&world, "n", "p")), (Delivered::Unpaid, 0, None));
    let later = run(visit(&world, Flow::Authorization, "n", "q", true, &runs)).unwrap();
    assert!(matches!(later, Delivered::Paid(_)), "the nonce was free for another request");

    let world = World::new(Settles::Well);
    let paid = run(visit(&world, Flow::Upfront, "n", "p", false, &runs)).unwrap();
    assert!(matches!(paid, Delivered::PaidUnserved(_)));
    assert!(matches!(seen(&world, "n", "p"), Some(Claim::Same(Some(_)))));
    assert!(journal(&world).is_empty());
}

#[test]
fn a_refused_settlement_frees_the_claim() {
    for flow in FLOWS {
        let (world, runs) = (World::new(Settles::Refuses), AtomicUsize::new(0));
        let refused = run(visit(&world, flow, "n", "p", true, &runs)).unwrap_err();
        assert_eq!(refused.code, Code::SimulationFailed);
        assert_eq!((seen(&world, "n", "p"), journal(&world).len()), (None, 0));
    }
}

#[test]
fn an_unknown_outcome_is_asked_after_and_never_settled_again() {
    for flow in FLOWS {
        let (world, runs) = (World::new(Settles::SentThenUnknown), AtomicUsize::new(0));
        assert!(matches!(run(visit(&world, flow, "n", "p", true, &runs)).unwrap(), Delivered::Paid(_)));
        assert_eq!(world.sends(), 1);
        assert!(world.resumed.load(Ordering::SeqCst) > 0 && journal(&world).is_empty());

        let world = World::new(Settles::LostBeforeSending);
        let unknown = run(visit(&world, flow, "n", "p", true, &runs)).unwrap_err();
        assert!(unknown.is_unknown_outcome(), "{unknown}");
        assert_eq!(journal(&world).len(), 1, "kept for recovery");
        let again = run(visit(&world, flow, "n", "p", true, &runs)).unwrap_err();
        assert_eq!(again.code, Code::InFlight);
        recover(&world);
        assert_eq!(journal(&world).len(), 1, "still open before the window ends");
        world.clock.store(EXPIRES.ms(), Ordering::SeqCst);
        recover(&world);
        assert_eq!((seen(&world, "n", "p"), journal(&world).len()), (None, 0));
    }
}

#[test]
fn patience_counts_the_looks_and_not_the_pauses_alone() {
    let (runs, began) = (AtomicUsize::new(0), Time::from_ms(1_000));
    let world = World { look_ms: 2_000, ..World::new(Settles::LostBeforeSending) };
    let lost = run(visit(&world, Flow::Authorization, "n", "p", true, &runs)).unwrap_err();
    assert!(lost.is_unknown_outcome());
    let waited_ms = world.now().ms_since(began);
    assert!(waited_ms <= world.patience_ms + world.look_ms, "{waited_ms} ms");
    // The same payment again waits for it, and no longer than that.
    let again = run(visit(&world, Flow::Authorization, "n", "p", true, &runs)).unwrap_err();
    assert_eq!(again.code, Code::InFlight);
    let waited_again_ms = world.now().ms_since(began) - waited_ms;
    assert!(waited_again_ms <= world.patience_ms + world.look_ms, "{waited_again_ms} ms");
}

#[test]
fn another_process_visits_are_not_ours_to_release() {
    let (world, runs) = (World::new(Settles::Well), AtomicUsize::new(0));
    assert!(poll(visit(&world, Flow::Authorization, "n", "p", true, &runs), 15).is_none());
    let found = journal(&world).remove(0);
    let record = VisitRecord::read(&found.value).unwrap();
    let mut other = world.once();
    other.owner = "somebody else";
    assert_eq!(run(other.recover(found.key, found.version, record)).unwrap(), None);
    assert_eq!(journal(&world).len(), 1);
}

#[test]
fn a_facilitator_settles_each_payment_once() {
    let world = World::new(Settles::Well);
    let asked = order(&arrival(Flow::Authorization, "n", "p"));
    let receipt = run(world.once().settle(asked.clone(), 40, &"p".into())).unwrap();
    assert_eq!(receipt.charged.atomic, 40);
    assert_eq!(run(world.once().settle(asked.clone(), 40, &"p".into())).unwrap(), receipt);
    let replay = run(world.once().settle(asked, 40, &"q".into())).unwrap_err();
    assert_eq!((replay.code, world.sends()), (Code::ReplayedPayment, 1));
    let dear = order(&arrival(Flow::Authorization, "m", "p"));
    let over = run(world.once().settle(dear, PRICE + 1, &"p".into())).unwrap_err();
    assert_eq!(over.code, Code::ChargeExceedsCeiling);
    assert_eq!((seen(&world, "m", "p"), journal(&world).len()), (None, 0));
}

/// What a restarted process does.
/// What was certainly not sent is tried again here, rather than by a payer who is sent away.
#[test]
fn a_node_that_stumbles_before_sending_is_tried_again() {
    for (stumbles, settles) in [(0, true), (2, true), (3, false)] {
        let world = World::new(Settles::Stumbles(stumbles));
        let said =
            run(world.once().settle(order(&arrival(Flow::Authorization, "n", "p")), PRICE, &"p".into()));
        assert_eq!(said.is_ok(), settles, "{said:?}");
        assert_eq!(world.sends(), usize::from(settles));
        assert!(journal(&world).is_empty());
        let left = seen(&world, "n", "p");
        assert_eq!(left.is_some(), settles, "{left:?}");
    }
}

fn recover(world: &World) {
    run(recovering(world));
}

async fn recovering(world: &World) {
    for found in world.ledger.scan("visit/gate", None, 99).await.unwrap() {
        let record = VisitRecord::read(&found.value).unwrap();
        match world.once().recover(found.key, found.version, record).await {
            Ok(_) => {}
            Err(e) => assert_eq!(e.code, Code::Expired, "{e}"),
        }
    }
}

/// Every await point of a visit, and every await point of the recovery after it, is a place to die.
#[test]
fn a_crash_anywhere_is_mended() {
    let settles = [Settles::Well, Settles::SentThenUnknown, Settles::LostBeforeSending, Settles::Refuses];
    let mut deaths = 0;
    for (flow, settles, works) in
        FLOWS.iter().flat_map(|f| settles.iter().flat_map(|s| [(*f, *s, true), (*f, *s, false)]))
    {
        for n in 0.. {
            let mut finished = false;
            for m in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99] {
                let (world, runs) = (World::new(settles), AtomicUsize::new(0));
                finished = poll(visit(&world, flow, "n", "p", works, &runs), n).is_some();
                // Dies again in the middle of recovering.
                let _ = poll(recovering(&world), m);
                recover(&world);
                mended(&world, flow, &runs, &format!("{flow} {settles:?} {works}, dead at {n} and {m}"));
                deaths += 1;
            }
            if finished {
                break;
            }
        }
    }
    assert!(deaths > 1000, "{deaths}");
}

fn mended(world: &World, flow: Flow, runs: &AtomicUsize, at: &str) {
    let settled = world.chain().contains_key("n");
    assert!(world.sends() <= 1, "{at}: sent {} times", world.sends());
    if settled {
        assert!(journal(world).is_empty(), "{at}: settled, and still in the journal");
        assert!(matches!(seen(world, "n", "p"), Some(Claim::Same(Some(_)))), "{at}: settled, and no receipt");
    } else if !journal(world).is_empty() {
        // Told to settle, and nobody can say yet: kept until the window is over. (Free already when it died between
        // freeing a refused payment's keys and striking it from the journal; the journal then keeps others out.)
        assert!(matches!(seen(world, "n", "p"), None | Some(Claim::Same(None))), "{at}");
        let other = run(visit(world, flow, "n", "thief", true, runs)).unwrap_err();
        assert!([Code::InFlight, Code::ReplayedPayment].contains(&other.code), "{at}: {other}");
        world.clock.store(EXPIRES.ms(), Ordering::SeqCst);
        recover(world);
    }
    assert!(journal(world).is_empty(), "{at}: left in the journal");
    if !settled {
        assert_eq!(seen(world, "n", "p"), None, "{at}: claimed for ever");
        world.clock.store(1_000, Ordering::SeqCst);
    }
    // The payer asks again, as clients do.
    let before = (world.sends(), runs.load(Ordering::SeqCst));
    let again = run(visit(world, flow, "n", "p", true, runs));
    if settled {
        assert!(matches!(again, Ok(Delivered::Again(_))), "{at}: {again:?}");
        assert_eq!((world.sends(), runs.load(Ordering::SeqCst)), before, "{at}");
    } else if matches!(world.settles, Settles::Well | Settles::SentThenUnknown) {
        assert!(matches!(again, Ok(Delivered::Paid(_))), "{at}: {again:?}");
    }
    assert!(world.sends() <= 1, "{at}: sent twice in the end");
    // Whatever happened, nobody else may use the payment.
    if world.chain().contains_key("n") {
        let thief = run(visit(world, flow, "n", "thief", true, runs)).unwrap_err();
        assert_eq!(thief.code, Code::ReplayedPayment, "{at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() })]

    /// Three requests with one payment, interleaved in any way.
    #[test]
    fn racing_visits_settle_once(
        schedule in prop::collection::vec(0..3usize, 0..400),
        same in any::<[bool; 2]>(),
        upfront in any::<bool>(),
        settles in prop::sample::select(vec![Settles::Well, Settles::SentThenUnknown, Settles::LostBeforeSending]),
    ) {
        let flow = if upfront { Flow::Upfront } else { Flow::Authorization };
        let (world, runs) = (World::new(settles), AtomicUsize::new(0));
        let prints = ["p", if same[0] { "p" } else { "q" }, if same[1] { "p" } else { "r" }];
        let mut visits: Vec<Boxed<'_, Result<Delivered>>> = Vec::new();
        for print in prints {
            visits.push(Box::pin(visit(&world, flow, "n", print, true, &runs)));
        }
        let mut said: [Option<Result<Delivered>>; 3] = [None, None, None];
        let mut cx = Context::from_waker(Waker::noop());
        for turn in schedule.into_iter().chain((0..30_000).map(|n| n % 3)) {
            if said[turn].is_none()
                && let Poll::Ready(done) = visits[turn].as_mut().poll(&mut cx)
            {
                said[turn] = Some(done);
            }
        }
        let said: Vec<_> = said.into_iter().map(|s| s.expect("ends")).collect();
        let paid: Vec<_> =
            said.iter().enumerate().filter(|(_, s)| matches!(s, Ok(Delivered::Paid(_)))).map(|(i, _)| i).collect();
        prop_assert!(world.sends() <= 1, "{:?}", said);
        prop_assert!(runs.load(Ordering::SeqCst) <= 1, "{:?}", said);
        prop_assert!(paid.len() <= 1, "{:?}", said);
        if let [winner] = paid[..] {
            for (i, said) in said.iter().enumerate().filter(|(i, _)| *i != winner) {
                match said {
                    Ok(Delivered::Again(_)) => prop_assert_eq!(prints[i], prints[winner]),
                    Err(e) => prop_assert!(
                        [Code::ReplayedPayment, Code::InFlight, Code::NonceUsed].contains(&e.code), "{}", e
                    ),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            prop_assert!(journal(&world).is_empty());
        } else {
            prop_assert_eq!(settles, Settles::LostBeforeSending, "{:?}", said);
        }
    }
}
