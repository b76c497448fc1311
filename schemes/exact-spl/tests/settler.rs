//! The side that pays the fee and sends, and the side that sells.

mod support;

use serde_json::json;
use support::chain::Script;
use support::*;
use tollway_core::*;
use tollway_exact_spl::ENTRY;
use tollway_solana::{BLOCKHASH_BLOCKS, Fault};

#[test]
fn verified_by_one_look_and_settled_by_one_transaction() {
    let bench = Bench::new();
    let order = bench.order();
    let receipt = bench.settle(&order).unwrap();
    assert_eq!(bench.asked(), (1, 1), "verify looks once, settle not at all");
    let [submit] = bench.world().submitted.clone().try_into().unwrap();
    assert_eq!(submit.fee_payer, Some(sponsor(1).pubkey()));
    assert_eq!(submit.wire, forge::transaction(&order.payment.payload), "as the payer signed it");
    assert_eq!(receipt.charged, order.requirement.price.0);
    assert_eq!(receipt.payer, (ENTRY.read)(&order).unwrap().payer);
    assert_eq!(receipt.payer.unwrap().address(), payer().pubkey().to_string());
    assert_eq!(
        receipt.spent.unwrap().cost.atomic,
        10_000 + 14,
        "two signatures, 20,000 units at 700 micro-lamports"
    );
    assert_eq!(bench.held(&payee()), 5 + PRICE);
}

#[test]
fn the_same_message_settles_once_whatever_stands_around_it() {
    let bench = Bench::new();
    let order = bench.order();
    let receipt = bench.settle(&order).unwrap();
    let again = bench.verify(&order).unwrap_err();
    assert_eq!((again.code, again.next), (Code::NonceUsed, Next::Never));
    // A second settler's word for the same message, with other bytes in the sponsor's place.
    let mut bytes = apart(&order).bytes();
    bytes[1..65].fill(9);
    let garbled = with_bytes(&order, &bytes);
    assert_eq!((ENTRY.read)(&garbled).unwrap().replay, (ENTRY.read)(&order).unwrap().replay);
    match bench.resume(&garbled).unwrap() {
        Fate::Settled(same) => assert_eq!(same.landed, receipt.landed),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.world().cosigned, 1);
}

#[test]
fn a_settlement_of_another_amount_is_not_exact() {
    let bench = Bench::new();
    let order = bench.order();
    let charge = order.requirement.price.charge(u128::from(PRICE) - 1).unwrap();
    let due = bench.verify(&order).unwrap().due(charge).unwrap();
    assert_eq!(block_on(bench.settling().settle(due)).unwrap_err().code, Code::ValueMismatch);
    assert_eq!(bench.world().cosigned, 0);
}

#[test]
fn what_the_chain_would_refuse_is_told_apart() {
    type Change = fn(&Bench);
    let cases: Vec<(&str, Code, Blame, Change)> = vec![
        ("too little", Code::InsufficientFunds, Blame::Payer, |b| {
            let account = b.ata(&payer().pubkey());
            b.world().accounts.get_mut(&account).unwrap().amount = PRICE - 1;
        }),
        ("no account of the payer", Code::InsufficientFunds, Blame::Payer, |b| {
            let account = b.ata(&payer().pubkey());
            b.world().accounts.remove(&account);
        }),
        ("the payer's is frozen", Code::TokenAccountUnusable, Blame::Payer, |b| {
            let account = b.ata(&payer().pubkey());
            b.world().accounts.get_mut(&account).unwrap().state = 2;
        }),
        ("no account of the payee", Code::TokenAccountMissing, Blame::Payee, |b| {
            let account = b.ata(&payee());
            b.world().accounts.remove(&account);
        }),
        ("the payee's is frozen", Code::TokenAccountUnusable, Blame::Payee, |b| {
            let account = b.ata(&payee());
            b.world().accounts.get_mut(&account).unwrap().state = 2;
        }),
        ("the payee's is another's", Code::TokenAccountUnusable, Blame::Payee, |b| {
            let account = b.ata(&payee());
            b.world().accounts.get_mut(&account).unwrap().owner = stranger().pubkey();
        }),
        ("no mint", Code::AssetNotDeployed, Blame::Payee, |b| {
            let mint = b.mint;
            b.world().mints.remove(&mint);
            b.world().accounts.clear();
        }),
        ("an old blockhash", Code::BlockhashNotFound, Blame::Payer, |b| b.advance(BLOCKHASH_BLOCKS + 1)),
        ("the sponsor is poor", Code::InsufficientFunds, Blame::Settler, |b| {
            b.world().trial = Some(Fault::InsufficientFundsForFee);
        }),
        ("the token program's own words", Code::SimulationFailed, Blame::Payer, |b| {
            b.world().trial = Some(Fault::Instruction { index: 2, custom: Some(17), what: "Custom".into() });
        }),
        ("nobody can look", Code::Unreachable, Blame::Network, |b| b.world().unreachable = true),
    ];
    for (name, code, blame, change) in cases {
        let bench = Bench::new();
        let order = bench.order();
        bench.verify(&order).unwrap_or_else(|e| panic!("the twin of {name:?}: {e}"));
        change(&bench);
        bench.later();
        let refused = bench.verify(&order).expect_err(name);
        assert_eq!((refused.code.clone(), refused.blame), (code, blame), "{name}: {refused}");
        assert!(!refused.is_unknown_outcome() && bench.world().cosigned == 0, "{name}");
    }
}

