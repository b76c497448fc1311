//! Whatever stops in the middle, nothing is lost.

use super::*;

fn scenarios() -> Vec<(&'static str, Vec<Act>)> {
    vec![
        ("paid", vec![Act::Settles]),
        ("lying receipt", vec![Act::SettlesAndLies]),
        ("silent", vec![Act::SettlesSilently]),
        ("lost", vec![Act::SettlesAndVanishes]),
        ("vanished", vec![Act::Vanishes]),
        ("refused", vec![Act::Refuses(Error::payee(Code::UnexpectedVerifyError))]),
        ("not sent", vec![Act::NotSent]),
        ("corrected", vec![Act::Asks(terms(PRICE + 1)), Act::Settles]),
        ("corrected twice", vec![Act::Asks(terms(PRICE + 1)), Act::Asks(terms(PRICE + 2))]),
        ("corrected and lost", vec![Act::Asks(terms(PRICE + 1)), Act::SettlesAndVanishes]),
    ]
}

/// Whatever is signed and was sent is held until the chain has said what became of it.
fn assert_covered(world: &World, words: &str) {
    let sent = world.sent.lock().unwrap().clone();
    let records = journal(world);
    for nonce in &sent {
        let record = records.iter().find(|r| r.id.0 == *nonce).unwrap_or_else(|| panic!("{words}: {nonce}"));
        assert!(record.authorization.is_some(), "{words}: a sent signature is not journaled");
        assert_ne!(record.stage, AttemptStage::Dead, "{words}: a spendable signature counts as dead");
    }
    let exposed: u128 = records.iter().filter(|r| sent.contains(&r.id.0)).map(|r| r.exposure.atomic()).sum();
    assert!(wallet_used(world, 1) >= exposed, "{words}: {} held of {exposed}", wallet_used(world, 1));
}

#[test]
fn dropped_at_every_await_nothing_is_lost() {
    for (name, acts) in scenarios() {
        for actions in [0, 1] {
            for n in 0.. {
                let world = World::new();
                world.direct(|s| s.actions = actions);
                let router = router(&world, policy());
                let mut till = Till::new(&world, acts.clone());
                let words = format!("{name} after {n} polls");
                let asked = terms(PRICE);
                let done = poll(&world, router.pay(&asked, FROM, &mut till), n);
                assert_covered(&world, &words);
                assert!(world.signatures() <= 2, "{words}");
                let before = world.signatures();
                run(&world, router.settle_up()).unwrap();
                assert_covered(&world, &words);
                assert_eq!(world.signatures(), before, "{words}: settling up signs nothing");
                let signed = u128::try_from(world.signatures()).unwrap();
                assert!(wallet_used(&world, 1) <= (PRICE + 2) * signed, "{words}: held for nothing");
                if world.signatures() == 0 {
                    assert_eq!(wallet_used(&world, 1), 0, "{words}: held for nothing");
                }
                assert_balanced(&world, &router);
                if done.is_some() {
                    assert!(n > 10, "the test must have something to drop");
                    break;
                }
            }
        }
    }
}

#[test]
fn a_ledger_that_fails_once_at_any_call_loses_nothing() {
    for (name, acts) in scenarios() {
        for how in [Fails::Before, Fails::After] {
            for n in 0.. {
                let world = World::new();
                let router = router(&world, policy());
                *world.books.trouble.lock().unwrap() = Some((n, how));
                let words = format!("{name}, call {n} fails {how:?}");
                let got = pay(&world, &router, &terms(PRICE), acts.clone());
                assert_covered(&world, &words);
                let struck = world.books.calls() > n;
                if let (true, Err(e)) = (struck, &got)
                    && !world.sent.lock().unwrap().is_empty()
                {
                    assert!(matches!(e.next, Next::Never | Next::Unknown(_)), "{words}: {e}");
                }
                *world.books.trouble.lock().unwrap() = None;
                run(&world, router.settle_up()).unwrap();
                assert_covered(&world, &words);
                assert_balanced(&world, &router);
                if !struck {
                    break;
                }
            }
        }
    }
}

#[test]
fn settling_up_survives_a_ledger_that_fails() {
    for how in [Fails::Before, Fails::After] {
        for n in 0.. {
            let world = World::new();
            let router = router(&world, policy());
            pay(&world, &router, &terms(PRICE), vec![Act::Vanishes]).unwrap_err();
            pay(&world, &router, &terms(PRICE), vec![Act::Settles]).unwrap();
            world.advance(61_000);
            let first = world.books.calls();
            *world.books.trouble.lock().unwrap() = Some((first + n, how));
            let got = run(&world, router.settle_up());
            let struck = world.books.calls() > first + n;
            assert_eq!(got.is_err(), struck, "call {n} fails {how:?}: said aloud");
            *world.books.trouble.lock().unwrap() = None;
            assert_balanced(&world, &router);
            if !struck {
                break;
            }
        }
    }
}

/// Another process settles up at every moment of a payment: neither is a sent signature taken for dead, nor is
/// money held for ever.
#[test]
fn two_routers_over_one_ledger() {
    for (name, acts) in scenarios() {
        for n in 0.. {
            let mut ends = false;
            for m in [0, 3, 5, 8, 11, 1_000] {
                let world = World::new();
                let (one, other) = (router(&world, policy()), router(&world, policy()));
                let words = format!("{name} after {n} polls, {m} polls of the other");
                let mut till = Till::new(&world, acts.clone());
                let asked = terms(PRICE);
                let mut paying = std::pin::pin!(one.pay(&asked, FROM, &mut till));
                let mut looking = std::pin::pin!(other.settle_up());
                let early = poll(&world, paying.as_mut(), n);
                // The other has begun, and stops in the middle while the first goes on.
                let looked = poll(&world, looking.as_mut(), m);
                let done = early.is_some();
                if !done {
                    let _ = run(&world, paying.as_mut());
                }
                assert_covered(&world, &words);
                if looked.is_none() {
                    run(&world, looking.as_mut()).unwrap();
                }
                assert_covered(&world, &words);
                assert_balanced(&world, &other);
                ends |= done;
            }
            if ends {
                break;
            }
        }
    }
}

