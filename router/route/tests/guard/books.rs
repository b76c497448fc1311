//! Budgets say what was spent, whatever fails.

use super::*;

#[test]
fn budgets_are_charged_with_what_the_chain_took() {
    // What is held while it is under way is four times what was predicted.
    let table = [
        (Does::Lands(100), "0.22", 0),
        (Does::Lands(50), "0.11", 0),
        // Somebody else's facilitator has settled it: no gas of ours.
        (Does::Lands(0), "0", 0),
        (Does::Lands(1_000), "2.2", 0),
        (Does::Fails(50), "0.11", 1),
        (Does::FailsDumbly, "0.88", 1),
        (Does::Refused, "0", 0),
        (Does::Lost, "0.88", 0),
        // That nothing moved is not that nothing was sent.
        (Does::Dies, "0.88", 0),
    ];
    for (does, want, strikes) in table {
        let bed = Bed::new(GuardSettings { gas_all: hour("10"), ..GuardSettings::default() });
        bed.does(does);
        let outcome = bed.settle("a", &order("me", "n", DOLLAR, 0));
        assert_eq!(outcome.is_ok(), matches!(does, Does::Lands(_)), "{does:?}: {outcome:?}");
        let shop = payee(1, PAYEE);
        for budget in ["gas/all".to_owned(), "gas/caller/a".to_owned(), format!("gas/payee/{shop}")] {
            assert_eq!(bed.used(&budget), usd(want), "{does:?} {budget}");
        }
        let counted = bed.used(&format!("strikes/payer/{}", payee(1, "me"))).e18();
        assert_eq!(counted, strikes, "{does:?}");
        assert_eq!(bed.open(), usize::from(does == Does::Lost), "{does:?}");
    }
}

/// Whatever is under way at once, and however it ends: what is spent stays within the limit.
#[test]
fn the_limit_holds_for_all_that_is_under_way() {
    let bed = Bed::new(GuardSettings { gas_caller: hour("2"), ..GuardSettings::off() });
    bed.does(Does::Lost);
    let outcomes: Vec<_> =
        (0..9).map(|n| bed.settle("a", &order("me", &n.to_string(), DOLLAR, 0)).unwrap_err()).collect();
    // Two holds of 88 cents fit into two dollars.
    assert_eq!(bed.settles(), 2);
    assert!(outcomes[2..].iter().all(|e| e.code == Code::GasBudgetSpent), "{outcomes:?}");
    // Another caller has a budget of its own.
    bed.does(Does::Lands(100));
    bed.settle("b", &order("me", "b", DOLLAR, 0)).unwrap();
    // Its end is found out later, by whoever asks: the same payment again.
    bed.settle("a", &order("me", "0", DOLLAR, 0)).unwrap();
    assert_eq!((bed.used("gas/caller/a"), bed.open()), (usd("1.1"), 1));
    bed.settle("a", &order("me", "9", DOLLAR, 0)).unwrap();
    // What slid out of the window is forgotten; what is still open is not.
    bed.world.advance(HOUR_MS + 1);
    assert_eq!(bed.used("gas/caller/a"), usd("0.88"));
}

/// Another process, or this one after a restart, is the same facilitator.
#[test]
fn budgets_and_strikes_survive_a_restart() {
    let settings = GuardSettings { gas_all: hour("1.1"), ..GuardSettings::default() };
    let bed = Bed::new(settings.clone());
    bed.settle("a", &order("me", "1", DOLLAR, 0)).unwrap();
    let bed = Bed::over(World::over(bed.world.books.clone()), settings.clone(), |guard| guard);
    bed.settle("a", &order("me", "2", DOLLAR, 0)).unwrap();
    let e = bed.settle("a", &order("me", "3", DOLLAR, 0)).unwrap_err();
    assert_eq!(e.code, Code::GasBudgetSpent);
    assert_eq!(bed.settles(), 1);
}

