//! The body of a facilitator's `/verify` and `/settle`.

use super::object::{Almost, Fault, Object, any_order, broken, faults, hostile_object, quoted, written};
use super::{Spelling, json, payment, requirement};
use proptest::prelude::*;
use tollway_core::Version;

/// What a facilitator accepts: payload and requirements agree.
pub fn valid(spelling: Spelling, version: Version) -> BoxedStrategy<String> {
    written(any_order(object(spelling, version))).boxed()
}

/// A request with one thing wrong.
pub fn almost(spelling: Spelling, version: Version) -> BoxedStrategy<Almost> {
    broken(object(spelling, version), FAULTS).boxed()
}

/// Anything where a request is expected.
pub fn hostile(spelling: Spelling, version: Version, size: usize) -> BoxedStrategy<String> {
    let with = |key: &'static str, value: BoxedStrategy<String>| {
        (object(spelling, version), value).prop_map(move |(object, value)| object.set(key, value).text())
    };
    prop_oneof![
        json::hostile(size),
        json::mangled(valid(spelling, version)),
        hostile_object(KEYS, size),
        with("paymentPayload", payment::hostile(spelling, version, size)),
        with("paymentRequirements", requirement::hostile(spelling, version, size)),
    ]
    .boxed()
}

fn object(spelling: Spelling, version: Version) -> impl Strategy<Value = Object> {
    (payment::parts(spelling, version), any::<bool>()).prop_map(move |((offer, envelope), says_version)| {
        let says_version = says_version.then(|| u8::from(version).to_string());
        Object::default()
            .maybe("x402Version", says_version)
            .with("paymentPayload", envelope.text())
            .with("paymentRequirements", offer)
    })
}

const KEYS: &[&str] = &["x402Version", "paymentPayload", "paymentRequirements"];

const FAULTS: &[Fault] = faults![
    "no payload" => InvalidPayload: |o| o.without("paymentPayload"),
    "no requirements" => InvalidPayload: |o| o.without("paymentRequirements"),
    "the payload is a text" => InvalidPayload: |o| o.set("paymentPayload", r#""x""#),
    "the requirements are null" => InvalidPaymentRequirements: |o| o.set("paymentRequirements", "null"),
    "the payload is of the future" => InvalidX402Version: |o| {
        o.without("x402Version").set("paymentPayload", r#"{"x402Version":3,"payload":{}}"#)
    },
    "body and payload speak different versions" => InvalidX402Version: |o| o.set("x402Version", "7"),
    "another scheme is asked for" => InvalidScheme: |o| swap(o, "scheme", quoted("other")),
    "the amount asked for is negative" => InvalidAmount: |o| {
        swap(swap(o, "amount", quoted("-1")), "maxAmountRequired", quoted("-1"))
    },
    "nobody is paid" => InvalidAddress: |o| swap(o, "payTo", quoted("")),
];

/// The request with another value in its requirements.
fn swap(request: Object, key: &str, value: String) -> Object {
    let asked: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(request.get("paymentRequirements")).unwrap_or_default();
    let asked = Object(asked.into_iter().map(|(k, v)| (k, v.to_string())).collect());
    let text = asked.set(key, value).text();
    request.set("paymentRequirements", text)
}
