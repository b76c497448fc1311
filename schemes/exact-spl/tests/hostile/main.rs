//! Hostile transactions, one row each: refused with a code of its own, never co-signed, while the unmodified
//! twin is accepted. The payer is the attacker: it signs whatever it likes with its own key.

#[allow(unreachable_pub, reason = "a table of its own")]
mod rows;
#[path = "../support/mod.rs"]
mod support;

use rows::*;
use solana_keypair::Keypair;
use support::forge::*;
use support::*;
use tollway_core::*;

fn keys() -> [Keypair; 2] {
    [payer(), stranger()]
}

/// The bytes of a row's transaction, from an honest one.
fn bent(bench: &Bench, honest: &Order, row: &Row) -> Vec<u8> {
    let mut forge = apart(honest);
    match row.change {
        Pieces(bend) => {
            bend(bench, &mut forge);
            let keys = keys();
            forge.sign(&keys.iter().collect::<Vec<_>>());
            forge.bytes()
        }
        Bytes(break_) => {
            let mut bytes = forge.bytes();
            break_(&mut bytes);
            bytes
        }
    }
}

/// A settler that vouches for anything: what a careless or bribed verifier would let through.
struct Credulous;
#[async_trait]
impl Settler for Credulous {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        Ok(Vec::new())
    }
    async fn effort(&self, _: &Order) -> Result<Effort> {
        Ok(Effort::default())
    }
    async fn verify(&self, _: &Order) -> Result<Proof> {
        Ok(Proof::default())
    }
    async fn settle(&self, _: Due) -> Result<Receipt> {
        Err(Error::us(Code::Internal))
    }
    async fn resume(&self, _: &Order, _: Option<Amount>) -> Result<Fate> {
        Ok(Fate::Dead)
    }
}

/// Terms that fulfil any order.
fn credulous(order: &Order) -> Result<Terms> {
    Ok(Terms {
        payer: None,
        payee: order.requirement.pay_to,
        ceiling: order.requirement.price,
        replay: vec![ReplayKey("any".to_owned())],
        not_before: Time::ZERO,
        settle_before: Time::FAR,
    })
}

/// Settles a payment that only [`Credulous`] has verified.
fn settle_unverified(bench: &Bench, order: &Order) -> Result<Receipt> {
    let verified = block_on(flow::verify(credulous, &Credulous, order.clone(), &*bench.clock)).unwrap();
    block_on(bench.settling().settle(verified.due(order.requirement.price.full()).unwrap()))
}

#[test]
fn every_hostile_transaction_is_refused_with_its_code_and_its_twin_is_not() {
    let rows = rows();
    assert!(rows.len() >= 30, "{}", rows.len());
    for row in &rows {
        let bench = Bench::new();
        let honest = bench.order();
        let twin = with_bytes(&honest, &apart(&honest).bytes());
        bench.verify(&twin).unwrap_or_else(|e| panic!("the twin of {:?}: {e}", row.name));
        let bytes = bent(&bench, &honest, row);
        assert_ne!(bytes, apart(&honest).bytes(), "{}", row.name);
        let hostile = with_bytes(&honest, &bytes);
        let refused = bench.verify(&hostile).expect_err(row.name);
        assert_eq!(refused.code, row.code, "{}: {refused}", row.name);
        assert!(!refused.detail.is_empty(), "{}", row.name);
        assert_eq!(bench.world().cosigned, 0, "{}", row.name);
        bench.settle(&twin).unwrap_or_else(|e| panic!("the twin of {:?}: {e}", row.name));
        assert_eq!(bench.world().cosigned, 1);
    }
}

#[test]
fn none_is_co_signed_when_somebody_else_has_vouched_for_it() {
    for row in &rows() {
        let bench = Bench::new();
        let honest = bench.order();
        let hostile = with_bytes(&honest, &bent(&bench, &honest, row));
        let refused = settle_unverified(&bench, &hostile).expect_err(row.name);
        assert!(!refused.is_unknown_outcome(), "{}: {refused}", row.name);
        assert_eq!(bench.sent(), (0, 0), "{}", row.name);
    }
}