/// A ledger that fails at the wrong moment binds a budget for the payment's window and an hour. Then it is charged in full,
/// as any other gas, though the budget has no room for whoever comes.
#[test]
fn a_hold_that_nobody_ended_is_charged_in_the_end() {
    let bed = Bed::new(GuardSettings { gas_all: hour("1"), ..GuardSettings::off() });
    bed.does(Does::Lost);
    bed.settle("a", &order("me", "1", DOLLAR, 0)).unwrap_err();
    bed.does(Does::Lands(100));
    let verify = |n: u8| {
        let settler = bed.guard.settler(named("a"), far, bed.inner.clone());
        let order = order("me", &n.to_string(), DOLLAR, 0);
        run(&bed.world, flow::verify(far, &*settler, order, &*bed.world)).map(drop).map_err(|e| e.code)
    };
    let window_ends = 50_000_000;
    for (now, open, verdict) in [
        (window_ends - 1_000, 1, Err(Code::GasBudgetSpent)),
        (window_ends + HOUR_MS - 1_000, 1, Err(Code::GasBudgetSpent)),
        (window_ends + HOUR_MS + 60_000, 0, Err(Code::GasBudgetSpent)),
        (window_ends + 2 * HOUR_MS + 70_000, 0, Ok(())),
    ] {
        bed.world.now.store(now, Ordering::SeqCst);
        assert_eq!((verify(2), bed.open()), (verdict, open), "at {now}");
    }
}

/// The same payments, good for ever.
fn far(order: &Order) -> Result<Terms> {
    Ok(Terms { settle_before: Time::FAR, ..read(order)? })
}

/// A crash at any write leaves books that never say less than what was spent.
#[test]
fn a_ledger_that_fails_never_lets_more_be_spent() {
    for how in [Fails::Before, Fails::After] {
        for at in 0..40 {
            let bed = Bed::new(GuardSettings { gas_all: hour("1"), ..GuardSettings::default() });
            *bed.world.books.trouble.lock().unwrap() = Some((at, how));
            for n in 0..8 {
                let _ = bed.settle("a", &order("me", &n.to_string(), DOLLAR, 0));
            }
            let real = Usd::from_e18(usd(PLAIN_USD).e18() * u128::try_from(bed.settles()).unwrap());
            assert!(real <= bed.used("gas/all") && bed.used("gas/all") <= usd("1"), "{how:?} {at}: {real}");
        }
    }
}

/// A thousand authorizations pass their simulation on one balance.
#[test]
fn one_balance_backs_no_more_than_so_many() {
    let bed = Bed::new(GuardSettings { at_once_payer: Some(3), ..GuardSettings::off() });
    bed.does(Does::Lost);
    for n in 0..5 {
        let e = bed.settle("a", &order("me", &n.to_string(), DOLLAR, 0)).unwrap_err();
        let want = if n < 3 { Code::TimedOut } else { Code::TooManyAtOnce };
        assert_eq!(e.code, want, "{n}: {e}");
    }
    let e = bed.verify("a", &order("me", "9", DOLLAR, 0)).unwrap_err();
    assert_eq!((e.code, e.blame, e.next), (Code::TooManyAtOnce, Blame::Payer, Next::Later));
    // Another payer has places of its own, and a place is free again as soon as one has ended, however.
    bed.verify("a", &order("you", "9", DOLLAR, 0)).unwrap();
    for does in [Does::Fails(100), Does::Lands(100)] {
        bed.does(does);
        let _ = bed.settle("a", &order("me", "0", DOLLAR, 0));
        bed.verify("a", &order("me", "9", DOLLAR, 0)).unwrap();
    }
}

fn resume(bed: &Bed, order: &Order, told: bool) -> Result<Fate> {
    let settler = bed.guard.settler(Caller::anyone(), read, bed.inner.clone());
    run(&bed.world, settler.resume(order, told.then_some(order.requirement.price.0)))
}

