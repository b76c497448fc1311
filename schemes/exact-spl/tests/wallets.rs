//! Payments of smart wallets: taken only by those who said so, and judged by what they do.

mod support;

use serde_json::json;
use support::forge::*;
use support::*;
use tollway_core::*;
use tollway_solana::{Call, Inner, Pubkey, TokenChange, TokenProgram, address};

const SQUADS: &str = "SQDS4ep65T869zMMBKyuUq6aD6EgTu8psMjkvj52pCf";

fn taking() -> Bench {
    Bench::set(json!({"smart_wallets": true}))
}
/// The wallet's vault: no key signs for it.
fn vault() -> Pubkey {
    Pubkey::new_from_array([4; 32])
}

/// A payment out of a wallet, signed by its member, the payer.
fn forged(bench: &Bench) -> Forge {
    let mut forge = apart(&bench.order());
    let me = payer().pubkey();
    let accounts =
        [signs(me), writes(bench.ata(&payee())), reads(bench.mint), reads(TokenProgram::Token.id())];
    forge.ixs = vec![limit(120_000), price(1_000), ix(key(SQUADS), &accounts, b"execute"), memo(b"note")];
    forge
}
fn order(bench: &Bench, mut forge: Forge) -> Order {
    let (member, other) = (payer(), stranger());
    forge.sign(&[&member, &other]);
    with_bytes(&bench.order(), &forge.bytes())
}

fn transfer(bench: &Bench, amount: u64) -> Inner {
    let call = Call::Transfer {
        source: bench.ata(&vault()),
        destination: bench.ata(&payee()),
        authority: vault(),
        mint: Some(bench.mint),
        amount,
    };
    Inner { under: 2, program: TokenProgram::Token.id(), call, depth: Some(2) }
}
fn grown(bench: &Bench, by: u64) -> TokenChange {
    TokenChange { account: bench.ata(&payee()), mint: bench.mint, before: 5, after: 5 + by }
}
/// The chain does in a block what it did in the trial.
fn honest(bench: &Bench) {
    let (inner, tokens) = (vec![transfer(bench, PRICE)], vec![grown(bench, PRICE)]);
    bench.world().tried = inner.clone();
    bench.world().confirmed = Some((inner, tokens));
}

#[test]
fn it_is_off_unless_seller_and_settler_both_say_so() {
    let bench = Bench::new();
    let wallet = order(&bench, forged(&bench));
    assert_eq!(bench.verify(&wallet).unwrap_err().code, Code::UnknownInstruction);
    // A peer that says so in its own requirement does not decide for this settler.
    let mut asked = wallet.clone();
    let features = json!({"smartWalletSupported": true});
    asked.requirement.extra = asked.requirement.extra.with([("features".to_owned(), features)]);
    honest(&bench);
    let refused = bench.verify(&asked).unwrap_err();
    assert_eq!((refused.code, refused.blame), (Code::SmartWalletProgram, Blame::Settler));
    assert_eq!(bench.sent(), (0, 0));
    // And a seller that does not say so gets plain payments only.
    let taking = taking();
    let mut plain = order(&taking, forged(&taking));
    plain.requirement.extra = Extra::of_pairs(&[("feePayer", &sponsor(1).pubkey().to_string())]);
    honest(&taking);
    assert_eq!(taking.verify(&plain).unwrap_err().code, Code::UnknownInstruction);
}

#[test]
fn one_that_pays_is_settled_and_its_vault_is_the_payer() {
    let bench = taking();
    let wallet = order(&bench, forged(&bench));
    honest(&bench);
    let receipt = bench.settle(&wallet).unwrap();
    assert_eq!(receipt.payer.unwrap().address(), vault().to_string());
    assert_eq!(receipt.charged, wallet.requirement.price.0);
    assert_eq!(receipt.spent.unwrap().cost.atomic, 10_000 + 120);
    match bench.resume(&wallet).unwrap() {
        Fate::Settled(again) => assert_eq!(again.landed, receipt.landed),
        other => panic!("{other:?}"),
    }
    bench.world().journal.clear();
    assert!(matches!(bench.resume(&wallet).unwrap(), Fate::Settled(_)), "found by the payee's account");
    // Plain payments go on as ever.
    bench.settle(&bench.order()).unwrap();
}

