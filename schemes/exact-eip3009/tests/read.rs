//! `read`: what a payload binds, and every way in which it can fail to.

mod support;

use proptest::prelude::*;
use serde_json::json;
use support::*;
use tollway_core::wire::{read_payment, write_payment};
use tollway_core::*;
use tollway_exact_eip3009::{ENTRY, read_by_key};

#[test]
fn an_honest_payment_reads_as_what_was_signed() {
    let bench = Bench::new();
    let order = bench.order();
    let terms = (ENTRY.read)(&order).unwrap();
    assert_eq!(terms.payer, Some(FAMILY.account(bench.evm.chain, &bench.payer.to_string()).unwrap()));
    assert_eq!(terms.payee, order.requirement.pay_to);
    assert_eq!(terms.ceiling, order.requirement.price);
    assert_eq!(terms.not_before, Time::ZERO);
    assert_eq!(terms.settle_before, Time::from_secs(NOW + 60 - 6));
    let (from, nonce) = (said(&order.payment, "from"), said(&order.payment, "nonce"));
    let key = format!("eip3009:{CHAIN}:{TOKEN}:{from}:{nonce}").to_lowercase();
    assert_eq!(terms.replay, [ReplayKey(key)]);
    assert!(terms.check(&order, bench.clock.now()).is_ok());
}

