//! What was offered stands.

use super::*;

#[test]
fn an_offer_is_honoured_after_the_price_has_changed_and_after_a_restart() {
    let world = World::new();
    let first = gate(&world, seller());
    let old = offers(&post(&world, &first, "s", &amounts(10_000), &[rail(1)]));
    let new = offers(&post(&world, &first, "s", &amounts(20_000), &[rail(1)]));
    let payment = pay_v2(&world, &old[0], "n1");
    let restarted = gate(&world, seller());
    for gate in [&first, &restarted] {
        let admitted = admit(&world, gate, "s", &payment, &new).unwrap();
        assert_eq!(admitted.arrival.offer, old[0]);
        // Not elsewhere.
        let e = admit(&world, gate, "other", &payment, &new).unwrap_err();
        assert_eq!(e.code, Code::NoMatchingOffer);
    }
    // Until its own time and a minute more have passed, and not for ever.
    world.advance(60_000 + 60_000 - 1_000);
    let late = pay_v2(&world, &old[0], "n2");
    for gate in [&first, &gate(&world, seller())] {
        assert!(admit(&world, gate, "s", &late, &new).is_ok());
    }
    world.advance(1_000_000);
    let later = pay_v2(&world, &old[0], "n3");
    for gate in [&first, &gate(&world, seller())] {
        assert_eq!(admit(&world, gate, "s", &later, &new).unwrap_err().code, Code::NoMatchingOffer);
    }
}

/// Shown again and again, it stands for its whole time after each showing.
#[test]
fn each_showing_counts() {
    let world = World::new();
    let gate = gate(&world, seller());
    let mut shown = Vec::new();
    for step_ms in [1, 50_000, 70_000, 100_000, 119_999, 130_000] {
        world.advance(step_ms);
        shown = offers(&post(&world, &gate, "s", &amounts(10_000), &[rail(1)]));
    }
    for _ in 0..30 {
        world.advance(7_000);
        shown = offers(&post(&world, &gate, "s", &amounts(10_000), &[rail(1)]));
        let payment = pay_v2(&world, &shown[0], "n");
        world.advance(119_999);
        assert!(admit(&world, &gate, "s", &payment, &[]).is_ok());
        world.now.fetch_sub(119_999, Ordering::SeqCst);
    }
    world.advance(119_000);
    let payment = pay_v2(&world, &shown[0], "n");
    let restarted = builder(&world, seller()).build();
    assert!(admit(&world, &restarted, "s", &payment, &[]).is_ok());
}

/// However many other prices were computed in one scope, an offer that was made is found again.
#[test]
fn an_offer_is_found_among_thousands() {
    let world = World::new();
    let first = gate(&world, seller());
    let old = offers(&post(&world, &first, "s", &amounts(10_000), &[rail(1)]));
    for n in 0..3_000 {
        post(&world, &first, "s", &amounts(20_000 + n), &[rail(1)]);
    }
    let payment = pay_v2(&world, &old[0], "n1");
    for gate in [&first, &gate(&world, seller())] {
        assert!(admit(&world, gate, "s", &payment, &[]).is_ok());
    }
}

/// Memory is bounded: what was shown long ago in one of many scopes is in the ledger alone.
#[test]
fn not_everything_is_kept_in_memory() {
    let world = World::new();
    let gate = gate(&world, seller());
    let rails = [rail(1), rail(2), rail(3), rail(4)];
    let first = offers(&post(&world, &gate, "query 0", &amounts(10_000), &rails));
    for n in 1..5_001u32 {
        post(&world, &gate, &format!("query {n}"), &amounts(10_000), &rails);
    }
    let writes = world.books.writes();
    post(&world, &gate, "query 0", &amounts(10_000), &rails);
    assert!(world.books.writes() > writes, "20,000 others push it out");
    assert!(admit(&world, &gate, "query 0", &pay_v2(&world, &first[0], "n"), &[]).is_ok());
}

/// An offer that is shown is on record first; one that could not be written is not shown.
#[test]
fn posting_survives_a_ledger_that_fails_and_callers_that_leave() {
    for n in 0.. {
        for how in [Some(Fails::Before), Some(Fails::After), None] {
            let world = World::new();
            let first = gate(&world, seller());
            let tag = amounts(10_000);
            let rails = [rail(1), rail(2)];
            let (struck, ended) = match how {
                Some(how) => {
                    *world.books.trouble.lock().unwrap() = Some((n, how));
                    let got = run(&world, first.post("s", &tag, &rails));
                    let struck = world.books.calls() > n;
                    assert_eq!(got.is_err(), struck, "call {n} fails {how:?}");
                    (struck, !struck)
                }
                None => (false, poll(&world, first.post("s", &tag, &rails), n).is_some()),
            };
            *world.books.trouble.lock().unwrap() = None;
            let shown = offers(&post(&world, &first, "s", &tag, &rails));
            for offer in &shown {
                let payment = pay_v2(&world, offer, "n");
                let restarted = gate(&world, seller());
                assert!(admit(&world, &restarted, "s", &payment, &[]).is_ok(), "{n} {how:?} {struck}");
            }
            if ended && how.is_none() {
                return;
            }
        }
    }
}

/// Scopes that nobody asks for again do not pile up: a price for each request is a record for each request.
#[test]
fn forgotten_offers_are_swept_out() {
    let world = World::new();
    let gate = gate(&world, seller());
    for n in 0..4_000u32 {
        post(&world, &gate, &format!("query {n}"), &amounts(10_000), &[rail(1)]);
        world.advance(1_000);
    }
    // Each stands for four minutes at most.
    let left = records(&world, "offer/");
    assert!(left < 1_500, "{left} records of 240 that still stand");
}

#[test]
fn v1_is_matched_by_what_was_signed() {
    let world = World::new();
    let gate = gate(&world, seller());
    post(&world, &gate, "s", &amounts(20_000), &[rail(1)]);
    let now = offers(&post(&world, &gate, "s", &amounts(10_000), &[rail(1)]));
    for (value, price) in
        [(10_000, Some(10_000)), (20_000, Some(20_000)), (15_000, Some(10_000)), (9_999, None)]
    {
        let payment = pay_v1(&world, "one", &format!("n{value}"), value);
        let admitted = admit(&world, &gate, "s", &payment, &now);
        match price {
            Some(price) => {
                assert_eq!(admitted.unwrap().arrival.offer.requirement.price.atomic(), price, "{value}")
            }
            None => assert_eq!(admitted.unwrap_err().code, Code::ValueMismatch),
        }
    }
}

#[test]
fn v1_finds_its_offer_in_the_ledger_whatever_else_is_offered() {
    let world = World::new();
    let first = gate(&world, seller());
    post(&world, &first, "s", &amounts(20_000), &[rail(1)]);
    // The shop moved: another payee now, and this process has shown nothing else.
    let restarted = gate(&world, seller());
    let moved = Rail { pay_to: payee(1, "branch"), ..rail(1) };
    let now = offers(&post(&world, &restarted, "s", &amounts(20_000), &[moved]));
    let payment = pay_v1(&world, "one", "n", 20_000);
    let admitted = admit(&world, &restarted, "s", &payment, &now).unwrap();
    assert_eq!(admitted.arrival.offer.requirement.pay_to, payee(1, PAYEE));
}
