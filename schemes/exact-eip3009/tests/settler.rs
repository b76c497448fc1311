//! The side that puts the transfer on chain, on a scripted chain.

mod support;

use alloy::primitives::{Address, Bytes, U256};
use support::chain::{Script, revert};
use support::*;
use tollway_core::*;
use tollway_exact_eip3009::ENTRY;

fn payee() -> Address {
    PAYEE.parse().unwrap()
}

#[test]
fn verified_by_one_look_and_settled_by_one_transaction() {
    let bench = Bench::new();
    let order = bench.order();
    let receipt = bench.settle(&order).unwrap();
    assert_eq!(bench.world().looks, 1, "verify looks once, settle not at all");
    let [submit] = bench.world().submitted.clone().try_into().unwrap();
    assert_eq!(submit.call, bench.call(&order.payment), "the (v, r, s) overload, as signed");
    assert_eq!(submit.not_after, Time::from_secs(NOW + 54));
    assert!((102_628..300_000).contains(&submit.gas_limit));
    assert_eq!(submit.learn.unwrap().what, "transferWithAuthorization/new");
    assert_eq!(receipt.charged, order.requirement.price.0);
    assert_eq!(receipt.payer, (ENTRY.read)(&order).unwrap().payer);
    assert_eq!(receipt.spent.unwrap().cost, Amount::new(AssetId::native(order.requirement.chain), 4_242));
    assert_eq!(bench.world().balances[&payee()], U256::from(PRICE));
    let again = bench.verify(&order).unwrap_err();
    assert_eq!((again.code, again.next), (Code::NonceUsed, Next::Never));
    let second = bench.order();
    bench.settle(&second).unwrap();
    assert_eq!(bench.world().submitted[1].learn.unwrap().what, "transferWithAuthorization/holder");
}

#[test]
fn a_settlement_of_another_amount_is_not_exact() {
    let bench = Bench::new();
    let order = bench.order();
    let due = bench.verify(&order).unwrap().due(order.requirement.price.charge(PRICE - 1).unwrap()).unwrap();
    assert_eq!(block_on(bench.settling().settle(due)).unwrap_err().code, Code::ValueMismatch);
    assert!(bench.world().submitted.is_empty());
}

#[test]
fn gas_is_spent_only_on_tokens_that_somebody_vouches_for() {
    let of = |settings| Bench::with(PAYEE, ("Play", "9"), settings, |_| {});
    let vouched = |name: &str| {
        of(serde_json::json!({"tokens": [{"chain": CHAIN, "address": PAYEE, "name": name, "version": "9"}]}))
    };
    let allowing = of(serde_json::json!({"allow_unknown_assets": true}));
    let order = vouched("Play").order();
    let strict = of(serde_json::Value::Null);
    let refused = strict.verify(&order).unwrap_err();
    assert_eq!(
        (refused.code, refused.blame, refused.next),
        (Code::UnknownAsset, Blame::Settler, Next::OtherRoute)
    );
    assert_eq!(strict.world().looks, 0, "before a node is asked");
    assert_eq!(vouched("Toy").verify(&order).unwrap_err().code, Code::DomainNameMismatch);
    for bench in [vouched("Play"), allowing] {
        bench.settle(&order).unwrap();
    }
}

#[test]
fn a_token_that_nobody_vouches_for_cannot_teach_us_to_burn_more_and_more_gas() {
    let limit = |token, settings, learned| {
        let domain = if token == TOKEN { ("USDC", "2") } else { ("Play", "9") };
        let bench = Bench::with(token, domain, settings, |evm| evm.learned = Some(learned));
        let selling = serde_json::json!({"tokens": [{"chain": CHAIN, "address": PAYEE, "name": "Play", "version": "9"}]});
        let seller = Bench::with(
            token,
            domain,
            if token == TOKEN { serde_json::Value::Null } else { selling },
            |_| {},
        );
        bench.settle(&seller.order()).unwrap();
        bench.world().submitted[0].gas_limit
    };
    let allowing = || serde_json::json!({"allow_unknown_assets": true});
    assert_eq!(limit(PAYEE, allowing(), 150_000), 300_000);
    assert!(limit(PAYEE, allowing(), 15_000_000) <= 600_000);
    let known = |learned| limit(TOKEN, serde_json::Value::Null, learned);
    assert_eq!(known(250_000), 500_000, "a known one may become dearer");
    assert_eq!(known(5_000_000), 102_628 * 3 * 2, "up to three times what it began with");
}

