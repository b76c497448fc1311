//! Paying: what each answer means, and that no signature is ever lost, doubled or forgotten.

mod kit;

use kit::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tollway_core::*;
use tollway_route::pay::AttemptStage;
use tollway_route::*;

const PRICE: u128 = 10_000;
const FROM: Context<'_> = Context { host: Some("a.example") };

fn terms(atomic: u128) -> Challenge {
    challenge(vec![accept(1, atomic)])
}

fn pay(world: &Arc<World>, router: &Router, asked: &Challenge, acts: Vec<Act>) -> Result<Paid> {
    let mut till = Till::new(world, acts);
    run(world, router.pay(asked, FROM, &mut till))
}

fn pays(acts: Vec<Act>) -> (Arc<World>, Router, Result<Paid>) {
    let world = World::new();
    let router = router(&world, policy());
    let got = pay(&world, &router, &terms(PRICE), acts);
    (world, router, got)
}

fn stages(world: &World) -> Vec<AttemptStage> {
    let mut records = journal(world);
    records.sort_by_key(|r| r.begun_at);
    records.into_iter().map(|r| r.stage).collect()
}

/// After everything has expired and was looked after, the books are exactly what the chain says.
fn assert_balanced(world: &World, router: &Router) {
    world.advance(10_000_000);
    run(world, router.settle_up()).unwrap();
    let landed: u128 = world.chain.lock().unwrap().values().map(|r| r.charged.atomic).sum();
    assert_eq!(wallet_used(world, 1), landed, "{:?}", journal(world));
    for record in journal(world) {
        let on_chain = world.chain.lock().unwrap().contains_key(&record.id.0);
        let want = if on_chain { AttemptStage::Settled } else { AttemptStage::Dead };
        assert_eq!(record.stage, want, "{record:?}");
    }
    assert!(run(world, router.settle_up()).unwrap().is_empty(), "settling up twice moves nothing");
}

#[test]
fn a_receipt_that_agrees_is_paid() {
    let (world, router, got) = pays(vec![Act::Settles]);
    let paid = got.unwrap();
    assert_eq!((paid.charged.atomic, paid.index, paid.corrected, paid.delivered), (PRICE, 0, false, true));
    assert_eq!(stages(&world), [AttemptStage::Settled]);
    assert_eq!((world.signatures(), wallet_used(&world, 1)), (1, PRICE));
    assert_balanced(&world, &router);
}

#[test]
fn a_receipt_that_lies_is_checked_on_chain() {
    let (world, router, got) = pays(vec![Act::SettlesAndLies]);
    assert_eq!(got.unwrap().charged.atomic, PRICE, "the chain's word, not the server's");
    assert_balanced(&world, &router);

    let (world, router, got) = pays(vec![Act::Lies]);
    let e = got.unwrap_err();
    assert_eq!(e.code, Code::ReceiptMismatch);
    assert!(e.is_unknown_outcome());
    assert_eq!(wallet_used(&world, 1), PRICE, "still spendable, so still held");
    assert_balanced(&world, &router);
}

/// A scheme that believes every receipt does not make more of it than was signed.
#[test]
fn no_receipt_is_for_more_than_was_signed() {
    let world = World::new();
    world.direct(|s| s.believes = true);
    let router = router(&world, policy());
    let e = pay(&world, &router, &terms(PRICE), vec![Act::Lies]).unwrap_err();
    assert_eq!(e.code, Code::ReceiptMismatch);
    assert_eq!(wallet_used(&world, 1), PRICE);
    assert_balanced(&world, &router);
}

#[test]
fn without_a_receipt_the_chain_tells() {
    let (world, router, got) = pays(vec![Act::SettlesSilently]);
    assert!(got.unwrap().delivered);
    assert_balanced(&world, &router);
    let (world, router, got) = pays(vec![Act::Gives]);
    assert!(got.unwrap_err().is_unknown_outcome());
    assert_eq!(wallet_used(&world, 1), PRICE);
    assert_balanced(&world, &router);
}

#[test]
fn a_refused_signature_stays_held() {
    for next in [Next::Never, Next::Later, Next::OtherRoute, Next::SignAgain, Next::Unknown(None)] {
        let e = Error::new(Code::UnexpectedVerifyError, Blame::Payee, next.clone());
        let (world, router, got) = pays(vec![Act::Refuses(e)]);
        let advice = got.unwrap_err().next;
        assert!(
            matches!(advice, Next::Never | Next::Unknown(_)),
            "{next:?} became {advice:?}: the signature is out, nobody may be told to sign again"
        );
        assert_eq!((world.signatures(), wallet_used(&world, 1)), (1, PRICE));
        assert_balanced(&world, &router);
    }
}

