//! Headers: round trips, and everything that is not one.

#[path = "common/wire.rs"]
mod wire;

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use tollway_core::wire::{SettleResponse, header};
use tollway_core::{Challenge, Code, Entry, Json, Version};
use tollway_http::codec::{self, Limits};
use wire::{FAMILY, base64};

const LIMITS: Limits = Limits::DEFAULT;

fn with(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}

fn refused(text: &str) -> Code {
    codec::decode(text.as_bytes(), LIMITS.payment_bytes, LIMITS.depth).unwrap_err().code
}

#[test]
fn padding_is_optional_and_never_wrong() {
    // {"a":1} is seven bytes: two characters of padding.
    for good in ["eyJhIjoxfQ==", "eyJhIjoxfQ"] {
        assert_eq!(codec::decode(good.as_bytes(), 100, 64).unwrap().as_str(), r#"{"a":1}"#);
    }
    for bad in [
        "eyJhIjoxfQ=",
        "eyJhIjoxfQ===",
        "_-8=",
        "_-8",
        "eyJhIjoxf Q==",
        "eyJhIjoxfQ==\n",
        "=",
        "eyJhIjoxfR==",
    ] {
        assert_eq!(refused(bad), Code::InvalidHeader, "{bad}");
    }
    assert_eq!(codec::encode(&Json::parse(r#"{"a":1}"#).unwrap()), "eyJhIjoxfQ==");
}

#[test]
fn url_safe_is_refused_and_its_standard_twin_read() {
    let text = r#"{"a":"???>>>"}"#;
    let standard = base64(text);
    assert!(standard.contains('/') || standard.contains('+'));
    assert_eq!(codec::decode(standard.as_bytes(), 100, 64).unwrap().as_str(), text);
    assert_eq!(refused(&standard.replace('+', "-").replace('/', "_")), Code::InvalidHeader);
}

#[test]
fn a_megabyte_is_refused_unread() {
    // Not even base64: the size is looked at first.
    assert_eq!(refused(&"!".repeat(1 << 20)), Code::TooLarge);
    let exactly = base64(&format!("\"{}\"", "x".repeat(48 * 1024 - 2)));
    assert_eq!(exactly.len(), 64 << 10);
    assert!(codec::decode(exactly.as_bytes(), LIMITS.payment_bytes, LIMITS.depth).is_ok());
    assert_eq!(refused(&format!("{exactly}AAAA")), Code::TooLarge);
}

#[test]
fn ten_thousand_levels_are_refused() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    assert_eq!(refused(&base64(&deep)), Code::TooLarge);
    assert_eq!(codec::parse(deep.as_bytes(), 1 << 20, 64).unwrap_err().code, Code::TooLarge);
    let unclosed = "{\"a\":".repeat(5_000);
    assert_eq!(refused(&base64(&unclosed)), Code::TooLarge);
}

#[test]
fn what_is_not_json_is_refused() {
    for bad in ["", "{", "{}{}", "nul", "\u{feff}{}", "{\"a\":1,}"] {
        assert_eq!(refused(&base64(bad)), Code::InvalidPayload, "{bad:?}");
    }
    let latin1 = base64_simd::STANDARD.encode_to_string([b'"', 0xe9, b'"']);
    assert_eq!(refused(&latin1), Code::InvalidHeader);
}

#[test]
fn a_payment_finds_its_offer() {
    let offers = wire::offers();
    for accepted in [wire::accept(8453, 10_000), wire::accept_reordered(8453, 10_000)] {
        let headers = with(header::PAYMENT_SIGNATURE, &base64(&wire::payment(&accepted)));
        let (at, payment) = codec::read_payment(&headers, &offers, &[FAMILY], &LIMITS).unwrap().unwrap();
        assert_eq!(at, 8);
        assert_eq!(payment.accepted.raw.as_str(), accepted);
        assert!(payment.payload.as_str().starts_with(r#"{"signature":"0x2d6a"#));
        assert!(!format!("{payment:?}").contains("2d6a"));
    }
    let none = codec::read_payment(&HeaderMap::new(), &offers, &[FAMILY], &LIMITS).unwrap();
    assert!(none.is_none());
    let dearer = with(header::PAYMENT_SIGNATURE, &base64(&wire::payment(&wire::accept(8453, 1))));
    let e = codec::read_payment(&dearer, &offers, &[FAMILY], &LIMITS).unwrap_err();
    assert_eq!(e.code, Code::NoMatchingOffer);
}

#[test]
fn two_payments_are_none() {
    let value = HeaderValue::from_str(&base64(&wire::payment(&wire::accept(8453, 10_000)))).unwrap();
    for (first, second) in [
        (header::PAYMENT_SIGNATURE, header::PAYMENT_SIGNATURE),
        (header::X_PAYMENT, header::X_PAYMENT),
        (header::PAYMENT_SIGNATURE, header::X_PAYMENT),
    ] {
        let mut headers = HeaderMap::new();
        headers.append(first, value.clone());
        headers.append(second, value.clone());
        assert_eq!(codec::payment_json(&headers, &LIMITS).unwrap_err().code, Code::InvalidHeader);
        let e = codec::read_payment(&headers, &wire::offers(), &[FAMILY], &LIMITS).unwrap_err();
        assert_eq!(e.code, Code::InvalidHeader);
    }
}

#[test]
fn a_payment_belongs_into_its_own_versions_header() {
    let offers = [wire::offer(&wire::accept(84532, 10_000))];
    let v1 = base64(r#"{"x402Version":1,"scheme":"exact","network":"base-sepolia","payload":{}}"#);
    let read = |name| codec::read_payment(&with(name, &v1), &offers, &[FAMILY], &LIMITS);
    assert_eq!(read(header::X_PAYMENT).unwrap().unwrap().1.accepted.version, Version::V1);
    assert_eq!(read(header::PAYMENT_SIGNATURE).unwrap_err().code, Code::InvalidX402Version);
}

#[test]
fn a_payments_value_is_not_shown() {
    let mut headers = HeaderMap::new();
    codec::set_payment(&mut headers, Version::V2, &Json::parse(r#"{"secret":1}"#).unwrap()).unwrap();
    assert!(!format!("{headers:?}").contains("eyJ"));
}

fn challenge(version: Version) -> Challenge {
    let raw = match version {
        Version::V1 => wire::accept(84532, 7)
            .replace("\"amount\"", "\"maxAmountRequired\"")
            .replace("eip155:84532", "base-sepolia"),
        _ => wire::accept(84532, 7),
    };
    let raw = Json::parse(raw).unwrap();
    let requirement = tollway_core::wire::read_requirement(&raw, version, &[FAMILY]);
    let error = Some(Code::InsufficientFunds);
    Challenge { version, accepts: vec![Entry { raw, requirement }], resource: None, extensions: None, error }
}

#[test]
fn a_challenge_goes_out_and_comes_back() {
    for version in [Version::V1, Version::V2] {
        let sent = challenge(version);
        let mut headers = HeaderMap::new();
        let body = codec::write_challenge(&mut headers, &sent).unwrap();
        assert_eq!(headers.is_empty(), version == Version::V1);
        assert_eq!(body.as_str() == "{}", version == Version::V2);
        let got = codec::read_challenge(&headers, body.as_str().as_bytes(), &[FAMILY], &LIMITS).unwrap();
        assert_eq!(got.unwrap(), sent);
    }
}

#[test]
fn a_challenge_is_the_header_else_a_body_that_holds_one() {
    let v1 = tollway_core::wire::write_challenge(&challenge(Version::V1));
    let mut headers = HeaderMap::new();
    codec::write_challenge(&mut headers, &challenge(Version::V2)).unwrap();
    let read =
        |headers: &HeaderMap, body: &str| codec::read_challenge(headers, body.as_bytes(), &[FAMILY], &LIMITS);
    assert_eq!(read(&headers, v1.as_str()).unwrap().unwrap().version, Version::V2);
    let none = HeaderMap::new();
    assert_eq!(read(&none, v1.as_str()).unwrap().unwrap().version, Version::V1);
    // What was too long for a header is in the body.
    let v2 = tollway_core::wire::write_challenge(&challenge(Version::V2));
    assert_eq!(read(&none, v2.as_str()).unwrap().unwrap(), challenge(Version::V2));
    for other in [
        "",
        "{}",
        "<html>",
        r#"{"x402Version":2}"#,
        r#"{"x402Version":2,"accepts":[]}"#,
        r#"{"x402Version":2,"accepts":"?"}"#,
        r#"{"x402Version":"1"}"#,
    ] {
        assert!(read(&none, other).unwrap().is_none(), "{other}");
    }
    let e = read(&with(header::PAYMENT_REQUIRED, "?"), v1.as_str()).unwrap_err();
    assert_eq!((e.code, e.blame), (Code::InvalidHeader, tollway_core::Blame::Payee));
}

#[test]
fn receipts_come_back_in_any_dialect() {
    let sent = SettleResponse {
        success: true,
        transaction: "0xabc".into(),
        network: "base".into(),
        ..Default::default()
    };
    for version in [Version::V1, Version::V2] {
        let mut headers = HeaderMap::new();
        codec::write_receipt(&mut headers, version, &sent).unwrap();
        assert_eq!(codec::read_receipt(&headers, &LIMITS).unwrap().unwrap(), (version, sent.clone()));
    }
    assert!(codec::read_receipt(&HeaderMap::new(), &LIMITS).unwrap().is_none());
    // x402-rs's typed response: snake case, no transaction; and nulls.
    let snake =
        Json::parse(r#"{"success":false,"error_reason":"invalid_signature","network":"","payer":""}"#)
            .unwrap();
    let read = codec::settle_response(&snake).unwrap();
    assert_eq!((read.error_reason, read.payer), (Some(Code::InvalidSignature), None));
    let nulls = Json::parse(
        r#"{"success":true,"transaction":null,"network":null,"payer":null,"extra":null,"new":1}"#,
    );
    assert!(codec::settle_response(&nulls.unwrap()).unwrap().success);
    assert_eq!(codec::settle_response(&Json::empty()).unwrap_err().code, Code::InvalidAnswer);
}

proptest! {
    #[test]
    fn any_json_round_trips(text in "[ -~é€😀]{0,6000}") {
        let json = Json::of(&serde_json::json!({"text": text, "n": [1, null, {"deep": text}]}));
        let limits = Limits::DEFAULT;
        let encoded = codec::encode(&json);
        let back = codec::decode(encoded.as_bytes(), limits.payment_bytes, limits.depth).unwrap();
        prop_assert_eq!(back.as_str(), json.as_str());
        let bare = codec::decode(encoded.trim_end_matches('=').as_bytes(), limits.payment_bytes, limits.depth);
        let bare = bare.unwrap();
        prop_assert_eq!(bare.as_str(), json.as_str());
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..6000)) {
        let _ = codec::decode(&bytes, 64 << 10, 64);
        let _ = codec::parse(&bytes, 64 << 10, 64);
    }

    #[test]
    fn no_base64_panics(text in "[A-Za-z0-9+/=_-]{0,5000}") {
        let _ = codec::decode(text.as_bytes(), 64 << 10, 64);
    }

    #[test]
    fn no_damaged_payment_panics(at in 0usize..1000, byte in any::<u8>()) {
        let mut text = wire::payment(&wire::accept(8453, 10_000)).into_bytes();
        let at = at % text.len();
        text[at] = byte;
        let value = base64_simd::STANDARD.encode_to_string(&text);
        let _ = codec::read_payment(&with(header::PAYMENT_SIGNATURE, &value), &wire::offers(), &[FAMILY], &Limits::DEFAULT);
    }
}
