//! The side that puts the payment on chain, on a scripted chain.

mod support;

use alloy::primitives::{Address, B256, U256};
use alloy::signers::SignerSync;
use alloy::sol_types::SolCall;
use serde_json::{Value, json};
use support::chain::{self, PROXY, Script};
use support::*;
use tollway_core::*;
use tollway_evm::EvmCall;
use tollway_evm::permit2::{Permit, Signed, Sponsoring};
use tollway_evm::signature::AccountCode;

fn payee() -> Address {
    PAYEE.parse().unwrap()
}

/// The order with another permit, signed by the payer.
fn resigned(order: &Order, change: impl FnOnce(&mut Permit)) -> Order {
    let mut said = permit(order);
    change(&mut said);
    let signature = key().sign_hash_sync(&said.digest(84_532)).unwrap().as_bytes();
    let mut order = order.clone();
    order.payment.payload = Signed { permit: said, signature: signature.into() }.encode();
    order
}

fn refused(bench: &Bench, order: &Order, code: Code, what: &str) -> Error {
    let e = bench.verify(order).expect_err(what);
    assert_eq!(e.code, code, "{what}: {e}");
    assert!(!e.detail.is_empty(), "{what}");
    e
}

#[test]
fn verified_by_one_look_and_settled_by_one_transaction() {
    let bench = Bench::new();
    let order = bench.order();
    let receipt = bench.settle(&order).unwrap();
    assert_eq!(bench.world().looks, 1, "verify looks once, settle not at all");
    let [submit] = bench.world().submitted.clone().try_into().unwrap();
    assert_eq!((submit.call.to, submit.sender), (PROXY, None));
    assert_eq!(submit.not_after, Time::from_secs(NOW + 54));
    assert_eq!(submit.learn.unwrap().what, "permit2.settle/new");
    assert_eq!(receipt.charged, order.requirement.price.0);
    assert_eq!(receipt.payer, (tollway_exact_permit2::read)(&order).unwrap().payer);
    assert_eq!(receipt.spent.unwrap().cost.atomic, 4_242);
    assert_eq!(bench.world().balances[&payee()], U256::from(PRICE));
    assert_eq!(bench.verify(&order).unwrap_err().code, Code::NonceUsed);
    bench.settle(&bench.order()).unwrap();
    assert_eq!(bench.world().submitted[1].learn.unwrap().what, "permit2.settle/holder");
}

