//! What the payer does on chain first stays spent, whatever becomes of the payment.

use super::*;

/// 0.01 dollars in 10⁻¹⁸ of a dollar.
const PRICE_E18: u128 = 10_000_000_000_000_000;
/// 1,100 units at 10⁹ of a coin worth 2,000 dollars.
const GAS_E18: u128 = 2_200_000_000_000_000;

fn limited() -> Policy {
    let limit = Usd::from_micros(1_000_000);
    let day = Budget { id: BudgetId::from("day"), scope: Scope::All, limit, window_ms: 86_400_000 };
    Policy { budgets: vec![day], ..policy() }
}

fn setup() -> (Arc<World>, Router) {
    let world = World::new();
    world.direct(|s| (s.actions, s.actions_shared_by, s.believes) = (1, 1_000, true));
    let router = router(&world, limited());
    (world, router)
}

fn used_since(world: &World, since: Time) -> u128 {
    let line = BudgetLine { budget: BudgetId::from("day"), amount: 0, limit: 0, since };
    futures::executor::block_on(world.books.inner.used(&[line])).unwrap()[0]
}
fn used(world: &World) -> u128 {
    used_since(world, Time::ZERO)
}
/// What open holds alone take.
fn held(world: &World) -> u128 {
    used_since(world, Time::FAR)
}

/// A seller asks for much, has the payer approve that much, and takes little or nothing.
#[test]
fn a_payee_that_takes_little_leaves_the_approval_spent() {
    for part in [PRICE, PRICE / 4, 0] {
        let (world, router) = setup();
        let mut till = Till::new(&world, vec![Act::Streams]);
        let asked = terms(PRICE);
        let Begun::Later(later) = run(&world, router.begin(&asked, FROM, &mut till)).unwrap() else {
            panic!()
        };
        assert_eq!((used(&world), held(&world)), (PRICE_E18 + GAS_E18, PRICE_E18));
        let told = ok_receipt(&journal(&world)[0].authorization.as_ref().unwrap().payment);
        let told = Receipt { charged: Amount::new(told.charged.asset, part), ..told };
        world.chain.lock().unwrap().insert(later.attempt().0.clone(), told.clone());
        run(&world, router.finish(&later, Some(&told))).unwrap();
        assert_eq!((used(&world), held(&world)), (PRICE_E18 / PRICE * part + GAS_E18, 0), "{part}");
        assert_eq!(wallet_used(&world, 1), part);
    }
}

#[test]
fn a_payee_that_never_settles_leaves_the_approval_spent() {
    let (world, router) = setup();
    pay(&world, &router, &terms(PRICE), vec![Act::Vanishes]).unwrap_err();
    assert_eq!(used(&world), PRICE_E18 + GAS_E18);
    world.advance(10_000_000);
    run(&world, router.settle_up()).unwrap();
    assert_eq!((used(&world), held(&world), stages(&world)), (GAS_E18, 0, vec![AttemptStage::Dead]));
}

type Failing = (fn(&mut Script, Error), Error, u128);

#[test]
fn what_fails_after_an_approval_leaves_it_spent_and_what_fails_before_does_not() {
    let refused = || Error::caller(Code::NoSigner);
    let paid = || refused().transaction(TxId("0x1".to_owned()));
    let cases: [Failing; 4] = [
        (|s, e| s.no_signer = Some(e), refused(), GAS_E18),
        (|s, e| s.perform_fails = Some(e), refused(), 0),
        (|s, e| s.perform_fails = Some(e), paid(), GAS_E18),
        (|s, e| s.perform_fails = Some(e), Error::unknown(Code::TimedOut, None), GAS_E18),
    ];
    for (change, error, spent) in cases {
        let (world, router) = setup();
        world.direct(|s| change(s, error.clone()));
        let got = pay(&world, &router, &terms(PRICE), vec![Act::Settles]).unwrap_err();
        assert_eq!(got.code, error.code);
        assert_eq!((used(&world), held(&world)), (spent, 0), "{error:?}");
        assert_eq!((wallet_used(&world, 1), stages(&world)), (0, vec![AttemptStage::Dead]));
    }
}

