//! `/supported`'s answer.

use super::object::{
    Almost, Fault, Object, Says, any_order, broken, faults, hostile_object, quoted, written,
};
use super::{Spelling, json};
use proptest::prelude::*;
use tollway_core::{Code, Version};

/// What a facilitator can do, with up to five kinds. Every kind is one that [`tollway_core::wire::SupportedKind::kind`] reads.
pub fn valid(spelling: Spelling) -> BoxedStrategy<String> {
    let kinds = prop::collection::vec(kind(spelling).prop_map(|kind| kind.text()), 0..6);
    written(any_order(kinds.prop_flat_map(object))).boxed()
}

/// One thing wrong: in the whole, which then cannot be read; or in a kind that is read and that nobody can use, at the place
/// and for the reason that it says.
pub fn almost(spelling: Spelling) -> BoxedStrategy<Almost> {
    let sound = || prop::collection::vec(kind(spelling).prop_map(|kind| kind.text()), 0..4);
    let whole = broken(sound().prop_flat_map(object), WHOLE);
    let one = (sound(), kind(spelling), prop::sample::select(UNUSABLE), any::<prop::sample::Index>());
    let entry = one.prop_map(|(mut kinds, kind, fault, at)| {
        let at = at.index(kinds.len().saturating_add(1));
        kinds.insert(at, (fault.change)(kind).text());
        let text = format!(r#"{{"kinds":[{}]}}"#, kinds.join(","));
        let code: Code = (fault.code)();
        Almost { text, fault: fault.name, says: Says::Entry(at, code) }
    });
    prop_oneof![whole, entry].boxed()
}

/// Anything where a list of kinds is expected; up to `size` of them.
pub fn hostile(spelling: Spelling, size: usize) -> BoxedStrategy<String> {
    let kinds = prop_oneof![
        prop::collection::vec(hostile_object(KIND_KEYS, size), 0..4),
        (hostile_object(KIND_KEYS, 16), 0..=size).prop_map(|(text, n)| vec![text; n]),
        (kind(spelling), 0..=size).prop_map(|(kind, n)| vec![kind.text(); n]),
    ];
    prop_oneof![
        json::hostile(size),
        json::mangled(valid(spelling)),
        hostile_object(KEYS, size),
        kinds.prop_flat_map(object).prop_map(|object| object.text()),
    ]
    .boxed()
}

fn kind(spelling: Spelling) -> impl Strategy<Value = Object> {
    let version = prop::sample::select(vec![Version::V1, Version::V2]);
    let scheme = prop::sample::select(vec!["exact", "upto", "toy"]);
    let extra = prop::option::weighted(0.3, json::small().prop_map(|v| format!("{{\"open\":{v}}}")));
    (version, scheme, spelling.network(), extra).prop_map(|(version, scheme, (chain, v1_name), extra)| {
        let network = if version == Version::V1 { v1_name } else { chain };
        Object::default()
            .with("x402Version", u8::from(version).to_string())
            .with("scheme", quoted(scheme))
            .with("network", quoted(network))
            .maybe("extra", extra)
    })
}

fn object(kinds: Vec<String>) -> impl Strategy<Value = Object> {
    let lists = prop::sample::select(vec![None, Some("null"), Some("[]"), Some(r#"["bazaar"]"#)]);
    let signers = prop::sample::select(vec![None, Some("null"), Some("{}"), Some(r#"{"sim:*":["0x1"]}"#)]);
    (lists, signers).prop_map(move |(extensions, signers)| {
        Object::default()
            .with("kinds", format!("[{}]", kinds.join(",")))
            .maybe("extensions", extensions.map(str::to_owned))
            .maybe("signers", signers.map(str::to_owned))
    })
}

const KEYS: &[&str] = &["kinds", "extensions", "signers"];
const KIND_KEYS: &[&str] = &["x402Version", "scheme", "network", "extra"];

const WHOLE: &[Fault] = faults![
    "no kinds" => InvalidPayload: |o| o.without("kinds"),
    "kinds is an object" => InvalidPayload: |o| o.set("kinds", "{}"),
    "a kind is a text" => InvalidPayload: |o| o.set("kinds", r#"["exact"]"#),
    "a kind has no scheme" => InvalidPayload: |o| o.set("kinds", r#"[{"x402Version":2,"network":"sim:1"}]"#),
    "a kind's version is a text" => InvalidPayload: |o| {
        o.set("kinds", r#"[{"x402Version":"2","scheme":"exact","network":"sim:1"}]"#)
    },
    "extensions is a text" => InvalidPayload: |o| o.set("extensions", r#""bazaar""#),
    "signers is a list" => InvalidPayload: |o| o.set("signers", r#"["0x1"]"#),
];

const UNUSABLE: &[Fault] = faults![
    "a version of the future" => InvalidX402Version: |o| o.set("x402Version", "3"),
    "a scheme that is no name" => UnsupportedScheme: |o| o.set("scheme", quoted("")),
    "a network that nobody knows" => InvalidNetwork: |o| o.set("network", quoted("nowhere")),
    "a network that is none" => InvalidNetwork: |o| o.set("network", quoted("sim:")),
];