#[test]
fn a_payee_whose_account_wants_a_memo_first_cannot_be_paid_so() {
    let bench = Bench::token_2022(&[]);
    let order = bench.order();
    let account = bench.ata(&payee());
    bench.world().accounts.get_mut(&account).unwrap().extensions = vec![8, 0, 1, 0, 1];
    assert_eq!(bench.verify(&order).unwrap_err().code, Code::TokenAccountUnusable);
    bench.world().accounts.get_mut(&account).unwrap().extensions = vec![8, 0, 1, 0, 0];
    bench.verify(&order).unwrap();
}

#[test]
fn a_lost_answer_is_unknown_and_found_again_without_a_second_transaction() {
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::LoseAnswer;
    assert!(bench.settle(&order).unwrap_err().is_unknown_outcome());
    for _ in 0..2 {
        match bench.resume(&order).unwrap() {
            Fate::Settled(receipt) => assert_eq!(receipt.spent.unwrap().cost.atomic, 10_014),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bench.sent(), (1, 1));
    assert_eq!(bench.world().blocks.len(), 1);
}

#[test]
fn what_no_block_took_is_pending_until_its_blockhash_is_too_old() {
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::LoseAll;
    assert!(bench.settle(&order).unwrap_err().is_unknown_outcome());
    assert!(matches!(bench.resume(&order).unwrap(), Fate::NotYetKnown { .. }));
    let again = bench.verify(&order).unwrap_err();
    assert_eq!((again.code, again.next), (Code::DuplicateSettlement, Next::Later));
    bench.advance(BLOCKHASH_BLOCKS);
    assert!(matches!(bench.resume(&order).unwrap(), Fate::NotYetKnown { .. }));
    bench.advance(1);
    assert_eq!(bench.resume(&order).unwrap(), Fate::Dead);
    assert_eq!(bench.verify(&order).unwrap_err().code, Code::BlockhashNotFound);
    assert_eq!(bench.world().cosigned, 1);
}

#[test]
fn a_landed_message_is_known_by_the_journal_and_by_the_nodes_own_word() {
    let bench = Bench::new();
    let order = bench.order();
    bench.settle(&order).unwrap();
    let asked = bench.asked();
    assert_eq!(bench.verify(&order).unwrap_err().code, Code::NonceUsed);
    assert_eq!(bench.asked(), asked, "no node was asked");
    bench.world().journal.clear();
    bench.later();
    assert_eq!(bench.verify(&order).unwrap_err().code, Code::NonceUsed);
}

#[test]
fn a_good_end_of_a_trial_stands_for_ten_seconds_and_a_bad_one_not_at_all() {
    let bench = Bench::new();
    let (order, other) = (bench.order(), bench.order());
    for _ in 0..3 {
        bench.verify(&order).unwrap();
    }
    assert_eq!(bench.asked().0, 1, "verified and then settled is looked at once");
    bench.verify(&other).unwrap();
    assert_eq!(bench.asked().0, 2, "of the very same transaction alone");
    bench.later();
    bench.verify(&order).unwrap();
    assert_eq!(bench.asked().0, 3);
    bench.later();
    bench.world().trial = Some(Fault::InsufficientFundsForFee);
    for asked in [4, 5] {
        bench.verify(&order).unwrap_err();
        assert_eq!(bench.asked().0, asked);
    }
}

#[test]
fn a_transaction_that_failed_is_a_definite_refusal_and_names_itself() {
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::Fail;
    let failed = bench.settle(&order).unwrap_err();
    assert_eq!((failed.code.clone(), failed.next.clone()), (Code::TransactionFailed, Next::Never));
    assert!(failed.transaction.is_some());
    assert_eq!(bench.resume(&order).unwrap_err().code, Code::TransactionFailed);
    assert_eq!(bench.held(&payee()), 5);
}

#[test]
fn what_was_refused_before_it_went_out_moved_nothing() {
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::Refuse(Error::network(Code::RpcRefused));
    assert_eq!(bench.settle(&order).unwrap_err().code, Code::RpcRefused);
    assert_eq!(bench.resume(&order).unwrap(), Fate::Open { cancel: None });
    bench.advance(10_000);
    assert_eq!(bench.resume(&order).unwrap(), Fate::Dead);
}

/// Another process with the same key has sent it, and the node has forgotten.
#[test]
fn a_node_that_has_forgotten_does_not_free_a_payment() {
    let bench = Bench::new();
    let order = bench.order();
    bench.settle(&order).unwrap();
    bench.world().journal.clear();
    bench.advance(10_000);
    bench.world().first_block = (15_000, Time::from_secs(NOW));
    assert_eq!(bench.resume(&order).unwrap(), Fate::Open { cancel: None });
    for _ in 0..2 {
        bench.advance(2 * BLOCKHASH_BLOCKS);
        assert_eq!(bench.resume(&order).unwrap_err().code, Code::NotFound);
    }
    bench.world().first_block = (0, Time::ZERO);
    assert!(matches!(bench.resume(&order).unwrap(), Fate::Settled(_)));
}

/// A seller comes back to what it had noted, long after the blockhash died, and asks a node that has forgotten much: what is
/// older than the visit need not be known.
#[test]
fn what_was_noted_long_ago_is_dead_once_a_node_has_all_since_then() {
    let visit = Time::from_secs(NOW);
    let minutes = |n: u64| NOW - 60 * n;
    for (begins, since, dead) in [
        (minutes(60), visit, true),
        (minutes(11), visit, true),
        (minutes(9), visit, false),
        (NOW, visit, false),
        (minutes(60), Time::ZERO, false),
    ] {
        let bench = Bench::new();
        let order = bench.order();
        bench.advance(10_000);
        bench.world().first_block = (1_000_000, Time::from_secs(begins));
        let ask = || block_on(bench.settling().resume_since(&order, None, since));
        assert_eq!(ask(), Ok(Fate::Open { cancel: None }), "a hash that nobody knows may be a new one");
        bench.advance(2 * BLOCKHASH_BLOCKS);
        match ask() {
            Ok(fate) => assert_eq!((fate, dead), (Fate::Dead, true), "{begins} {since:?}"),
            Err(e) => assert_eq!((e.code, e.next, dead), (Code::NotFound, Next::Later, false), "{begins}"),
        }
    }
}

#[test]
fn what_another_process_with_our_key_has_sent_is_found_on_chain() {
    let (bench, order) = {
        let bench = Bench::new();
        let order = bench.order();
        bench.settle(&order).unwrap();
        (bench, order)
    };
    bench.world().journal.clear();
    match bench.resume(&order).unwrap() {
        Fate::Settled(receipt) => assert_eq!(receipt.spent, None, "what it cost them is not ours to say"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn kinds_name_a_fee_payer_for_both_versions_and_nothing_without_a_key() {
    let bench = Bench::new();
    let kinds = block_on(bench.settling().kinds()).unwrap();
    let said: Vec<_> = kinds.iter().map(|k| (k.version, k.extra.map()["feePayer"].clone())).collect();
    let boss = json!(sponsor(1).pubkey().to_string());
    assert_eq!(said, [(Version::V2, boss.clone()), (Version::V1, boss)]);
    let bare = Bench::try_with(Setup::default(), |chain| chain.sponsors.clear()).unwrap();
    assert!(block_on(bare.settling().kinds()).unwrap().is_empty());
}

#[test]
fn efforts_before_and_after_there_is_a_transaction() {
    let bench = Bench::new();
    let r = bench.requirement();
    let payment = Payment { accepted: r.clone(), payload: Json::empty(), extensions: None, resource: None };
    let blank = Order { leg: Leg::After, requirement: r, payment };
    let before = block_on(bench.settling().effort(&blank)).unwrap();
    let [work] = before.works.as_slice() else { panic!() };
    assert_eq!((work.bearer, work.compute, work.signatures), (Bearer::Settler, 20_000, 2));
    assert_eq!(work.touches[0].address(), bench.ata(&payee()).to_string());
    let after = block_on(bench.settling().effort(&bench.order())).unwrap();
    let ([work], [fee]) = (after.works.as_slice(), after.fees.as_slice()) else { panic!() };
    assert_eq!((work.compute, work.signatures), (0, 2));
    assert_eq!(
        (fee.bearer, fee.amount.atomic),
        (Bearer::Settler, 14),
        "fixed by the payer, not by the market"
    );
    assert!(fee.amount.asset.is_native());
}

#[test]
fn an_offer_carries_the_fee_payer_and_both_versions_spell_it() {
    let bench = Bench::new();
    let offer = bench.offer();
    let raw = offer.requirement.raw.value();
    assert_eq!(raw["extra"], json!({"feePayer": sponsor(1).pubkey().to_string()}));
    assert_eq!(raw["asset"], USDC);
    assert_eq!(offer.volatile, ["recentBlockhash", "lastValidBlockHeight"]);
    let upfront = bench.selling().offer(&bench.price(Flow::Upfront), &bench.kind()).unwrap();
    assert_eq!(upfront.requirement.raw.value()["extra"]["paymentFlow"], "upfront");
    let v1 = Requirement { version: Version::V1, ..offer.requirement.clone() };
    let v1 = wire::write_requirement(&v1, "https://api.example/x", &[FAMILY]).unwrap().value();
    assert_eq!((&v1["network"], &v1["maxAmountRequired"]), (&json!("solana-devnet"), &json!("10000")));
}

#[test]
fn what_nobody_could_pay_is_not_offered() {
    let bench = Bench::new();
    let (price, kind) = (bench.price(Flow::Authorization), bench.kind());
    let refused = |price: &Price, kind: &Kind| bench.selling().offer(price, kind).unwrap_err().code;
    let plain = Kind { extra: Extra::default(), ..kind.clone() };
    assert_eq!(refused(&price, &plain), Code::MissingFeePayer);
    assert_eq!(refused(&bench.price(Flow::Escrow), &kind), Code::UnsupportedFlow);
    let main = ChainId::new("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp").unwrap();
    assert_eq!(refused(&Price { chain: main, ..price }, &kind), Code::InvalidNetwork);
    let mut free = price;
    free.ceiling.0.atomic = 0;
    assert_eq!(refused(&free, &kind), Code::InvalidAmount);
}

#[test]
fn a_seller_takes_smart_wallets_only_when_it_says_so_itself() {
    let features = json!({"smartWalletSupported": true});
    let with = |on: bool| {
        let bench = Bench::set(json!({"smart_wallets": on}));
        let kind = Kind {
            extra: bench.kind().extra.with([("features".to_owned(), features.clone())]),
            ..bench.kind()
        };
        let offer = bench.selling().offer(&bench.price(Flow::Authorization), &kind).unwrap();
        offer.requirement.extra.map().get("features").cloned()
    };
    assert_eq!((with(false), with(true)), (None, Some(features.clone())));
}

#[test]
fn an_order_for_another_chain_is_not_ours() {
    let bench = Bench::new();
    let mut order = bench.order();
    order.requirement.chain = ChainId::new("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp").unwrap();
    assert_eq!(block_on(bench.settling().verify(&order)).unwrap_err().code, Code::InvalidNetwork);
    assert_eq!(bench.resume(&order).unwrap_err().code, Code::InvalidNetwork);
}

#[test]
fn what_was_never_sent_is_sent_once_for_whoever_knows_the_charge() {
    let told = |bench: &Bench, order: &Order| {
        block_on(bench.settling().resume(order, Some(order.requirement.price.0)))
    };
    for (script, unknown) in [(Script::Honest, false), (Script::LoseAnswer, true)] {
        let bench = Bench::new();
        let order = bench.order();
        bench.world().script = script;
        let first = told(&bench, &order);
        assert_eq!(first.as_ref().is_err_and(Error::is_unknown_outcome), unknown, "{first:?}");
        for _ in 0..2 {
            let Ok(Fate::Settled(receipt)) = told(&bench, &order) else { panic!("settled") };
            assert_eq!(receipt.charged, order.requirement.price.0);
        }
        assert_eq!(bench.world().cosigned, 1);
        assert_eq!(bench.world().blocks.len(), 1);
    }
    // Too old for any block: nothing is signed for it, before it is proven that none has it.
    let bench = Bench::new();
    let order = bench.order();
    assert_eq!(bench.resume(&order).unwrap(), Fate::Open { cancel: None });
    bench.advance(BLOCKHASH_BLOCKS + 1);
    assert_eq!(told(&bench, &order), Ok(Fate::Open { cancel: None }));
    bench.advance(10_000);
    assert_eq!(told(&bench, &order), Ok(Fate::Dead));
    assert_eq!(bench.world().cosigned, 0);
    let bench = Bench::new();
    let order = bench.order();
    bench.world().script = Script::Refuse(Error::payer(Code::BlockhashNotFound));
    assert_eq!(told(&bench, &order), Ok(Fate::Open { cancel: None }));
    assert_eq!(bench.world().blocks.len(), 0);
}
