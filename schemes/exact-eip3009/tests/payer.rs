//! The side that signs.

mod support;

use alloy::primitives::U256;
use serde_json::{Value, json};
use support::chain::{FakeChain, Script};
use support::*;
use tollway_core::*;
use tollway_exact_eip3009::ENTRY;

fn receive(bench: &Bench, sent: &Authorization, answer: Answer<'_>) -> Reading {
    block_on(bench.paying().receive(sent, answer)).unwrap()
}
fn resolve(bench: &Bench, sent: &Authorization) -> Fate {
    block_on(bench.paying().resolve(sent)).unwrap()
}
fn as_order(sent: &Authorization) -> Order {
    Order { leg: Leg::After, requirement: sent.payment.accepted.clone(), payment: sent.payment.clone() }
}

#[test]
fn a_plan_says_what_it_costs_until_when_and_who_bears_the_gas() {
    let bench = Bench::new();
    let r = bench.requirement();
    let plan = bench.plan(&r).unwrap();
    assert_eq!((plan.exposure, plan.price, plan.locks_atomic), (r.price, r.price, 0));
    assert_eq!(plan.spendable_until, Time::from_secs(NOW + 60));
    assert!(plan.actions.is_empty() && plan.effort.fees.is_empty());
    let [work] = &*plan.effort.works else { panic!("one transaction") };
    assert_eq!((work.bearer, work.compute), (Bearer::Settler, 85_708));
    assert_eq!(work.sample.bytes().len(), 4 + 9 * 32);
    assert_eq!(plan.funds.unwrap().balance.atomic, 1_000_000);
    let again = bench.plan(&r).unwrap();
    assert_eq!(again.effort.works[0].sample.id(), work.sample.id(), "one sample per token");
    assert_eq!(bench.world().looks, 0, "planning looks at nothing but the holdings");
}

#[test]
fn an_entry_that_cannot_be_paid_says_why() {
    let bench = Bench::new();
    let ok = bench.requirement();
    let cases: Vec<(&str, Requirement, Code)> = vec![
        ("too short", Requirement { timeout_s: 6, ..ok.clone() }, Code::InvalidPaymentRequirements),
        ("too long", Requirement { timeout_s: 86_401, ..ok.clone() }, Code::PolicyDenied),
        (
            "too dear",
            {
                let mut r = ok.clone();
                r.price.0.atomic = 1_000_001;
                r
            },
            Code::InsufficientFunds,
        ),
        (
            "a false domain",
            Requirement { extra: Extra::of_pairs(&[("name", "USD Coin"), ("version", "2")]), ..ok.clone() },
            Code::DomainNameMismatch,
        ),
        ("no domain", Requirement { extra: Extra::default(), ..ok.clone() }, Code::MissingDomain),
        (
            "another chain",
            {
                let mut r = ok.clone();
                r.chain = ChainId::new("eip155:1").unwrap();
                r
            },
            Code::InvalidNetwork,
        ),
        (
            "an unknown token",
            {
                let mut r = ok.clone();
                r.price.0.asset = FAMILY.asset(r.chain, PAYEE).unwrap();
                r
            },
            Code::UnknownAsset,
        ),
    ];
    for (what, requirement, code) in cases {
        let e = bench.plan(&requirement).expect_err(what);
        assert_eq!(e.code, code, "{what}: {e}");
        assert!(!e.detail.is_empty(), "{what}");
    }
    assert!(bench.plan(&ok).is_ok());
    let keyless = Bench::with(TOKEN, ("USDC", "2"), Value::Null, |c| c.signer = None);
    assert_eq!(keyless.plan(&ok).unwrap_err().code, Code::NoSigner);
}

#[test]
fn without_a_warm_balance_nothing_is_planned_on_the_spot() {
    let bench = Bench::new();
    let (r, paying) = (bench.requirement(), bench.paying());
    let challenge = challenge(&r);
    let demand = Demand { challenge: &challenge, requirement: &r, now: Time::from_secs(NOW) };
    bench.world().cold = true;
    assert_eq!(paying.plan_now(&demand), None);
    bench.world().cold = false;
    assert!(paying.plan_now(&demand).unwrap().is_ok());
    // What the balance is now counts, and not what it was at the last plan.
    bench.world().balances.insert(bench.payer, U256::from(1));
    assert_eq!(paying.plan_now(&demand).unwrap().unwrap_err().code, Code::InsufficientFunds);
}

