//! The side that signs.

mod support;

use serde_json::json;
use std::sync::{Arc, Mutex};
use support::chain::{Counting, Script};
use support::forge::key;
use support::*;
use tollway_core::*;
use tollway_solana::{BLOCKHASH_BLOCKS, Pubkey, TokenProgram, address};

fn receive(bench: &Bench, sent: &Authorization, answer: Answer<'_>) -> Reading {
    block_on(bench.paying().receive(sent, answer)).unwrap()
}
fn as_order(sent: &Authorization) -> Order {
    Order { leg: Leg::After, requirement: sent.payment.accepted.clone(), payment: sent.payment.clone() }
}
fn wire(sent: &Authorization) -> Vec<u8> {
    forge::transaction(&sent.payment.payload)
}

#[test]
fn a_plan_says_what_it_costs_and_who_bears_the_fee() {
    let bench = Bench::new();
    let r = bench.requirement();
    let plan = bench.plan(&r).unwrap();
    assert_eq!((plan.exposure, plan.price, plan.locks_atomic), (r.price, r.price, 0));
    assert!(plan.actions.is_empty() && plan.effort.fees.is_empty());
    let [work] = plan.effort.works.as_slice() else { panic!("one transaction") };
    assert_eq!((work.bearer, work.compute, work.signatures), (Bearer::Settler, 20_000, 2));
    assert_eq!(work.touches[0].address(), bench.ata(&payee()).to_string());
    assert!(work.creates_bytes.is_empty());
    assert_eq!(plan.funds.unwrap().balance.atomic, u128::from(HELD));
    assert!(plan.spendable_until >= Time::from_secs(NOW + 60), "a blockhash lives for a minute at least");
    assert_eq!(
        (bench.world().looks, bench.signed()),
        (0, 0),
        "planning asks snapshots alone and signs nothing"
    );
}

#[test]
fn the_transaction_is_the_protocols_and_built_on_our_own_blockhash() {
    let bench = Bench::new();
    // A hash that the seller names could be one of another chain, where the same transaction would move real
    // money.
    let r = bench.asking(json!({
        "recentBlockhash": "EETubP5AKHgjPAhzPAFcb8BAY1hMH639CWCFTqi3hq1k", "lastValidBlockHeight": "1",
        "computeUnitPrice": "5000000", "tokenProgram": "11111111111111111111111111111111"
    }));
    let sent = bench.authorize(&r);
    let forge = Forge::apart(&wire(&sent));
    assert_eq!(forge.version, Some(0x80));
    assert_eq!(forge.fee_payer, sponsor(1).pubkey());
    assert_eq!(forge.blockhash, chain::hash_at(10_000));
    assert_eq!(forge.ixs.len(), 4);
    assert_eq!(forge.ixs[0], forge::limit(20_000));
    assert_eq!(forge.ixs[1], forge::price(700));
    let transfer = &forge.ixs[2];
    assert_eq!(transfer.program, key("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"));
    let accounts: Vec<_> = transfer.accounts.iter().map(|m| (m.key, m.signs, m.writes)).collect();
    let me = payer().pubkey();
    let expected = [
        (bench.ata(&me), false, true),
        (bench.mint, false, false),
        (bench.ata(&payee()), false, true),
        (me, true, false),
    ];
    assert_eq!(accounts, expected);
    assert_eq!(transfer.data, [&[12][..], &PRICE.to_le_bytes(), &[6]].concat());
    let memo = std::str::from_utf8(&forge.ixs[3].data).unwrap();
    assert!(memo.len() == 32 && memo.bytes().all(|b| b.is_ascii_hexdigit()), "{memo}");
    assert_eq!(forge.signatures[0], [0; 64], "the fee payer's place is left to it");
    assert_eq!(forge.message(), wire(&sent)[129..], "accounts stand in the format's own order");
    assert_eq!(bench.signed(), 1);
    bench.settle(&as_order(&sent)).unwrap();
    assert_eq!(bench.held(&me), HELD - PRICE);
}

