//! A 402: the v2 header's JSON, or the v1 body's.

use super::object::{
    Almost, Fault, Object, Says, any_order, broken, faults, hostile_object, quoted, written,
};
use super::{Spelling, json, name, requirement};
use proptest::prelude::*;
use std::ops::Range;
use tollway_core::Version;

/// What a reader accepts, with up to five entries.
pub fn valid(spelling: Spelling, version: Version) -> BoxedStrategy<String> {
    many(spelling, version, 0..6)
}

/// What a reader accepts, with so many entries, not all of them different; at most [`tollway_core::wire::ACCEPTS_MAX`] of them.
pub fn many(spelling: Spelling, version: Version, entries: Range<usize>) -> BoxedStrategy<String> {
    // Up to sixteen different ones: making hundreds would take a test's whole time.
    let pool = prop::collection::vec(requirement::valid(spelling, version), 1..=16);
    let chosen = prop::collection::vec(any::<prop::sample::Index>(), entries);
    let entries = (pool, chosen)
        .prop_map(|(pool, chosen)| chosen.iter().map(|at| at.get(&pool).clone()).collect::<Vec<_>>());
    written(any_order(entries.prop_flat_map(move |entries| object(version, entries)))).boxed()
}

/// A 402 with one thing wrong: as a whole, or in one entry, which then spoils no other.
pub fn almost(spelling: Spelling, version: Version) -> BoxedStrategy<Almost> {
    let sound = prop::collection::vec(requirement::valid(spelling, version), 0..4);
    let whole = broken(sound.clone().prop_flat_map(move |entries| object(version, entries)), WHOLE);
    let entry = (sound, requirement::almost(spelling, version), any::<prop::sample::Index>()).prop_flat_map(
        move |(mut entries, bad, at)| {
            let at = at.index(entries.len().saturating_add(1));
            entries.insert(at, bad.text);
            let code = match bad.says {
                Says::Whole(code) | Says::Entry(_, code) => code,
            };
            let (fault, says) = (bad.fault, Says::Entry(at, code));
            written(object(version, entries)).prop_map(move |text| Almost { text, fault, says: says.clone() })
        },
    );
    prop_oneof![1 => whole, 2 => entry].boxed()
}

/// Anything where a 402 is expected; with up to `size` entries, each of them hostile.
pub fn hostile(spelling: Spelling, version: Version, size: usize) -> BoxedStrategy<String> {
    // Many small enemies or a few big ones: both at once would only take long to make.
    let few = prop::collection::vec(requirement::hostile(spelling, version, size), 0..4);
    let same = (requirement::hostile(spelling, version, 16), 0..=size).prop_map(|(text, n)| vec![text; n]);
    prop_oneof![
        json::hostile(size),
        json::mangled(valid(spelling, version)),
        hostile_object(KEYS, size),
        prop_oneof![few, same].prop_flat_map(move |entries| written(object(version, entries))),
    ]
    .boxed()
}

fn object(version: Version, entries: Vec<String>) -> impl Strategy<Value = Object> {
    let error = prop::option::weighted(0.3, name::code().prop_map(|code| quoted(code.as_str())));
    let resource = prop::option::weighted(0.3, Just(r#"{"url":"https://a.example/x"}"#.to_owned()));
    let extensions = prop::option::weighted(0.3, json::small().prop_map(|v| format!("{{\"open\":{v}}}")));
    (error, resource, extensions).prop_map(move |(error, resource, extensions)| {
        Object::default()
            .with("x402Version", u8::from(version).to_string())
            .with("accepts", format!("[{}]", entries.join(",")))
            .maybe("error", error)
            .maybe("resource", resource)
            .maybe("extensions", extensions)
    })
}

const KEYS: &[&str] = &["x402Version", "accepts", "error", "resource", "extensions"];

const WHOLE: &[Fault] = faults![
    "no version" => InvalidPayload: |o| o.without("x402Version"),
    "a version of the future" => InvalidX402Version: |o| o.set("x402Version", "3"),
    "version nought" => InvalidX402Version: |o| o.set("x402Version", "0"),
    "the version is a text" => InvalidPayload: |o| o.set("x402Version", r#""2""#),
    "the version does not fit" => InvalidPayload: |o| o.set("x402Version", "256"),
    "two versions" => InvalidPayload: |o| o.with("x402Version", "2"),
    "accepts is an object" => InvalidPayload: |o| o.set("accepts", "{}"),
    "two lists" => InvalidPayload: |o| o.with("accepts", "[]"),
    "the error is a number" => InvalidPayload: |o| o.set("error", "7"),
    "too many entries" => TooLarge: |o| o.set("accepts", format!("[{}]", ["{}"; 257].join(","))),
];
