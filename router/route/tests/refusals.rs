//! What is written down when a payment is refused, and what is said when nothing can be written.

mod kit;

use kit::*;
use std::sync::Arc;
use tollway_core::*;
use tollway_route::pay::AttemptStage;
use tollway_route::*;

const FROM: Context<'_> = Context { host: Some("a.example") };

fn pay(world: &Arc<World>, act: Act) -> (Router, Result<Paid>) {
    let (router, asked) = (router(world, policy()), challenge(vec![accept(1, 10_000)]));
    let mut till = Till::new(world, [act]);
    let said = run(world, router.pay(&asked, FROM, &mut till));
    (router, said)
}

fn asks_again(why: Option<Code>) -> Act {
    Act::Asks(Challenge { error: why, ..challenge(vec![accept(1, 10_000)]) })
}

#[test]
fn a_refusal_is_journaled_with_its_reason() {
    for (act, code) in [
        (Act::Refuses(Error::payer(Code::InsufficientFunds)), Code::InsufficientFunds),
        (asks_again(Some(Code::InvalidSignature)), Code::InvalidSignature),
        (asks_again(None), Code::UnexpectedVerifyError),
    ] {
        let world = World::new();
        let (_, said) = pay(&world, act);
        assert_eq!(said.unwrap_err().code, code);
        let records = journal(&world);
        let [record] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!((record.stage, record.refusal.as_ref()), (AttemptStage::Refused, Some(&code)));
    }
}

#[test]
fn every_attempt_is_listed() {
    let world = World::new();
    let (router, _) = pay(&world, Act::Refuses(Error::payer(Code::InsufficientFunds)));
    let (other, _) = pay(&world, Act::Settles);
    let mut listed = run(&world, router.attempts()).unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(run(&world, other.attempts()).unwrap().len(), 2, "they are the ledger's, not the router's");
    listed.sort_by_key(|record| record.stage == AttemptStage::Settled);
    assert_eq!(
        listed.iter().map(|r| r.stage).collect::<Vec<_>>(),
        [AttemptStage::Refused, AttemptStage::Settled]
    );
}

#[test]
fn only_a_missing_allowance_is_mended_on_chain() {
    for (code, next) in [
        (Code::AllowanceRequired, Next::Prepare),
        (Code::InsufficientFunds, Next::Never),
        (Code::SimulationFailed, Next::Never),
    ] {
        let world = World::new();
        let (_, said) = pay(&world, asks_again(Some(code.clone())));
        let refused = said.unwrap_err();
        assert_eq!((&refused.code, &refused.next), (&code, &next));
    }
}

/// A payment that stopped before anything was signed.
fn begun() -> (Arc<World>, Router) {
    for polls in 1..200 {
        let world = World::new();
        let (router, asked) = (router(&world, policy()), challenge(vec![accept(1, 10_000)]));
        let mut till = Till::new(&world, [Act::Settles]);
        let stopped = poll(&world, router.pay(&asked, FROM, &mut till), polls).is_none();
        if stopped && !journal(&world).is_empty() && world.signatures() == 0 {
            return (world, router);
        }
    }
    panic!("it never stops there")
}

#[test]
fn a_ledger_that_fails_while_an_attempt_is_given_up_is_heard() {
    let (world, router) = begun();
    // The scan comes first, then the record's next version.
    *world.books.trouble.lock().unwrap() = Some((world.books.calls() + 1, Fails::Before));
    assert_eq!(run(&world, router.settle_up()).unwrap_err().code, Code::LedgerFailed);
    let moved = run(&world, router.settle_up()).unwrap();
    assert_eq!(moved.iter().map(|record| record.stage).collect::<Vec<_>>(), [AttemptStage::Dead]);
    assert_eq!((wallet_used(&world, 1), world.signatures()), (0, 0));
    assert!(run(&world, router.settle_up()).unwrap().is_empty());
}
