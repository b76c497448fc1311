//! One entry of `accepts`.

use super::object::{Almost, Fault, Object, any_order, broken, faults, hostile_object, quoted, written};
use super::{Spelling, amount, json};
use proptest::prelude::*;
use tollway_core::Version;

/// What a reader accepts: any order, any spelling, unknown keys, `extra` absent, `null`, empty or full.
pub fn valid(spelling: Spelling, version: Version) -> BoxedStrategy<String> {
    written(any_order(object(spelling, version))).boxed()
}

/// An entry with one thing wrong. Every one is refused with the code that it says.
pub fn almost(spelling: Spelling, version: Version) -> BoxedStrategy<Almost> {
    let common = broken(object(spelling, version), COMMON);
    let own = match version {
        Version::V1 => broken(object(spelling, version), V1),
        _ => broken(object(spelling, version), V2),
    };
    prop_oneof![3 => common, 1 => own].boxed()
}

/// Anything where an entry is expected.
pub fn hostile(spelling: Spelling, version: Version, size: usize) -> BoxedStrategy<String> {
    prop_oneof![
        json::hostile(size),
        json::mangled(valid(spelling, version)),
        hostile_object(KEYS, size),
        (object(spelling, version), prop::sample::select(KEYS), json::hostile(size))
            .prop_map(|(object, key, value)| object.set(key, value).text()),
    ]
    .boxed()
}

/// A valid one by its fields.
pub(super) fn object(spelling: Spelling, version: Version) -> impl Strategy<Value = Object> {
    let scheme = prop::sample::select(vec!["exact", "upto", "toy"]);
    let (asset, pay_to) = ((spelling.address)(), (spelling.address)());
    let timeout = prop_oneof![
        (0u64..100_000).prop_map(|s| s.to_string()),
        (0u64..100_000).prop_map(|s| format!("{s}.0")),
        Just(u64::MAX.to_string())
    ];
    (scheme, spelling.network(), amount::atomic(), asset, pay_to, timeout, extra()).prop_map(
        move |(scheme, (chain, v1_name), atomic, asset, pay_to, timeout, extra)| {
            let v1 = version == Version::V1;
            let object = Object::default()
                .with("scheme", quoted(scheme))
                .with("network", quoted(if v1 { v1_name } else { chain }))
                .with(if v1 { "maxAmountRequired" } else { "amount" }, quoted(&atomic.to_string()))
                .with("asset", quoted(&asset))
                .with("payTo", quoted(&pay_to))
                .with("maxTimeoutSeconds", timeout)
                .maybe("extra", extra);
            if v1 {
                object.with("resource", quoted("https://a.example/x")).with("description", quoted(""))
            } else {
                object
            }
        },
    )
}

