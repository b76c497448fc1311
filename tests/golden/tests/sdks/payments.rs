//! Payment headers, v1 and v2.

use crate::bed::{
    Corpus, FAMILIES, challenge, corpora, each, headers, json_of, offers, read_alike, version, with_header,
};
use crate::views::{network, plain, said, understood};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tollway_core::wire::{header, write_payment};
use tollway_core::{Json, Payment};
use tollway_golden::{Item, Verdict};
use tollway_http::codec::{self, Limits};

/// A payment as a server reads it, and the place of the entry that it pays.
pub(crate) fn payment(corpus: &Corpus, item: &Item) -> (usize, Payment) {
    let asked = challenge(corpus.item(item.answers.as_ref().unwrap()));
    let (places, offers) = offers(&asked);
    let found = codec::read_payment(&headers(item), &offers, FAMILIES, &Limits::default());
    let (at, payment) = found.unwrap_or_else(|e| panic!("{}: {e}", corpus.name(item))).unwrap();
    (places[at], payment)
}

fn written(item: &Item, payment: &Payment) -> Item {
    let mut headers = HeaderMap::new();
    let version = payment.accepted.version;
    codec::set_payment(&mut headers, version, &write_payment(payment, FAMILIES).unwrap()).unwrap();
    let name = header::payment(version);
    with_header(item, &name.to_ascii_uppercase(), &headers[name])
}

#[test]
fn find_the_entry_that_they_pay_and_say_what_their_authors_said() {
    for (corpus, item) in each("payment", 130) {
        let (what, theirs) = (corpus.name(item), plain(&item.read));
        let (at, ours) = payment(corpus, item);
        assert_eq!(Some(at), item.at, "{what}");
        assert_eq!(ours.accepted.version, version(item), "{what}");
        assert_eq!(ours.payload.value(), theirs["payload"], "{what}");
        match item.version {
            1 => {
                let named = (theirs["scheme"].as_str().unwrap(), theirs["network"].as_str().unwrap());
                assert_eq!((ours.accepted.scheme.as_str(), network(&ours.accepted)), named, "{what}");
            }
            _ => {
                assert_eq!(understood(&ours.accepted), said(&theirs["accepted"]), "{what}");
                assert_eq!(ours.extensions.map(|e| e.value()), theirs.get("extensions").cloned(), "{what}");
                assert_eq!(
                    ours.resource.map(|r| plain(&r.value())),
                    theirs.get("resource").cloned(),
                    "{what}"
                );
            }
        }
    }
}

#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(borrow)]
    accepted: Option<&'a RawValue>,
    #[serde(borrow)]
    extensions: Option<&'a RawValue>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
}

impl Parts<'_> {
    fn texts(&self) -> [Option<&str>; 4] {
        let parts = [Some(self.payload), self.accepted, self.extensions, self.resource];
        // What means nothing is not written.
        parts.map(|part| part.map(RawValue::get).filter(|text| !matches!(*text, "null" | "{}")))
    }
}

/// Payload, entry, extensions and resource go on to a facilitator, or come back to a server, as they stood.
#[test]
fn keep_their_parts_to_the_byte() {
    for (corpus, item) in each("payment", 130) {
        let (_, ours) = payment(corpus, item);
        let (theirs, ours) = (json_of(item), write_payment(&ours, FAMILIES).unwrap());
        let parts = |json: &Json, then: &mut dyn FnMut(&Parts<'_>)| {
            then(&serde_json::from_str(json.as_str()).unwrap())
        };
        parts(&theirs, &mut |theirs| {
            parts(&ours, &mut |ours| assert_eq!(ours.texts(), theirs.texts(), "{}", corpus.name(item)));
        });
    }
}

/// A client echoes the chosen entry, the resource and the extensions as the server wrote them, whoever wrote them.
#[test]
fn of_ours_echo_a_challenge_to_the_byte() {
    for (corpus, item) in each("challenge", 60).into_iter().filter(|(_, item)| item.version == 2) {
        let asked = challenge(item);
        for accepted in asked.accepts.iter().filter_map(|entry| entry.requirement.clone().ok()) {
            let payment = Payment {
                accepted,
                payload: Json::parse(r#"{"mine":1}"#).unwrap(),
                extensions: asked.extensions.clone(),
                resource: asked.resource.clone(),
            };
            let ours = write_payment(&payment, FAMILIES).unwrap();
            let parts: Parts<'_> = serde_json::from_str(ours.as_str()).unwrap();
            let [_, accepted, extensions, resource] = parts.texts();
            assert_eq!(accepted, Some(payment.accepted.raw.as_str()), "{}", corpus.name(item));
            assert!(json_of(item).as_str().contains(accepted.unwrap()), "{}", corpus.name(item));
            assert_eq!(extensions, asked.extensions.as_ref().map(Json::as_str));
            assert_eq!(resource, asked.resource.as_ref().map(Json::as_str));
        }
    }
}

#[test]
fn written_again_are_read_alike_by_both_sdks() {
    let payments = each("payment", 130);
    let again =
        payments.into_iter().map(|(corpus, item)| (corpus, item, written(item, &payment(corpus, item).1)));
    read_alike(&again.collect::<Vec<_>>(), |value| value.clone());
}

/// Both SDKs' servers find the same offer in what we write as in what the client wrote.
#[test]
fn written_again_match_the_same_offer_at_both_sdks_servers() {
    let payments: Vec<_> = each("payment", 130).into_iter().filter(|(_, item)| item.version == 2).collect();
    let jobs: Vec<Value> = payments
        .iter()
        .flat_map(|(corpus, item)| {
            let asked = corpus.item(item.answers.as_ref().unwrap());
            let ours = written(item, &payment(corpus, item).1);
            [
                json!({"do": "match", "asked": asked, "item": item}),
                json!({"do": "match", "asked": asked, "item": ours}),
            ]
        })
        .collect();
    for Corpus { sdk, .. } in corpora() {
        let verdicts = sdk.check(&jobs).unwrap();
        for ((corpus, item), verdicts) in payments.iter().zip(verdicts.chunks(2)) {
            let what = format!("{}, matched by {}", corpus.name(item), sdk.name);
            match verdicts {
                [Verdict::Value(theirs), Verdict::Value(ours)] => {
                    assert_eq!((theirs, ours), (&json!(item.at), &json!(item.at)), "{what}");
                }
                [Verdict::Error(_), Verdict::Error(_)] => assert_ne!(corpus.sdk.name, sdk.name, "{what}"),
                other => panic!("{what}: {other:?}"),
            }
        }
    }
}