#[test]
fn two_payments_are_never_the_same_payment() {
    for extra in [json!({}), json!({"memo": "the same each time"})] {
        let bench = Bench::new();
        let r = bench.asking(extra.clone());
        let keys: std::collections::HashSet<String> = (0..8)
            .map(|_| (bench.cell().read)(&as_order(&bench.authorize(&r))).unwrap().replay[0].0.clone())
            .collect();
        // A memo of the seller's leaves 128 compute limits; the ledger refuses what coincides all the same.
        assert!(keys.len() >= 6, "{extra}: {}", keys.len());
    }
}

/// One requirement that tries to make the payer sign away more than the price, or in vain.
type Asking = (&'static str, Code, fn(&Bench, &mut Requirement));

fn pairs(r: &mut Requirement, extra: serde_json::Value) {
    r.extra = r.extra.with(extra.as_object().unwrap().clone());
}
fn asset(b: &Bench, mint: Pubkey) -> AssetId {
    address::asset(b.svm.chain, &mint).unwrap()
}

const ASKINGS: &[Asking] = &[
    ("nobody pays the fee", Code::MissingFeePayer, |_, r| r.extra = Extra::default()),
    ("a fee payer of null", Code::MissingFeePayer, |_, r| pairs(r, json!({"feePayer": null}))),
    ("a fee payer that is a number", Code::InvalidPaymentRequirements, |_, r| {
        pairs(r, json!({"feePayer": 7}))
    }),
    ("a fee payer that is no key", Code::InvalidAddress, |_, r| pairs(r, json!({"feePayer": "0x00"}))),
    ("a fee payer of 33 bytes", Code::InvalidAddress, |_, r| pairs(r, json!({"feePayer": "z".repeat(45)}))),
    ("the payer pays the fee", Code::FeePayerTransferring, |_, r| {
        pairs(r, json!({"feePayer": payer().pubkey().to_string()}));
    }),
    ("the payer pays itself", Code::RecipientMismatch, |b, r| {
        r.pay_to = address::account(b.svm.chain, &payer().pubkey()).unwrap();
    }),
    ("nothing", Code::InvalidAmount, |_, r| r.price.0.atomic = 0),
    ("2^64", Code::InvalidAmount, |_, r| r.price.0.atomic = 1 << 64),
    ("2^128 - 1", Code::InvalidAmount, |_, r| r.price.0.atomic = u128::MAX),
    ("more than there is", Code::InsufficientFunds, |_, r| r.price.0.atomic = u128::from(HELD) + 1),
    ("a memo of 257 bytes", Code::MemoTooLong, |_, r| pairs(r, json!({"memo": "x".repeat(257)}))),
    ("a memo that is an object", Code::InvalidPaymentRequirements, |_, r| {
        pairs(r, json!({"memo": {"a": 1}}))
    }),
    ("an asset of another chain", Code::InvalidNetwork, |b, r| {
        let chain = ChainId::new("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp").unwrap();
        r.price.0.asset = address::asset(chain, &b.mint).unwrap();
    }),
    ("another chain", Code::InvalidNetwork, |_, r| {
        r.chain = ChainId::new("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp").unwrap();
    }),
    ("the chain's own coin", Code::InvalidAddress, |b, r| r.price.0.asset = AssetId::native(b.svm.chain)),
    ("a mint that is not there", Code::AssetNotDeployed, |b, r| {
        r.price.0.asset = asset(b, Pubkey::new_from_array([9; 32]))
    }),
    ("a mint that is a token account", Code::AssetNotDeployed, |b, r| {
        r.price.0.asset = asset(b, b.ata(&payee()));
    }),
    ("a payee without an account", Code::TokenAccountMissing, |b, r| {
        r.pay_to = address::account(b.svm.chain, &stranger().pubkey()).unwrap();
    }),
    ("a payee whose account is frozen", Code::TokenAccountUnusable, |b, _| {
        let account = b.ata(&payee());
        b.world().accounts.get_mut(&account).unwrap().state = 2;
    }),
    ("a payee whose account is somebody else's now", Code::TokenAccountUnusable, |b, _| {
        let account = b.ata(&payee());
        b.world().accounts.get_mut(&account).unwrap().owner = stranger().pubkey();
    }),
    ("a payer whose account is frozen", Code::TokenAccountUnusable, |b, _| {
        let account = b.ata(&payer().pubkey());
        b.world().accounts.get_mut(&account).unwrap().state = 2;
    }),
    ("a token whose node tells other decimals than the table", Code::DecimalsMismatch, |b, _| {
        let mint = b.mint;
        b.world().mints.get_mut(&mint).unwrap().decimals = 0;
    }),
];

#[test]
fn requirements_that_want_more_than_the_price_are_refused_and_nothing_is_signed() {
    for (name, code, change) in ASKINGS {
        let bench = Bench::new();
        let twin = bench.requirement();
        let planned = bench.plan(&twin).unwrap_or_else(|e| panic!("the twin of {name:?}: {e}"));
        let mut r = twin.clone();
        change(&bench, &mut r);
        let refused = bench.plan(&r).expect_err(name);
        assert_eq!(refused.code, *code, "{name}: {refused}");
        // A plan for something else does not help either.
        if let Ok(sent) = bench.authorize_planned(&r, planned) {
            panic!("{name}: signed {:?}", sent.payment.accepted);
        }
        assert_eq!(bench.signed(), 0, "{name}");
    }
}

/// One extension as Token-2022 lists it.
fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    [&kind.to_le_bytes()[..], &length.to_le_bytes(), value].concat()
}
fn transfer_fee(older_bps: u16, newer_bps: u16) -> Vec<u8> {
    let rate = |bps: u16| [&7u64.to_le_bytes()[..], &1_000u64.to_le_bytes(), &bps.to_le_bytes()].concat();
    extension(1, &[&[0; 72][..], &rate(older_bps), &rate(newer_bps)].concat())
}