#[test]
fn evidence_of_one_payment_does_not_settle_another() {
    let bench = Bench::new();
    let (honest, another) = (bench.order(), bench.order());
    let proof = block_on(bench.settling().verify(&honest)).unwrap();
    struct Swapped(Proof);
    #[async_trait]
    impl Settler for Swapped {
        async fn kinds(&self) -> Result<Vec<Kind>> {
            Ok(Vec::new())
        }
        async fn effort(&self, _: &Order) -> Result<Effort> {
            Ok(Effort::default())
        }
        async fn verify(&self, _: &Order) -> Result<Proof> {
            Ok(self.0.clone())
        }
        async fn settle(&self, _: Due) -> Result<Receipt> {
            Err(Error::us(Code::Internal))
        }
        async fn resume(&self, _: &Order, _: Option<Amount>) -> Result<Fate> {
            Ok(Fate::Dead)
        }
    }
    let read = tollway_exact_spl::read;
    let verified = block_on(flow::verify(read, &Swapped(proof), another.clone(), &*bench.clock)).unwrap();
    let due = verified.due(another.requirement.price.full()).unwrap();
    assert_eq!(block_on(bench.settling().settle(due)).unwrap_err().code, Code::Internal);
    assert_eq!(bench.world().cosigned, 0);
}

#[test]
fn a_memo_that_was_asked_for_stands_there_once_byte_for_byte() {
    let bench = Bench::new();
    let asking = bench.asking(serde_json::json!({"memo": "order 77 – ö"}));
    let honest = bench.order_for(asking);
    bench.verify(&honest).unwrap();
    let cases: [(&str, Code, Bend); 5] = [
        ("none", Code::MemoCount, |_, f| {
            f.ixs.remove(3);
        }),
        ("an assertion in its place", Code::MemoCount, |_, f| f.ixs[3] = guard(&[])),
        ("twice", Code::MemoCount, |_, f| f.ixs.push(f.ixs[3].clone())),
        ("with one more", Code::MemoCount, |_, f| f.ixs.push(memo(b"mine"))),
        ("another", Code::MemoMismatch, |_, f| f.ixs[3].data = b"order 78".to_vec()),
    ];
    for (name, code, bend) in cases {
        let row = pieces("memo", code.clone(), bend);
        let refused = bench.verify(&with_bytes(&honest, &bent(&bench, &honest, &row))).expect_err(name);
        assert_eq!(refused.code, code, "{name}: {refused}");
    }
    assert_eq!(bench.world().cosigned, 0);
}

#[test]
fn what_wallets_and_other_clients_do_is_accepted() {
    let accepted: [(&str, Bend); 9] = [
        ("a legacy message", |_, f| f.version = None),
        ("no memo", |_, f| {
            f.ixs.remove(3);
        }),
        ("two memos", |_, f| f.ixs.push(memo(b"note"))),
        ("a memo that the payer signs", |_, f| f.ixs[3].accounts.push(signs(me()))),
        ("one assertion after the transfer", |_, f| f.ixs.push(guard(&[signs(me())]))),
        ("three assertions after the memo", |b, f| {
            f.ixs.extend(vec![guard(&[reads(b.ata(&me()))]); 3]);
        }),
        ("assertions around everything", |_, f| {
            f.ixs.insert(0, guard(&[]));
            f.ixs.insert(3, guard(&[signs(me())]));
        }),
        ("the payer as a writable signer", |_, f| f.ixs[TRANSFER].accounts[3].writes = true),
        ("a limit and a price of the reference client", |_, f| {
            (f.ixs[0], f.ixs[1]) = (limit(20_000), price(1));
        }),
    ];
    for (name, bend) in accepted {
        let bench = Bench::new();
        let honest = bench.order();
        let order = with_bytes(&honest, &bent(&bench, &honest, &pieces(name, Code::Internal, bend)));
        let receipt = bench.settle(&order).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(receipt.charged.atomic, u128::from(PRICE), "{name}");
        assert_eq!(bench.held(&payee()), 5 + PRICE, "{name}");
    }
}