#[test]
fn what_was_not_sent_is_free_at_once() {
    let (world, router, got) = pays(vec![Act::NotSent]);
    assert_eq!(got.unwrap_err().code, Code::TimedOut);
    assert_eq!(stages(&world), [AttemptStage::Dead]);
    assert_eq!(wallet_used(&world, 1), 0);
    assert_balanced(&world, &router);
}

#[test]
fn a_lost_answer_is_resolved() {
    let (world, router, got) = pays(vec![Act::SettlesAndVanishes]);
    assert!(!got.unwrap().delivered);
    assert_balanced(&world, &router);

    let (world, router, got) = pays(vec![Act::Vanishes]);
    assert!(got.unwrap_err().is_unknown_outcome());
    assert_eq!((stages(&world), wallet_used(&world, 1)), (vec![AttemptStage::Signed], PRICE));
    assert_eq!(run(&world, router.settle_up()).unwrap(), [], "open: nothing moves");
    assert_eq!(wallet_used(&world, 1), PRICE);
    assert_balanced(&world, &router);
}

/// Proven dead is not unknown: whoever asked may pay again.
#[test]
fn a_lost_answer_to_a_dead_signature_is_no_mystery() {
    struct Slow(Till);
    #[async_trait]
    impl Exchange for Slow {
        async fn send(&mut self, payment: &Payment) -> Reply {
            let reply = self.0.send(payment).await;
            self.0.world.advance(61_000);
            reply
        }
    }
    let world = World::new();
    let router = router(&world, policy());
    let mut till = Slow(Till::new(&world, [Act::Vanishes]));
    let e = run(&world, router.pay(&terms(PRICE), FROM, &mut till)).unwrap_err();
    assert!(!e.is_unknown_outcome(), "{e}");
    assert_eq!((stages(&world), wallet_used(&world, 1)), (vec![AttemptStage::Dead], 0));
}

#[test]
fn corrected_once_both_are_held() {
    let world = World::new();
    let router = router(&world, policy());
    let got = pay(&world, &router, &terms(PRICE), vec![Act::Asks(terms(PRICE + 1)), Act::Settles]);
    let paid = got.unwrap();
    assert!(paid.corrected);
    assert_eq!(paid.charged.atomic, PRICE + 1);
    assert_eq!(world.signatures(), 2);
    assert_eq!(wallet_used(&world, 1), PRICE + PRICE + 1, "the first can still be spent");
    assert_balanced(&world, &router);
}

#[test]
fn the_second_signature_must_fit_beside_the_first() {
    let world = World::new();
    *world.balance.lock().unwrap() = Some(PRICE + 5_000);
    let router = router(&world, policy());
    let e = pay(&world, &router, &terms(PRICE), vec![Act::Asks(terms(PRICE + 1)), Act::Settles]).unwrap_err();
    assert_eq!(e.code, Code::NoRoute);
    assert_eq!(world.signatures(), 1);
    assert_balanced(&world, &router);
}

#[test]
fn at_most_two_signatures() {
    let world = World::new();
    let router = router(&world, policy());
    let acts = (1..10).map(|n| Act::Asks(terms(PRICE + n))).collect();
    let e = pay(&world, &router, &terms(PRICE), acts).unwrap_err();
    assert_eq!(e.next, Next::Never);
    assert_eq!(world.signatures(), 2);
    assert_balanced(&world, &router);
}

#[test]
fn the_same_terms_again_are_no_correction() {
    // Spelled differently, in another order, beside something new: it still asks for what was refused.
    let mut spelled = terms(PRICE);
    let raw = Json::parse(spelled.accepts[0].raw.as_str().replace(':', " : ")).unwrap();
    spelled.accepts[0] = Entry { requirement: wire::read_requirement(&raw, Version::V2, &[FAMILY]), raw };
    let beside = challenge(vec![accept(2, 5), accept(1, PRICE)]);
    for again in [terms(PRICE), spelled, beside, challenge(vec![]), challenge(vec![broken()])] {
        let (world, router, got) = pays(vec![Act::Asks(again)]);
        assert!(got.is_err());
        assert_eq!(world.signatures(), 1);
        assert_eq!(wallet_used(&world, 1), PRICE);
        assert_balanced(&world, &router);
    }
}

/// A server that takes the money and asks for other terms gets no second signature.
#[test]
fn what_is_settled_is_not_corrected() {
    let (world, router, got) = pays(vec![Act::SettlesAndAsks(terms(PRICE + 1)), Act::Settles]);
    let paid = got.unwrap();
    assert!(!paid.delivered && !paid.corrected);
    assert_eq!(world.signatures(), 1);
    assert_balanced(&world, &router);
}

