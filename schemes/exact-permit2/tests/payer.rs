//! The side that signs.

mod support;

use alloy::primitives::U256;
use serde_json::{Value, json};
use std::num::NonZeroU32;
use support::chain::PERMIT2;
use support::*;
use tollway_core::*;
use tollway_evm::permit2::Sponsoring;
use tollway_exact_permit2::ENTRY;

fn as_order(sent: &Authorization) -> Order {
    Order { leg: Leg::After, requirement: sent.payment.accepted.clone(), payment: sent.payment.clone() }
}

#[test]
fn with_an_allowance_a_plan_is_made_without_looking() {
    let bench = Bench::new();
    let r = bench.requirement();
    let plan = bench.plan(&r).unwrap();
    assert_eq!((plan.exposure, plan.price, plan.locks_atomic), (r.price, r.price, 0));
    assert_eq!(plan.spendable_until, Time::from_secs(NOW + 60));
    assert!(plan.actions.is_empty() && plan.effort.fees.is_empty());
    let [work] = &*plan.effort.works else { panic!("one transaction") };
    assert_eq!((work.bearer, work.compute), (Bearer::Settler, 98_487));
    assert_eq!(plan.funds.unwrap().balance.atomic, 1_000_000);
    let again = bench.plan(&r).unwrap();
    assert_eq!(again.effort.works[0].sample.id(), work.sample.id(), "one sample per token");
    assert_eq!(bench.world().looks, 0, "planning looks at nothing but the snapshot");
    bench.world().cold = true;
    let challenge = bench.challenge(&r);
    let demand = Demand { challenge: &challenge, requirement: &r, now: Time::from_secs(NOW) };
    assert_eq!(bench.paying().plan_now(&demand), None, "and waits for one that is not there");
}

#[test]
fn what_is_signed_says_the_entrys_terms_and_nothing_else() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    let said = permit(&as_order(&sent));
    assert_eq!((said.from, said.amount), (bench.payer, U256::from(PRICE)));
    assert_eq!(said.deadline, U256::from(NOW + 59), "spendable until a second later");
    assert_eq!(said.witness.valid_after, U256::ZERO);
    assert_eq!(sent.payment.extensions, None);
    let terms = (ENTRY.read)(&as_order(&sent)).unwrap();
    assert_eq!(terms.replay, [said.replay_key(bench.evm.chain)]);
    let other = bench.authorize(&bench.requirement());
    assert_ne!(permit(&as_order(&other)).nonce, said.nonce);
}

#[test]
fn a_missing_allowance_is_made_up_for_in_the_cheapest_way_that_is_offered() {
    let both = Bench::sponsored(&Sponsoring::ALL);
    let r = both.requirement();
    let plan = both.paying();
    let challenge = both.challenge(&r);
    let demand = Demand { challenge: &challenge, requirement: &r, now: Time::from_secs(NOW) };
    assert_eq!(plan.plan_now(&demand), None, "whether the token takes permits has to be asked");
    let sent = both.authorize(&r);
    let extensions = sent.payment.extensions.clone().unwrap().value();
    let info = &extensions["eip2612GasSponsoring"]["info"];
    assert_eq!((info["amount"].as_str(), info["version"].as_str()), (Some("10000"), Some("1")));
    assert_eq!(info["spender"].as_str().unwrap(), PERMIT2.to_checksum(None));
    assert!(info["description"].is_string(), "what the server said is echoed");
    assert!(extensions.get("erc20ApprovalGasSponsoring").is_none());
    both.settle(&as_order(&sent)).unwrap();

    // A token without permits, or of another domain than is said, takes the other way.
    for other in [false, true] {
        let bench = Bench::sponsored(&Sponsoring::ALL);
        match other {
            true => bench.world().permit_nonces.insert(bench.payer, U256::from(3)),
            false => {
                bench.world().permits = false;
                None
            }
        };
        let sent = bench.authorize(&bench.requirement());
        let extensions = sent.payment.extensions.clone().unwrap().value();
        let key = if other { "eip2612GasSponsoring" } else { "erc20ApprovalGasSponsoring" };
        assert!(extensions.get(key).is_some() && extensions.as_object().unwrap().len() == 1, "{extensions}");
        bench.settle(&as_order(&sent)).unwrap();
    }
}

