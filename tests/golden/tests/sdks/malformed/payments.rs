//! Payments, v2 and v1.

use super::{BOTH, Base64, ENTRY, NEITHER, PAYLOAD, REFERENCE, Row, payment};

pub(super) fn payments() -> Vec<Row> {
    let of = |parts: &str| Base64(payment(parts));
    let accepted = |entry: &str| Base64(payment(&format!(r#""payload":{PAYLOAD},"accepted":{entry}"#)));
    let v1 = |parts: &str| Base64(format!(r#"{{"x402Version":1,{parts}}}"#));
    vec![
        ("no payload", "payment", of(&format!(r#""accepted":{ENTRY}"#)), "invalid_payload", BOTH),
        ("a payload of null", "payment", of(&format!(r#""payload":null,"accepted":{ENTRY}"#)), "ok", BOTH),
        ("a payload of text", "payment", of(&format!(r#""payload":"0x00","accepted":{ENTRY}"#)), "ok", BOTH),
        ("nothing accepted", "payment", of(&format!(r#""payload":{PAYLOAD}"#)), "invalid_payload", BOTH),
        ("null accepted", "payment", accepted("null"), "invalid_payload", BOTH),
        ("a list accepted", "payment", accepted(&format!("[{ENTRY}]")), "invalid_payment_requirements", BOTH),
        (
            "accepted without an amount",
            "payment",
            accepted(&ENTRY.replace("\"amount\"", "\"x\"")),
            "invalid_payment_requirements",
            BOTH,
        ),
        (
            "accepted with a timeout of text",
            "payment",
            accepted(&ENTRY.replace("60", "\"sixty\"")),
            "invalid_payment_requirements",
            BOTH,
        ),
        (
            "accepted with an extra of text",
            "payment",
            accepted(&ENTRY.replace(r#"{"name":"USDC","version":"2"}"#, "\"\"")),
            "invalid_payment_requirements",
            BOTH,
        ),
        (
            "v1 without a scheme",
            "payment",
            v1(&format!(r#""network":"base","payload":{PAYLOAD}"#)),
            "invalid_payload",
            BOTH,
        ),
        (
            "v1 without a network",
            "payment",
            v1(&format!(r#""scheme":"exact","payload":{PAYLOAD}"#)),
            "invalid_payload",
            BOTH,
        ),
        (
            "v1 without a payload",
            "payment",
            v1(r#""scheme":"exact","network":"base""#),
            "invalid_payload",
            BOTH,
        ),
        (
            "version 3",
            "payment",
            Base64(format!(r#"{{"x402Version":3,"payload":{PAYLOAD},"accepted":{ENTRY}}}"#)),
            "invalid_x402_version",
            REFERENCE,
        ),
        (
            "no version",
            "payment",
            Base64(format!(r#"{{"payload":{PAYLOAD},"accepted":{ENTRY}}}"#)),
            "invalid_payload",
            REFERENCE,
        ),
        (
            "a payload said twice",
            "payment",
            of(&format!(r#""payload":{{}},"payload":{PAYLOAD},"accepted":{ENTRY}"#)),
            "invalid_payload",
            NEITHER,
        ),
        (
            "extensions of text",
            "payment",
            of(&format!(r#""payload":{PAYLOAD},"accepted":{ENTRY},"extensions":"x""#)),
            "ok",
            BOTH,
        ),
    ]
}
