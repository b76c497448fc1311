//! Tolerant in: every SDK's spelling of requirements, challenges and payments.

mod common;

use common::{FAMILIES, V1, V2, json, offer, requirement};
use tollway_core::{Blame, Code, Flow, Next, Offer, Requirement, Version, wire};

#[test]
fn both_versions_read_into_one_model() {
    let (one, two) = (requirement(V1).unwrap(), requirement(V2).unwrap());
    assert_eq!((one.version, two.version), (Version::V1, Version::V2));
    assert_eq!(one.raw.as_str(), V1);
    assert_eq!(Requirement { version: Version::V2, raw: two.raw.clone(), ..one }, two);
    assert_eq!(two.pay_to.address(), "0xbb", "canonical inside");
    assert_eq!((two.price.atomic(), two.timeout_s, two.flow), (10_000, 60, Flow::Authorization));
}

#[test]
fn every_sdks_key_order_and_whitespace_says_the_same() {
    let orders = [
        // Python, Go
        r#"{"scheme":"exact","network":"eip155:8453","asset":"0xAa","amount":"10000","payTo":"0xBb","maxTimeoutSeconds":60,"extra":{"name":"USDC","version":"2"}}"#,
        // x402-rs, r402
        r#"{"scheme":"exact","network":"eip155:8453","amount":"10000","payTo":"0xBb","maxTimeoutSeconds":60,"asset":"0xAa","extra":{"name":"USDC","version":"2"}}"#,
        // somebody's pretty printer, other case, unknown fields, escapes
        "{ \"zz\": [1, {\"y\": null}], \"maxTimeoutSeconds\": 60,\n \"extra\": {\"version\": \"2\", \"name\": \"USDC\"},\t\"payTo\": \"0xbB\",
           \"network\": \"eip155:8453\", \"asset\": \"0xaA\", \"amount\": \"10000\", \"scheme\": \"ex\\u0061ct\", \"description\": null }",
    ];
    let want = requirement(V2).unwrap();
    for text in orders {
        let read = requirement(text).unwrap();
        assert_eq!(read.raw.as_str(), text, "kept for the echo, unknown fields and all");
        assert_eq!(Requirement { raw: want.raw.clone(), ..read }, want);
    }
}