type Twin = (&'static str, fn(&mut Order), Code);

/// Every single change to an honest payment, each with the code that it alone is refused by.
const TWINS: &[Twin] = &[
    ("from", |o| set(o, "from", json!(PAYEE)), Code::InvalidSignature),
    ("to", |o| set(o, "to", json!(TOKEN)), Code::RecipientMismatch),
    ("value less", |o| set(o, "value", json!("9999")), Code::ValueMismatch),
    ("value more", |o| set(o, "value", json!("10001")), Code::ValueMismatch),
    ("value far above 128 bits", |o| set(o, "value", json!("9".repeat(70))), Code::ValueMismatch),
    ("validAfter", |o| set(o, "validAfter", json!("1")), Code::InvalidSignature),
    ("validBefore", |o| set(o, "validBefore", json!("1900000000")), Code::InvalidSignature),
    ("nonce", |o| set(o, "nonce", json!(format!("0x{}", "5a".repeat(32)))), Code::InvalidSignature),
    ("r", |o| flip(o, 4), Code::InvalidSignature),
    ("s", |o| flip(o, 100), Code::InvalidSignature),
    ("v", |o| flip(o, 131), Code::InvalidSignature),
    ("no signature", |o| set(o, "signature", json!(null)), Code::InvalidPayload),
    (
        "a longer signature",
        |o| set(o, "signature", json!("0x".to_owned() + &"11".repeat(97))),
        Code::InvalidSignature,
    ),
    ("an empty signature", |o| set(o, "signature", json!("0x")), Code::InvalidSignature),
    (
        "a wrapper around nothing",
        |o| set(o, "signature", json!("0x".to_owned() + &"6492".repeat(16))),
        Code::InvalidSignature,
    ),
    ("asked more", |o| o.requirement.price.0.atomic += 1, Code::ValueMismatch),
    ("asked less", |o| o.requirement.price.0.atomic -= 1, Code::ValueMismatch),
    (
        "payTo",
        |o| o.requirement.pay_to = FAMILY.account(o.requirement.chain, TOKEN).unwrap(),
        Code::RecipientMismatch,
    ),
    ("domain name", |o| extra(o, json!({"name": "USD Coin", "version": "2"})), Code::DomainNameMismatch),
    ("domain version", |o| extra(o, json!({"name": "USDC", "version": "1"})), Code::DomainVersionMismatch),
    ("no domain", |o| extra(o, json!({})), Code::MissingDomain),
    ("half a domain", |o| extra(o, json!({"name": "USDC"})), Code::MissingDomain),
    ("token", |o| asset(o, o.requirement.chain, PAYEE), Code::InvalidSignature),
    ("chain", |o| chain(o, "eip155:84533"), Code::InvalidSignature),
    ("chain family", |o| chain(o, "other:84532"), Code::InvalidNetwork),
    ("asset on another chain", |o| asset(o, ChainId::new("eip155:1").unwrap(), TOKEN), Code::InvalidNetwork),
];

fn set(order: &mut Order, field: &str, value: serde_json::Value) {
    order.payment = edited(&order.payment, field, value);
}
fn flip(order: &mut Order, at: usize) {
    let mut text = said(&order.payment, "signature").into_bytes();
    text[at] = if text[at] == b'0' { b'1' } else { b'0' };
    set(order, "signature", json!(String::from_utf8(text).unwrap()));
}
fn extra(order: &mut Order, value: serde_json::Value) {
    order.requirement.extra = Extra(Json::of(&value));
}
fn asset(order: &mut Order, chain: ChainId, key: &str) {
    order.requirement.price.0.asset = FAMILY.asset(chain, key).unwrap();
}
fn chain(order: &mut Order, id: &str) {
    order.requirement.chain = ChainId::new(id).unwrap();
    asset(order, order.requirement.chain, TOKEN);
}

#[test]
fn every_altered_twin_is_refused_by_its_own_code_and_costs_one_look_at_most() {
    let bench = Bench::new();
    for (what, alter, code) in TWINS {
        let honest = bench.order();
        assert_eq!(read_by_key(&honest), (ENTRY.read)(&honest), "{what}");
        let mut twin = honest.clone();
        alter(&mut twin);
        let before = bench.world().looks;
        let refused = read_by_key(&twin).expect_err(what);
        assert_eq!(&refused.code, code, "{what}: {refused}");
        // The settler settles on its own chain, and only tokens that somebody vouches for, whoever signed.
        let code = match *what {
            "token" => &Code::UnknownAsset,
            "chain" => &Code::InvalidNetwork,
            _ => code,
        };
        let refused = bench.verify(&twin).expect_err(what);
        assert_eq!(&refused.code, code, "{what}: {refused}");
        // Another's signature may be right for an account with code, and only the node knows who has any.
        let asked = usize::from(*code == Code::InvalidSignature && (ENTRY.read)(&twin).is_ok());
        assert!(bench.world().looks - before <= asked, "{what}: asked the node about a forgery");
        assert!(block_on(bench.settling().verify(&twin)).is_err(), "{what}");
        assert!(bench.world().submitted.is_empty(), "{what}");
        let signature = said(&honest.payment, "signature");
        assert!(!refused.to_string().contains(&signature[10..40]), "{what}: {refused}");
        bench.verify(&honest).expect(what);
    }
}

#[test]
fn a_signature_that_only_code_can_judge_is_read_as_what_it_says_and_proven_by_the_chain() {
    let bench = Bench::new();
    let mut order = bench.order();
    let terms = (ENTRY.read)(&order).unwrap();
    set(&mut order, "signature", json!("0x".to_owned() + &"11".repeat(97)));
    assert_eq!((ENTRY.read)(&order), Ok(terms), "the same money, payee, window and replay key");
    let e = bench.verify(&order).unwrap_err();
    assert_eq!((e.code, e.next), (Code::InvalidSignature, Next::Never));
    assert!(e.detail.contains("97 bytes") && e.detail.contains("no code"), "{}", e.detail);
}

#[test]
fn the_window_is_checked_with_the_margin_and_never_overflows() {
    let bench = Bench::new();
    let order = bench.order();
    let terms = (ENTRY.read)(&order).unwrap();
    let at = |secs| terms.check(&order, Time::from_secs(secs)).map_err(|e| e.code);
    assert_eq!(at(NOW), Ok(()));
    assert_eq!(at(NOW + 53), Ok(()));
    assert_eq!(at(NOW + 54), Err(Code::Expired));
}

#[test]
fn a_token_in_no_table_is_read_by_the_domain_that_the_seller_names() {
    let settings = json!({"tokens": [{"chain": CHAIN, "address": PAYEE, "name": "Play", "version": "9"}]});
    let bench = Bench::with(PAYEE, ("Play", "9"), settings, |_| {});
    let order = bench.order();
    (ENTRY.read)(&order).unwrap();
    bench.verify(&order).unwrap();
    let mut other = order;
    extra(&mut other, json!({"name": "Play", "version": "8"}));
    assert_eq!(read_by_key(&other).unwrap_err().code, Code::InvalidSignature);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_authorized_survives_the_wire_and_reads_the_same(atomic in 1u128..1_000_000, timeout_s in 7u64..80_000, payee: [u8; 20]) {
        let bench = Bench::new();
        let mut price = bench.price(Flow::Authorization);
        let payee = alloy::primitives::Address::from(payee).to_string();
        price.ceiling.0.atomic = atomic;
        price.timeout_s = timeout_s;
        price.pay_to = FAMILY.account(bench.evm.chain, &payee).unwrap();
        let kinds = block_on(bench.settling().kinds()).unwrap();
        let offer = bench.selling().offer(&price, &kinds[0]).unwrap();
        let sent = bench.authorize(&offer.requirement);
        let order = |payment| Order { leg: Leg::After, requirement: offer.requirement.clone(), payment };
        let before = (ENTRY.read)(&order(sent.payment.clone())).unwrap();
        let raw = write_payment(&sent.payment, &[FAMILY]).unwrap();
        let raw = Json::parse(raw.as_str()).unwrap();
        let (at, received) = read_payment(&raw, [&offer], &[FAMILY]).unwrap();
        prop_assert_eq!(at, 0);
        let after = (ENTRY.read)(&order(received)).unwrap();
        prop_assert_eq!(&before, &after);
        prop_assert_eq!(after.settle_before, sent.spendable_until.minus_ms(6_000));
    }

    #[test]
    fn any_flipped_bit_is_refused(bits in proptest::collection::vec(any::<u64>(), 40)) {
        let bench = Bench::new();
        let order = bench.order();
        let fields = ["signature", "from", "to", "value", "validAfter", "validBefore", "nonce"];
        for bit in bits {
            let field = fields[usize::try_from(bit % 7).unwrap()];
            let text = said(&order.payment, field);
            let mutated = match text.strip_prefix("0x") {
                Some(digits) => {
                    let mut bytes = alloy::hex::decode(digits).unwrap();
                    let at = usize::try_from(bit / 7).unwrap_or(0) % (bytes.len() * 8);
                    bytes[at / 8] ^= 1 << (at % 8);
                    alloy::hex::encode_prefixed(bytes)
                }
                None => (text.parse::<u128>().unwrap() ^ (1 << (bit / 7 % 100))).to_string(),
            };
            let twin = Order { payment: edited(&order.payment, field, json!(mutated)), ..order.clone() };
            prop_assert!(read_by_key(&twin).is_err(), "{field} {text} {mutated}");
        }
    }

    #[test]
    fn no_payload_makes_it_panic(text in "\\PC{0,200}", field in 0usize..7, value in "[0-9a-fx\"{}:,-]{0,80}") {
        let bench = Bench::new();
        let order = bench.order();
        let fields = ["signature", "from", "to", "value", "validAfter", "validBefore", "nonce"];
        let twin = Order { payment: edited(&order.payment, fields[field], json!(value)), ..order.clone() };
        let _ = (ENTRY.read)(&twin);
        let payload = Json::of(&text);
        let twin = Order { payment: Payment { payload, ..order.payment.clone() }, ..order };
        prop_assert_eq!((ENTRY.read)(&twin).unwrap_err().code, Code::InvalidPayload);
    }
}