#[test]
fn a_token_is_vouched_for_in_each_of_its_spellings_and_a_lie_in_none() {
    let bench = Bench::new();
    let ok = bench.requirement();
    let spelled = |name: &str, blanks: usize| {
        let extra = format!(r#"{{"name":"{name}",{}"version":"2"}}"#, " ".repeat(blanks));
        Requirement { extra: Extra(Json::parse(extra).unwrap()), ..ok.clone() }
    };
    // More spellings than are remembered, again and again, and lies between them.
    for blanks in (0..9).chain(0..9).chain([8, 8, 700, 700]) {
        assert_eq!(bench.plan(&spelled("USDC", blanks)), bench.plan(&ok), "{blanks}");
        assert_eq!(bench.plan(&spelled("USDD", blanks)).unwrap_err().code, Code::DomainNameMismatch);
    }
}

#[test]
fn an_unknown_token_is_paid_only_when_the_user_vouches_for_it() {
    let tokens = json!({"tokens": [{"chain": CHAIN, "address": PAYEE, "name": "Play", "version": "9"}]});
    let vouched = Bench::with(PAYEE, ("Play", "9"), tokens.clone(), |_| {});
    let r = vouched.requirement();
    assert_eq!(vouched.plan(&r).unwrap().effort.works[0].compute, 107_135, "the unknown starts dearer");
    let lied = Requirement { extra: Extra::of_pairs(&[("name", "Play"), ("version", "8")]), ..r.clone() };
    assert_eq!(vouched.plan(&lied).unwrap_err().code, Code::DomainNameMismatch);
    let allowing = Bench::with(PAYEE, ("Play", "9"), json!({"allow_unknown_assets": true}), |_| {});
    allowing.plan(&lied).unwrap();
    let strict = Bench::with(PAYEE, ("Play", "9"), Value::Null, |_| {});
    assert_eq!(strict.plan(&r).unwrap_err().code, Code::UnknownAsset);
    for bad in [
        json!({"tokens": [{"chain": CHAIN, "address": TOKEN, "name": "Fake", "version": "2"}]}),
        json!({"tokens": [{"chain": CHAIN, "address": "0x12", "name": "A", "version": "2"}]}),
        json!({"tokens": [{"chain": CHAIN}]}),
        json!({"max_timeout_s": "a day"}),
    ] {
        let built = Bench::try_with(TOKEN, ("USDC", "2"), bad.clone(), |_| {});
        assert_eq!(built.err().map(|e| e.code), Some(Code::BadSettings), "{bad}");
    }
}

#[test]
fn what_is_signed_is_the_plan_and_every_signature_has_a_nonce_of_its_own() {
    let bench = Bench::new();
    let mut r = bench.requirement();
    let sent = bench.authorize(&r);
    let field = |name| said(&sent.payment, name);
    assert_eq!((field("validAfter"), field("validBefore")), ("0".to_owned(), (NOW + 60).to_string()));
    assert_eq!((field("value"), field("from")), (PRICE.to_string(), bench.payer.to_checksum(None)));
    assert_eq!(field("to"), "0x00000000000000000000000000000000000000eE", "EIP-55");
    assert_eq!(sent.spendable_until, Time::from_secs(NOW + 60));
    assert_eq!(sent.payment.accepted, r);
    assert!(sent.payment.resource.is_some() && sent.payment.extensions.is_none());
    assert_ne!(field("nonce"), said(&bench.authorize(&r).payment, "nonce"));
    assert!(!format!("{sent:?}").contains(&field("signature")[10..30]));
    r.version = Version::V1;
    let v1 = bench.authorize(&r);
    assert_eq!(said(&v1.payment, "validAfter"), (NOW - 600).to_string());
    (ENTRY.read)(&as_order(&v1)).unwrap();
}

#[test]
fn only_the_reserved_amount_is_signed() {
    let bench = Bench::new();
    let r = bench.requirement();
    let plan = bench.plan(&r).unwrap();
    let mut dearer = r.clone();
    dearer.price.0.atomic += 1;
    let challenge = challenge(&dearer);
    let demand = Demand { challenge: &challenge, requirement: &dearer, now: bench.clock.now() };
    let e = block_on(async {
        let reserved = Reserved::new(&*bench.ledger, "h".into(), &[], plan, bench.clock.now()).await.unwrap();
        bench.paying().authorize(&demand, &reserved, &AttemptId("a".into())).await.unwrap_err()
    });
    assert_eq!(e.code, Code::Internal);
}

#[test]
fn a_receipt_counts_only_when_it_says_what_was_signed() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    let honest = bench.settle(&as_order(&sent)).unwrap();
    assert_eq!(receive(&bench, &sent, Answer::Receipt(&honest)), Reading::Paid(honest.charged));
    let silent = Receipt { payer: None, ..honest.clone() };
    assert_eq!(receive(&bench, &sent, Answer::Receipt(&silent)), Reading::Paid(honest.charged));
    let mut more = honest.clone();
    more.charged.atomic += 1;
    let twins = [
        more,
        Receipt { landed: Landed::Nothing, ..honest.clone() },
        Receipt { chain: ChainId::new("eip155:1").unwrap(), ..honest.clone() },
        Receipt { payer: Some(sent.payment.accepted.pay_to), ..honest.clone() },
    ];
    for twin in &twins {
        assert_eq!(receive(&bench, &sent, Answer::Receipt(twin)), Reading::Resolve, "{twin:?}");
    }
    let corrected = challenge(&bench.requirement());
    assert_eq!(receive(&bench, &sent, Answer::Corrected(&corrected)), Reading::SignAgain);
    assert_eq!(receive(&bench, &sent, Answer::Lost), Reading::Resolve);
    let refused = Error::payer(Code::InsufficientFunds);
    assert_eq!(receive(&bench, &sent, Answer::Refused(&refused)), Reading::Resolve);
}

