//! What servers and facilitators say to each other, and receipts.

use super::{BOTH, Base64, Body, ENTRY, PAYLOAD, PYTHON, Row, payment};

pub(super) fn answers() -> Vec<Row> {
    let body = |text: &str| Body(text.to_owned());
    let request = |payload: &str, requirements: &str| {
        Body(format!(
            r#"{{"x402Version":2,"paymentPayload":{payload},"paymentRequirements":{requirements}}}"#
        ))
    };
    let whole = payment(&format!(r#""payload":{PAYLOAD},"accepted":{ENTRY}"#));
    vec![
        ("no payload", "request", request("null", ENTRY), "invalid_payload", BOTH),
        ("no requirements", "request", request(&whole, "null"), "invalid_payment_requirements", BOTH),
        (
            "requirements without a network",
            "request",
            request(&whole, &ENTRY.replace("network", "x")),
            "invalid_payment_requirements",
            BOTH,
        ),
        (
            "a payload of version 3",
            "request",
            request(&whole.replace("n\":2", "n\":3"), ENTRY),
            "invalid_x402_version",
            BOTH,
        ),
        (
            "a payload without what it accepts",
            "request",
            request(&whole.replace("accepted", "x"), ENTRY),
            "invalid_payload",
            BOTH,
        ),
        ("not JSON", "verify", body("<html>"), "invalid_payload", BOTH),
        ("nothing", "verify", body("{}"), "invalid_payload", BOTH),
        ("valid as text", "verify", body(r#"{"isValid":"certainly"}"#), "invalid_payload", BOTH),
        ("valid of null", "verify", body(r#"{"isValid":null}"#), "invalid_payload", BOTH),
        (
            "a payer that is a number",
            "verify",
            body(r#"{"isValid":true,"payer":7}"#),
            "invalid_payload",
            BOTH,
        ),
        (
            "a reason that is a list",
            "verify",
            body(r#"{"isValid":false,"invalidReason":[]}"#),
            "invalid_payload",
            BOTH,
        ),
        ("not JSON", "settle", body(""), "invalid_payload", BOTH),
        ("nothing", "settle", body("{}"), "invalid_answer", BOTH),
        (
            "success as text",
            "settle",
            body(r#"{"success":"certainly","transaction":"","network":"eip155:1"}"#),
            "invalid_answer",
            BOTH,
        ),
        (
            "a transaction that is a number",
            "settle",
            body(r#"{"success":true,"transaction":7,"network":"eip155:1"}"#),
            "invalid_answer",
            BOTH,
        ),
        ("no transaction", "settle", body(r#"{"success":true,"network":"eip155:1"}"#), "ok", BOTH),
        ("no network", "settle", body(r#"{"success":true,"transaction":"0x1"}"#), "ok", BOTH),
        (
            "an amount that is a number",
            "settle",
            body(r#"{"success":true,"transaction":"0x1","network":"eip155:1","amount":7}"#),
            "invalid_answer",
            BOTH,
        ),
        ("not JSON", "supported", body("kinds"), "invalid_payload", BOTH),
        ("no kinds", "supported", body("{}"), "invalid_payload", BOTH),
        ("kinds of null", "supported", body(r#"{"kinds":null}"#), "ok", BOTH),
        ("kinds of text", "supported", body(r#"{"kinds":["exact"]}"#), "invalid_payload", BOTH),
        (
            "a kind without a scheme",
            "supported",
            body(r#"{"kinds":[{"x402Version":2,"network":"eip155:1"}]}"#),
            "invalid_payload",
            BOTH,
        ),
        (
            "a kind without a version",
            "supported",
            body(r#"{"kinds":[{"scheme":"exact","network":"eip155:1"}]}"#),
            "invalid_payload",
            BOTH,
        ),
        (
            "signers that are a list",
            "supported",
            body(r#"{"kinds":[],"signers":[]}"#),
            "invalid_payload",
            BOTH,
        ),
        ("nothing", "receipt", Base64("{}".to_owned()), "invalid_answer", PYTHON),
        (
            "without a transaction",
            "receipt",
            Base64(r#"{"success":true,"network":"eip155:1"}"#.to_owned()),
            "ok",
            PYTHON,
        ),
    ]
}