#[test]
fn tokens_of_token_2022_are_paid_with_unless_an_extension_changes_what_arrives() {
    let hook = |program: u8| extension(14, &[[0; 32], [program; 32]].concat());
    let fine = [
        vec![],
        transfer_fee(0, 0),
        hook(0),
        [transfer_fee(0, 0), hook(0), extension(12, &[1; 32])].concat(),
    ];
    for extensions in fine {
        let bench = Bench::token_2022(&extensions);
        let order = bench.order();
        assert_eq!(apart(&order).ixs[2].program, TokenProgram::Token2022.id());
        bench.settle(&order).unwrap();
    }
    let refused = [
        (transfer_fee(1, 0), Code::TokenTransferFee),
        (transfer_fee(0, 1), Code::TokenTransferFee),
        (hook(5), Code::TokenExtension),
        (extension(9, &[]), Code::TokenExtension),
        (extension(26, &[1; 33]), Code::TokenExtension),
        (extension(999, &[]), Code::TokenExtension),
    ];
    for (extensions, code) in refused {
        let bench = Bench::token_2022(&extensions);
        assert_eq!(bench.plan(&bench.requirement()).unwrap_err().code, code);
        // A payer that does not look is refused by the settler, by the mint as it is at that moment.
        let careless = Bench::token_2022(&[]);
        let order = careless.order();
        let mint = careless.mint;
        careless.world().mints.get_mut(&mint).unwrap().extensions = extensions;
        assert_eq!(careless.verify(&order).unwrap_err().code, code);
        assert_eq!(careless.world().cosigned, 0);
    }
}

#[test]
fn however_dear_the_market_no_more_is_offered_than_a_sponsor_pays() {
    for market in [0, 1, 5_000_000, 5_000_001, u64::MAX] {
        let bench = Bench::new();
        bench.world().price = market;
        let order = bench.order();
        bench.verify(&order).unwrap_or_else(|e| panic!("{market}: {e}"));
    }
}

#[test]
fn a_signer_that_answers_for_another_key_is_found_out_here() {
    let bench = Bench::try_with(Setup::default(), |chain| {
        let crooked = Counting { key: payer(), signs_with: stranger(), signed: Mutex::default() };
        chain.payer = Some(Arc::new(crooked));
    });
    let bench = bench.unwrap();
    let refused = bench.try_authorize(&bench.requirement()).unwrap_err();
    assert_eq!((refused.code, refused.blame), (Code::BadKey, Blame::Caller));
}

#[test]
fn without_a_key_there_is_no_plan() {
    let bench = Bench::try_with(Setup::default(), |chain| chain.payer = None).unwrap();
    assert_eq!(bench.plan(&bench.requirement()).unwrap_err().code, Code::NoSigner);
}

