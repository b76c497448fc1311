//! What each answer of the first member means for the second.

use super::*;

/// What is expected when the first member does this and the second is well: the error's code, whether it leaves the outcome
/// open, how often each was asked, and who holds the payment afterwards.
type Row = (Does, Option<(Code, bool)>, Counts, Counts, Option<&'static str>);

/// Verified, settled.
type Counts = (usize, usize);

#[test]
fn verifying_goes_on_to_the_next_unless_there_is_a_verdict() {
    let rows: [Row; 8] = [
        (Does::Well, None, (1, 1), (0, 0), Some("a")),
        (Does::Verdict, Some((Code::InsufficientFunds, false)), (1, 0), (0, 0), None),
        (Does::Away, None, (1, 0), (1, 1), Some("b")),
        (Does::Unsupported, None, (1, 0), (1, 1), Some("b")),
        (Does::Silent, None, (1, 0), (1, 1), Some("b")),
        (Does::LostBefore, None, (1, 0), (1, 1), Some("b")),
        (Does::LostAfter, None, (1, 0), (1, 1), Some("b")),
        (Does::Nonsense, None, (1, 0), (1, 1), Some("b")),
    ];
    for (does, failed, first, second, holder) in rows {
        let scene = Scene::new(&["a", "b"]);
        *scene.members[0].verifies.lock().unwrap() = does;
        check(&scene, (does, failed, first, second, holder));
    }
}

#[test]
fn settling_goes_on_only_after_a_definite_no() {
    let rows: [Row; 8] = [
        (Does::Well, None, (1, 1), (0, 0), Some("a")),
        (Does::Verdict, Some((Code::InsufficientFunds, false)), (1, 1), (0, 0), None),
        (Does::Away, None, (1, 1), (1, 1), Some("b")),
        (Does::Unsupported, None, (1, 1), (1, 1), Some("b")),
        (Does::LostBefore, Some((Code::TimedOut, true)), (1, 1), (0, 0), Some("a")),
        (Does::LostAfter, Some((Code::TimedOut, true)), (1, 1), (0, 0), Some("a")),
        (Does::TooMuch, Some((Code::Overcharged, true)), (1, 1), (0, 0), Some("a")),
        (Does::Nonsense, Some((Code::InvalidAnswer, true)), (1, 1), (0, 0), Some("a")),
    ];
    for (does, failed, first, second, holder) in rows {
        let scene = Scene::new(&["a", "b"]);
        *scene.members[0].settles.lock().unwrap() = does;
        check(&scene, (does, failed, first, second, holder));
    }
}

fn check(scene: &Scene, (does, failed, first, second, holder): Row) {
    let pool = scene.pool();
    let paid = scene.run(scene.pay(&pool, &scene.plain("n")));
    assert_eq!(paid.err().map(|e| (e.code.clone(), e.is_unknown_outcome())), failed, "{does:?}");
    let counts = (scene.members[0].counts(), scene.members[1].counts());
    assert_eq!((counts, scene.holder("n").as_deref()), ((first, second), holder), "{does:?}");
    scene.none_doubled();
}

/// The second is asked what it thinks before it settles what the first has verified.
#[test]
fn whoever_takes_over_has_verified_it_itself() {
    let scene = Scene::new(&["a", "b"]);
    *scene.members[0].settles.lock().unwrap() = Does::Away;
    *scene.members[1].verifies.lock().unwrap() = Does::Verdict;
    let e = scene.run(scene.pay(&scene.pool(), &scene.plain("n"))).unwrap_err();
    assert_eq!((e.code, scene.members[1].counts()), (Code::InsufficientFunds, (1, 0)));
    assert_eq!(scene.holder("n"), None, "given up");
}

#[test]
fn when_nobody_takes_it_the_payment_is_free_again() {
    let scene = Scene::new(&["a", "b"]);
    scene.members.iter().for_each(|member| *member.settles.lock().unwrap() = Does::Away);
    let pool = scene.pool();
    let e = scene.run(scene.pay(&pool, &scene.plain("n"))).unwrap_err();
    assert_eq!((e.code, e.next), (Code::Unreachable, Next::Later));
    assert_eq!(scene.holder("n"), None);
    scene.members.iter().for_each(|member| member.does(Does::Well));
    scene.run(scene.pay(&pool, &scene.plain("n"))).unwrap();
    assert_eq!(scene.ground.landed(), 1);
    scene.none_doubled();
}

#[test]
fn the_cheaper_is_first_and_whoever_verified_settles() {
    let scene = Scene::new(&["a", "b", "c"]);
    for (member, fee) in scene.members.iter().zip([9, 3, 5]) {
        *member.fee.lock().unwrap() = fee;
    }
    let (pool, order) = (scene.pool(), scene.plain("n"));
    let effort = scene.run(pool.effort(&order)).unwrap();
    assert_eq!(effort.fees[0].amount.atomic, 3);
    scene.run(scene.pay(&pool, &order)).unwrap();
    assert_eq!(scene.holder("n").as_deref(), Some("b"));
    // It has become dearer between the two: it settles what it verified all the same.
    let order = scene.plain("m");
    let read = registry(&scene.world, &[1]).cell(&order.requirement).unwrap().read;
    let verified = scene.run(flow::verify(read, &pool, order.clone(), &*scene.world)).unwrap();
    *scene.members[1].fee.lock().unwrap() = 50;
    scene.run(pool.effort(&order)).unwrap();
    scene.run(pool.settle(verified.due(order.requirement.price.full()).unwrap())).unwrap();
    assert_eq!(scene.holder("m").as_deref(), Some("b"));
    scene.run(scene.pay(&pool, &scene.plain("o"))).unwrap();
    assert_eq!(scene.holder("o").as_deref(), Some("c"));
}

#[test]
fn whoever_takes_too_much_is_out_until_somebody_takes_it_back() {
    let scene = Scene::new(&["a", "b"]);
    *scene.members[0].settles.lock().unwrap() = Does::TooMuch;
    let pool = scene.pool();
    let e = scene.run(scene.pay(&pool, &scene.plain("n"))).unwrap_err();
    assert_eq!((e.code.as_str(), e.blame), ("settled_more_than_asked", Blame::Settler));
    scene.members[0].does(Does::Well);
    // Here, in another process that never met it, and after a long time.
    let restarted = scene.pool();
    scene.world.advance(365 * 24 * 3_600_000);
    for (n, pool) in [&pool, &restarted].into_iter().enumerate() {
        scene.run(scene.pay(pool, &scene.plain(&format!("n{n}")))).unwrap();
        assert_eq!(scene.holder(&format!("n{n}")).as_deref(), Some("b"));
        let states = scene.run(pool.members()).unwrap();
        let [first, second] = &states[..] else { panic!("{states:?}") };
        assert!(matches!(&first.standing, Standing::Expelled(why) if why.code == Code::Overcharged));
        assert_eq!(second.standing, Standing::Well);
    }
    // What it holds is still asked of it alone.
    let fate = scene.run(pool.resume(&scene.plain("n"), None));
    assert_eq!(fate.unwrap_err().code, Code::Overcharged);
    assert_eq!((count(&scene.members[0].resumed), count(&scene.members[1].resumed)), (1, 0));

    assert!(scene.run(pool.readmit(&scene.members[0].id)).unwrap());
    assert!(!scene.run(pool.readmit(&scene.members[0].id)).unwrap());
    assert_eq!(scene.run(pool.readmit(&SettlerId("x".into()))).unwrap_err().code, Code::NotFound);
    scene.run(scene.pay(&pool, &scene.plain("p"))).unwrap();
    assert_eq!(scene.holder("p").as_deref(), Some("a"));
    scene.none_doubled();
}

/// A ledger that fails just then does not take it back.
#[test]
fn whoever_has_to_leave_is_out_though_it_could_not_be_written_down() {
    let mut missed = 0;
    for n in 0..24 {
        let scene = Scene::new(&["a", "b"]);
        let pool = scene.pool();
        let (books, written) = (&scene.world.books, RecordKey("pool/shop/expelled/a".into()));
        let is_written = || futures::executor::block_on(books.inner.load(&written)).unwrap().is_some();
        *scene.members[0].settles.lock().unwrap() = Does::TooMuch;
        *books.trouble.lock().unwrap() = Some((books.calls() + n, Fails::Before));
        let paid = scene.run(scene.pay(&pool, &scene.plain("n")));
        *books.trouble.lock().unwrap() = None;
        if !paid.is_err_and(|e| e.code == Code::Overcharged) || is_written() {
            continue;
        }
        missed += 1;
        scene.members[0].does(Does::Well);
        for nonce in ["o", "p"] {
            scene.world.advance(60_000);
            scene.run(scene.pay(&pool, &scene.plain(nonce))).unwrap();
            assert_eq!(scene.holder(nonce).as_deref(), Some("b"), "{n}");
        }
        assert!(is_written(), "{n}: nobody else will hear of it");
    }
    assert_eq!(missed, 1);
}

#[test]
fn the_holder_is_told_when_a_payment_came() {
    let scene = Scene::new(&["a", "b"]);
    scene.members[0].does(Does::LostBefore);
    let pool = scene.pool();
    let order = scene.plain("n");
    for since in [Time::from_ms(7), Time::ZERO] {
        scene.run(pool.resume_since(&order, None, since)).unwrap();
    }
    scene.run(pool.resume(&order, None)).unwrap();
    assert_eq!(*scene.members[0].since.lock().unwrap(), [Time::from_ms(7), Time::ZERO, Time::ZERO]);
    assert_eq!(count(&scene.members[1].resumed), 0);
}
