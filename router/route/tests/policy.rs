//! The caller's limits: what they refuse, and that they hold when payments run side by side.

mod kit;

use kit::*;
use std::sync::Arc;
use tollway_core::screen::{Subject, Verdict};
use tollway_core::*;
use tollway_route::*;

const FROM: Context<'_> = Context { host: Some("a.example") };
const CENT: u128 = 10_000;

fn refused(world: &Arc<World>, policy: Policy, asked: Entry, from: Context<'_>) -> Code {
    let router = router(world, policy);
    let asked = challenge(vec![asked]);
    let considered = run(world, router.consider(&asked, from));
    assert_eq!(considered.routes.len() + considered.rejected.len(), 1);
    let code = considered.rejected.into_iter().next().expect("refused").reason.code;
    // And paying is refused alike, without a signature.
    let mut till = Till::new(world, []);
    assert_eq!(run(world, router.pay(&asked, from, &mut till)).unwrap_err().code, Code::NoRoute);
    assert_eq!(world.signatures(), 0);
    code
}

fn allowed(world: &Arc<World>, policy: Policy, asked: Entry, from: Context<'_>) {
    let router = router(world, policy);
    let asked = challenge(vec![asked]);
    let considered = run(world, router.consider(&asked, from));
    assert!(considered.rejected.is_empty(), "{:?}", considered.rejected);
}

fn pays(world: &Arc<World>, router: &Router, asked: &Challenge, act: Act) -> Result<Paid> {
    let mut till = Till::new(world, [act]);
    run(world, router.pay(asked, FROM, &mut till))
}

#[test]
fn every_list_refuses_and_allows() {
    let world = World::new();
    let asked = || accept(1, CENT);
    type Make = fn(bool) -> Policy;
    let only: [Make; 4] = [
        |fits| Policy { networks: List::Only(vec![chain(if fits { 1 } else { 2 })]), ..policy() },
        |fits| Policy { assets: List::Only(vec![usdc(if fits { 1 } else { 2 })]), ..policy() },
        |fits| Policy { payees: List::Only(vec![payee(1, if fits { PAYEE } else { "other" })]), ..policy() },
        |fits| Policy {
            hosts: List::Only(vec![if fits { "a.example" } else { "b.example" }.into()]),
            ..policy()
        },
    ];
    let except: [Make; 4] = [
        |fits| Policy { networks: List::Except(vec![chain(if fits { 2 } else { 1 })]), ..policy() },
        |fits| Policy { assets: List::Except(vec![usdc(if fits { 2 } else { 1 })]), ..policy() },
        |fits| Policy {
            payees: List::Except(vec![payee(1, if fits { "other" } else { PAYEE })]),
            ..policy()
        },
        |fits| Policy {
            hosts: List::Except(vec![if fits { "b.example" } else { "a.example" }.into()]),
            ..policy()
        },
    ];
    for make in only.into_iter().chain(except) {
        allowed(&world, make(true), asked(), FROM);
        assert_eq!(refused(&world, make(false), asked(), FROM), Code::PolicyDenied);
    }
    let nobody: [Policy; 4] = [
        Policy { networks: List::Only(vec![]), ..policy() },
        Policy { assets: List::Only(vec![]), ..policy() },
        Policy { payees: List::Only(vec![]), ..policy() },
        Policy { hosts: List::Only(vec![]), ..policy() },
    ];
    for policy in nobody {
        assert_eq!(refused(&world, policy, asked(), FROM), Code::PolicyDenied);
    }
}

#[test]
fn a_host_that_is_not_known_is_on_no_list() {
    let world = World::new();
    let nobody = Context { host: None };
    allowed(&world, policy(), accept(1, CENT), nobody);
    let only = Policy { hosts: List::Only(vec!["a.example".into()]), ..policy() };
    assert_eq!(refused(&world, only, accept(1, CENT), nobody), Code::PolicyDenied);
}

/// A capital letter in a list or a budget must not let anybody past it.
#[test]
fn hosts_are_alike_in_any_case() {
    let world = World::new();
    let listed = || vec!["A.Example".to_owned()];
    allowed(&world, Policy { hosts: List::Only(listed()), ..policy() }, accept(1, CENT), FROM);
    let except = Policy { hosts: List::Except(listed()), ..policy() };
    assert_eq!(refused(&world, except, accept(1, CENT), FROM), Code::PolicyDenied);
    let budget = day(Scope::Host("A.Example".into()), 9_999);
    assert_eq!(refused(&world, budget, accept(1, CENT), FROM), Code::BudgetExceeded);
}

#[test]
fn mainnets_need_an_opt_in() {
    let world = World::new();
    assert_eq!(refused(&world, policy(), accept(9, CENT), FROM), Code::PolicyDenied);
    allowed(&world, Policy { allow_mainnet: true, ..policy() }, accept(9, CENT), FROM);
}

/// A chain that is in no table and has no node is refused before anything else is asked of it.
#[test]
fn a_chain_that_nobody_knows_counts_as_a_mainnet() {
    let r = accept(8, CENT).requirement.unwrap();
    assert_eq!(policy().admits(&r, None, false).unwrap_err().code, Code::PolicyDenied);
    assert!(policy().admits(&r, None, true).is_ok());
}