#[test]
fn a_transfer_of_nothing_is_not_worth_its_gas() {
    let bench = Bench::new();
    let mut requirement = bench.requirement();
    requirement.price.0.atomic = 0;
    let payment = bench.authorize_with_nonce(&requirement, &format!("0x{}", "ab".repeat(32)));
    let order = Order { leg: Leg::After, requirement, payment };
    assert_eq!(bench.verify(&order).unwrap_err().code, Code::InvalidAmount);
    assert_eq!(bench.world().looks, 0);
}

#[test]
fn proof_from_elsewhere_is_enough_to_settle() {
    struct Wrapped(std::sync::Arc<dyn Settler>);
    #[async_trait]
    impl Settler for Wrapped {
        async fn kinds(&self) -> Result<Vec<Kind>> {
            self.0.kinds().await
        }
        async fn effort(&self, order: &Order) -> Result<Effort> {
            self.0.effort(order).await
        }
        async fn verify(&self, _: &Order) -> Result<Proof> {
            Ok(Proof { by_trust: true, ..Proof::default() })
        }
        async fn settle(&self, due: Due) -> Result<Receipt> {
            self.0.settle(due).await
        }
        async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
            self.0.resume(order, charge).await
        }
    }
    let bench = Bench::new();
    let order = bench.order();
    let wrapped = Wrapped(bench.settling());
    let verified = block_on(flow::verify(ENTRY.read, &wrapped, order.clone(), &*bench.clock)).unwrap();
    let due = verified.due(order.requirement.price.full()).unwrap();
    assert!(block_on(wrapped.settle(due)).is_ok());
}

