//! Screening: every verdict is followed and written down, on both sides.

use super::*;
use std::collections::BTreeSet;

/// Denies those called "bad", fails for "mute", and never answers for "slow".
struct Names;

#[async_trait]
impl Screen for Names {
    fn source(&self) -> String {
        "a list".to_owned()
    }
    async fn check(&self, subject: &Subject<'_>) -> Result<Verdict> {
        step().await;
        let names: Vec<_> = subject.parties().map(|p| p.address().to_owned()).collect();
        match names.iter().find(|name| ["bad", "mute", "slow"].contains(&name.as_str())).map(String::as_str) {
            Some("bad") => Ok(Verdict::Denied("on the list".to_owned())),
            Some("mute") => Err(Error::network(Code::Unreachable)),
            Some(_) => std::future::pending().await,
            None => Ok(Verdict::Clear),
        }
    }
}

fn written(world: &World) -> Vec<Decision> {
    let all = futures::executor::block_on(decisions(&*world.books.inner, Time::ZERO, None, 999)).unwrap();
    all.into_iter().map(|(_, decision)| decision).collect()
}

fn screened(silence: Silence) -> Bed {
    let world = World::new();
    let ledger: Arc<dyn Ledger> = world.books.clone();
    let list = Arc::new(Names);
    let screening = Arc::new(Screening::new(list, silence, 1_000, ledger, world.clone()));
    Bed::over(world, GuardSettings::off(), |guard| guard.screening(screening))
}

#[test]
fn every_verdict_is_followed_and_written_down() {
    let denied = (Some(Code::Screened), Found::Denied);
    let closed = (Some(Code::ScreeningSilent), Found::SilentRefused);
    let open = (None, Found::SilentPassed);
    let table = [
        ("honest", PAYEE, (None, Found::Clear), (None, Found::Clear)),
        ("bad", PAYEE, denied.clone(), denied.clone()),
        ("honest", "bad", denied.clone(), denied),
        ("mute", PAYEE, closed.clone(), open.clone()),
        ("slow", PAYEE, closed, open),
    ];
    for (from, to, when_closed, when_open) in table {
        for (silence, (code, found)) in [(Silence::Closed, when_closed), (Silence::Open, when_open)] {
            let bed = screened(silence);
            let order = order_to(to, from, "n", DOLLAR, 0);
            let outcome = bed.settle("a", &order);
            assert_eq!(outcome.as_ref().err().map(|e| e.code.clone()), code, "{from} {to} {silence:?}");
            let want = if code.is_some() { 0 } else { 1 };
            assert_eq!((bed.inner.verifies.load(Ordering::SeqCst), bed.settles()), (want, want));
            let said = written(&bed.world);
            let steps: Vec<_> = said.iter().map(|d| d.step).collect();
            assert_eq!(steps, [Step::Verify, Step::Settle][..if code.is_some() { 1 } else { 2 }]);
            for decision in said {
                assert_eq!((decision.found, decision.source.as_str()), (found, "a list"));
                assert_eq!((decision.payer, decision.payee), (Some(payee(1, from)), payee(1, to)));
                assert_eq!((decision.asset, decision.atomic), (usdc(1), DOLLAR));
            }
        }
    }
}

#[test]
fn a_payer_screens_before_it_signs() {
    let world = World::new();
    let policy = Policy { screen: Some(world.screening(Names)), ..policy() };
    let router = router(&world, policy);
    let mut till = Till::new(&world, []);
    let asked = challenge(vec![accept_in(usdc(1), 10_000, "bad", 60)]);
    let from = Context { host: Some("a.example") };
    assert_eq!(run(&world, router.pay(&asked, from, &mut till)).unwrap_err().code, Code::NoRoute);
    assert_eq!(world.signatures(), 0);
    let said = written(&world);
    assert_eq!((said.len(), said[0].step, said[0].found), (1, Step::Sign, Found::Denied));
    assert_eq!(said[0].host.as_deref(), Some("a.example"));
    // In silence too: closed means that nothing is signed.
    let asked = challenge(vec![accept_in(usdc(1), 10_000, "mute", 60)]);
    let e = run(&world, router.pay(&asked, from, &mut till)).unwrap_err();
    assert_eq!((e.code, e.next, world.signatures()), (Code::ScreeningSilent, Next::Later, 0));
}

/// What cannot be written down does not pass: whichever change of the ledger fails, nothing is settled without both
/// decisions on record.
#[test]
fn no_record_no_payment() {
    let mut recorded = BTreeSet::new();
    for n in 0.. {
        let bed = screened(Silence::Open);
        *bed.world.books.trouble.lock().unwrap() = Some((n, Fails::Before));
        let said = bed.settle("a", &order("me", "n", DOLLAR, 0));
        let decisions = written(&bed.world).len();
        let Err(e) = said else {
            assert_eq!((bed.settles(), decisions), (1, 2));
            break;
        };
        assert_eq!((e.code, bed.settles()), (Code::LedgerFailed, 0), "change {n}");
        recorded.insert(decisions);
    }
    assert!(
        recorded.is_superset(&BTreeSet::from([0, 1])),
        "each of the two was the one that failed: {recorded:?}"
    );
}

#[test]
fn decisions_are_read_in_order_and_kept_until_somebody_says_otherwise() {
    let bed = screened(Silence::Closed);
    for n in 0..5 {
        bed.verify("a", &order(&format!("p{n}"), "n", DOLLAR, 0)).unwrap();
        bed.world.advance(1_000);
    }
    let books = bed.world.books.inner.clone();
    let read = |since, after: Option<&RecordKey>, limit| {
        let page = futures::executor::block_on(decisions(&*books, since, after, limit)).unwrap();
        let last = page.last().map(|(key, _)| key.clone());
        let payers: Vec<_> = page.iter().map(|(_, d)| d.payer.unwrap().address().to_owned()).collect();
        (payers, last)
    };
    let begin = Time::from_ms(1_000_000);
    let (first, last) = read(Time::ZERO, None, 2);
    assert_eq!(first, ["p0", "p1"]);
    assert_eq!(read(Time::ZERO, last.as_ref(), 9).0, ["p2", "p3", "p4"]);
    assert_eq!(read(begin.plus_ms(3_000), None, 9).0, ["p3", "p4"]);
    let gone = futures::executor::block_on(forget_before(&*books, begin.plus_ms(3_000))).unwrap();
    assert_eq!((gone, read(Time::ZERO, None, 9).0), (3, vec!["p3".to_owned(), "p4".to_owned()]));
}