#[test]
fn an_unused_authorization_is_open_until_the_chain_is_past_its_window_at_the_set_finality() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    assert!(matches!(resolve(&bench, &sent), Fate::Open { cancel: Some(_) }));
    bench.world().final_lag_s = 30;
    bench.at(NOW + 59);
    assert!(matches!(resolve(&bench, &sent), Fate::Open { .. }));
    bench.at(NOW + 89);
    assert!(matches!(resolve(&bench, &sent), Fate::NotYetKnown { .. }), "over, but not finally");
    bench.at(NOW + 90);
    assert_eq!(resolve(&bench, &sent), Fate::Dead);
    // The wall clock alone proves nothing.
    bench.world().time_s = NOW;
    assert!(matches!(resolve(&bench, &sent), Fate::Open { .. }));
}

#[test]
fn a_used_authorization_resolves_to_its_transaction() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    let receipt = bench.settle(&as_order(&sent)).unwrap();
    for later in [NOW + 1, NOW + 1_000_000] {
        bench.at(later);
        let Fate::Settled(found) = resolve(&bench, &sent) else { panic!("settled") };
        assert_eq!(found.transaction(), receipt.transaction());
        assert_eq!((found.charged, found.payer), (receipt.charged, receipt.payer));
        assert_eq!(found.spent, None, "it was not the payer's gas");
    }
}

#[test]
fn a_nonce_spent_on_another_transfer_does_not_count_even_beside_an_equal_one() {
    let bench = Bench::new();
    let (r, other) = (bench.requirement(), FAMILY.account(bench.evm.chain, TOKEN).unwrap());
    let wanted = bench.authorize(&r);
    // The payer uses the nonce for itself, and pays the same amount to the same payee under another nonce, all in
    // one transaction. Only that other authorization is settled by it.
    let beside = bench.authorize(&r);
    let stolen =
        bench.authorize_with_nonce(&Requirement { pay_to: other, ..r }, &said(&wanted.payment, "nonce"));
    bench.evm.mine(&[bench.call(&beside.payment), bench.call(&stolen)]);
    assert_eq!(resolve(&bench, &wanted), Fate::Dead);
    assert!(matches!(resolve(&bench, &beside), Fate::Settled(_)));
    assert_eq!(bench.resume(&as_order(&wanted)), Ok(Fate::Dead));
}

#[test]
fn cancelling_makes_it_worthless_once_and_for_all() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    let Fate::Open { cancel: Some(action) } = resolve(&bench, &sent) else { panic!("open") };
    assert_eq!(action.kind, ActionKind::Cancel);
    assert_eq!(action.effort.works[0].bearer, Bearer::Payer);
    assert!(!action.detail.as_str().contains(&said(&sent.payment, "signature")[10..30]));
    let receipt = block_on(bench.paying().perform(&action)).unwrap();
    assert_eq!(receipt.charged.atomic, 0);
    assert_eq!(receipt.spent.unwrap().cost.atomic, 4_242);
    let again = block_on(bench.paying().perform(&action)).unwrap();
    assert_eq!(again, receipt, "idempotent per action");
    assert_eq!(bench.world().submitted.len(), 1);
    bench.world().final_lag_s = 10;
    assert!(matches!(resolve(&bench, &sent), Fate::NotYetKnown { .. }), "not final yet");
    bench.at(NOW + 10);
    assert_eq!(resolve(&bench, &sent), Fate::Dead);
    assert_eq!(bench.verify(&as_order(&sent)).unwrap_err().code, Code::NonceUsed);
}

#[test]
fn cancelling_too_late_is_an_unknown_outcome_and_without_means_a_typed_error() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    let Fate::Open { cancel: Some(action) } = resolve(&bench, &sent) else { panic!("open") };
    bench.settle(&as_order(&sent)).unwrap();
    let late = block_on(bench.paying().perform(&action)).unwrap_err();
    assert!(late.is_unknown_outcome(), "{late}");
    let refuse = |change: fn(&mut FakeChain)| {
        let poor = Bench::with(TOKEN, ("USDC", "2"), Value::Null, change);
        block_on(poor.paying().perform(&action)).unwrap_err().code
    };
    assert_eq!(refuse(|c| c.senders.clear()), Code::NoSigner);
    assert_eq!(refuse(|c| c.signer = None), Code::NoSigner);
    let other = Action { kind: ActionKind::Deposit, ..*action };
    assert_eq!(block_on(bench.paying().perform(&other)).unwrap_err().code, Code::UnsupportedMethod);
    let watcher = Bench::with(TOKEN, ("USDC", "2"), Value::Null, |c| c.senders.clear());
    let sent = watcher.authorize(&watcher.requirement());
    assert_eq!(resolve(&watcher, &sent), Fate::Open { cancel: None });
}

#[test]
fn a_lost_settlement_is_found_by_the_payer_too() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    bench.world().script = Script::LoseAnswer;
    bench.settle(&as_order(&sent)).unwrap_err();
    assert!(matches!(resolve(&bench, &sent), Fate::Settled(_)));
    assert_eq!(bench.world().balances[&bench.payer], U256::from(1_000_000 - PRICE));
}