#[test]
fn windows_have_bounds() {
    let world = World::new();
    for (t, max, ok) in [
        (0, None, false),
        (1, None, true),
        (600, None, true),
        (601, None, false),
        (601, Some(700), true),
        (60, Some(59), false),
    ] {
        let policy = Policy { timeout_s_max: max, ..policy() };
        let asked = accept_in(usdc(1), CENT, PAYEE, t);
        if ok {
            allowed(&world, policy, asked, FROM);
        } else {
            assert_eq!(refused(&world, policy, asked, FROM), Code::PolicyDenied, "{t} of {max:?}");
        }
    }
}

#[test]
fn the_cap_counts_everything_the_payer_pays() {
    let world = World::new();
    let cap = |micros| Policy { cap: Some(Usd::from_micros(micros)), ..policy() };
    allowed(&world, cap(10_000), accept(1, CENT), FROM);
    assert_eq!(refused(&world, cap(9_999), accept(1, CENT), FROM), Code::OverCap);
    world.direct(|s| s.actions = 1);
    // 1,100 units at 10⁹ of a coin worth 2,000 dollars: 2,200 millionths.
    allowed(&world, cap(12_200), accept(1, CENT), FROM);
    assert_eq!(refused(&world, cap(12_199), accept(1, CENT), FROM), Code::OverCap);
}

/// That later payments will share an approval is a hope: it ranks routes, and stretches no limit.
#[test]
fn limits_count_the_whole_of_what_later_payments_should_share() {
    let world = World::new();
    world.direct(|s| (s.actions, s.actions_shared_by) = (1, 1_000));
    let cap = |micros| Policy { cap: Some(Usd::from_micros(micros)), ..policy() };
    let router = router(&world, cap(12_200));
    let asked = challenge(vec![accept(1, CENT)]);
    let considered = run(&world, router.consider(&asked, FROM));
    let route = &considered.routes[0];
    assert_eq!(
        route.bill.e18() - route.costs.price.e18(),
        2_200_000_000_000,
        "a thousandth of 2,200 millionths"
    );
    assert_eq!(route.at_stake, Usd::from_micros(12_200));
    assert_eq!(refused(&world, cap(12_199), accept(1, CENT), FROM), Code::OverCap);
    allowed(&world, day(Scope::All, 12_200), accept(1, CENT), FROM);
    assert_eq!(refused(&world, day(Scope::All, 12_199), accept(1, CENT), FROM), Code::BudgetExceeded);
}

/// What a signature can spend counts, not what the payee promises to take of it.
#[test]
fn the_cap_counts_the_whole_exposure() {
    let world = World::new();
    world.direct(|s| s.exposure = 3);
    let cap = |micros| Policy { cap: Some(Usd::from_micros(micros)), ..policy() };
    allowed(&world, cap(30_000), accept(1, CENT), FROM);
    assert_eq!(refused(&world, cap(29_999), accept(1, CENT), FROM), Code::OverCap);
    let caps = |n| Policy { caps: vec![Amount::new(usdc(1), n)], ..policy() };
    allowed(&world, caps(3 * CENT), accept(1, CENT), FROM);
    assert_eq!(refused(&world, caps(3 * CENT - 1), accept(1, CENT), FROM), Code::OverCap);
    // A plan that makes little of the price is not believed either.
    world.direct(|s| {
        s.exposure = 1;
        s.plan_price = Some(1);
    });
    assert_eq!(refused(&world, cap(9_999), accept(1, CENT), FROM), Code::OverCap);
}

#[test]
fn assets_have_caps_of_their_own() {
    let world = World::new();
    let caps = |n| Policy { caps: vec![Amount::new(usdc(2), 1), Amount::new(usdc(1), n)], ..policy() };
    allowed(&world, caps(CENT), accept(1, CENT), FROM);
    assert_eq!(refused(&world, caps(CENT - 1), accept(1, CENT), FROM), Code::OverCap);
}

#[test]
fn without_a_cap_there_are_quotes_and_no_payments() {
    let world = World::new();
    let router = router(&world, Policy { cap: None, ..policy() });
    let asked = challenge(vec![accept(1, CENT)]);
    assert_eq!(run(&world, router.consider(&asked, FROM)).routes.len(), 1);
    let e = pays(&world, &router, &asked, Act::Settles).unwrap_err();
    assert_eq!((e.code, world.signatures()), (Code::OverCap, 0));
    assert_eq!(Policy::default().cap, None, "the default pays nothing");
    assert!(!Policy::default().allow_mainnet);
}