#[test]
fn a_missing_account_is_made_first_when_the_payer_has_said_so() {
    let bench = Bench::set(json!({"open_accounts": true}));
    let account = bench.ata(&payee());
    bench.world().accounts.remove(&account);
    let r = bench.requirement();
    let plan = bench.plan(&r).unwrap();
    let [action] = plan.actions.as_slice() else { panic!("one action") };
    assert_eq!(action.kind, ActionKind::CreateAccount);
    let [work] = action.effort.works.as_slice() else { panic!("one transaction") };
    assert_eq!((work.bearer, work.signatures), (Bearer::Payer, 1));
    assert_eq!((work.creates_bytes.as_slice(), work.refundable), (&[165][..], false));
    let receipt = block_on(bench.paying().perform(action)).unwrap();
    let submit = bench.world().submitted[0].clone();
    assert_eq!(submit.fee_payer, None, "the payer signs alone, no sponsor is touched");
    let fee = chain::fee(&Forge::apart(&submit.wire));
    assert_eq!(receipt.spent.unwrap().cost.atomic, u128::from(fee) + 2_039_280);
    assert_eq!(receipt.charged.atomic, 0);
    assert!(bench.world().accounts.contains_key(&account));
    // The same action again makes no second transaction.
    block_on(bench.paying().perform(action)).unwrap();
    assert_eq!(bench.world().submitted.len(), 1);
    assert!(bench.plan(&r).unwrap().actions.is_empty());
    bench.settle(&bench.order_for(r)).unwrap();
    let other = Action { kind: ActionKind::Approve, ..action.clone() };
    assert_eq!(block_on(bench.paying().perform(&other)).unwrap_err().code, Code::UnsupportedMethod);
}

#[test]
fn only_a_receipt_of_what_was_signed_is_taken_for_one() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    let honest = bench.settle(&as_order(&sent)).unwrap();
    let chain = bench.svm.chain;
    assert_eq!(receive(&bench, &sent, Answer::Receipt(&honest)), Reading::Paid(honest.charged));
    let stranger = address::account(chain, &stranger().pubkey()).unwrap();
    let lies = [
        Receipt { charged: Amount::new(honest.charged.asset, 1), ..honest.clone() },
        Receipt { payer: Some(stranger), ..honest.clone() },
        Receipt { landed: Landed::Nothing, ..honest.clone() },
    ];
    for lie in lies {
        assert_eq!(receive(&bench, &sent, Answer::Receipt(&lie)), Reading::Resolve);
    }
    let refusal = Error::payer(Code::Expired);
    assert_eq!(receive(&bench, &sent, Answer::Refused(&refusal)), Reading::Resolve);
    assert_eq!(receive(&bench, &sent, Answer::Lost), Reading::Resolve);
}

#[test]
fn a_payment_is_found_by_its_message_and_dead_only_past_its_last_height_at_the_finality() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    assert_eq!(bench.resolve(&sent).unwrap(), Fate::Open { cancel: None });
    bench.advance(BLOCKHASH_BLOCKS);
    assert_eq!(
        bench.resolve(&sent).unwrap(),
        Fate::Open { cancel: None },
        "its very last block may still take it"
    );
    bench.world().final_lag = 31;
    bench.advance(31);
    assert_eq!(
        bench.resolve(&sent).unwrap(),
        Fate::Open { cancel: None },
        "past it, but not at the finality"
    );
    bench.advance(1);
    assert_eq!(bench.resolve(&sent).unwrap(), Fate::Dead);
}

#[test]
fn a_settled_payment_is_settled_however_late_one_asks_and_a_failed_one_is_dead() {
    for (script, settled) in [(Script::LoseAnswer, true), (Script::Fail, false)] {
        let bench = Bench::new();
        let sent = bench.authorize(&bench.requirement());
        bench.world().script = script;
        bench.settle(&as_order(&sent)).unwrap_err();
        bench.world().final_lag = 5;
        assert_eq!(bench.resolve(&sent).unwrap(), Fate::Open { cancel: None }, "not at the finality yet");
        bench.advance(5);
        for _ in 0..2 {
            match bench.resolve(&sent).unwrap() {
                Fate::Settled(receipt) => {
                    assert!(settled);
                    assert_eq!(receipt.charged, sent.payment.accepted.price.0);
                    assert_eq!(receipt.payer.unwrap().address(), payer().pubkey().to_string());
                }
                Fate::Dead => assert!(!settled),
                other => panic!("{other:?}"),
            }
            bench.advance(10_000);
        }
    }
}

