//! What a payer sends: the v2 envelope and the v1 envelope.

use super::object::{Almost, Fault, Object, Says, any_order, faults, hostile_object, quoted, written};
use super::{Spelling, json, requirement};
use proptest::prelude::*;
use tollway_core::Version;

/// A payment with the offer that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The offer's text, for [`tollway_core::wire::read_requirement`].
    pub offer: String,
    /// The payment's text.
    pub text: String,
}

/// A payment that matches its offer: echoed to the byte, or by the same values in another spelling.
pub fn valid(spelling: Spelling, version: Version) -> BoxedStrategy<Paid> {
    parts(spelling, version)
        .prop_flat_map(|(offer, envelope)| {
            written(any_order(Just(envelope))).prop_map(move |text| Paid { offer: offer.clone(), text })
        })
        .boxed()
}

/// A payment with one thing wrong, and its offer.
pub fn almost(spelling: Spelling, version: Version) -> BoxedStrategy<(String, Almost)> {
    let own = if version == Version::V1 { V1 } else { V2 };
    let faults = prop::sample::select(COMMON.iter().chain(own).copied().collect::<Vec<_>>());
    (parts(spelling, version), faults)
        .prop_map(|((offer, envelope), fault)| {
            let text = (fault.change)(envelope).text();
            (offer, Almost { text, fault: fault.name, says: Says::Whole((fault.code)()) })
        })
        .boxed()
}

/// Anything where a payment is expected.
pub fn hostile(spelling: Spelling, version: Version, size: usize) -> BoxedStrategy<String> {
    let wrong = (parts(spelling, version), prop::sample::select(KEYS), json::hostile(size));
    let accepted = (parts(spelling, version), requirement::hostile(spelling, version, size));
    prop_oneof![
        json::hostile(size),
        json::mangled(valid(spelling, version).prop_map(|paid| paid.text)),
        hostile_object(KEYS, size),
        wrong.prop_map(|((_, envelope), key, value)| envelope.set(key, value).text()),
        accepted.prop_map(|((_, envelope), accepted)| envelope.set("accepted", accepted).text()),
    ]
    .boxed()
}

/// An offer and the envelope of a payment for it.
pub(super) fn parts(spelling: Spelling, version: Version) -> impl Strategy<Value = (String, Object)> + Clone {
    let offer = requirement::object(spelling, version);
    let respelled = any::<bool>();
    let payload = prop_oneof![
        Just(r#"{"signature": "0x12", "nonce":"1"}"#.to_owned()),
        json::small().prop_map(|value| format!("{{\"open\":{value}}}"))
    ];
    let resource = prop::option::weighted(0.3, Just(r#"{"url":"https://a.example/x"}"#.to_owned()));
    let parts =
        (offer, respelled, payload, resource).prop_map(move |(offer, respelled, payload, resource)| {
            let envelope = Object::default().with("x402Version", u8::from(version).to_string());
            let envelope = match version {
                Version::V1 => envelope
                    .with("scheme", offer.get("scheme").to_owned())
                    .with("network", offer.get("network").to_owned()),
                _ => {
                    let echo = if respelled {
                        Object(offer.0.iter().rev().cloned().collect())
                    } else {
                        offer.clone()
                    };
                    envelope.with("accepted", echo.text()).maybe("resource", resource)
                }
            };
            (offer.text(), envelope.with("payload", payload))
        });
    parts.boxed()
}

const KEYS: &[&str] = &["x402Version", "payload", "accepted", "extensions", "resource", "scheme", "network"];

const COMMON: &[Fault] = faults![
    "no version" => InvalidPayload: |o| o.without("x402Version"),
    "a version of the future" => InvalidX402Version: |o| o.set("x402Version", "3"),
    "the version is a text" => InvalidPayload: |o| o.set("x402Version", r#""2""#),
    "two versions" => InvalidPayload: |o| { let v = o.get("x402Version").to_owned(); o.with("x402Version", v) },
    "no payload" => InvalidPayload: |o| o.without("payload"),
    "two payloads" => InvalidPayload: |o| o.with("payload", "{}"),
];

const V1: &[Fault] = faults![
    "no scheme" => InvalidPayload: |o| o.without("scheme"),
    "no network" => InvalidPayload: |o| o.without("network"),
    "a scheme that was not offered" => NoMatchingOffer: |o| o.set("scheme", r#""other""#),
    "a network that nobody knows" => InvalidNetwork: |o| o.set("network", r#""nowhere""#),
];

const V2: &[Fault] = faults![
    "nothing accepted" => InvalidPayload: |o| o.without("accepted"),
    "null accepted" => InvalidPayload: |o| o.set("accepted", "null"),
    "an empty entry accepted" => InvalidPaymentRequirements: |o| o.set("accepted", "{}"),
    "a list accepted" => InvalidPaymentRequirements: |o| o.set("accepted", "[]"),
    "another scheme accepted" => NoMatchingOffer: |o| swap(o, "scheme", quoted("other")),
    "another timeout accepted" => NoMatchingOffer: |o| swap(o, "maxTimeoutSeconds", "123456"),
    "another amount accepted" => NoMatchingOffer: |o| swap(o, "amount", quoted("111111111111111111111")),
    "a method that was not offered" => NoMatchingOffer: |o| swap(o, "extra", r#"{"assetTransferMethod":"never"}"#),
];

/// The envelope with another value in the accepted entry.
fn swap(envelope: Object, key: &str, value: impl Into<String>) -> Object {
    let accepted: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(envelope.get("accepted")).unwrap_or_default();
    let accepted = Object(accepted.into_iter().map(|(k, v)| (k, v.to_string())).collect());
    let text = accepted.set(key, value).text();
    envelope.set("accepted", text)
}