#[test]
fn a_node_that_tells_instructions_as_they_were_is_understood_too() {
    let bench = taking();
    let wallet = order(&bench, forged(&bench));
    honest(&bench);
    let accounts = vec![bench.ata(&vault()), bench.mint, bench.ata(&payee()), vault()];
    let data = [&[12][..], &PRICE.to_le_bytes(), &[6]].concat();
    let plain = Inner { call: Call::Plain { accounts, data }, ..transfer(&bench, PRICE) };
    bench.world().tried = vec![plain];
    bench.verify(&wallet).unwrap();
}

#[test]
fn what_a_trial_shows_decides() {
    let own = |bench: &Bench, authority| {
        let Call::Transfer { source, destination, mint, amount, .. } = transfer(bench, PRICE).call else {
            panic!()
        };
        let call = Call::Transfer { source, destination, authority, mint, amount };
        Inner { call, ..transfer(bench, PRICE) }
    };
    type Shown = fn(&Bench, &dyn Fn(&Bench, Pubkey) -> Inner) -> Vec<Inner>;
    let cases: [(&str, Code, Shown); 7] = [
        ("nothing", Code::SmartWalletTransfer, |_, _| vec![]),
        ("one unit less", Code::SmartWalletTransfer, |b, _| vec![transfer(b, PRICE - 1)]),
        ("twice", Code::SmartWalletTransfer, |b, _| vec![transfer(b, PRICE); 2]),
        ("a foreign program's word", Code::SmartWalletTransfer, |b, _| {
            vec![Inner { program: key(SQUADS), ..transfer(b, PRICE) }]
        }),
        ("the other token program", Code::SmartWalletTransfer, |b, _| {
            let Call::Transfer { source, authority, mint, amount, .. } = transfer(b, PRICE).call else {
                panic!()
            };
            let destination = address::ata(&payee(), &b.mint, TokenProgram::Token2022);
            let call = Call::Transfer { source, destination, authority, mint, amount };
            vec![Inner { program: TokenProgram::Token2022.id(), call, ..transfer(b, PRICE) }]
        }),
        ("the sponsor pays", Code::FeePayerTransferring, |b, own| vec![own(b, sponsor(1).pubkey())]),
        ("the sponsor's other key pays somebody, too", Code::FeePayerTransferring, |b, own| {
            vec![transfer(b, PRICE), own(b, sponsor(2).pubkey())]
        }),
    ];
    for (name, code, shown) in cases {
        let bench = taking();
        let wallet = order(&bench, forged(&bench));
        honest(&bench);
        bench.verify(&wallet).unwrap_or_else(|e| panic!("the twin of {name:?}: {e}"));
        let shown = shown(&bench, &own);
        bench.world().tried = shown;
        assert_eq!(bench.verify(&wallet).expect_err(name).code, code, "{name}");
        assert_eq!(bench.sent(), (0, 0), "{name}");
    }
    let generous = taking();
    let wallet = order(&generous, forged(&generous));
    honest(&generous);
    let more = vec![transfer(&generous, PRICE + 1)];
    generous.world().tried = more;
    generous.verify(&wallet).unwrap();
}