/// Another process, which has never seen a blockhash and starts counting when it is first asked.
fn restarted(bench: &Bench) -> Arc<dyn Payer> {
    let restarted = Registry::builder()
        .with(tollway_exact_spl::ENTRY)
        .family(FAMILY)
        .network(Handle::new::<dyn tollway_solana::Svm>(bench.svm.clone(), bench.svm.clone()))
        .role(Role::Payer)
        .build(bench.ledger.clone(), bench.clock.clone(), Arc::new(NoDice))
        .unwrap();
    restarted.cells().next().unwrap().payer.clone().unwrap()
}

#[test]
fn after_a_restart_the_bound_is_later_never_earlier() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    bench.advance(100);
    let paying = restarted(&bench);
    let resolve = || block_on(paying.resolve(&sent)).unwrap();
    assert_eq!(resolve(), Fate::Open { cancel: None });
    bench.advance(BLOCKHASH_BLOCKS);
    assert_eq!(resolve(), Fate::Open { cancel: None });
    assert_eq!(bench.resolve(&sent).unwrap(), Fate::Dead, "who signed it knows better");
    bench.advance(BLOCKHASH_BLOCKS);
    assert_eq!(resolve(), Fate::Dead);
}

/// The answer to a payment is lost, and the payer is away for longer than its node keeps its history.
#[test]
fn a_node_that_has_forgotten_the_time_of_signing_does_not_say_that_a_payment_is_dead() {
    for landed in [true, false] {
        let bench = Bench::new();
        let sent = bench.authorize(&bench.requirement());
        if landed {
            bench.world().script = Script::LoseAnswer;
            bench.settle(&as_order(&sent)).unwrap_err();
        }
        bench.advance(10_000);
        bench.world().first_block = (15_000, Time::from_secs(NOW + 4_000));
        let paying = restarted(&bench);
        assert_eq!(block_on(paying.resolve(&sent)).unwrap(), Fate::Open { cancel: None });
        for _ in 0..2 {
            bench.advance(2 * BLOCKHASH_BLOCKS);
            assert_eq!(bench.resolve(&sent).unwrap_err().code, Code::NotFound, "by whoever signed it");
            let open = block_on(paying.resolve(&sent)).unwrap_err();
            assert_eq!((open.code, open.next), (Code::NotFound, Next::Later));
        }
        // A node that remembers.
        bench.world().first_block = (11_000, Time::FAR);
        if landed {
            assert!(matches!(bench.resolve(&sent).unwrap(), Fate::Settled(_)));
            assert!(matches!(block_on(paying.resolve(&sent)).unwrap(), Fate::Settled(_)));
            continue;
        }
        assert_eq!(bench.resolve(&sent).unwrap(), Fate::Dead, "who signed it knows the block");
        assert_eq!(block_on(paying.resolve(&sent)).unwrap_err().code, Code::NotFound, "and others the time");
        bench.world().first_block.1 = Time::from_secs(NOW - 10_000);
        assert_eq!(block_on(paying.resolve(&sent)).unwrap(), Fate::Dead);
    }
}

/// A payment that cannot land any more, and a node whose history is short: that its blockhash lived when it was first
/// asked about bounds how far back to look.
#[test]
fn what_is_first_asked_about_in_time_is_dead_for_certain_in_a_short_history() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    let paying = restarted(&bench);
    assert_eq!(block_on(paying.resolve(&sent)).unwrap(), Fate::Open { cancel: None });
    bench.advance(10_000);
    bench.world().first_block = (10_701, Time::FAR);
    assert_eq!(block_on(paying.resolve(&sent)).unwrap_err().code, Code::NotFound);
    bench.world().first_block = (10_700, Time::FAR);
    assert_eq!(block_on(paying.resolve(&sent)).unwrap(), Fate::Dead);
}

struct NoDice;
impl Dice for NoDice {
    fn fill(&self, _: &mut [u8]) {}
}

#[test]
fn when_nobody_can_look_nothing_is_said() {
    let bench = Bench::new();
    let sent = bench.authorize(&bench.requirement());
    bench.world().unreachable = true;
    bench.advance(10_000);
    assert_eq!(bench.resolve(&sent).unwrap_err().code, Code::Unreachable);
}
