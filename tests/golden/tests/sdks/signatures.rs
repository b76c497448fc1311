//! Signed payments: theirs read and verified by us, ours read and verified by them; no chain is asked.

use crate::bed::{Corpus, FAMILIES, challenge, corpora, each, with_header};
use crate::payer::pay;
use crate::payments::payment;
use http::HeaderMap;
use serde_json::{Value, json};
use tollway_core::wire::{header, write_payment};
use tollway_core::{Challenge, Code, Json, Leg, Order, Payment, Requirement, Time};
use tollway_evm::LocalKey;
use tollway_golden::{Item, KEY, NOW, Sdk, Verdict};
use tollway_http::codec;

fn signed() -> Vec<(&'static Corpus, &'static Item)> {
    let payments = each("payment", 130).into_iter();
    payments.filter(|(_, item)| item.method.as_deref() == Some("eip3009")).collect()
}

/// A payment as a server would hand it to its settler: with the server's own offer.
fn order(corpus: &Corpus, item: &Item) -> Order {
    let (at, payment) = payment(corpus, item);
    let asked = challenge(corpus.item(item.answers.as_ref().unwrap()));
    let requirement = asked.accepts[at].requirement.clone().unwrap();
    Order { leg: Leg::After, requirement, payment }
}

/// v1 names that the Python SDK takes for other chains than the reference SDK and Tollway do (1513, 656476 and
/// 1444673419 for 1514, 41923 and 324705682): who signs there signs for another chain.
const ELSEWHERE: [&str; 3] = ["story", "educhain", "skale-base-sepolia"];

fn elsewhere(sdk: &Sdk, network: &Value) -> bool {
    sdk.name == "python" && network.as_str().is_some_and(|network| ELSEWHERE.contains(&network))
}

fn me() -> String {
    LocalKey::from_bytes(&KEY).unwrap().address().to_string()
}

#[test]
fn of_theirs_are_read_as_what_they_signed() {
    let signed = signed();
    assert!(signed.len() >= 110, "{}", signed.len());
    for (corpus, item) in signed {
        let (what, order) = (corpus.name(item), order(corpus, item));
        let terms = tollway_exact_eip3009::read_by_key(&order);
        if elsewhere(&corpus.sdk, &item.read["network"]) {
            assert_eq!(terms.unwrap_err().code, Code::InvalidSignature, "{what}");
            continue;
        }
        let terms = terms.unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(terms.payer.unwrap().address().eq_ignore_ascii_case(&me()), "{what}");
        assert_eq!(
            (terms.payee, terms.ceiling),
            (order.requirement.pay_to, order.requirement.price),
            "{what}"
        );
        let said = &item.read["payload"]["authorization"];
        let seconds = |key: &str| said[key].as_str().unwrap().parse::<u64>().unwrap();
        assert_eq!(terms.not_before, Time::from_secs(seconds("validAfter")), "{what}");
        assert_eq!(terms.settle_before, Time::from_secs(seconds("validBefore") - 6), "{what}");
        assert!(terms.replay[0].0.ends_with(said["nonce"].as_str().unwrap()), "{what}");
        terms.check(&order, Time::from_secs(NOW)).unwrap_or_else(|e| panic!("{what}: {e}"));
    }
}

#[test]
fn of_theirs_with_anything_else_in_them_are_refused() {
    for (corpus, item) in signed() {
        let honest = order(corpus, item);
        for (field, value) in
            [("nonce", format!("0x{}", "5a".repeat(32))), ("validBefore", (NOW + 1).to_string())]
        {
            let mut payload = honest.payment.payload.value();
            payload["authorization"][field] = value.into();
            let payment = Payment { payload: Json::of(&payload), ..honest.payment.clone() };
            let refused =
                tollway_exact_eip3009::read_by_key(&Order { payment, ..honest.clone() }).unwrap_err();
            assert_eq!(refused.code, Code::InvalidSignature, "{}: {field}", corpus.name(item));
        }
    }
}

/// Each entry of each challenge that our payer can pay: the place where it was asked, the entry, and the payment.
fn ours() -> Vec<(&'static Corpus, &'static Item, Value, Payment)> {
    let payable = |r: &&Requirement| {
        r.method.is_none_or(|method| method.as_str() == "eip3009") && r.extra.map().contains_key("name")
    };
    let paid = |(corpus, item): (&'static Corpus, &'static Item)| {
        let asked: Challenge = challenge(item);
        let entries: Vec<Requirement> =
            asked.requirements().map(|(_, r)| r).filter(payable).cloned().collect();
        entries.into_iter().map(move |r| (corpus, item, r.raw.value(), pay(&asked, &r))).collect::<Vec<_>>()
    };
    each("challenge", 60).into_iter().flat_map(paid).collect()
}

fn sent(item: &Item, payment: &Payment) -> Item {
    let mut headers = HeaderMap::new();
    let version = payment.accepted.version;
    codec::set_payment(&mut headers, version, &write_payment(payment, FAMILIES).unwrap()).unwrap();
    let name = header::payment(version);
    let sent = with_header(item, &name.to_ascii_uppercase(), &headers[name]);
    Item { what: "payment".to_owned(), ..sent }
}

#[test]
fn of_ours_are_verified_by_both_sdks() {
    let ours = ours();
    assert!(ours.len() >= 130, "{}", ours.len());
    let spoiled = |payment: &Payment| {
        let mut payload = payment.payload.value();
        let signature = payload["signature"].as_str().unwrap();
        payload["signature"] = format!("0x00{}", &signature[4..]).into();
        Payment { payload: Json::of(&payload), ..payment.clone() }
    };
    let jobs: Vec<Value> = ours
        .iter()
        .flat_map(|(_, item, entry, payment)| [(item, entry, payment.clone()), (item, entry, spoiled(payment))])
        .map(|(item, entry, payment)| json!({"do": "verify", "requirements": entry, "item": sent(item, &payment)}))
        .collect();
    for Corpus { sdk, .. } in corpora() {
        let verdicts = sdk.check(&jobs).unwrap();
        let mut valid = 0;
        for ((corpus, item, entry, _), verdicts) in ours.iter().zip(verdicts.chunks(2)) {
            let what = format!("{} for {entry}, verified by {}", corpus.name(item), sdk.name);
            match verdicts {
                [Verdict::Value(good), Verdict::Value(bad)] => {
                    let same_chain = !elsewhere(sdk, &entry["network"]);
                    let verdict = (&good["isValid"], &good["payer"]);
                    assert_eq!(verdict, (&json!(same_chain), &json!(me())), "{what}: {good}");
                    assert_eq!(bad["isValid"], json!(false), "{what}: {bad}");
                    valid += 1;
                }
                // An SDK that cannot read the other one's entry cannot verify a payment of it.
                [Verdict::Error(_), Verdict::Error(_)] if corpus.sdk.name != sdk.name => {}
                other => panic!("{what}: {other:?}"),
            }
        }
        assert!(valid * 10 >= ours.len() * 9, "{}: {valid} of {}", sdk.name, ours.len());
    }
}