/// The same in one process: the page was read before the payment went on.
#[test]
fn settling_up_does_not_act_on_what_it_read_long_ago() {
    for n in 0..80 {
        for m in 0..16 {
            let world = World::new();
            let router = router(&world, policy());
            let mut till = Till::new(&world, [Act::Vanishes]);
            let asked = terms(PRICE);
            let mut paying = std::pin::pin!(router.pay(&asked, FROM, &mut till));
            let mut looking = std::pin::pin!(router.settle_up());
            let early = poll(&world, paying.as_mut(), n);
            let looked = poll(&world, looking.as_mut(), m);
            if early.is_none() {
                let _ = run(&world, paying.as_mut());
            }
            assert_covered(&world, &format!("{n} polls, {m} polls"));
            if looked.is_none() {
                run(&world, looking.as_mut()).unwrap();
            }
            assert_covered(&world, &format!("{n} polls, {m} polls, to the end"));
            assert_balanced(&world, &router);
        }
    }
}

#[test]
fn settling_up_goes_on_past_what_it_cannot_read() {
    let world = World::new();
    let router = router(&world, policy());
    pay(&world, &router, &terms(PRICE), vec![Act::Vanishes]).unwrap_err();
    let junk = Write { key: "attempt/!".into(), expect: None, value: Some("junk".into()) };
    futures::executor::block_on(world.books.inner.store(&[junk])).unwrap();
    world.advance(61_000);
    assert!(run(&world, router.settle_up()).is_err(), "not silently");
    assert_eq!(wallet_used(&world, 1), 0, "and yet the rest is settled");
}

/// The network is not configured any more: its money stays held, the others' is settled.
#[test]
fn a_network_that_is_gone_keeps_its_holds() {
    let world = World::new();
    let both = router(&world, policy());
    let asked = challenge(vec![accept(2, PRICE)]);
    pay(&world, &both, &asked, vec![Act::Vanishes]).unwrap_err();
    pay(&world, &both, &terms(PRICE), vec![Act::Vanishes]).unwrap_err();
    world.advance(61_000);
    let one = RouterBuilder {
        registry: registry(&world, &[1]),
        quotes: book(&world),
        ledger: world.books.clone(),
        clock: world.clone(),
        dice: world.clone(),
        policy: policy(),
        scorer: None,
    }
    .build();
    assert_eq!(run(&world, one.settle_up()).unwrap().len(), 1);
    assert_eq!((wallet_used(&world, 1), wallet_used(&world, 2)), (0, PRICE));
    assert_eq!(run(&world, both.settle_up()).unwrap().len(), 1);
    assert_eq!(wallet_used(&world, 2), 0);
}

/// 32 payments at once over a wallet that holds ten: ten are signed, in whatever order they run.
#[test]
fn racing_payments_never_sign_for_the_same_money() {
    for seed in 0..8usize {
        let world = World::new();
        *world.balance.lock().unwrap() = Some(PRICE * 10 + 1);
        let routers = [router(&world, policy()), router(&world, policy())];
        let asked = terms(PRICE);
        let mut tills: Vec<_> = (0..32).map(|_| Till::new(&world, [Act::Vanishes])).collect();
        let mut paying: Vec<_> = (0..32usize)
            .zip(&mut tills)
            .map(|(n, till)| Some(Box::pin(routers[n % 2].pay(&asked, FROM, till))))
            .collect();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut turn = seed;
        while paying.iter().any(Option::is_some) {
            turn = turn.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            let slot = &mut paying[(turn >> 8) % 32];
            if slot.as_mut().is_some_and(|f| f.as_mut().poll(&mut cx).is_ready()) {
                *slot = None;
            }
            world.turn();
        }
        drop(paying);
        assert_eq!(world.sent.lock().unwrap().len(), 10, "seed {seed}");
        assert_eq!(wallet_used(&world, 1), PRICE * 10);
        assert_balanced(&world, &routers[0]);
    }
}

/// The same on threads of their own.
#[test]
fn racing_threads_never_sign_for_the_same_money() {
    let world = World::new();
    *world.balance.lock().unwrap() = Some(PRICE * 10 + 1);
    let router = router(&world, policy());
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                let mut till = Till::new(&world, [Act::Vanishes]);
                let asked = terms(PRICE);
                let paid = poll(&world, router.pay(&asked, FROM, &mut till), usize::MAX).unwrap();
                let e = paid.unwrap_err();
                assert!(e.is_unknown_outcome() || e.code == Code::NoRoute, "{e}");
            });
        }
    });
    assert_eq!((world.sent.lock().unwrap().len(), wallet_used(&world, 1)), (10, PRICE * 10));
    assert_balanced(&world, &router);
}

/// Neither errors nor tables nor `Debug` show a signature.
#[test]
fn nothing_shows_the_signature() {
    let (world, router, got) = pays(vec![Act::Vanishes]);
    let e = got.unwrap_err();
    let asked = terms(PRICE);
    let considered = run(&world, router.consider(&asked, FROM));
    let told = serde_json::to_string(&considered.explain(router.registry())).unwrap();
    let shown = format!("{e} {e:?} {considered:?} {told} {:?} {router:?}", journal(&world));
    assert!(!shown.contains("hush"), "{shown}");
}
