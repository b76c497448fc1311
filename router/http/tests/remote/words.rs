//! A reason on its way through HTTP: what is not the payment's fault must not come out as the payer's.

use super::*;
use tollway_core::wire::SettleResponse;
use tollway_core::{Error, Json, wire};

/// What a facilitator's `/settle` makes of each of these, read back.
async fn settle_round_trips(errors: Vec<Error>) -> impl Iterator<Item = (Error, Error)> {
    let families = &[common::wire::FAMILY];
    let told = |e: &Error| SettleResponse::of_error(e, &order("n1").requirement, families);
    let (base, _) = scripted(errors.iter().map(|e| say(200, Json::of(&told(e)).as_str())).collect()).await;
    // An answer that comes late, on a busy machine, would be an unknown outcome.
    let settler = remote_with(&base, &[], &Chain::new(), |b| b.settle_timeout(Duration::from_secs(60)));
    let mut read = Vec::new();
    for e in errors {
        read.push((e, settle_through(&settler).await.unwrap_err()));
    }
    read.into_iter()
}

async fn verify_says(status: u16, word: &str) -> Error {
    verified(say(status, &format!(r#"{{"isValid":false,"invalidReason":"{word}"}}"#))).await.unwrap_err()
}

#[tokio::test]
async fn trouble_of_a_facilitators_own_is_never_the_payers() {
    let passing = Code::ALL.iter().flat_map(|code| {
        [(Blame::Settler, Next::Later), (Blame::Network, Next::Later), (Blame::Caller, Next::OtherRoute)]
            .map(|(blame, next)| Error::new(code.clone(), blame, next))
    });
    // Whatever else is said for good without being a verdict: settings, rules, a ledger.
    let others = Code::ALL.iter().filter(|code| !code.is_of_payer()).map(|code| Error::payer(code.clone()));
    let strange = Error::payer(Code::Other("somebodys_own_word".into()));
    for (e, read) in settle_round_trips(passing.chain(others).chain([strange]).collect()).await {
        assert_eq!(read.blame, Blame::Settler, "{e} is read as {read}");
        assert_ne!(read.next, Next::Never, "{e} is read as {read}");
    }
}

#[tokio::test]
async fn a_verdict_on_the_payment_stays_final() {
    let verdicts = [
        Code::InvalidSignature,
        Code::InsufficientFunds,
        Code::ValueMismatch,
        Code::RecipientMismatch,
        Code::Expired,
        Code::SimulationFailed,
        Code::MemoMismatch,
        Code::Eip2612Format,
        Code::NoMatchingOffer,
    ];
    for (e, read) in settle_round_trips(verdicts.into_iter().map(Error::payer).collect()).await {
        assert_eq!((&read.code, read.blame, &read.next), (&e.code, Blame::Payer, &Next::Never));
        let read = verify_says(200, e.code.as_str()).await;
        assert_eq!((&read.code, read.blame, &read.next), (&e.code, Blame::Payer, &Next::Never));
    }
    for (_, read) in settle_round_trips(vec![Error::payer(Code::AllowanceRequired)]).await {
        assert_eq!((read.blame, read.next), (Blame::Payer, Next::Prepare));
    }
}

/// Whatever is the payer's doing, for good or not, proves nothing against the facilitator that says so.
#[tokio::test]
async fn what_the_payer_has_done_is_never_the_facilitators_fault() {
    let done = Code::ALL.iter().filter(|code| code.is_of_payer());
    let done = done.map(|code| Error::payer(code.clone()).next(Next::OtherRoute));
    for (e, read) in settle_round_trips(done.collect()).await {
        assert_eq!(read.code, e.code);
        // After these something may have been sent, so the chain is asked, and nobody is blamed for good.
        assert!(read.blame == Blame::Payer || read.is_unknown_outcome(), "{e} is read as {read}");
    }
    for (_, read) in settle_round_trips(vec![Error::payer(Code::ApprovalNotSent)]).await {
        assert_eq!(
            (read.blame, read.ends_payment()),
            (Blame::Payer, false),
            "what was delivered is owed still"
        );
    }
}

#[tokio::test]
async fn a_verifiers_own_trouble_is_no_verdict_either() {
    for word in ["no_signer", "conflict", "budget_exceeded", "policy_denied", "settler_unavailable"] {
        let e = verify_says(200, word).await;
        assert_eq!((e.blame, e.next), (Blame::Settler, Next::Later), "{word}");
    }
    // A word of another SDK's: most likely a verdict, so nobody else is asked, and yet nothing is final.
    let e = verify_says(200, "somebodys_own_word").await;
    assert_eq!((e.blame, e.next), (Blame::Payer, Next::Later));
    let e = verify_says(500, "somebodys_own_word").await;
    assert_eq!((e.blame, e.next), (Blame::Settler, Next::Later));
}

#[test]
fn what_only_passes_goes_out_as_no_verdict() {
    let poor = || Error::new(Code::InsufficientFunds, Blame::Settler, Next::Later);
    assert_eq!(wire::wire_reason(&poor()), Code::SettlerUnavailable);
    assert_eq!(wire::wire_reason(&poor().next(Next::OtherRoute)), Code::SettlerUnavailable);
    assert_eq!(wire::wire_reason(&poor().next(Next::Never)), Code::InsufficientFunds);
    let hers = Error::new(Code::InsufficientFunds, Blame::Payer, Next::OtherRoute);
    assert_eq!(wire::wire_reason(&hers), Code::InsufficientFunds);
}