#[test]
fn what_the_chain_holds_against_a_payment_has_its_own_code() {
    let refuse = |words: &'static str| move |bench: &Bench| bench.world().refuse = Some(revert(words));
    type Case = (&'static str, Box<dyn Fn(&Bench)>, Code, Blame, Next);
    let cases: Vec<Case> = vec![
        (
            "empty wallet",
            Box::new(|b| {
                b.world().balances.insert(b.payer, U256::from(PRICE - 1));
            }),
            Code::InsufficientFunds,
            Blame::Payer,
            Next::OtherRoute,
        ),
        (
            "no code",
            Box::new(|b| b.world().deployed = false),
            Code::AssetNotDeployed,
            Blame::Payee,
            Next::OtherRoute,
        ),
        (
            "node away",
            Box::new(|b| b.world().unreachable = true),
            Code::Unreachable,
            Blame::Network,
            Next::Later,
        ),
        // The chain's clock decides: ours may lag.
        ("chain ahead", Box::new(|b| b.world().time_s = NOW + 54), Code::Expired, Blame::Payer, Next::Never),
        (
            "smart account",
            Box::new(refuse("FiatTokenV2: invalid signature")),
            Code::InvalidSignature,
            Blame::Payer,
            Next::Never,
        ),
        (
            "expired",
            Box::new(refuse("FiatTokenV2: authorization is expired")),
            Code::Expired,
            Blame::Payer,
            Next::Never,
        ),
        (
            "early",
            Box::new(refuse("FiatTokenV2: authorization is not yet valid")),
            Code::NotYetValid,
            Blame::Payer,
            Next::Later,
        ),
        (
            "used",
            Box::new(refuse("FiatTokenV2: authorization is used or canceled")),
            Code::NonceUsed,
            Blame::Payer,
            Next::Never,
        ),
        (
            "balance",
            Box::new(refuse("ERC20: transfer amount exceeds balance")),
            Code::InsufficientFunds,
            Blame::Payer,
            Next::OtherRoute,
        ),
        ("paused", Box::new(refuse("Pausable: paused")), Code::SimulationFailed, Blame::Network, Next::Later),
        (
            "blocked",
            Box::new(refuse("Blacklistable: account is blacklisted")),
            Code::SimulationFailed,
            Blame::Payer,
            Next::OtherRoute,
        ),
        (
            "a custom error",
            Box::new(|b| b.world().refuse = Some(Bytes::from_static(&[0xde, 0xad, 0xbe, 0xef, 1]))),
            Code::SimulationFailed,
            Blame::Payer,
            Next::OtherRoute,
        ),
    ];
    for (what, change, code, blame, next) in cases {
        let bench = Bench::new();
        let order = bench.order();
        change(&bench);
        let e = bench.verify(&order).expect_err(what);
        assert_eq!((e.code.clone(), e.blame, e.next.clone()), (code, blame, next), "{what}: {e}");
        assert!(bench.world().submitted.is_empty());
    }
}

#[test]
fn a_reverted_transaction_is_final_and_a_silent_one_is_not_believed() {
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::Revert("Pausable: paused");
    let e = bench.settle(&order).unwrap_err();
    assert_eq!((e.code, e.next), (Code::TransactionFailed, Next::Never));
    assert_eq!(bench.resume(&order).unwrap_err().next, Next::Never, "resume says the same");

    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::Silent;
    let e = bench.settle(&order).unwrap_err();
    assert_eq!((e.code, e.blame, e.next), (Code::TransferEventMismatch, Blame::Payee, Next::Never));
}

#[test]
fn a_transaction_given_up_as_displaced_is_looked_for_before_anybody_is_sent_away() {
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::Buried;
    let receipt = bench.settle(&order).unwrap();
    assert_eq!(receipt.transaction(), Some(&bench.world().txs[0].0));

    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::Refuse(Error::us(Code::Conflict).next(Next::Later));
    let e = bench.settle(&order).unwrap_err();
    assert_eq!((e.code, e.next), (Code::Conflict, Next::Later), "unused on chain: nothing moved");
}

#[test]
fn a_front_runner_changes_nothing() {
    for script in [Script::FrontRun, Script::FrontRunSeen] {
        let bench = Bench::new();
        let order = bench.order();
        let ours = matches!(script, Script::FrontRun);
        bench.world().script = script;
        let receipt = bench.settle(&order).unwrap();
        assert_eq!(receipt.transaction(), Some(&bench.world().txs[0].0), "the other's transaction");
        assert_eq!(receipt.spent.is_some(), ours, "what our reverted one cost is still told");
        let Fate::Settled(again) = bench.resume(&order).unwrap() else { panic!("settled") };
        assert_eq!(*again, receipt);
        assert_eq!(bench.world().balances[&payee()], U256::from(PRICE));
    }
}

#[test]
fn a_front_runner_that_is_not_final_yet_leaves_the_outcome_open() {
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::FrontRun;
    bench.world().final_lag_s = 20;
    let e = bench.settle(&order).unwrap_err();
    assert!(e.is_unknown_outcome(), "{e}");
    assert!(bench.resume(&order).unwrap_err().is_unknown_outcome());
    bench.at(NOW + 20);
    assert!(matches!(bench.resume(&order), Ok(Fate::Settled(_))));
}

#[test]
fn a_payer_that_cancels_at_the_last_moment_is_not_taken_for_a_payment() {
    let bench = Bench::new();
    let order = bench.order();
    let verified = bench.verify(&order).unwrap();
    let sent = Authorization {
        payment: order.payment.clone(),
        attempt: AttemptId("x".to_owned()),
        spendable_until: Time::from_secs(NOW + 60),
    };
    let Fate::Open { cancel: Some(cancel) } = block_on(bench.paying().resolve(&sent)).unwrap() else {
        panic!("open")
    };
    block_on(bench.paying().perform(&cancel)).unwrap();
    let due = verified.due(order.requirement.price.full()).unwrap();
    let e = block_on(bench.settling().settle(due)).unwrap_err();
    assert_eq!((e.code, e.next), (Code::TransactionFailed, Next::Never));
}

#[test]
fn a_lost_answer_is_found_by_resume_and_never_sent_twice() {
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::LoseAnswer;
    let e = bench.settle(&order).unwrap_err();
    assert!(matches!(e.next, Next::Unknown(Some(_))), "{e}");
    bench.world().script = Script::Honest;
    let Fate::Settled(receipt) = bench.resume(&order).unwrap() else { panic!("settled") };
    assert_eq!(receipt.spent.unwrap().cost.atomic, 4_242);
    assert_eq!(bench.world().submitted.len(), 1);
    assert_eq!(bench.world().txs.len(), 1);
}

#[test]
fn a_lost_send_is_pending_and_one_never_sent_is_open_until_its_window_is_over() {
    let bench = Bench::new();
    let order = bench.order();
    assert_eq!(bench.resume(&order), Ok(Fate::Open { cancel: None }));
    bench.at(NOW + 60);
    assert_eq!(bench.resume(&order), Ok(Fate::Dead));

    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::LoseAll;
    assert!(bench.settle(&order).unwrap_err().is_unknown_outcome());
    let Fate::NotYetKnown { ask_again } = bench.resume(&order).unwrap() else { panic!("pending") };
    assert_eq!(ask_again, Time::from_secs(NOW + 2));
}

#[test]
fn errors_from_before_anything_was_sent_pass_through() {
    for error in
        [Error::network(Code::Unreachable), Error::caller(Code::NoSigner), Error::network(Code::RpcRefused)]
    {
        let bench = Bench::new();
        let order = bench.order();
        bench.world().script = Script::Refuse(error.clone());
        assert_eq!(bench.settle(&order), Err(error));
    }
}

#[test]
fn effort_follows_the_kind_of_payee() {
    let bench = Bench::new();
    let order = bench.order();
    let effort = || block_on(bench.settling().effort(&order)).unwrap();
    let gas = || effort().works[0].compute;
    assert_eq!(gas(), 102_628);
    let looks = bench.world().looks;
    assert_eq!(gas(), 102_628);
    assert_eq!(bench.world().looks, looks, "remembered");
    let sample = effort().works[0].sample.bytes().to_vec();
    let real = bench.call(&order.payment).data;
    assert_eq!(sample[..4 + 6 * 32], real[..4 + 6 * 32], "the real call");
    assert_ne!(sample[4 + 7 * 32..], real[4 + 7 * 32..], "but not its signature, which a log could show");
    let mut unpaid = order.clone();
    unpaid.payment.payload = Json::empty();
    let guess = block_on(bench.settling().effort(&unpaid)).unwrap();
    assert_eq!(guess.works[0].compute, 102_628, "as a seller asks it before anybody has paid");
    assert_eq!(guess.works[0].sample.bytes().len(), sample.len());
    bench.settle(&order).unwrap();
    assert_eq!(gas(), 85_708);
}

#[test]
fn an_order_for_another_chain_is_turned_away() {
    let bench = Bench::new();
    let mut order = bench.order();
    order.requirement.chain = ChainId::new("eip155:1").unwrap();
    let settler = bench.settling();
    assert_eq!(block_on(settler.verify(&order)).unwrap_err().code, Code::InvalidNetwork);
    assert_eq!(block_on(settler.effort(&order)).unwrap_err().code, Code::InvalidNetwork);
    assert_eq!(block_on(settler.resume(&order, None)).unwrap_err().code, Code::InvalidNetwork);
}

fn told(bench: &Bench, order: &Order, atomic: u128) -> Result<Fate> {
    let charge = Amount::new(order.requirement.price.asset(), atomic);
    block_on(bench.settling().resume(order, Some(charge)))
}

#[test]
fn what_was_never_sent_is_sent_once_for_whoever_knows_the_charge() {
    for (script, unknown) in [(Script::Honest, false), (Script::LoseAnswer, true)] {
        let bench = Bench::new();
        let order = bench.order();
        bench.world().script = script;
        let first = told(&bench, &order, PRICE);
        assert_eq!(first.as_ref().is_err_and(Error::is_unknown_outcome), unknown, "{first:?}");
        for _ in 0..2 {
            let Ok(Fate::Settled(receipt)) = told(&bench, &order, PRICE) else { panic!("settled") };
            assert_eq!(receipt.charged, order.requirement.price.0);
        }
        assert_eq!(bench.world().submitted.len(), 1);
        assert_eq!(bench.world().txs.len(), 1);
        assert_eq!(bench.world().submitted[0].not_after, Time::from_secs(NOW + 54));
    }
}

/// The first attempt may be under way yet: what keeps the second from being sent says nothing of the payment.
#[test]
fn what_is_not_sent_on_being_asked_after_stays_open() {
    type Change = fn(&Bench);
    let open = Ok(Fate::Open { cancel: None });
    let cases: [(&str, u128, Change); 4] = [
        ("too late to be sent", PRICE, |b| b.at(NOW + 55)),
        ("another amount", PRICE - 1, |_| {}),
        ("more than was signed", PRICE + 1, |_| {}),
        ("refused for good", PRICE, |b| b.world().script = Script::Refuse(Error::payer(Code::NonceUsed))),
    ];
    for (what, atomic, change) in cases {
        let bench = Bench::new();
        let order = bench.order();
        change(&bench);
        assert_eq!(told(&bench, &order, atomic), open, "{what}");
        assert!(bench.world().txs.is_empty(), "{what}");
    }
    let unsent: [(Code, Change); 3] = [
        (Code::InsufficientFunds, |b| b.world().balances.clear()),
        (Code::Unreachable, |b| b.world().script = Script::Refuse(Error::network(Code::Unreachable))),
        (Code::Conflict, |b| b.world().script = Script::Refuse(Error::us(Code::Conflict).next(Next::Later))),
    ];
    for (code, change) in unsent {
        let bench = Bench::new();
        let order = bench.order();
        change(&bench);
        let e = told(&bench, &order, PRICE).unwrap_err();
        assert!(e.code == code && e.next != Next::Never, "{e}");
        assert!(bench.world().txs.is_empty());
    }
}

#[test]
fn what_is_sent_on_being_asked_after_and_fails_has_failed() {
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::Revert("Pausable: paused");
    for _ in 0..2 {
        let e = told(&bench, &order, PRICE).unwrap_err();
        assert_eq!((e.code, e.next), (Code::TransactionFailed, Next::Never));
    }
    assert_eq!(bench.world().txs.len(), 1);
}
