//! `/verify`'s answer.

use super::object::{Almost, Fault, Object, any_order, broken, faults, hostile_object, quoted, written};
use super::{Spelling, json, name};
use proptest::prelude::*;

/// A verdict: it holds, or it does not and why.
pub fn valid(spelling: Spelling) -> BoxedStrategy<String> {
    written(any_order(object(spelling))).boxed()
}

/// A verdict with one thing wrong; none can be read.
pub fn almost(spelling: Spelling) -> BoxedStrategy<Almost> {
    broken(object(spelling), FAULTS).boxed()
}

/// Anything where a verdict is expected.
pub fn hostile(spelling: Spelling, size: usize) -> BoxedStrategy<String> {
    prop_oneof![
        json::hostile(size),
        json::mangled(valid(spelling)),
        hostile_object(KEYS, size),
        (object(spelling), prop::sample::select(KEYS), json::hostile(size))
            .prop_map(|(object, key, value)| object.set(key, value).text()),
    ]
    .boxed()
}

fn object(spelling: Spelling) -> impl Strategy<Value = Object> {
    let payer = prop::option::of((spelling.address)());
    let reason = prop::option::of((name::code(), "[ -~]{0,20}"));
    let extra = prop::option::weighted(0.3, json::small().prop_map(|v| format!("{{\"open\":{v}}}")));
    (payer, reason, extra).prop_map(|(payer, reason, extra)| {
        let (code, words) = reason.unzip();
        Object::default()
            .with("isValid", code.is_none().to_string())
            .maybe("invalidReason", code.map(|code| quoted(code.as_str())))
            .maybe("invalidMessage", words.map(|words| quoted(&words)))
            .maybe("payer", payer.map(|p| quoted(&p)))
            .maybe("extra", extra)
    })
}

const KEYS: &[&str] = &["isValid", "invalidReason", "invalidMessage", "payer", "extra"];

const FAULTS: &[Fault] = faults![
    "no verdict" => InvalidPayload: |o| o.without("isValid"),
    "the verdict is a text" => InvalidPayload: |o| o.set("isValid", r#""true""#),
    "the verdict is a number" => InvalidPayload: |o| o.set("isValid", "1"),
    "the verdict is null" => InvalidPayload: |o| o.set("isValid", "null"),
    "two verdicts" => InvalidPayload: |o| o.with("isValid", "true"),
    "the payer is an object" => InvalidPayload: |o| o.set("payer", "{}"),
    "the reason is a number" => InvalidPayload: |o| o.set("invalidReason", "7"),
];
