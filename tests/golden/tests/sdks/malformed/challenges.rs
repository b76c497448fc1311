//! 402s, v2 and v1.

use super::{BOTH, Base64, Body, ENTRY, NEITHER, REFERENCE, Row, challenge};

pub(super) fn challenges() -> Vec<Row> {
    let versioned = |version: &str| Base64(challenge(ENTRY).replace("\"x402Version\":2", version));
    let entry = |from: &str, to: &str| Base64(edited(from, to));
    let bare = |text: &str| Base64(text.to_owned());
    vec![
        ("version 3", "challenge", versioned("\"x402Version\":3"), "invalid_x402_version", REFERENCE),
        ("version \"2\"", "challenge", versioned("\"x402Version\":\"2\""), "invalid_payload", REFERENCE),
        ("version 2.5", "challenge", versioned("\"x402Version\":2.5"), "invalid_payload", BOTH),
        ("version null", "challenge", versioned("\"x402Version\":null"), "invalid_payload", BOTH),
        ("no version", "challenge", versioned("\"x\":2"), "invalid_payload", REFERENCE),
        ("no accepts", "challenge", bare(r#"{"x402Version":2,"resource":{"url":"u"}}"#), "ok", BOTH),
        (
            "accepts of null",
            "challenge",
            bare(r#"{"x402Version":2,"resource":{"url":"u"},"accepts":null}"#),
            "ok",
            BOTH,
        ),
        (
            "accepts that is an entry",
            "challenge",
            bare(&challenge(ENTRY).replace(['[', ']'], "")),
            "invalid_payload",
            BOTH,
        ),
        ("no entries", "challenge", bare(&challenge("")), "ok", REFERENCE),
        ("an entry of null", "challenge", bare(&challenge("null")), "invalid_payment_requirements", BOTH),
        (
            "an entry of text",
            "challenge",
            bare(&challenge("\"exact\"")),
            "invalid_payment_requirements",
            BOTH,
        ),
        (
            "a resource of text",
            "challenge",
            bare(&challenge(ENTRY).replace(r#"{"url":"https://api.example"}"#, "\"u\"")),
            "ok",
            BOTH,
        ),
        ("no scheme", "challenge", entry("\"scheme\"", "\"x\""), "invalid_payment_requirements", BOTH),
        ("a scheme of null", "challenge", entry("\"exact\"", "null"), "invalid_payment_requirements", BOTH),
        ("no network", "challenge", entry("\"network\"", "\"x\""), "invalid_payment_requirements", BOTH),
        (
            "a network without a family",
            "challenge",
            entry("eip155:84532", "84532"),
            "invalid_network",
            REFERENCE,
        ),
        ("no amount", "challenge", entry("\"amount\"", "\"x\""), "invalid_payment_requirements", BOTH),
        (
            "an amount that is a number",
            "challenge",
            entry("\"10000\"", "10000"),
            "invalid_payment_requirements",
            BOTH,
        ),
        ("an amount of nothing", "challenge", entry("\"10000\"", "\"\""), "invalid_amount", REFERENCE),
        ("a negative amount", "challenge", entry("\"10000\"", "\"-10000\""), "invalid_amount", NEITHER),
        ("a fractional amount", "challenge", entry("\"10000\"", "\"0.01\""), "invalid_amount", NEITHER),
        ("no asset", "challenge", entry("\"asset\"", "\"x\""), "invalid_payment_requirements", BOTH),
        (
            "an asset that is no address",
            "challenge",
            entry("0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
            "invalid_address",
            NEITHER,
        ),
        ("no payee", "challenge", entry("\"payTo\"", "\"x\""), "invalid_payment_requirements", BOTH),
        (
            "a payee of nothing",
            "challenge",
            entry("0x209693Bc6afc0C5328bA36FaF03C514EF312287C", ""),
            "invalid_address",
            REFERENCE,
        ),
        (
            "no timeout",
            "challenge",
            entry("\"maxTimeoutSeconds\"", "\"x\""),
            "invalid_payment_requirements",
            BOTH,
        ),
        ("a timeout of text", "challenge", entry("60", "\"sixty\""), "invalid_payment_requirements", BOTH),
        ("a timeout of none", "challenge", entry("60", "0"), "ok", REFERENCE),
        ("a negative timeout", "challenge", entry("60", "-60"), "invalid_payment_requirements", REFERENCE),
        (
            "an extra that is a list",
            "challenge",
            entry(r#"{"name":"USDC","version":"2"}"#, "[]"),
            "invalid_payment_requirements",
            BOTH,
        ),
        (
            "an extra of text",
            "challenge",
            entry(r#"{"name":"USDC","version":"2"}"#, "\"USDC\""),
            "invalid_payment_requirements",
            BOTH,
        ),
        (
            "extensions that are a list",
            "challenge",
            bare(&challenge(ENTRY).replace("\"accepts\"", "\"extensions\":[],\"accepts\"")),
            "ok",
            BOTH,
        ),
        (
            "an amount said twice",
            "challenge",
            entry("\"amount\"", "\"amount\":\"1\",\"amount\""),
            "invalid_payment_requirements",
            NEITHER,
        ),
        ("v1 without a description", "challenge", Body(v1(r#""description":"","#, "")), "ok", REFERENCE),
        (
            "v1 without a resource",
            "challenge",
            Body(v1(r#""resource":"https://api.example","#, "")),
            "ok",
            BOTH,
        ),
        ("v1 with an amount of v2", "challenge", Body(v1("maxAmountRequired", "amount")), "ok", BOTH),
        (
            "v1 with an unknown network",
            "challenge",
            Body(v1("base-sepolia", "base-tomorrow")),
            "invalid_network",
            NEITHER,
        ),
        (
            "v1 with an error that is an object",
            "challenge",
            Body(v1("\"x402Version\":1", "\"x402Version\":1,\"error\":{}")),
            "invalid_payload",
            BOTH,
        ),
    ]
}

fn v1(from: &str, to: &str) -> String {
    let body = r#"{"x402Version":1,"accepts":[{"scheme":"exact","network":"base-sepolia","maxAmountRequired":"10000","resource":"https://api.example","description":"","mimeType":"","payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","maxTimeoutSeconds":60,"asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e"}]}"#;
    assert!(body.contains(from), "{from}");
    body.replacen(from, to, 1)
}

/// The entry with one thing replaced.
fn edited(from: &str, to: &str) -> String {
    assert!(ENTRY.contains(from), "{from}");
    challenge(&ENTRY.replace(from, to))
}