/// What was admitted and never sent goes on under its hold; what never came so far is admitted first.
#[test]
fn what_is_sent_on_being_asked_after_counts_as_any_other() {
    let settings = |usd| GuardSettings { gas_all: hour(usd), ..GuardSettings::default() };
    let open = Ok(Fate::Open { cancel: None });
    let order = order("me", "n", DOLLAR, 0);

    let bed = Bed::new(settings("1"));
    bed.does(Does::Unsent);
    bed.settle("a", &order).unwrap();
    assert_eq!((bed.used("gas/caller/a"), bed.settles(), bed.open()), (usd("0.22"), 1, 0), "asked after");

    let bed = Bed::new(settings("1"));
    bed.does(Does::Unsent);
    assert_eq!(resume(&bed, &order, false), open);
    assert_eq!((bed.used("gas/all"), bed.settles(), bed.open()), (usd("0"), 0, 0), "only looked at");
    assert!(matches!(resume(&bed, &order, true), Ok(Fate::Settled(_))));
    assert_eq!((bed.used("gas/all"), bed.settles(), bed.open()), (usd("0.22"), 1, 0), "admitted");

    // Four times 22 cents are held.
    let bed = Bed::new(settings("0.87"));
    bed.does(Does::Unsent);
    assert_eq!(resume(&bed, &order, true), open);
    assert_eq!((bed.used("gas/all"), bed.settles(), bed.open()), (usd("0"), 0, 0), "no room");
}

/// Whoever asks next is admitted anew, so no place is taken meanwhile, and no gas is charged that nobody burned.
#[test]
fn what_was_not_sent_on_being_asked_after_leaves_no_hold() {
    let order = order("me", "n", DOLLAR, 0);
    for (does, want, strikes) in [(Does::Stumbles, "0", 0), (Does::Precedes(50), "0.11", 1)] {
        let bed = Bed::new(GuardSettings { gas_all: hour("1"), ..GuardSettings::default() });
        bed.does(does);
        assert_eq!(resume(&bed, &order, true).unwrap_err().next, Next::Later, "{does:?}");
        assert_eq!((bed.used("gas/all"), bed.open()), (usd(want), 0), "{does:?}");
        bed.does(Does::Dies);
        assert_eq!(resume(&bed, &order, true), Ok(Fate::Dead));
        assert_eq!((bed.used("gas/all"), bed.open()), (usd(want), 0), "{does:?}, and dead");
        let counted = bed.used(&format!("strikes/payer/{}", payee(1, "me"))).e18();
        assert_eq!(counted, strikes, "{does:?}");
    }
}

/// What a payment burns is known after a look at the chain, which nobody has taken after a restart.
#[test]
fn what_is_sent_on_being_asked_after_is_priced_by_a_look_at_the_chain() {
    let bed = Bed::new(GuardSettings { gas_all: hour("1"), ..GuardSettings::off() });
    bed.does(Does::Unsent);
    // Twice a plain payment's gas: four times 44 cents do not fit, four times 22 would.
    let order = order("me", "n", 1_000 * DOLLAR, PLAIN);
    assert_eq!(resume(&bed, &order, true), Ok(Fate::Open { cancel: None }));
    assert_eq!((bed.used("gas/all"), bed.settles(), bed.open()), (usd("0"), 0, 0));
}

#[test]
fn a_guard_hands_on_when_a_payment_came() {
    let (came, order) = (Time::from_ms(7), order("me", "n", DOLLAR, 0));
    // Only looked at; told the charge, first looked at and then sent.
    for (told, asked) in [(false, 1), (true, 2)] {
        let bed = Bed::new(GuardSettings { gas_all: hour("1"), ..GuardSettings::default() });
        bed.does(Does::Unsent);
        let settler = bed.guard.settler(Caller::anyone(), read, bed.inner.clone());
        let charge = told.then_some(order.requirement.price.0);
        run(&bed.world, settler.resume_since(&order, charge, came)).unwrap();
        assert_eq!(*bed.inner.since.lock().unwrap(), vec![came; asked]);
    }
}
