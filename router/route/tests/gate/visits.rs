//! A paid request, and what a restart finds of it.

use super::*;

struct Cook<'a> {
    runs: &'a AtomicUsize,
    works: bool,
}

#[async_trait]
impl Handler for Cook<'_> {
    async fn run(&mut self, ceiling: &Ceiling) -> Option<Charge> {
        step().await;
        self.runs.fetch_add(1, Ordering::SeqCst);
        step().await;
        self.works.then(|| ceiling.full())
    }
}

/// Admits and serves.
async fn visit(gate: &Gate, payment: &Json, current: &[Offer], runs: &AtomicUsize) -> Result<Delivered> {
    let admitted = gate.admit("s", payment, current, b"GET /x", URL).await?;
    gate.serve(admitted, &mut Cook { runs, works: true }).await
}

fn settles(world: &World) -> usize {
    world.settles.load(Ordering::SeqCst)
}

/// A payer can name any resource; the facilitator hears ours, so that one authorization does not pay two shops.
#[test]
fn the_resource_that_is_settled_for_is_our_own() {
    let world = World::new();
    let gate = builder(&world, seller()).build();
    let shown = offers(&post(&world, &gate, "s", &amounts(5), &[rail(1)]));
    let honest = pay_v2(&world, &shown[0], "n");
    let elsewhere = honest.as_str().replacen('{', r#"{"resource":{"url":"https://b.example/y"},"#, 1);
    for payment in [honest, Json::parse(elsewhere).unwrap()] {
        let admitted = run(&world, gate.admit("s", &payment, &shown, b"GET /x", URL)).unwrap();
        let said = admitted.arrival.payment.resource.unwrap();
        assert_eq!(said, Json::of(&serde_json::json!({ "url": URL })));
    }
}

#[test]
fn a_payment_is_served_once_and_another_request_with_it_never() {
    let world = World::new();
    let gate = GateBuilder { patience_ms: 1_000, ..builder(&world, seller()) }.build();
    let shown = offers(&post(&world, &gate, "s", &amounts(5), &[rail(1)]));
    let (payment, runs) = (pay_v2(&world, &shown[0], "n"), AtomicUsize::new(0));
    assert!(matches!(run(&world, visit(&gate, &payment, &shown, &runs)), Ok(Delivered::Paid(_))));
    assert!(matches!(run(&world, visit(&gate, &payment, &shown, &runs)), Ok(Delivered::Again(_))));
    let other = run(&world, gate.admit("s", &payment, &shown, b"GET /y", URL)).unwrap();
    let e = run(&world, gate.serve(other, &mut Cook { runs: &runs, works: true })).unwrap_err();
    assert_eq!(e.code, Code::ReplayedPayment);
    assert_eq!((runs.load(Ordering::SeqCst), settles(&world)), (1, 1));
    assert_eq!(records(&world, "visit/"), 0);
}

/// Killed after any number of polls, a new process of the same name releases or resumes, and the same payment again
/// is settled at most once, with at most one transaction.
#[test]
fn killed_at_every_await_and_restarted() {
    for lost in [false, true] {
        for n in 0.. {
            let world = World::new();
            let first = gate(&world, seller());
            let shown = offers(&post(&world, &first, "s", &amounts(5), &[rail(1)]));
            let (payment, runs) = (pay_v2(&world, &shown[0], "n"), AtomicUsize::new(0));
            world.direct(|s| s.settle_lost = lost);
            let done = poll(&world, visit(&first, &payment, &shown, &runs), n);
            drop(first);
            let restarted = GateBuilder { patience_ms: 1_000, ..builder(&world, seller()) }.build();
            let open = run(&world, restarted.recover()).unwrap();
            let sent = settles(&world);
            // What was sent and not settled stays open; everything else is over.
            let landed = world.chain.lock().unwrap().len();
            assert_eq!(open, records(&world, "visit/"), "{n}");
            if sent == 0 {
                assert!(open <= 1);
            } else {
                assert_eq!(open, if landed == 1 { 0 } else { 1 }, "{n}, lost {lost}");
            }
            let again = run(&world, visit(&restarted, &payment, &shown, &runs));
            assert!(settles(&world) <= 1 || landed == 0 && !lost, "{n}: {} sendings", settles(&world));
            if landed == 1 {
                assert!(matches!(again, Ok(Delivered::Again(_))), "{n}: {again:?}");
            }
            if done.is_some() {
                break;
            }
        }
    }
}

/// A recovery that read the journal before a visit went on must not free what that visit has sent since.
#[test]
fn recovery_does_not_act_on_what_it_read_long_ago() {
    for n in 0..40 {
        for m in 0..24 {
            let world = World::new();
            let gate = gate(&world, seller());
            let shown = offers(&post(&world, &gate, "s", &amounts(5), &[rail(1)]));
            let runs = AtomicUsize::new(0);
            world.direct(|s| s.settle_lost = true);
            // An earlier visit keeps the recovery busy.
            let earlier = pay_v2(&world, &shown[0], "a");
            run(&world, visit(&gate, &earlier, &shown, &runs)).unwrap_err();
            let payment = pay_v2(&world, &shown[0], "b");
            let mut serving = Box::pin(visit(&gate, &payment, &shown, &runs));
            let mut recovering = Box::pin(gate.recover());
            let early = poll(&world, serving.as_mut(), n);
            let looked = poll(&world, recovering.as_mut(), m);
            if early.is_none() {
                let _ = run(&world, serving.as_mut());
            }
            if looked.is_none() {
                run(&world, recovering.as_mut()).unwrap();
            }
            let before = settles(&world);
            let _ = run(&world, visit(&gate, &payment, &shown, &runs));
            assert_eq!(settles(&world), before, "{n} polls, {m} polls: sent twice");
            // What was sent lands after all: the payer gets its receipt, and nothing is forgotten.
            if before == 2 {
                let r = shown[0].requirement.clone();
                let payload = payload_of(&world, "b", 5, PAYEE);
                let sent = Payment { accepted: r, payload, extensions: None, resource: None };
                world.chain.lock().unwrap().insert("b".into(), ok_receipt(&sent));
                run(&world, gate.recover()).unwrap();
                let again = run(&world, visit(&gate, &payment, &shown, &runs));
                assert!(matches!(again, Ok(Delivered::Again(_))), "{n} polls, {m} polls: {again:?}");
            }
        }
    }
}

#[test]
fn a_ledger_that_fails_during_recovery_leaves_the_visit_open() {
    for how in [Fails::Before, Fails::After] {
        for n in 0.. {
            let world = World::new();
            let first = gate(&world, seller());
            let shown = offers(&post(&world, &first, "s", &amounts(5), &[rail(1)]));
            let (payment, runs) = (pay_v2(&world, &shown[0], "n"), AtomicUsize::new(0));
            world.direct(|s| s.settle_lost = true);
            run(&world, visit(&first, &payment, &shown, &runs)).unwrap_err();
            // It was included all the same.
            let r = shown[0].requirement.clone();
            let sent = Payment {
                accepted: r,
                payload: payload_of(&world, "n", 5, PAYEE),
                extensions: None,
                resource: None,
            };
            world.chain.lock().unwrap().insert("n".into(), ok_receipt(&sent));
            let gate = gate(&world, seller());
            let first = world.books.calls();
            *world.books.trouble.lock().unwrap() = Some((first + n, how));
            let got = run(&world, gate.recover());
            let struck = world.books.calls() > first + n;
            if records(&world, "visit/") > 0 {
                assert!(!matches!(got, Ok(0)), "call {n} fails {how:?}: reported as over");
            }
            *world.books.trouble.lock().unwrap() = None;
            assert_eq!(run(&world, gate.recover()).unwrap(), 0);
            assert_eq!(records(&world, "visit/"), 0);
            let again = run(&world, visit(&gate, &payment, &shown, &runs));
            assert!(matches!(again, Ok(Delivered::Again(_))), "call {n} fails {how:?}: {again:?}");
            if !struck {
                break;
            }
        }
    }
}

/// One visit that cannot be looked after keeps no other from being.
#[test]
fn recovery_goes_on_past_what_it_cannot_do() {
    let world = World::new();
    let first = gate(&world, seller());
    let rails = [rail(1), rail(2)];
    let shown = offers(&post(&world, &first, "s", &amounts(5), &rails));
    let of = |n: u8| shown.iter().find(|o| o.requirement.chain == chain(n)).unwrap();
    let runs = AtomicUsize::new(0);
    for (n, nonce) in [(2, "a"), (1, "b")] {
        let payment = pay_v2(&world, of(n), nonce);
        assert!(poll(&world, visit(&first, &payment, &shown, &runs), 8).is_none());
    }
    let junk = Write { key: "visit/gate/!".into(), expect: None, value: Some("junk".into()) };
    futures::executor::block_on(world.books.inner.store(&[junk])).unwrap();
    assert_eq!(records(&world, "visit/"), 3);
    // Chain 2 is not configured any more.
    let gate = GateBuilder { registry: registry(&world, &[1]), ..builder(&world, seller()) }.build();
    assert_eq!(run(&world, gate.recover()).unwrap(), 2, "one unreadable, one on a chain that is gone");
    assert_eq!(records(&world, "visit/"), 2);
}

/// What somebody is serving right now is neither released nor, at first, reported as over.
#[test]
fn recovery_leaves_a_living_visit_alone() {
    for n in 0.. {
        let world = World::new();
        let gate = gate(&world, seller());
        let shown = offers(&post(&world, &gate, "s", &amounts(5), &[rail(1)]));
        let (payment, runs) = (pay_v2(&world, &shown[0], "n"), AtomicUsize::new(0));
        let mut serving = Box::pin(visit(&gate, &payment, &shown, &runs));
        if poll(&world, serving.as_mut(), n).is_some() {
            break;
        }
        assert_eq!(run(&world, gate.recover()).unwrap(), records(&world, "visit/"), "{n}");
        assert!(matches!(run(&world, serving), Ok(Delivered::Paid(_))), "{n}");
        assert_eq!(run(&world, gate.recover()).unwrap(), 0, "{n}");
        // One that begins after that is as alive.
        let payment = pay_v2(&world, &shown[0], "m");
        let mut serving = Box::pin(visit(&gate, &payment, &shown, &runs));
        if poll(&world, serving.as_mut(), n).is_none() {
            assert_eq!(run(&world, gate.recover()).unwrap(), records(&world, "visit/"), "{n}");
            assert!(matches!(run(&world, serving), Ok(Delivered::Paid(_))), "{n}");
        }
    }
}

/// Delivers a part, notes it, and never ends.
struct Endless;

#[async_trait]
impl Handler for Endless {
    async fn run(&mut self, _: &Ceiling) -> Option<Charge> {
        None
    }
    async fn serve(&mut self, ceiling: &Ceiling, tab: &mut dyn Tab) -> Option<Charge> {
        tab.note(&ceiling.charge(2).unwrap()).await.unwrap();
        std::future::pending().await
    }
}

/// Whoever only shows a payment holds nothing: what is owed under it is settled, however often it is shown.
#[test]
fn repeats_of_a_payment_keep_nobody_from_recovering_it() {
    let mut waited = 0;
    for n in 0..24 {
        let world = World::new();
        let gate = GateBuilder { patience_ms: 10_000, ..builder(&world, seller()) }.build();
        let shown = offers(&post(&world, &gate, "s", &amounts(5), &[rail(1)]));
        let (payment, runs) = (pay_v2(&world, &shown[0], "n"), AtomicUsize::new(0));
        assert_eq!(run(&world, gate.recover()).unwrap(), 0);
        let admitted = run(&world, gate.admit("s", &payment, &shown, b"GET /x", URL)).unwrap();
        let mut endless = Endless;
        assert!(poll(&world, gate.serve(admitted, &mut endless), 60).is_none());
        assert_eq!(records(&world, "visit/"), 1, "left behind, noted and not settled");
        let mut repeats: Vec<_> = (0..3).map(|_| Box::pin(visit(&gate, &payment, &shown, &runs))).collect();
        for repeat in &mut repeats {
            waited += usize::from(poll(&world, repeat.as_mut(), n).is_none());
        }
        assert_eq!(run(&world, gate.recover()).unwrap(), 0, "{n}");
        assert_eq!((records(&world, "visit/"), settles(&world)), (0, 1), "{n}");
        for repeat in repeats {
            let Delivered::Again(receipt) = run(&world, repeat).unwrap() else { panic!("{n}: not again") };
            assert_eq!(receipt.charged.atomic, 2);
        }
    }
    assert!(waited > 60, "{waited}: nobody was waiting");
}

/// A recovery that has seen an earlier visit's record frees nothing of one that begins while it looks.
#[test]
fn recovery_frees_nothing_of_a_visit_that_begins_beside_it() {
    let mut met = 0;
    for m in 0..10 {
        for n in 0..40 {
            let world = World::new();
            let gate = gate(&world, seller());
            let shown = offers(&post(&world, &gate, "s", &amounts(5), &[rail(1)]));
            let (payment, runs) = (pay_v2(&world, &shown[0], "n"), AtomicUsize::new(0));
            // Dies once it is in the journal.
            let mut polls = 0;
            while records(&world, "visit/") == 0 {
                polls += 1;
                assert!(poll(&world, visit(&gate, &payment, &shown, &runs), polls).is_none());
            }
            let mut looking = Box::pin(gate.recover());
            if poll(&world, looking.as_mut(), m).is_some() {
                continue;
            }
            let _ = run(&world, gate.recover());
            let mut serving = Box::pin(visit(&gate, &payment, &shown, &runs));
            if poll(&world, serving.as_mut(), n).is_some() {
                break;
            }
            let before = records(&world, "visit/");
            run(&world, looking).unwrap();
            met += before;
            let _ = run(&world, serving);
            assert_eq!(runs.into_inner(), settles(&world), "{m}, {n}: served and not settled");
        }
    }
    assert!(met > 10, "{met}: they never met");
}
