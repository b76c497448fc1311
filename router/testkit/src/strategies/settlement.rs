//! `/settle`'s answer, which the receipt header carries too.

use super::object::{Almost, Fault, Object, any_order, broken, faults, hostile_object, quoted, written};
use super::{Spelling, json, name};
use proptest::prelude::*;
use tollway_core::Version;

/// A settlement that went well on `network`, a pair of CAIP-2 id and v1 name.
pub fn valid(
    spelling: Spelling,
    version: Version,
    network: (&'static str, &'static str),
) -> BoxedStrategy<String> {
    written(any_order(object(spelling, version, network))).boxed()
}

/// A settlement that failed, as some facilitator would say it, with or without a transaction.
pub fn failed(
    spelling: Spelling,
    version: Version,
    network: (&'static str, &'static str),
) -> BoxedStrategy<String> {
    let reason = prop_oneof![
        name::code().prop_map(|code| code.as_str().to_owned()),
        Just("Timed out while waiting for transaction".to_owned())
    ];
    let named = any::<bool>();
    let object = (object(spelling, version, network), reason, named).prop_map(|(object, reason, named)| {
        let object = object.set("success", "false").with("errorReason", quoted(&reason));
        if named { object } else { object.set("transaction", quoted("")) }
    });
    written(any_order(object)).boxed()
}

/// A settlement with one thing wrong. What is no settlement is [`tollway_core::Code::InvalidPayload`] when it is read; what
/// contradicts the payment is [`tollway_core::Code::ReceiptMismatch`] when it is taken for its receipt.
pub fn almost(
    spelling: Spelling,
    version: Version,
    network: (&'static str, &'static str),
) -> BoxedStrategy<Almost> {
    broken(object(spelling, version, network), FAULTS).boxed()
}

/// Anything where a settlement is expected.
pub fn hostile(spelling: Spelling, size: usize) -> BoxedStrategy<String> {
    let wrong =
        spelling.network().prop_flat_map(move |network| object(spelling, Version::V2, network)).boxed();
    let valid = wrong.clone().prop_map(|object| object.text());
    prop_oneof![
        json::hostile(size),
        json::mangled(valid),
        hostile_object(KEYS, size),
        (wrong, prop::sample::select(KEYS), json::hostile(size))
            .prop_map(|(object, key, value)| object.set(key, value).text()),
    ]
    .boxed()
}

fn object(
    spelling: Spelling,
    version: Version,
    (chain, v1_name): (&'static str, &'static str),
) -> impl Strategy<Value = Object> {
    let payer = prop::option::of((spelling.address)());
    let amount = prop::option::of(super::amount::atomic());
    let extra = prop::option::weighted(0.3, json::small().prop_map(|v| format!("{{\"open\":{v}}}")));
    (name::transaction(), payer, amount, extra, any::<bool>()).prop_map(
        move |(tx, payer, amount, extra, says_network)| {
            let network = if version == Version::V1 { v1_name } else { chain };
            Object::default()
                .with("success", "true")
                .with("transaction", quoted(&tx.0))
                .with("network", quoted(if says_network { network } else { "" }))
                .maybe("payer", payer.map(|p| quoted(&p)))
                .maybe("amount", amount.map(|n| quoted(&n.to_string())))
                .maybe("extra", extra)
        },
    )
}

const KEYS: &[&str] = &[
    "success",
    "errorReason",
    "errorMessage",
    "payer",
    "transaction",
    "network",
    "amount",
    "extensions",
    "extra",
];

const FAULTS: &[Fault] = faults![
    "it does not say whether" => InvalidPayload: |o| o.without("success"),
    "success is a text" => InvalidPayload: |o| o.set("success", r#""true""#),
    "success is said twice" => InvalidPayload: |o| o.with("success", "false"),
    "the transaction is a number" => InvalidPayload: |o| o.set("transaction", "7"),
    "the reason is a list" => InvalidPayload: |o| o.with("errorReason", "[]"),
    "it settled on another network" => ReceiptMismatch: |o| o.set("network", r#""other:1""#),
    "it settled on a network that nobody knows" => ReceiptMismatch: |o| o.set("network", r#""nowhere""#),
    "it took a fraction" => ReceiptMismatch: |o| o.set("amount", r#""1.5""#),
    "it took less than nothing" => ReceiptMismatch: |o| o.set("amount", r#""-1""#),
];