#[test]
fn what_was_signed_for_something_else_has_its_own_code() {
    let other = || json!("0x00000000000000000000000000000000000000AA");
    type Case = (&'static str, Box<dyn Fn(&Order) -> Order>, Code);
    let cases: Vec<Case> = vec![
        (
            "spender",
            Box::new(move |o| edited(o, "/permit2Authorization/spender", other())),
            Code::InvalidSpender,
        ),
        (
            "payee",
            Box::new(|o| resigned(o, |p| p.witness.to = Address::repeat_byte(9))),
            Code::RecipientMismatch,
        ),
        ("less", Box::new(|o| resigned(o, |p| p.amount -= U256::from(1))), Code::ValueMismatch),
        ("more", Box::new(|o| resigned(o, |p| p.amount += U256::from(1))), Code::ValueMismatch),
        ("token", Box::new(|o| resigned(o, |p| p.token = Address::repeat_byte(9))), Code::AssetMismatch),
        (
            "signer",
            Box::new(move |o| edited(o, "/permit2Authorization/from", other())),
            Code::InvalidSignature,
        ),
        ("terms", Box::new(|o| edited(o, "/permit2Authorization/nonce", json!("8"))), Code::InvalidSignature),
        ("form", Box::new(|o| edited(o, "/permit2Authorization/witness", json!([]))), Code::InvalidPayload),
        ("over", Box::new(|o| resigned(o, |p| p.deadline = U256::from(NOW + 5))), Code::Expired),
        (
            "early",
            Box::new(|o| resigned(o, |p| p.witness.valid_after = U256::from(NOW + 9))),
            Code::NotYetValid,
        ),
    ];
    for (what, change, code) in cases {
        let bench = Bench::new();
        let order = bench.order();
        refused(&bench, &change(&order), code.clone(), what);
        // Whether a signature that is no key's is the account's own, only its code could know.
        let looks = usize::from(code == Code::InvalidSignature);
        assert_eq!(bench.world().looks, looks, "{what}: what the payload shows, no node is asked");
        bench.verify(&order).expect("its twin is accepted");
    }
    let bench = Bench::new();
    let twin = resigned(&bench.order(), |p| p.witness.valid_after = U256::from(NOW));
    bench.verify(&twin).expect("valid from this very second");
    let twin = resigned(&twin, |p| p.deadline = U256::from(NOW + 6));
    bench.verify(&twin).expect("six seconds are enough");
}

#[test]
fn what_the_chain_holds_against_a_payment_has_its_own_code() {
    type Case = (&'static str, Box<dyn Fn(&Bench)>, Code, Next);
    let cases: Vec<Case> = vec![
        ("used", Box::new(|b| drop(b.settle(&b.order()))), Code::NonceUsed, Next::Never),
        (
            "balance",
            Box::new(|b| {
                b.world().balances.insert(b.payer, U256::from(9_999));
            }),
            Code::InsufficientFunds,
            Next::OtherRoute,
        ),
        (
            "allowance",
            Box::new(|b| {
                b.world().allowances.insert(b.payer, U256::from(9_999));
            }),
            Code::AllowanceRequired,
            Next::Prepare,
        ),
        ("no token", Box::new(|b| b.world().deployed = false), Code::AssetNotDeployed, Next::OtherRoute),
        ("no proxy", Box::new(|b| b.world().proxy = false), Code::ProxyNotDeployed, Next::OtherRoute),
        ("paused", Box::new(|b| b.world().paused = true), Code::SimulationFailed, Next::OtherRoute),
        ("a fee on transfer", Box::new(|b| b.world().fee = 100), Code::TokenKeepsPart, Next::OtherRoute),
        // The chain's clock decides: ours may lag.
        ("chain ahead", Box::new(|b| b.world().time_s = NOW + 54), Code::Expired, Next::Never),
    ];
    for (what, change, code, next) in cases {
        let bench = Bench::new();
        let order = match what {
            "used" => {
                let order = bench.order();
                bench.settle(&order).unwrap();
                order
            }
            _ => bench.order(),
        };
        if what != "used" {
            bench.verify(&order).expect("its twin is accepted");
            change(&bench);
        }
        assert_eq!(refused(&bench, &order, code, what).next, next, "{what}");
    }
    // Just enough is enough.
    let bench = Bench::new();
    bench.world().allowances.insert(bench.payer, U256::from(PRICE));
    bench.world().balances.insert(bench.payer, U256::from(PRICE));
    bench.settle(&bench.order()).unwrap();
}

#[test]
fn a_permit_that_comes_along_is_handed_in_where_the_allowance_is_missing() {
    let bench = Bench::sponsored(&[Sponsoring::Eip2612]);
    let order = bench.order();
    let looks = bench.world().looks;
    let receipt = bench.settle(&order).unwrap();
    assert_eq!(bench.world().looks - looks, 1, "as quickly as without");
    assert_eq!(receipt.charged.atomic, PRICE);
    assert_eq!(bench.world().submitted[0].learn.unwrap().what, "permit2.settleWithPermit/new");
    assert_eq!(bench.world().allowances[&bench.payer], U256::ZERO, "this very amount, and no more");

    // With an allowance of its own it is not needed, and the cheaper way is gone.
    let bench = Bench::sponsored(&[Sponsoring::Eip2612]);
    let order = bench.order();
    bench.world().allowances.insert(bench.payer, U256::MAX);
    bench.settle(&order).unwrap();
    assert_eq!(bench.world().submitted[0].learn.unwrap().what, "permit2.settle/new");

    // Whoever does not sponsor it needs the allowance.
    let strict = Bench::with(TOKEN, json!({"permit2": {"gas_sponsoring": []}}), |_| {});
    let e = refused(&strict, &order, Code::AllowanceRequired, "not sponsored here");
    assert_eq!((e.blame, e.next), (Blame::Payer, Next::Prepare));
}

#[test]
fn a_permit_with_a_fault_has_its_own_code() {
    let other = || json!("0x00000000000000000000000000000000000000AA");
    let cases: Vec<(&str, Value, Code)> = vec![
        ("from", other(), Code::Eip2612FromMismatch),
        ("asset", other(), Code::Eip2612AssetMismatch),
        ("spender", other(), Code::Eip2612Spender),
        ("amount", json!("10001"), Code::Eip2612AmountMismatch),
        ("deadline", json!((NOW + 5).to_string()), Code::Eip2612Expired),
        ("nonce", json!("x"), Code::Eip2612Format),
        // The token would not take it, which shows as an allowance that is missing still.
        ("deadline", json!((NOW + 90).to_string()), Code::AllowanceRequired),
        ("signature", json!(format!("0x{}1b", "11".repeat(64))), Code::AllowanceRequired),
    ];
    for (field, value, code) in cases {
        let bench = Bench::sponsored(&[Sponsoring::Eip2612]);
        let order = bench.order();
        let bad = slipped(&order, &format!("/eip2612GasSponsoring/info/{field}"), value);
        refused(&bench, &bad, code, field);
        bench.verify(&order).expect("its twin is accepted");
    }
}

#[test]
fn a_signed_approval_is_paid_for_and_sent_first_and_never_paid_for_twice() {
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let order = bench.order();
    let verified = bench.verify(&order).unwrap();
    assert!(bench.world().endowed.is_empty() && bench.world().relayed.is_empty(), "looking costs nothing");
    let due = verified.due(order.requirement.price.full()).unwrap();
    bench.world().script = Script::LoseAnswer;
    let e = block_on(bench.settling().settle(due)).unwrap_err();
    assert!(e.is_unknown_outcome());
    let endowed = bench.world().endowed.clone();
    assert_eq!(endowed, [(bench.payer, 70_000 * 1_000)], "what the approval's gas may cost, and no more");
    assert_eq!(bench.world().allowances[&bench.payer], U256::MAX);
    assert!(matches!(bench.resume(&order), Ok(Fate::Settled(_))));

    // A crash behind the approval: the payment is tried again, and the approval is not paid for again.
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let order = bench.order();
    for _ in 0..2 {
        let due = bench.verify(&order).unwrap().due(order.requirement.price.full()).unwrap();
        bench.world().script = Script::Honest;
        let _ = block_on(bench.settling().settle(due));
        bench.world().used.clear();
    }
    assert_eq!(bench.world().endowed.len(), 1);
}

#[test]
fn a_signed_approval_with_a_fault_has_its_own_code_and_costs_nothing() {
    let other = || json!("0x00000000000000000000000000000000000000AA");
    let at = |field: &str| format!("/erc20ApprovalGasSponsoring/info/{field}");
    let cases: Vec<(&str, Value, Code)> = vec![
        ("from", other(), Code::ApprovalFromMismatch),
        ("asset", other(), Code::ApprovalAssetMismatch),
        ("spender", other(), Code::ApprovalSpender),
        ("amount", json!("10000"), Code::ApprovalTxCalldata),
        ("amount", json!("-"), Code::ApprovalFormat),
        ("signedTransaction", json!("0x02c0"), Code::ApprovalTxUndecodable),
    ];
    for (field, value, code) in cases {
        let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
        let order = bench.order();
        refused(&bench, &slipped(&order, &at(field), value), code, field);
        assert!(bench.world().endowed.is_empty() && bench.world().relayed.is_empty());
        bench.verify(&order).expect("its twin is accepted");
    }
}

#[test]
fn receipts_are_believed_for_exactly_what_was_permitted() {
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::Short(1);
    let e = bench.settle(&order).unwrap_err();
    assert_eq!((e.code, e.blame, e.next), (Code::TokenKeepsPart, Blame::Payee, Next::Never));

    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::Revert;
    let e = bench.settle(&order).unwrap_err();
    assert_eq!((e.code, e.next), (Code::TransactionFailed, Next::Never));
    assert_eq!(bench.resume(&order).unwrap_err().next, Next::Never, "resume says the same");

    let bench = Bench::new();
    let order = bench.order();
    let due = bench.verify(&order).unwrap().due(order.requirement.price.charge(PRICE - 1).unwrap()).unwrap();
    assert_eq!(block_on(bench.settling().settle(due)).unwrap_err().code, Code::ValueMismatch);
    assert!(bench.world().submitted.is_empty());
}

#[test]
fn a_front_runner_changes_nothing() {
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::FrontRun;
    let receipt = bench.settle(&order).unwrap();
    assert_eq!(receipt.transaction(), Some(&bench.world().txs[0].0), "the other's transaction");
    let Fate::Settled(again) = bench.resume(&order).unwrap() else { panic!("settled") };
    assert_eq!(*again, receipt);
    assert_eq!(bench.world().balances[&payee()], U256::from(PRICE));

    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::FrontRun;
    bench.world().final_lag_s = 20;
    assert!(bench.settle(&order).unwrap_err().is_unknown_outcome(), "not final yet");
    bench.at(NOW + 20);
    assert!(matches!(bench.resume(&order), Ok(Fate::Settled(_))));
}

#[test]
fn another_payment_of_the_same_amount_to_the_same_payee_never_counts_for_this_one() {
    let bench = Bench::new();
    let (paid, other) = (bench.order(), bench.order());
    bench.settle(&paid).unwrap();
    // The payer takes the other one back between its verification and its settlement.
    let due = bench.verify(&other).unwrap().due(other.requirement.price.full()).unwrap();
    let sent = Authorization {
        payment: other.payment.clone(),
        attempt: AttemptId("x".to_owned()),
        spendable_until: Time::from_secs(NOW + 60),
    };
    let Fate::Open { cancel: Some(cancel) } = block_on(bench.paying().resolve(&sent)).unwrap() else {
        panic!("open")
    };
    block_on(bench.paying().perform(&cancel)).unwrap();
    let e = block_on(bench.settling().settle(due)).unwrap_err();
    assert_eq!((e.code, e.next), (Code::TransactionFailed, Next::Never));
    assert_eq!(bench.resume(&other).unwrap_err().next, Next::Never);
    assert!(matches!(bench.resume(&paid), Ok(Fate::Settled(_))));
    assert_eq!(bench.world().balances[&payee()], U256::from(PRICE), "paid once");
}

#[test]
fn one_never_sent_is_open_until_its_window_is_over() {
    let bench = Bench::new();
    let order = bench.order();
    assert_eq!(bench.resume(&order), Ok(Fate::Open { cancel: None }));
    bench.at(NOW + 59);
    assert_eq!(bench.resume(&order), Ok(Fate::Open { cancel: None }), "the deadline's second counts");
    bench.at(NOW + 60);
    assert_eq!(bench.resume(&order), Ok(Fate::Dead));
}

#[test]
fn gas_is_spent_only_on_tokens_that_somebody_vouches_for() {
    let of = |settings| {
        let bench = Bench::with(PAYEE, settings, |_| {});
        bench.world().allowances.insert(bench.payer, U256::MAX);
        bench
    };
    let vouched = || of(json!({"permit2": {"tokens": [{"chain": CHAIN, "address": PAYEE}]}}));
    let order = vouched().order();
    let strict = of(Value::Null);
    let e = refused(&strict, &order, Code::UnknownAsset, "nobody vouches for it");
    assert_eq!((e.blame, e.next), (Blame::Settler, Next::OtherRoute));
    assert_eq!(strict.world().looks, 0, "before a node is asked");
    for bench in [vouched(), of(json!({"permit2": {"allow_unknown_assets": true}}))] {
        bench.settle(&order).unwrap();
    }
}

#[test]
fn effort_follows_the_path_and_the_kind_of_payee() {
    let bench = Bench::sponsored(&[Sponsoring::Eip2612]);
    let order = bench.order();
    let gas = |order: &Order| block_on(bench.settling().effort(order)).unwrap().works[0].compute;
    assert_eq!(gas(&order), 152_598);
    let mut plain = order.clone();
    plain.payment.extensions = None;
    assert_eq!(gas(&plain), 115_587);
    plain.payment.payload = Json::empty();
    assert_eq!(gas(&plain), 115_587, "as a seller asks it before anybody has paid");
    bench.settle(&order).unwrap();
    assert_eq!((gas(&order), gas(&plain)), (135_498, 98_487));
    let approved = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let effort = block_on(approved.settling().effort(&approved.order())).unwrap();
    assert_eq!(effort.works.len(), 3);
    assert!(effort.works.iter().all(|work| work.bearer == Bearer::Settler));
    assert_eq!(effort.works[1].compute, 56_000);
    let [left] = &*effort.fees else { panic!("{:?}", effort.fees) };
    assert_eq!((left.bearer, left.amount.asset), (Bearer::Settler, AssetId::native(left.amount.asset.chain)));
    assert_eq!(left.amount.atomic, 70_000 * 1_000 - 56_000 * 500, "what is sent, without what it will use");
    approved.settle(&approved.order()).unwrap();
    assert_eq!(approved.world().endowed[0].1, left.amount.atomic + 56_000 * 500);
}

/// Somebody settles what this order carries, past the settler.
fn settled_by_the_payer(bench: &Bench, order: &Order) {
    let signed = Signed::decode(&order.payment.payload, tollway_evm::permit2::Proxy::Exact).unwrap();
    let p = signed.permit;
    let call = chain::settleCall {
        permit: chain::PermitTransferFrom {
            permitted: chain::TokenPermissions { token: p.token, amount: p.amount },
            nonce: p.nonce,
            deadline: p.deadline,
        },
        owner: p.from,
        witness: chain::Witness { to: p.witness.to, validAfter: p.witness.valid_after },
        signature: signed.signature.as_bytes().to_vec().into(),
    };
    let call = EvmCall { to: PROXY, data: call.abi_encode().into() };
    assert!(bench.evm.mine(bench.payer, &call).success);
}

#[test]
fn the_same_nonce_under_other_terms_is_no_payment() {
    type Change = fn(&mut Permit);
    let cases: [(&str, Change); 3] = [
        ("less", |p| p.amount = U256::from(1)),
        ("somebody else", |p| p.witness.to = Address::repeat_byte(9)),
        ("another window", |p| p.deadline += U256::from(1)),
    ];
    for (what, change) in cases {
        let bench = Bench::new();
        let order = bench.order();
        let due = bench.verify(&order).unwrap().due(order.requirement.price.full()).unwrap();
        settled_by_the_payer(&bench, &resigned(&order, change));
        assert_eq!(bench.resume(&order), Ok(Fate::Dead), "{what}");
        let e = block_on(bench.settling().settle(due)).unwrap_err();
        assert_eq!((e.code, e.next), (Code::TransactionFailed, Next::Never), "{what}");
        assert_eq!(e.spent.unwrap().atomic, 4_242, "{what}");
        assert_eq!(bench.resume(&order).unwrap_err().code, Code::TransactionFailed, "{what}");
    }
}

#[test]
fn a_nonce_that_nothing_explains_is_neither_paid_nor_dead() {
    let bench = Bench::new();
    let order = bench.order();
    let due = bench.verify(&order).unwrap().due(order.requirement.price.full()).unwrap();
    bench.world().used.insert((bench.payer, permit(&order).nonce), NOW);
    assert!(matches!(bench.resume(&order), Ok(Fate::NotYetKnown { .. })));
    assert!(block_on(bench.settling().settle(due)).unwrap_err().is_unknown_outcome());
    assert!(
        matches!(bench.resume(&order), Ok(Fate::NotYetKnown { .. })),
        "a reverted transaction proves nothing"
    );
}

#[test]
fn a_payer_with_code_is_tried_out_again_before_it_is_sent() {
    let contract = AccountCode::Contract(B256::ZERO);
    for (code, looks, learns) in [
        (AccountCode::Plain, 1, "permit2.settle/new"),
        (AccountCode::Delegated(Address::repeat_byte(7)), 2, "permit2.settle/account/new"),
        (contract, 2, "permit2.settle/account/new"),
    ] {
        let bench = Bench::new();
        bench.world().code = code;
        bench.settle(&bench.order()).unwrap();
        let world = bench.world();
        assert_eq!((world.looks, world.submitted.len()), (looks, 1), "{code:?}");
        assert_eq!(world.submitted[0].learn.map(|key| key.what), Some(learns));
    }
    // Its approval is not paid for: nothing could be tried out before that.
    let bench = Bench::sponsored(&[Sponsoring::Erc20Approval]);
    let order = bench.order();
    bench.verify(&order).expect("a plain account's is");
    bench.world().code = contract;
    let e = refused(&bench, &order, Code::AllowanceRequired, "code");
    assert_eq!((e.blame, e.next), (Blame::Payer, Next::OtherRoute));
}

#[test]
fn what_was_learned_raises_a_limit_to_three_times_the_table_and_no_further() {
    let bench = Bench::new();
    bench.world().learned_gas = Some(5_000_000);
    bench.settle(&bench.order()).unwrap();
    assert_eq!(bench.world().submitted[0].gas_limit, 115_587 * 3 * 2);
}

#[test]
fn what_was_measured_is_told_of_what_was_presented_and_nothing_else() {
    let bench = Bench::sponsored(&[Sponsoring::Eip2612]);
    let dear = bench.order();
    bench.verify(&dear).unwrap();
    let gas = || block_on(bench.settling().effort(&dear)).unwrap().works[0].compute;
    let told = gas();
    // The same permit without what came along: cheaper, now that the allowance is there.
    bench.world().allowances.insert(bench.payer, U256::MAX);
    let mut cheap = dear.clone();
    cheap.payment.extensions = None;
    bench.verify(&cheap).unwrap();
    assert_eq!(gas(), told);
    assert!(block_on(bench.settling().effort(&cheap)).unwrap().works[0].compute < told);
}