/// Whatever fails after the payment was sent, nobody is told to sign again.
#[test]
fn failures_after_sending_are_unknown_outcomes() {
    let later = Error::network(Code::Unreachable);
    for act in [Act::Settles, Act::Lies, Act::Gives, Act::Vanishes, Act::Asks(terms(PRICE + 1))] {
        let world = World::new();
        world.direct(|s| {
            s.receive_fails = Some(later.clone());
            s.resolve_fails = Some(later.clone());
        });
        let router = router(&world, policy());
        let e = pay(&world, &router, &terms(PRICE), vec![act.clone()]).unwrap_err();
        assert!(e.is_unknown_outcome(), "{act:?}: {e}");
        assert_eq!((world.signatures(), wallet_used(&world, 1)), (1, PRICE), "{act:?}");
        world.direct(|s| {
            s.receive_fails = None;
            s.resolve_fails = None;
        });
        assert_balanced(&world, &router);
    }
}

#[test]
fn a_scheme_may_not_sign_for_anybody_or_anything_else() {
    for twist in 0..2 {
        let world = World::new();
        world.direct(|s| match twist {
            0 => s.signs_for = Some("thief"),
            _ => s.signs_times = 2,
        });
        let router = router(&world, policy());
        assert!(pay(&world, &router, &terms(PRICE), vec![Act::Settles]).is_err());
        assert!(world.sent.lock().unwrap().is_empty(), "twist {twist} was sent");
        assert_eq!((stages(&world), wallet_used(&world, 1)), (vec![AttemptStage::Dead], 0));
    }
}

#[test]
fn no_signature_no_hold() {
    let world = World::new();
    world.direct(|s| s.no_signer = Some(Error::caller(Code::NoSigner)));
    let router = router(&world, policy());
    assert_eq!(pay(&world, &router, &terms(PRICE), vec![]).unwrap_err().code, Code::NoSigner);
    assert_eq!((stages(&world), wallet_used(&world, 1)), (vec![AttemptStage::Dead], 0));
}

/// What the payer does on chain costs money: not before the payment fits its budgets.
#[test]
fn nothing_is_done_on_chain_for_a_payment_that_does_not_fit() {
    struct Late(Arc<World>);
    #[async_trait]
    impl Screen for Late {
        /// While it is being screened, somebody else takes the money.
        async fn check(&self, _: &Subject<'_>) -> Result<()> {
            let line = BudgetLine {
                budget: BudgetId(format!("wallet:{}/usdc", payee(1, ME))),
                amount: 1_000_000_000,
                limit: u128::MAX,
                since: Time::ZERO,
            };
            self.0.books.inner.reserve(&"other".into(), &[line], Time::FAR, Time::ZERO).await
        }
    }
    let world = World::new();
    world.direct(|s| s.actions = 1);
    let policy = Policy { screen: Some(Arc::new(Late(world.clone()))), ..policy() };
    let router = router(&world, policy);
    assert_eq!(pay(&world, &router, &terms(PRICE), vec![]).unwrap_err().code, Code::NoRoute);
    assert_eq!((world.signatures(), world.performed.load(Ordering::SeqCst)), (0, 0));
}

#[test]
fn an_action_that_fails_frees_the_hold() {
    let world = World::new();
    world.direct(|s| {
        s.actions = 2;
        s.perform_fails = Some(Error::network(Code::Unreachable));
    });
    let router = router(&world, policy());
    assert!(pay(&world, &router, &terms(PRICE), vec![]).is_err());
    assert_eq!((world.signatures(), wallet_used(&world, 1)), (0, 0));
    world.direct(|s| s.perform_fails = None);
    pay(&world, &router, &terms(PRICE), vec![Act::Settles]).unwrap();
    assert_eq!(world.performed.load(Ordering::SeqCst), 2);
}

#[test]
fn when_the_best_route_is_taken_the_next_is_paid() {
    let world = World::new();
    let day = Budget {
        id: "one".into(),
        scope: Scope::Asset(usdc(1)),
        limit: Usd::from_micros(9_000),
        window_ms: 1_000,
    };
    let router = router(&world, Policy { budgets: vec![day], ..policy() });
    let asked = challenge(vec![accept(1, PRICE), accept(2, PRICE + 1)]);
    let paid = pay(&world, &router, &asked, vec![Act::Settles]).unwrap();
    assert_eq!(paid.index, 1);
}

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