#[test]
fn hostile_wallet_transactions_are_refused_before_a_node_is_asked() {
    type Bend = fn(&mut Forge);
    let cases: [(&str, Code, Bend); 17] = [
        ("fee payer in the wallet's accounts", Code::FeePayerExposed, |f| {
            f.ixs[2].accounts.push(signs(sponsor(1).pubkey()));
        }),
        ("fee payer in a memo's accounts", Code::FeePayerExposed, |f| {
            f.ixs[3].accounts.push(reads(sponsor(1).pubkey()));
        }),
        ("another fee payer", Code::FeePayerMismatch, |f| f.fee_payer = sponsor(2).pubkey()),
        ("the sponsor's other key as member", Code::SignatureMissing, |f| {
            f.ixs[2].accounts[0] = signs(sponsor(2).pubkey());
        }),
        ("a program of one's own beside it", Code::SmartWalletProgram, |f| {
            f.ixs.push(ix(vault(), &[], &[1]))
        }),
        ("a token instruction beside it", Code::SmartWalletProgram, |f| {
            f.ixs.push(ix(TokenProgram::Token.id(), &[], &[9]));
        }),
        ("the system program beside it", Code::SmartWalletProgram, |f| {
            f.ixs.push(ix(Pubkey::default(), &[signs(payer().pubkey())], &[4, 0, 0, 0]));
        }),
        ("no compute limit", Code::ComputeLimitInstruction, |f| {
            f.ixs.remove(0);
        }),
        ("a compute limit of zero", Code::ComputeLimitInstruction, |f| f.ixs[0] = limit(0)),
        ("a high compute limit", Code::ComputeLimitTooHigh, |f| f.ixs[0] = limit(400_001)),
        ("a high compute price", Code::ComputePriceTooHigh, |f| f.ixs[1] = price(50_001)),
        ("limit twice", Code::InstructionOrder, |f| f.ixs.push(limit(1))),
        ("price twice", Code::InstructionOrder, |f| f.ixs.push(price(1))),
        ("a heap", Code::ComputeBudgetInstruction, |f| f.ixs.push(ix(BUDGET, &[], &[1, 0, 0, 4, 0]))),
        ("a lookup table", Code::AddressLookupTable, |f| f.tables = vec![(vault(), vec![0], vec![])]),
        ("a long memo", Code::MemoTooLong, |f| f.ixs[3] = memo(&[b'a'; 257])),
        ("seventeen instructions", Code::InstructionCount, |f| f.ixs.extend(vec![memo(b"x"); 13])),
    ];
    for (name, code, bend) in cases {
        let bench = taking();
        honest(&bench);
        let mut forge = forged(&bench);
        bench.verify(&order(&bench, forge.clone())).unwrap_or_else(|e| panic!("the twin of {name:?}: {e}"));
        let attempts = bench.asked().0;
        bend(&mut forge);
        let refused = bench.verify(&order(&bench, forge)).expect_err(name);
        assert_eq!(refused.code, code, "{name}: {refused}");
        assert_eq!((bench.asked().0, bench.sent()), (attempts, (0, 0)), "{name}");
    }
    let bench = taking();
    let mut forge = forged(&bench);
    forge.sign(&[&payer()]);
    forge.signatures[1][5] ^= 1;
    let garbled = with_bytes(&bench.order(), &forge.bytes());
    assert_eq!(bench.verify(&garbled).unwrap_err().code, Code::InvalidSignature);
}

#[test]
fn a_program_that_pays_in_the_trial_alone_has_not_paid() {
    type Change = fn(&Bench, &mut (Vec<Inner>, Vec<TokenChange>));
    let cases: [(&str, Change); 3] = [
        ("no transfer", |_, done| done.0.clear()),
        ("the account has not grown", |_, done| done.1.clear()),
        ("the account has grown by less", |b, done| done.1 = vec![grown(b, PRICE - 1)]),
    ];
    for (name, change) in cases {
        let bench = taking();
        let wallet = order(&bench, forged(&bench));
        honest(&bench);
        let mut done = bench.world().confirmed.clone().unwrap();
        change(&bench, &mut done);
        bench.world().confirmed = Some(done);
        let failed = bench.settle(&wallet).expect_err(name);
        assert_eq!(
            (failed.code.clone(), failed.next.clone()),
            (Code::TransferEventMismatch, Next::Never),
            "{name}"
        );
        assert!(failed.transaction.is_some(), "{name}");
    }
}

#[test]
fn while_the_node_has_not_filed_it_the_outcome_is_unknown() {
    let bench = taking();
    let wallet = order(&bench, forged(&bench));
    honest(&bench);
    let done = bench.world().confirmed.take();
    assert!(bench.settle(&wallet).unwrap_err().is_unknown_outcome());
    bench.world().confirmed = done;
    assert!(matches!(bench.resume(&wallet).unwrap(), Fate::Settled(_)));
}