#[test]
fn an_approval_that_the_payers_own_coins_would_pay_for_is_signed_for_nobody() {
    let offered = offering(&[Sponsoring::Erc20Approval]);
    let reader = Bench { offered, ..Bench::with(TOKEN, generous(), |evm| evm.senders.clear()) };
    let r = reader.requirement();
    reader.world().coins_wei = 10u128.pow(18);
    let e = reader.plan(&r).unwrap_err();
    assert_eq!((e.code, e.blame, e.next), (Code::AllowanceRequired, Blame::Payer, Next::OtherRoute));
    assert_eq!(reader.world().signed_calls, 0);

    // Whose account may send approves by itself, as if nobody had offered to pay for that.
    let sender = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    sender.world().coins_wei = 10u128.pow(18);
    let plan = sender.plan(&sender.requirement()).unwrap();
    let [action] = &*plan.actions else { panic!("one action") };
    assert_eq!((action.kind, action.effort.works[0].bearer), (ActionKind::Approve, Bearer::Payer));
    assert!(plan.effort.fees.is_empty() && plan.effort.works.len() == 1);
    assert_eq!(sender.world().signed_calls, 0);
}

#[test]
fn coins_too_few_for_an_approval_count_as_the_payers_cost() {
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let few_wei = 2 * 70_000 * 500 - 1;
    bench.world().coins_wei = few_wei;
    let r = bench.requirement();
    let plan = bench.plan(&r).unwrap();
    let [fee] = &*plan.effort.fees else { panic!("{:?}", plan.effort) };
    let native = AssetId::native(bench.evm.chain);
    assert_eq!((fee.bearer, fee.amount), (Bearer::Payer, Amount::new(native, few_wei)));
    assert!(plan.actions.is_empty() && plan.effort.works.len() == 3);
    // More came in since it was planned: nothing of that was counted, whether it is enough or not.
    for (planned_wei, more_wei) in [(few_wei, few_wei + 1), (few_wei / 2, few_wei)] {
        let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
        bench.world().coins_wei = planned_wei;
        let plan = bench.plan(&r).unwrap();
        bench.world().coins_wei = more_wei;
        let e = bench.sign(&r, plan).unwrap_err();
        assert_eq!((e.code, e.blame, e.next), (Code::AllowanceRequired, Blame::Payer, Next::Prepare));
        assert_eq!(bench.world().signed_calls, 0);
    }
    // Some left: less is lost than was counted.
    bench.world().coins_wei = few_wei / 2;
    bench.settle(&as_order(&bench.sign(&r, plan).unwrap())).unwrap();
    let missing_wei = 70_000 * 1_000 - few_wei / 2;
    assert_eq!(bench.world().endowed, [(bench.payer, missing_wei)], "the sponsor pays the rest");

    // What is seen is remembered for some seconds, and then looked at again.
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let r = bench.requirement();
    assert!(bench.plan(&r).unwrap().effort.fees.is_empty(), "who holds nothing loses nothing");
    bench.world().coins_wei = few_wei;
    bench.at(NOW + 3);
    assert_eq!(bench.plan(&r).unwrap().effort.fees[0].amount.atomic, few_wei);
}

#[test]
fn without_sponsoring_the_payer_approves_once_and_the_gas_is_shared() {
    let settings = json!({"permit2": {"approval_payments": 50}});
    let bench = Bench::with(TOKEN, settings, |_| {});
    let r = bench.requirement();
    let plan = bench.plan(&r).unwrap();
    let [action] = &*plan.actions else { panic!("one action") };
    assert_eq!(action.kind, ActionKind::Approve);
    let [work] = &*action.effort.works else { panic!("one transaction") };
    assert_eq!((work.bearer, work.shared_by), (Bearer::Payer, NonZeroU32::new(50).unwrap()));
    assert!(bench.world().submitted.is_empty(), "planning does nothing");
    for _ in 0..3 {
        block_on(bench.paying().perform(action)).unwrap();
    }
    let [submit] = bench.world().submitted.clone().try_into().unwrap();
    assert_eq!(submit.sender, Some(bench.payer), "from the payer's own account, once");
    let sent = bench.sign(&r, plan).unwrap();
    assert_eq!(sent.payment.extensions, None);
    bench.settle(&as_order(&sent)).unwrap();
    assert!(bench.plan(&r).unwrap().actions.is_empty(), "the next payment needs none");

    // Taken back by hand, it is given again.
    bench.at(NOW + 120);
    bench.world().allowances.insert(bench.payer, U256::from(5));
    let plan = bench.plan(&r).unwrap();
    block_on(bench.paying().perform(&plan.actions[0])).unwrap();
    assert_eq!(bench.world().submitted.len(), 2 + 2, "first to nothing, as some tokens want it, then to all");
    assert_eq!(bench.world().allowances[&bench.payer], U256::MAX);
}