#[test]
fn what_stands_in_the_fee_payers_place_is_replaced() {
    let bench = Bench::new();
    let honest = bench.order();
    let mut bytes = apart(&honest).bytes();
    bytes[1..65].fill(0x77);
    let garbled = with_bytes(&honest, &bytes);
    let key = |order| (bench.cell().read)(order).unwrap().replay;
    assert_eq!(key(&garbled), key(&honest), "the same message is the same payment");
    bench.settle(&garbled).unwrap();
    let wire = bench.world().blocks[0].0.clone();
    let forge = Forge::apart(&wire);
    let signature = tollway_solana::Signature::from(forge.signatures[0]);
    tollway_solana::signature::verify_strict(&boss(), &forge.message(), &signature).unwrap();
}

#[test]
fn no_key_of_ours_no_co_signature() {
    let honest = Bench::new().order();
    let strange =
        |keys: Vec<Keypair>| Bench::try_with(Setup::default(), |chain| chain.sponsors = keys).unwrap();
    for keys in [vec![], vec![sponsor(2)]] {
        let bench = strange(keys);
        assert_eq!(bench.verify(&honest).unwrap_err().code, Code::FeePayerNotManaged);
        assert_eq!(settle_unverified(&bench, &honest).unwrap_err().code, Code::FeePayerNotManaged);
        assert_eq!(bench.world().attempts, 0, "before a node is asked");
    }
    // A payer whose key pays fees here would be paid for by itself.
    let bench = strange(vec![sponsor(1), payer()]);
    assert_eq!(bench.verify(&honest).unwrap_err().code, Code::FeePayerTransferring);
}

#[test]
fn the_caps_are_settings_and_never_wider_than_the_protocols() {
    let strict = Bench::set(serde_json::json!({
        "max_compute_units": 30_000, "max_compute_price": 10, "max_priority_lamports": 1, "compute_units": 20_000
    }));
    let honest = strict.order();
    strict.verify(&honest).unwrap();
    let cases: [(Bend, Code); 3] = [
        (|_, f| f.ixs[0] = limit(30_001), Code::ComputeLimitTooHigh),
        (|_, f| f.ixs[1] = price(11), Code::ComputePriceTooHigh),
        (|_, f| (f.ixs[0], f.ixs[1]) = (limit(30_000), price(34)), Code::ComputePriceTooHigh),
    ];
    for (bend, code) in cases {
        let row = pieces("caps", code.clone(), bend);
        assert_eq!(
            strict.verify(&with_bytes(&honest, &bent(&strict, &honest, &row))).unwrap_err().code,
            code
        );
    }
    for wide in [
        serde_json::json!({"max_compute_units": 400_001}),
        serde_json::json!({"max_compute_price": 5_000_001}),
        serde_json::json!({"compute_units": 0}),
        serde_json::json!({"max_compute_unit": 1}),
    ] {
        let setup = Setup { settings: wide.clone(), ..Setup::default() };
        let refused = Bench::try_with(setup, |_| {}).map(|_| ()).unwrap_err();
        assert_eq!(refused.code, Code::BadSettings, "{wide}");
        assert!(refused.detail.contains("exact-spl"), "{refused}");
    }
}

/// Every code in the table can be told from every other by a peer.
#[test]
fn codes_go_out_in_words_of_their_own() {
    let mut words = std::collections::HashMap::new();
    for row in rows() {
        assert_eq!(Code::from_wire(row.code.as_str()), row.code, "{}", row.name);
        let before = words.insert(row.code.as_str().to_owned(), row.code.clone());
        assert!(before.is_none_or(|code| code == row.code), "{}", row.name);
    }
    assert!(words.len() >= 30, "{} codes", words.len());
}

/// The one place where a fee payer's signature is asked for takes what the judgement made, and nothing else.
#[test]
fn only_one_place_co_signs() {
    let sources = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
    let mut submitting = Vec::new();
    for file in sources.map(|file| file.unwrap().path()) {
        let text = std::fs::read_to_string(&file).unwrap();
        if text.contains("Submit {") {
            submitting.push(file.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    submitting.sort();
    assert_eq!(submitting, ["open.rs", "sponsor.rs"]);
    let open = include_str!("../../src/open.rs");
    assert!(open.contains("fee_payer: None,"), "the payer's own transaction, signed by the payer alone");
    let sponsor = include_str!("../../src/sponsor.rs");
    assert_eq!(
        sponsor.matches("Ok(Self {").count(),
        1,
        "one way to make what can be co-signed: by judging it"
    );
    assert!(sponsor.contains("pub(crate) async fn send(&self, svm"));
}