#[test]
fn a_screening_refuses_one_route_and_not_the_next() {
    struct Sanctions;
    #[async_trait]
    impl Screen for Sanctions {
        fn source(&self) -> String {
            "a list".to_owned()
        }
        async fn check(&self, subject: &Subject<'_>) -> Result<Verdict> {
            step().await;
            assert_eq!(subject.host, Some("a.example"));
            assert_eq!(subject.payer.map(|p| p.address().to_owned()).as_deref(), Some(ME));
            match subject.requirement.pay_to.address() {
                "bad" => Ok(Verdict::Denied("on a list".to_owned())),
                _ => Ok(Verdict::Clear),
            }
        }
    }
    let world = World::new();
    let router = router(&world, Policy { screen: Some(world.screening(Sanctions)), ..policy() });
    let bad = || accept_in(usdc(1), CENT, "bad", 60);
    let e = pays(&world, &router, &challenge(vec![bad()]), Act::Settles).unwrap_err();
    assert!(e.detail.contains("on a list"), "{e}");
    assert_eq!(world.signatures(), 0);
    let paid = pays(&world, &router, &challenge(vec![bad(), accept(1, CENT + 1)]), Act::Settles).unwrap();
    assert_eq!((paid.index, world.signatures()), (1, 1));
}

fn day(scope: Scope, micros: u64) -> Policy {
    let budget = Budget { id: "day".into(), scope, limit: Usd::from_micros(micros), window_ms: 100_000 };
    Policy { budgets: vec![budget], ..policy() }
}

#[test]
fn a_budget_slides() {
    let world = World::new();
    let router = router(&world, day(Scope::All, 30_000));
    let asked = challenge(vec![accept(1, CENT)]);
    for _ in 0..3 {
        pays(&world, &router, &asked, Act::Settles).unwrap();
        world.advance(20_000);
    }
    let e = pays(&world, &router, &asked, Act::Settles).unwrap_err();
    assert!(e.detail.contains("budget day"), "{e}");
    // 100 s after the first there is room for one more, and for no second.
    world.advance(40_500);
    pays(&world, &router, &asked, Act::Settles).unwrap();
    pays(&world, &router, &asked, Act::Settles).unwrap_err();
    world.advance(20_000);
    pays(&world, &router, &asked, Act::Settles).unwrap();
}

#[test]
fn open_signatures_count_however_old() {
    let world = World::new();
    let router = router(&world, day(Scope::All, 15_000));
    let asked = challenge(vec![accept(1, CENT)]);
    pays(&world, &router, &asked, Act::Vanishes).unwrap_err();
    world.advance(1_000_000);
    pays(&world, &router, &asked, Act::Settles).unwrap_err();
    run(&world, router.settle_up()).unwrap();
    pays(&world, &router, &asked, Act::Settles).unwrap();
}

#[test]
fn budgets_count_within_their_scope() {
    let other = || challenge(vec![accept_in(asset(1, "dai"), CENT, "other", 60)]);
    for scope in [Scope::Asset(usdc(1)), Scope::Payee(payee(1, PAYEE)), Scope::Host("a.example".into())] {
        let world = World::new();
        let router = router(&world, day(scope.clone(), 15_000));
        let asked = challenge(vec![accept(1, CENT)]);
        pays(&world, &router, &asked, Act::Settles).unwrap();
        pays(&world, &router, &asked, Act::Settles).unwrap_err();
        let mut till = Till::new(&world, [Act::Settles]);
        let elsewhere = Context { host: Some("b.example") };
        run(&world, router.pay(&other(), elsewhere, &mut till)).unwrap();
    }
}

/// What is spent of a signature's exposure is charged to the budget in full.
#[test]
fn a_budget_is_charged_what_was_taken() {
    let world = World::new();
    world.direct(|s| s.exposure = 10);
    let router = router(&world, day(Scope::All, 110_000));
    let asked = challenge(vec![accept(1, CENT)]);
    pays(&world, &router, &asked, Act::Settles).unwrap();
    let line = BudgetLine { budget: "day".into(), amount: 0, limit: 0, since: Time::ZERO };
    let used = futures::executor::block_on(world.books.inner.used(&[line])).unwrap();
    assert_eq!(Usd::from_e18(used[0]), Usd::from_micros(10_000));
}

#[test]
fn money_in_flight_is_not_signed_away_again() {
    let world = World::new();
    *world.balance.lock().unwrap() = Some(CENT + CENT / 2);
    let router = router(&world, policy());
    let asked = challenge(vec![accept(1, CENT)]);
    pays(&world, &router, &asked, Act::Vanishes).unwrap_err();
    let considered = run(&world, router.consider(&asked, FROM));
    assert_eq!(considered.rejected[0].reason.code, Code::BudgetExceeded);
    pays(&world, &router, &asked, Act::Settles).unwrap_err();
    assert_eq!(world.signatures(), 1);
    world.advance(61_000);
    run(&world, router.settle_up()).unwrap();
    pays(&world, &router, &asked, Act::Settles).unwrap();
}

/// A ledger that cannot be read forbids what it would have to vouch for.
#[test]
fn a_broken_ledger_allows_nothing() {
    for how in [Fails::Before, Fails::After] {
        let world = World::new();
        let router = router(&world, policy());
        *world.books.trouble.lock().unwrap() = Some((world.books.calls(), how));
        let asked = challenge(vec![accept(1, CENT)]);
        let considered = run(&world, router.consider(&asked, FROM));
        assert_eq!(considered.rejected[0].reason.code, Code::LedgerFailed);
    }
}