#[test]
fn who_can_neither_approve_nor_be_sponsored_is_told_so() {
    let bench = Bench::with(TOKEN, Value::Null, |evm| evm.senders.clear());
    let e = bench.plan(&bench.requirement()).unwrap_err();
    assert_eq!((e.code, e.blame, e.next), (Code::AllowanceRequired, Blame::Payer, Next::OtherRoute));
}

#[test]
fn an_entry_that_cannot_be_paid_says_why() {
    let bench = Bench::new();
    let ok = bench.requirement();
    let with = |change: &dyn Fn(&mut Requirement)| {
        let mut r = ok.clone();
        change(&mut r);
        r
    };
    let cases: Vec<(&str, Requirement, Code)> = vec![
        ("too short", with(&|r| r.timeout_s = 7), Code::InvalidPaymentRequirements),
        ("too long", with(&|r| r.timeout_s = 86_401), Code::PolicyDenied),
        ("too dear", with(&|r| r.price.0.atomic = 1_000_001), Code::InsufficientFunds),
        ("another chain", with(&|r| r.chain = ChainId::new("eip155:1").unwrap()), Code::InvalidNetwork),
        (
            "an unknown token",
            with(&|r| r.price.0.asset = FAMILY.asset(r.chain, PAYEE).unwrap()),
            Code::UnknownAsset,
        ),
    ];
    for (what, requirement, code) in cases {
        let e = bench.plan(&requirement).expect_err(what);
        assert_eq!(e.code, code, "{what}: {e}");
    }
    bench.plan(&with(&|r| r.timeout_s = 8)).unwrap();
    let keyless = Bench::with(TOKEN, Value::Null, |c| c.signer = None);
    assert_eq!(keyless.plan(&ok).unwrap_err().code, Code::NoSigner);
}

#[test]
fn what_became_of_a_payment_is_read_from_the_chain() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    let resolve = |bench: &Bench| block_on(bench.paying().resolve(&sent)).unwrap();
    assert!(matches!(resolve(&bench), Fate::Open { cancel: Some(_) }));
    let receipt = bench.settle(&as_order(&sent)).unwrap();
    let Fate::Settled(found) = resolve(&bench) else { panic!("settled") };
    assert!(found.bears_out(&Receipt { spent: None, ..receipt.clone() }));
    let read = |answer| block_on(bench.paying().receive(&sent, answer)).unwrap();
    assert_eq!(read(Answer::Receipt(&receipt)), Reading::Paid(receipt.charged));
    let mut less = receipt.clone();
    less.charged.atomic -= 1;
    assert_eq!(read(Answer::Receipt(&less)), Reading::Resolve, "exact takes neither more nor less");
    assert_eq!(read(Answer::Lost), Reading::Resolve);

    let unused = Bench::new();
    let sent = unused.authorize(&unused.requirement());
    unused.at(NOW + 60);
    assert_eq!(block_on(unused.paying().resolve(&sent)).unwrap(), Fate::Dead);
}

#[test]
fn a_permit_taken_back_is_worthless_and_a_used_one_cannot_be() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    let Fate::Open { cancel: Some(cancel) } = block_on(bench.paying().resolve(&sent)).unwrap() else {
        panic!("open")
    };
    for _ in 0..2 {
        block_on(bench.paying().perform(&cancel)).unwrap();
    }
    assert_eq!(bench.world().submitted.len(), 1);
    assert_eq!(block_on(bench.paying().resolve(&sent)).unwrap(), Fate::Dead);
    assert_eq!(bench.verify(&as_order(&sent)).unwrap_err().code, Code::NonceUsed);

    let late = bench.authorize(&bench.requirement());
    let Fate::Open { cancel: Some(cancel) } = block_on(bench.paying().resolve(&late)).unwrap() else {
        panic!("open")
    };
    bench.settle(&as_order(&late)).unwrap();
    assert!(block_on(bench.paying().perform(&cancel)).unwrap_err().is_unknown_outcome());
}
