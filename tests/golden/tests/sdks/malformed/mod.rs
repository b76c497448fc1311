//! What the SDKs refuse and we refuse too, and where they and we differ.
//!
//! Of a challenge with one entry, ours is the entry's error: a broken entry spoils no other.

mod answers;
mod challenges;
mod encodings;
mod payments;

use crate::bed::{Corpus, FAMILIES, corpora};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollway_core::wire::{SupportedResponse, VerifyResponse, read_facilitator_request, read_requirement};
use tollway_core::{Code, Json, Leg, Offer, Order, Result, Version, wire};
use tollway_golden::{Header, Item, Verdict};
use tollway_http::codec::{self, Limits};

const ENTRY: &str = r#"{"scheme":"exact","network":"eip155:84532","amount":"10000","asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","maxTimeoutSeconds":60,"extra":{"name":"USDC","version":"2"}}"#;
const PAYLOAD: &str = r#"{"signature":"0x00","authorization":{}}"#;

/// How it travels.
enum Wire {
    /// In a header, as it stands.
    Raw(&'static [u8]),
    /// In a header, in base64.
    Base64(String),
    /// In a body.
    Body(String),
}
use Wire::{Base64, Body, Raw};

/// What is wrong, its kind, what travels, our code (`ok` when we take it), and whether the reference SDK and the
/// Python SDK refuse it.
type Row = (&'static str, &'static str, Wire, &'static str, [bool; 2]);

const BOTH: [bool; 2] = [true, true];
const REFERENCE: [bool; 2] = [true, false];
const PYTHON: [bool; 2] = [false, true];
const NEITHER: [bool; 2] = [false, false];

/// Why what one refuses another takes. Everything else in the tables is refused by all three.
const DIFFERENCES: &[(&str, &str)] = &[
    ("challenge: version 3", "Python takes for v2 whatever does not say that it is v1"),
    ("challenge: version \"2\"", "the same"),
    ("challenge: no version", "the same"),
    ("payment: version 3", "the same"),
    ("payment: no version", "the same"),
    ("receipt: a list", "the reference SDK reads receipts without a schema"),
    ("receipt: nothing", "the same"),
    ("receipt: without a transaction", "the same; x402-rs leaves it out when it fails, so we take it"),
    ("settle: no transaction", "x402-rs leaves it out when it fails"),
    ("settle: no network", "x402-rs leaves it empty when it fails"),
    ("challenge: no accepts", "nothing to pay is no reason to read nothing"),
    ("challenge: accepts of null", "Go writes an empty list so"),
    ("challenge: no entries", "nothing to pay is no reason to read nothing"),
    ("supported: kinds of null", "Go writes an empty list so"),
    ("challenge: a resource of text", "it only goes back to whoever wrote it"),
    ("challenge: extensions that are a list", "they only go back to whoever wrote them"),
    ("payment: extensions of text", "they are compared with what was offered, where anything was"),
    ("payment: a payload of null", "the payload is the plugin's to read, and it refuses it"),
    ("payment: a payload of text", "the same"),
    ("challenge: a network without a family", "Python takes any text for a network"),
    ("challenge: v1 with an unknown network", "the SDKs read any name"),
    ("challenge: an amount of nothing", "we read amounts where they come in"),
    ("challenge: a negative amount", "the same"),
    ("challenge: a fractional amount", "the same"),
    ("challenge: an asset that is no address", "we read addresses where they come in"),
    ("challenge: a payee of nothing", "the same"),
    ("challenge: a timeout of none", "the payer refuses it, because nobody could settle in time"),
    ("challenge: a negative timeout", "Python takes any number"),
    ("challenge: an amount said twice", "two readers could see two amounts"),
    ("payment: a payload said twice", "two readers could see two payments"),
    ("challenge: v1 without a description", "nobody pays for a description"),
    ("challenge: v1 without a resource", "nobody pays for its name"),
    ("challenge: v1 with an amount of v2", "the name of the field is no reason to refuse"),
];

fn challenge(entry: &str) -> String {
    format!(r#"{{"x402Version":2,"resource":{{"url":"https://api.example"}},"accepts":[{entry}]}}"#)
}
fn payment(parts: &str) -> String {
    format!(r#"{{"x402Version":2,{parts}}}"#)
}
fn rows() -> Vec<Row> {
    [encodings::encodings(), challenges::challenges(), payments::payments(), answers::answers()]
        .into_iter()
        .flatten()
        .collect()
}

fn item((name, what, wire, ..): &Row) -> Item {
    let header = |value: String| {
        let name = match *what {
            "challenge" => "PAYMENT-REQUIRED",
            "receipt" => "PAYMENT-RESPONSE",
            _ if name.starts_with("v1") => "X-PAYMENT",
            _ => "PAYMENT-SIGNATURE",
        };
        Some(Header { name: name.to_owned(), value })
    };
    let (header, text) = match wire {
        Raw(bytes) => (header(String::from_utf8_lossy(bytes).into_owned()), None),
        Base64(text) => (header(base64_simd::STANDARD.encode_to_string(text)), None),
        Body(text) => (None, Some(text.clone())),
    };
    let (id, what) = (format!("{what}: {name}"), (*what).to_owned());
    Item { id, what, version: 2, header, text, read: Value::Null, answers: None, at: None, method: None }
}

fn offer() -> Offer {
    let requirement = read_requirement(&Json::parse(ENTRY).unwrap(), Version::V2, FAMILIES).unwrap();
    Offer { requirement, bound_to: None, volatile: Vec::new() }
}

/// What we make of it: a code, or `ok`; `none` when it is no message at all.
fn ours(item: &Item) -> String {
    let limits = Limits::default();
    let headers = HeaderMap::from_iter(item.header.iter().map(|header| {
        let name = HeaderName::from_bytes(header.name.as_bytes()).unwrap();
        (name, HeaderValue::from_str(&header.value).unwrap())
    }));
    let text = item.text.as_deref().unwrap_or("");
    let body = || codec::parse(text.as_bytes(), limits.challenge_bytes, limits.depth);
    let found: Result<Option<()>> = match item.what.as_str() {
        "challenge" => {
            codec::read_challenge(&headers, text.as_bytes(), FAMILIES, &limits).and_then(|found| {
                let Some(challenge) = found else { return Ok(None) };
                challenge.accepts.into_iter().try_for_each(|entry| entry.requirement.map(drop)).map(Some)
            })
        }
        "payment" => {
            codec::read_payment(&headers, &[offer()], FAMILIES, &limits).map(|found| found.map(drop))
        }
        "request" => body().and_then(|json| read_facilitator_request(&json, FAMILIES)).map(|_| Some(())),
        "verify" => body().and_then(|json| json.read::<VerifyResponse>()).map(|_| Some(())),
        "supported" => body().and_then(|json| json.read::<SupportedResponse>()).map(|_| Some(())),
        "settle" => body().and_then(|json| codec::settle_response(&json)).map(|_| Some(())),
        _ => codec::read_receipt(&headers, &limits).map(|found| found.map(drop)),
    };
    match found {
        Ok(Some(())) => "ok".to_owned(),
        Ok(None) => "none".to_owned(),
        Err(e) => e.code.as_str().to_owned(),
    }
}

#[test]
fn is_refused_as_the_table_says() {
    let (rows, jobs): (Vec<Row>, Vec<Value>) = rows()
        .into_iter()
        .map(|row| {
            let job = json!({"do": "read", "item": item(&row)});
            (row, job)
        })
        .unzip();
    let verdicts: Vec<Vec<Verdict>> =
        corpora().iter().map(|Corpus { sdk, .. }| sdk.check(&jobs).unwrap()).collect();
    let (mut wrong, mut differing) = (Vec::new(), BTreeSet::new());
    for (at, row) in rows.iter().enumerate() {
        let refused = [0, 1].map(|sdk: usize| matches!(verdicts[sdk][at], Verdict::Error(_)));
        let found = (ours(&item(row)), refused);
        if found.0 == "ok" || found.1 != BOTH {
            differing.insert(item(row).id);
        }
        if (found.0.as_str(), found.1) != (row.3, row.4) {
            wrong.push(format!("{}: {}: {found:?}", row.1, row.0));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(differing, DIFFERENCES.iter().map(|(id, _)| (*id).to_owned()).collect());
}

/// A payload is the plugin's: what the wire lets through, it refuses.
#[test]
fn payloads_are_refused_by_the_plugin() {
    for payload in ["null", "\"0x00\"", "[]", PAYLOAD] {
        let payment = payment(&format!(r#""payload":{payload},"accepted":{ENTRY}"#));
        let (_, payment) = wire::parse_payment(payment, &[offer()], FAMILIES).unwrap();
        let order = Order { leg: Leg::After, requirement: offer().requirement, payment };
        assert_eq!(tollway_exact_eip3009::read(&order).unwrap_err().code, Code::InvalidPayload, "{payload}");
    }
}