fn extra() -> impl Strategy<Value = Option<String>> {
    let fixed = vec![
        None,
        Some("null"),
        Some("{}"),
        Some("{ }"),
        Some(r#"{"name":"USDC","version":"2"}"#),
        Some(r#"{"assetTransferMethod":"permit2"}"#),
        Some(r#"{"assetTransferMethod":null,"paymentFlow":null}"#),
        Some(r#"{"paymentFlow":"upfront"}"#),
        Some(r#"{"p\u0061ymentFlow":"escrow","deep":[{"a":[null]}]}"#),
    ];
    let open = json::small().prop_map(|value| Some(format!("{{\"open\":{value}}}")));
    prop_oneof![
        4 => prop::sample::select(fixed).prop_map(|text| text.map(str::to_owned)),
        1 => open,
    ]
}

const KEYS: &[&str] = &[
    "scheme",
    "network",
    "amount",
    "maxAmountRequired",
    "asset",
    "payTo",
    "maxTimeoutSeconds",
    "extra",
    "resource",
];

const COMMON: &[Fault] = faults![
    "no scheme" => InvalidPaymentRequirements: |o| o.without("scheme"),
    "the scheme is a number" => InvalidPaymentRequirements: |o| o.set("scheme", "1"),
    "the scheme is empty" => UnsupportedScheme: |o| o.set("scheme", r#""""#),
    "the scheme is too long" => UnsupportedScheme: |o| o.set("scheme", quoted(&"x".repeat(33))),
    "the scheme is said twice" => InvalidPaymentRequirements: |o| o.with("scheme", r#""exact""#),
    "no network" => InvalidPaymentRequirements: |o| o.without("network"),
    "the network is a number" => InvalidPaymentRequirements: |o| o.set("network", "8453"),
    "a v1 name that nobody has" => InvalidNetwork: |o| o.set("network", r#""nowhere""#),
    "no CAIP-2 id" => InvalidNetwork: |o| o.set("network", r#""sim:""#),
    "a family that is not there" => InvalidNetwork: |o| o.set("network", r#""cosmos:hub""#),
    "no asset" => InvalidPaymentRequirements: |o| o.without("asset"),
    "the asset is empty" => InvalidAddress: |o| o.set("asset", r#""""#),
    "the asset is a symbol" => InvalidAddress: |o| o.set("asset", r#""USDC!""#),
    "nobody is paid" => InvalidPaymentRequirements: |o| o.without("payTo"),
    "payTo is no address" => InvalidAddress: |o| o.set("payTo", r#""0x""#),
    "payTo is the coin" => InvalidAddress: |o| o.set("payTo", r#""native""#),
    "payTo is said twice" => InvalidPaymentRequirements: |o| {
        let again = o.get("payTo").to_owned();
        o.with("payTo", again)
    },
    "no timeout" => InvalidPaymentRequirements: |o| o.without("maxTimeoutSeconds"),
    "a negative timeout" => InvalidPaymentRequirements: |o| o.set("maxTimeoutSeconds", "-1"),
    "the timeout is a text" => InvalidPaymentRequirements: |o| o.set("maxTimeoutSeconds", r#""60""#),
    "the timeout does not fit" => InvalidPaymentRequirements: |o| o.set("maxTimeoutSeconds", "1e300"),
    "extra is a list" => InvalidPaymentRequirements: |o| o.set("extra", "[]"),
    "extra is a text" => InvalidPaymentRequirements: |o| o.set("extra", r#""x""#),
    "the method is a number" => InvalidPaymentRequirements: |o| o.set("extra", r#"{"assetTransferMethod":7}"#),
    "a flow that nobody knows" => UnsupportedFlow: |o| o.set("extra", r#"{"paymentFlow":"barter"}"#),
    "a hidden flow that nobody knows" => UnsupportedFlow: |o| o.set("extra", r#"{"p\u0061ymentFlow":"barter"}"#),
    "two flows" => InvalidPaymentRequirements: |o| o.set("extra", r#"{"paymentFlow":"upfront","paymentFlow":"escrow"}"#),
];

const V1: &[Fault] = faults![
    "no amount" => InvalidPaymentRequirements: |o| o.without("maxAmountRequired"),
    "the amount is a number" => InvalidPaymentRequirements: |o| o.set("maxAmountRequired", "10000"),
    "the amount is negative" => InvalidAmount: |o| o.set("maxAmountRequired", r#""-1""#),
    "the amount is a fraction" => InvalidAmount: |o| o.set("maxAmountRequired", r#""1.5""#),
    "the amount does not fit" => InvalidAmount: |o| o.set("maxAmountRequired", r#""340282366920938463463374607431768211456""#),
    "two amounts" => InvalidPaymentRequirements: |o| o.with("maxAmountRequired", r#""1""#),
];

const V2: &[Fault] = faults![
    "no amount" => InvalidPaymentRequirements: |o| o.without("amount"),
    "the amount is null" => InvalidPaymentRequirements: |o| o.set("amount", "null"),
    "the amount is a number" => InvalidPaymentRequirements: |o| o.set("amount", "10000"),
    "the amount is negative" => InvalidAmount: |o| o.set("amount", r#""-1""#),
    "the amount is a fraction" => InvalidAmount: |o| o.set("amount", r#""1.5""#),
    "the amount has an exponent" => InvalidAmount: |o| o.set("amount", r#""1e4""#),
    "the amount has a leading zero" => InvalidAmount: |o| o.set("amount", r#""007""#),
    "the amount is empty" => InvalidAmount: |o| o.set("amount", r#""""#),
    "the amount does not fit" => InvalidAmount: |o| o.set("amount", r#""340282366920938463463374607431768211456""#),
    "two amounts" => InvalidPaymentRequirements: |o| o.with("amount", r#""1""#),
];
