//! What each answer means.

use super::*;

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

/// Nothing was used and nothing taken: the permission to take up to the price is out until it expires.
#[test]
fn what_was_not_taken_stays_reserved_while_it_can_still_be() {
    for taken_later in [false, true] {
        let world = World::new();
        world.direct(|script| script.believes = true);
        let router = router(&world, policy());
        let paid = pay(&world, &router, &terms(PRICE), vec![Act::TakesNothing]).unwrap();
        assert_eq!((paid.charged.atomic, &paid.receipt.landed), (0, &Landed::Nothing));
        assert_eq!((stages(&world), wallet_used(&world, 1)), (vec![AttemptStage::Signed], PRICE));
        if taken_later {
            let sent = journal(&world)[0].authorization.clone().unwrap();
            Till::new(&world, []).settle(&sent.payment);
            run(&world, router.settle_up()).unwrap();
            assert_eq!((stages(&world), wallet_used(&world, 1)), (vec![AttemptStage::Settled], PRICE));
        } else {
            world.advance(61_000);
            run(&world, router.settle_up()).unwrap();
            assert_eq!((stages(&world), wallet_used(&world, 1)), (vec![AttemptStage::Dead], 0));
        }
    }
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
        fn source(&self) -> String {
            "late".to_owned()
        }
        /// While it is being screened, somebody else takes the money.
        async fn check(&self, _: &Subject<'_>) -> Result<Verdict> {
            let line = BudgetLine {
                budget: BudgetId(format!("wallet:{}/usdc", payee(1, ME))),
                amount: 1_000_000_000,
                limit: u128::MAX,
                since: Time::ZERO,
            };
            self.0.books.inner.reserve(&"other".into(), &[line], Time::FAR, Time::ZERO).await?;
            Ok(Verdict::Clear)
        }
    }
    let world = World::new();
    world.direct(|s| s.actions = 1);
    let policy = Policy { screen: Some(world.screening(Late(world.clone()))), ..policy() };
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
