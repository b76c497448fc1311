//! A process that goes down anywhere, and members that do whatever they do.

use super::*;
use proptest::prelude::*;
use tollway_core::ledger::MemoryLedger;

/// Killed after any number of polls and restarted: whoever was asked before is asked again, and nobody else.
#[test]
fn killed_at_every_await_and_resumed() {
    for does in [Does::Well, Does::LostBefore, Does::LostAfter] {
        for n in 0.. {
            let scene = Scene::new(&["a", "b"]);
            let order = scene.plain("n");
            *scene.members[0].settles.lock().unwrap() = does;
            let first = scene.pool();
            let done = poll(&scene.world, scene.pay(&first, &order), n);
            drop(first);
            // The cheapest is another one now, and the first one is back.
            *scene.members[0].fee.lock().unwrap() = 9;
            scene.members[0].does(Does::Well);
            let before = scene.members[0].counts().1;
            let pool = scene.pool();
            scene.run(pool.effort(&order)).unwrap();
            let fate = scene.run(pool.resume(&order, None)).unwrap();
            assert!(matches!(fate, Fate::Settled(_)), "{does:?} {n}: {fate:?}");
            let resumed = [0, 1].map(|at: usize| count(&scene.members[at].resumed));
            if before > 0 {
                assert_eq!(resumed, [1, 0], "{does:?} {n}: the one that was asked is asked");
            }
            assert_eq!((resumed[0] + resumed[1], scene.ground.landed()), (1, 1), "{does:?} {n}");
            scene.none_doubled();
            if done.is_some() {
                break;
            }
        }
    }
}

/// The same payment at once, twice, and a resume beside them.
#[test]
fn two_settle_calls_and_a_resume_at_once_are_one_payment() {
    for n in 0..60 {
        for does in [Does::Well, Does::Away, Does::LostAfter] {
            let scene = Scene::new(&["a", "b"]);
            *scene.members[0].settles.lock().unwrap() = does;
            let (pool, order) = (scene.pool(), scene.plain("n"));
            let (mut one, mut other) =
                (Box::pin(scene.pay(&pool, &order)), Box::pin(scene.pay(&pool, &order)));
            let early = poll(&scene.world, one.as_mut(), n);
            let second = scene.run(other.as_mut());
            let _ = scene.run(pool.resume(&order, None));
            if early.is_none() {
                let _ = scene.run(one.as_mut());
            }
            assert!(scene.ground.landed() <= 1);
            assert!(second.is_ok() || second.as_ref().is_err_and(Error::is_unknown_outcome), "{second:?}");
            scene.none_doubled();
        }
    }
}

/// A ledger that fails: nothing is sent that is not written down.
#[test]
fn a_ledger_that_fails_sends_nothing_twice() {
    for how in [Fails::Before, Fails::After] {
        for n in 0..40 {
            let scene = Scene::new(&["a", "b"]);
            *scene.members[0].settles.lock().unwrap() = Does::Away;
            let (pool, order) = (scene.pool(), scene.plain("n"));
            *scene.world.books.trouble.lock().unwrap() = Some((n, how));
            let first = scene.run(scene.pay(&pool, &order));
            *scene.world.books.trouble.lock().unwrap() = None;
            scene.members[0].does(Does::Well);
            if first.is_err() {
                let again = scene.run(scene.pay(&pool, &order));
                if again.as_ref().is_err_and(Error::is_unknown_outcome) {
                    let fate = scene.run(pool.resume(&order, None)).unwrap();
                    assert!(matches!(fate, Fate::Settled(_)), "{how:?} {n}: {fate:?}");
                } else {
                    again.unwrap();
                }
            }
            assert_eq!(scene.ground.landed(), 1, "{how:?} {n}");
            scene.none_doubled();
        }
    }
}

/// A damaged file, rights that are gone: final for the ledger, and no word on the payment.
#[test]
fn a_ledger_that_fails_for_good_while_a_payment_is_asked_after_lets_nothing_go() {
    for (n, asked) in [(0, 0), (1, 0), (2, 1)] {
        let scene = Scene::new(&["a"]);
        *scene.members[0].settles.lock().unwrap() = Does::LostBefore;
        let (pool, order, visits) = (scene.pool(), scene.plain("n"), MemoryLedger::new());
        let once = flow::SettleOnce {
            read: registry(&scene.world, &[1, 2]).cell(&order.requirement).unwrap().read,
            settler: &pool,
            ledger: &visits,
            clock: &*scene.world,
            room: "visit/gate",
            owner: "me",
            patience_ms: 0,
        };
        assert!(scene.run(once.settle(order.clone(), 100, &"p".into())).unwrap_err().is_unknown_outcome());
        let recover = || {
            let found = scene.run(visits.scan("visit/gate", None, 9)).unwrap().remove(0);
            let record = flow::VisitRecord::read(&found.value).unwrap();
            scene.run(once.recover(found.key, found.version, record))
        };
        let books = &scene.world.books;
        *books.trouble.lock().unwrap() = Some((books.calls() + n, Fails::ForGood));
        assert_eq!(recover(), Ok(None), "{n}");
        *books.trouble.lock().unwrap() = None;
        assert_eq!((scene.holder("n").as_deref(), count(&scene.members[0].resumed)), (Some("a"), asked));
        scene.members[0].does(Does::Well);
        assert!(recover().unwrap().is_some(), "{n}: it was let go");
        assert_eq!(scene.ground.landed(), 1);
        scene.none_doubled();
    }
}

fn does() -> impl Strategy<Value = Does> {
    proptest::sample::select(&ALL[..])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    /// Whatever three members do and change to, a few payments at a time: two never hold one, and what a receipt says is
    /// on the chain.
    #[test]
    fn two_members_never_hold_one_payment(
        states in proptest::collection::vec((0usize..3, does(), does()), 1..24),
        kill in proptest::collection::vec(0usize..60, 24),
    ) {
        let scene = Scene::new(&["a", "b", "c"]);
        let mut pool = scene.pool();
        for (nth, ((at, verifies, settles), kill)) in states.into_iter().zip(kill).enumerate() {
            *scene.members[at].verifies.lock().unwrap() = verifies;
            *scene.members[at].settles.lock().unwrap() = settles;
            // Every payment comes twice, the second time perhaps to a process that has been restarted.
            let order = scene.plain(&format!("n{}", nth / 2));
            match poll(&scene.world, scene.pay(&pool, &order), 200 + kill * 10) {
                Some(Ok(receipt)) => {
                    prop_assert_eq!(receipt.charged.atomic, 100);
                    prop_assert!(scene.ground.landed() > 0);
                }
                Some(Err(e)) if e.is_unknown_outcome() => {
                    let _ = poll(&scene.world, pool.resume(&order, None), 1_000);
                }
                Some(Err(_)) => {}
                None => pool = scene.pool(),
            }
            scene.world.advance(1_000);
            let doubled = scene.ground.doubled.lock().unwrap().clone();
            prop_assert!(doubled.is_empty(), "{:?}", doubled);
        }
    }
}