/// `V2` with one field replaced, or, without a value, taken out.
fn with(field: &str, value: Option<&str>) -> String {
    let mut parts = vec![];
    for (name, usual) in [
        ("scheme", r#""exact""#),
        ("network", r#""eip155:8453""#),
        ("amount", r#""10000""#),
        ("asset", r#""0xAa""#),
        ("payTo", r#""0xBb""#),
        ("maxTimeoutSeconds", "60"),
        ("extra", "{}"),
    ] {
        match (name == field, value) {
            (false, _) => parts.push(format!("\"{name}\":{usual}")),
            (true, Some(value)) => parts.push(format!("\"{name}\":{value}")),
            (true, None) => {}
        }
    }
    format!("{{{}}}", parts.join(","))
}

#[test]
fn extra_absent_null_and_empty_are_alike() {
    let mut read =
        [None, Some("null"), Some("{}"), Some("{ }")].map(|e| requirement(&with("extra", e)).unwrap());
    for r in &mut read {
        assert!(r.extra.is_empty());
        r.raw = json("0");
        let written = wire::write_requirement(r, "", FAMILIES).unwrap();
        assert!(!written.as_str().contains("extra"), "{}", written.as_str());
    }
}

#[test]
fn timeouts_may_be_written_as_floats() {
    for (text, seconds) in [("300", 300), ("300.0", 300), ("3e2", 300), ("0.9", 0), ("60.7", 60)] {
        assert_eq!(requirement(&with("maxTimeoutSeconds", Some(text))).unwrap().timeout_s, seconds, "{text}");
    }
    for text in ["-1", "-0.5", "\"60\"", "null", "1e300", "-1e300", "[]"] {
        let error = requirement(&with("maxTimeoutSeconds", Some(text))).expect_err(text);
        assert_eq!(error.code, Code::InvalidPaymentRequirements);
    }
}

#[test]
fn each_broken_field_has_its_code() {
    use Code::{InvalidAddress, InvalidAmount, InvalidNetwork, InvalidPaymentRequirements as Form};
    let cases: &[(&str, Option<&str>, Code)] = &[
        ("scheme", None, Form),
        ("scheme", Some("1"), Form),
        ("scheme", Some("\"\""), Code::UnsupportedScheme),
        ("network", None, Form),
        ("network", Some("\"nowhere\""), InvalidNetwork),
        ("network", Some("\"eip155:\""), InvalidNetwork),
        ("network", Some("\"cosmos:hub\""), InvalidNetwork),
        ("network", Some("8453"), Form),
        ("amount", None, Form),
        ("amount", Some("null"), Form),
        ("amount", Some("10000"), Form),
        ("amount", Some("1.5"), Form),
        ("amount", Some("\"-1\""), InvalidAmount),
        ("amount", Some("\"1.5\""), InvalidAmount),
        ("amount", Some("\"1e4\""), InvalidAmount),
        ("amount", Some("\"\""), InvalidAmount),
        ("amount", Some("\"340282366920938463463374607431768211456\""), InvalidAmount),
        ("asset", None, Form),
        ("asset", Some("\"\""), InvalidAddress),
        ("asset", Some("\"USDC\""), InvalidAddress),
        ("payTo", None, Form),
        ("payTo", Some("\"0x\""), InvalidAddress),
        ("payTo", Some("\"0xZZ\""), InvalidAddress),
        ("payTo", Some(r#""0xBb","payTo":"0xCc""#), Form),
        ("amount", Some(r#""1","amount":"1000000""#), Form),
        ("extra", Some("[]"), Form),
        ("extra", Some("\"x\""), Form),
        ("extra", Some("7"), Form),
        ("extra", Some(r#"{"assetTransferMethod":7}"#), Form),
        ("extra", Some(r#"{"paymentFlow":"barter"}"#), Code::UnsupportedFlow),
        ("extra", Some(r#"{"p\u0061ymentFlow":"barter"}"#), Code::UnsupportedFlow),
        ("extra", Some(r#"{"paymentFlow":"upfront","paymentFlow":"escrow"}"#), Form),
    ];
    for (field, value, code) in cases {
        let error = requirement(&with(field, *value)).expect_err(&format!("{field} {value:?}"));
        assert_eq!(error.code, *code, "{field} {value:?}: {error}");
        assert!(!error.detail.is_empty() && error.next != Next::Later);
    }
    let escrow = r#"{"paymentFlow":"escrow","assetTransferMethod":"permit2"}"#;
    let read = requirement(&with("extra", Some(escrow))).unwrap();
    assert_eq!((read.flow, read.method.unwrap().as_str()), (Flow::Escrow, "permit2"));
    let nulls =
        requirement(&with("extra", Some(r#"{"paymentFlow":null,"assetTransferMethod":null}"#))).unwrap();
    assert_eq!((nulls.flow, nulls.method), (Flow::Authorization, None));
}

fn challenge(version: u8, entries: &[&str], more: &str) -> String {
    format!(r#"{{"x402Version":{version},"accepts":[{}]{more}}}"#, entries.join(","))
}

#[test]
fn challenges_read_with_and_without_the_optional() {
    let bare = wire::read_challenge(&json(r#"{"x402Version":2}"#), FAMILIES).unwrap();
    assert!(
        bare.accepts.is_empty()
            && bare.resource.is_none()
            && bare.extensions.is_none()
            && bare.error.is_none()
    );
    let nulls = challenge(2, &[V2], r#","error":null,"resource":null,"extensions":null,"unknown":{"a":[]}"#);
    let read = wire::read_challenge(&json(&nulls), FAMILIES).unwrap();
    assert!(read.resource.is_none() && read.extensions.is_none() && read.error.is_none());
    let full = challenge(
        2,
        &[V2],
        r#","error":"invalid_payment_expired","resource":{"url":"u", "tags":["x"]},"extensions":{"b":{"info":1}}"#,
    );
    let read = wire::read_challenge(&json(&full), FAMILIES).unwrap();
    assert_eq!(read.error, Some(Code::Expired));
    assert_eq!(read.resource.unwrap().as_str(), r#"{"url":"u", "tags":["x"]}"#);
    assert_eq!(read.extensions.unwrap().as_str(), r#"{"b":{"info":1}}"#);
    assert_eq!(read.accepts[0].raw.as_str(), V2);
    let v1 = wire::read_challenge(&json(&challenge(1, &[V1], "")), FAMILIES).unwrap();
    assert_eq!(v1.requirements().count(), 1);
}

#[test]
fn a_broken_entry_spoils_no_other() {
    let overflow = with("amount", Some("\"340282366920938463463374607431768211456\""));
    let entries = ["null", "7", "{}", V2, &overflow, r#"{"scheme":"exact"}"#, V2];
    let read = wire::read_challenge(&json(&challenge(2, &entries, "")), FAMILIES).unwrap();
    assert_eq!(read.accepts.len(), entries.len());
    for (entry, text) in read.accepts.iter().zip(entries) {
        assert_eq!(entry.raw.as_str(), text);
        if let Err(e) = &entry.requirement {
            assert_eq!(e.blame, Blame::Payee, "{e}");
            assert!(!e.detail.is_empty());
        }
    }
    assert_eq!(read.requirements().map(|(at, _)| at).collect::<Vec<_>>(), [3, 6]);
}

#[test]
fn challenges_are_bounded() {
    let read = |n: usize| wire::read_challenge(&json(&challenge(2, &vec![V2; n], "")), FAMILIES);
    assert_eq!(read(256).unwrap().accepts.len(), 256);
    assert_eq!(read(257).unwrap_err().code, Code::TooLarge);
    for (text, code) in [
        ("[]", Code::InvalidPayload),
        ("{}", Code::InvalidPayload),
        ("null", Code::InvalidPayload),
        (r#"{"x402Version":3,"accepts":[]}"#, Code::InvalidX402Version),
        (r#"{"x402Version":0}"#, Code::InvalidX402Version),
        (r#"{"x402Version":"2"}"#, Code::InvalidPayload),
        (r#"{"x402Version":256}"#, Code::InvalidPayload),
        (r#"{"x402Version":2,"accepts":{}}"#, Code::InvalidPayload),
        (r#"{"x402Version":2,"accepts":[],"accepts":[]}"#, Code::InvalidPayload),
    ] {
        assert_eq!(wire::read_challenge(&json(text), FAMILIES).expect_err(text).code, code, "{text}");
    }
}

fn payment(accepted: &str) -> String {
    format!(r#"{{"x402Version":2,"payload":{{"sig": "0x1" }},"extensions":null,"accepted":{accepted}}}"#)
}

fn chosen(accepted: &str, offers: &[Offer]) -> Result<usize, Code> {
    wire::read_payment(&json(&payment(accepted)), offers, FAMILIES).map(|(at, _)| at).map_err(|e| {
        assert_eq!(e.blame, Blame::Payer, "{e}");
        e.code
    })
}

#[test]
fn a_v2_payment_matches_by_six_fields_and_extra() {
    let offers = [offer(&V2.replace("10000", "7")), offer(V2)];
    for same in [
        V2.to_owned(),
        V2.replace("0xAa", "0xaA").replace("0xBb", "0xBB"),
        V2.replace(r#""version":"2""#, r#""version":"2","added":[1]"#),
        V2.replace(r#"{"scheme""#, r#"{ "unknown":1, "scheme""#),
    ] {
        assert_eq!(chosen(&same, &offers), Ok(1), "{same}");
    }
    for other in [
        V2.replace("10000", "10001"),
        V2.replace("0xAa", "0xAc"),
        V2.replace("0xBb", "0xBc"),
        V2.replace("exact", "upto"),
        V2.replace("8453", "84532"),
        V2.replace(":60", ":61"),
        V2.replace(r#""version":"2""#, r#""version":"1""#),
        V2.replace(r#","version":"2""#, ""),
        with("extra", None),
        V2.replace(r#""version""#, r#""assetTransferMethod":"permit2","version""#),
        V2.replace(r#""version""#, r#""paymentFlow":"upfront","version""#),
    ] {
        assert_eq!(chosen(&other, &offers), Err(Code::NoMatchingOffer), "{other}");
    }
    assert_eq!(chosen(V2, &[]), Err(Code::NoMatchingOffer));
    assert_eq!(chosen("null", &offers), Err(Code::InvalidPayload));
    assert_eq!(chosen("{}", &offers), Err(Code::InvalidPaymentRequirements));
}

#[test]
fn volatile_keys_take_no_part() {
    let hinted = V2.replace(r#""version""#, r#""recentBlockhash":"a","version""#);
    let mut standing = offer(&hinted);
    let later = hinted.replace(r#":"a""#, r#":"b""#);
    assert_eq!(chosen(&later, &[standing.clone()]), Err(Code::NoMatchingOffer));
    standing.volatile = vec!["recentBlockhash".to_owned()];
    assert_eq!(chosen(&later, &[standing.clone()]), Ok(0));
    assert_eq!(chosen(V2, &[standing]), Ok(0), "also when it is gone");
}

#[test]
fn payments_keep_their_bytes() {
    let text = format!(
        r#"{{"accepted":{V2},"payload":{{ "b":1, "a":"0x" }},"resource":{{"url":"u"}},"extensions":{{}},"x402Version":2,"more":0}}"#
    );
    for read in [
        wire::read_payment(&json(&text), &[offer(V2)], FAMILIES).unwrap(),
        wire::parse_payment(text.as_str(), &[offer(V2)], FAMILIES).unwrap(),
    ] {
        assert_eq!(read.1.payload.as_str(), r#"{ "b":1, "a":"0x" }"#);
        assert_eq!(read.1.resource.unwrap().as_str(), r#"{"url":"u"}"#);
        assert_eq!(read.1.accepted.raw.as_str(), V2);
    }
    for bad in ["", "{", "{}", "NaN", r#"{"x402Version":2,"payload":{}} x"#, "[1]"] {
        let error = wire::parse_payment(bad, &[offer(V2)], FAMILIES).expect_err(bad);
        assert_eq!((error.code, error.blame), (Code::InvalidPayload, Blame::Payer));
    }
}

#[test]
fn a_v1_payment_matches_by_scheme_and_network_alone() {
    let offers = [offer(V2), offer(V1)];
    let read = |text: &str| wire::read_payment(&json(text), &offers, FAMILIES);
    let (at, paid) = read(r#"{"x402Version":1,"scheme":"exact","network":"base","payload":{}}"#).unwrap();
    assert_eq!((paid.accepted.version, paid.accepted.price), (Version::V1, offers[at].requirement.price));
    for (text, code) in [
        (
            r#"{"x402Version":1,"scheme":"exact","network":"base-sepolia","payload":{}}"#,
            Code::NoMatchingOffer,
        ),
        (r#"{"x402Version":1,"scheme":"upto","network":"base","payload":{}}"#, Code::NoMatchingOffer),
        (r#"{"x402Version":1,"scheme":"exact","network":"mars","payload":{}}"#, Code::InvalidNetwork),
        (r#"{"x402Version":1,"network":"base","payload":{}}"#, Code::InvalidPayload),
        (r#"{"x402Version":1,"scheme":"exact","payload":{}}"#, Code::InvalidPayload),
        (r#"{"x402Version":1,"scheme":"exact","network":"base"}"#, Code::InvalidPayload),
        (r#"{"x402Version":9,"payload":{}}"#, Code::InvalidX402Version),
    ] {
        let error = read(text).expect_err(text);
        assert_eq!((error.code, error.blame), (code, Blame::Payer), "{text}");
    }
}

#[test]
fn go_writes_empty_lists_as_null() {
    let read = wire::read_challenge(&json(r#"{"x402Version":2,"accepts":null}"#), FAMILIES).unwrap();
    assert!(read.accepts.is_empty());
}