#[test]
fn an_approval_that_does_not_fit_beside_the_price_is_not_made() {
    let (world, router) = setup();
    let full = Usd::from_micros(12_200);
    let hold =
        |amount| BudgetLine { budget: BudgetId::from("day"), amount, limit: u128::MAX, since: Time::ZERO };
    let asked = terms(PRICE);
    let considered = run(&world, router.consider(&asked, FROM));
    assert_eq!(considered.routes[0].at_stake, full);
    // Somebody else takes the room between the look and the reservation of the price, or after that.
    for (room, fits) in [(full.e18(), true), (full.e18() - 1, false), (PRICE_E18, false)] {
        let (world, router) = setup();
        let taken = Usd::from_micros(1_000_000).e18() - room;
        run(&world, world.books.inner.reserve(&HoldId::from("other"), &[hold(taken)], Time::FAR, Time::ZERO))
            .unwrap();
        let got = pay(&world, &router, &terms(PRICE), vec![Act::Settles]);
        assert_eq!(got.is_ok(), fits, "{room}: {got:?}");
        assert_eq!(world.performed.load(Ordering::SeqCst), usize::from(fits));
        assert_eq!(held(&world), taken, "{room}");
    }
}

/// The books never lack what was spent, and nothing stays held.
fn assert_booked(world: &World, router: &Router, words: &str) {
    run(world, router.settle_up()).unwrap();
    assert_balanced(world, router);
    let landed: u128 = world.chain.lock().unwrap().values().map(|r| r.charged.atomic).sum();
    let attempts = u128::try_from(journal(world).len()).unwrap();
    let acts = u128::try_from(world.performed.load(Ordering::SeqCst)).unwrap();
    let paid = PRICE_E18 / PRICE * landed;
    assert!(used(world) >= paid + GAS_E18 * acts, "{words}: {} for {acts} actions", used(world));
    assert!(used(world) <= paid + GAS_E18 * attempts, "{words}: {} for {attempts} attempts", used(world));
    assert_eq!(held(world), 0, "{words}");
}

#[test]
fn wherever_it_stops_what_was_done_is_spent() {
    for acts in [vec![Act::Settles], vec![Act::Vanishes], vec![Act::NotSent]] {
        for n in 0.. {
            let (world, router) = setup();
            let mut till = Till::new(&world, acts.clone());
            let asked = terms(PRICE);
            let done = poll(&world, router.pay(&asked, FROM, &mut till), n);
            assert_booked(&world, &router, &format!("{acts:?} after {n} polls"));
            if done.is_some() {
                break;
            }
        }
    }
}

#[test]
fn whichever_call_of_the_ledger_fails_what_was_done_is_spent() {
    for acts in [vec![Act::Settles], vec![Act::Vanishes], vec![Act::NotSent]] {
        for how in [Fails::Before, Fails::After] {
            for n in 0.. {
                let (world, router) = setup();
                *world.books.trouble.lock().unwrap() = Some((n, how));
                let _ = pay(&world, &router, &terms(PRICE), acts.clone());
                let struck = world.books.calls() > n;
                *world.books.trouble.lock().unwrap() = None;
                assert_booked(&world, &router, &format!("{acts:?}, call {n} fails {how:?}"));
                if !struck {
                    break;
                }
            }
        }
    }
}

/// Another process takes the attempt for one that nobody works on any more.
#[test]
fn whoever_is_given_up_before_acting_does_not_act() {
    for n in 0.. {
        let (world, one) = setup();
        let other = router(&world, limited());
        let mut till = Till::new(&world, vec![Act::Settles]);
        let asked = terms(PRICE);
        let done = {
            let mut paying = std::pin::pin!(one.pay(&asked, FROM, &mut till));
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            let mut done = false;
            for _ in 0..n {
                done = done || paying.as_mut().poll(&mut cx).is_ready();
                world.turn();
            }
            run(&world, other.settle_up()).unwrap();
            if !done {
                let _ = run(&world, paying);
            }
            done
        };
        assert_booked(&world, &one, &format!("after {n} polls"));
        if done {
            break;
        }
    }
}
