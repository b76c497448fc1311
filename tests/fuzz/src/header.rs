use crate::naive;
use http::{HeaderMap, HeaderValue};
use tollway_core::wire::header;
use tollway_core::{Code, Json, Version, wire};
use tollway_evm::FAMILY;
use tollway_http::codec::{self, Limits};

/// Headers and bodies. The first byte sets how deep JSON may nest, the second how much is read, in 64 bytes; the rest is
/// what a peer sent.
pub fn header_codec(data: &[u8]) {
    let [depth, size, text @ ..] = data else { return };
    let (depth, size) = (usize::from(*depth % 64) + 1, usize::from(*size) * 64);
    decoded(text, size, depth);
    body(text, size, depth);
    challenge(text, size, depth);
}

/// What a header may say, by a second decoder.
fn expected(text: &[u8], size: usize, depth: usize) -> Result<String, Code> {
    if text.len() > size {
        return Err(Code::TooLarge);
    }
    let bytes = naive::base64(text).ok_or(Code::InvalidHeader)?;
    let text = String::from_utf8(bytes).map_err(|_| Code::InvalidHeader)?;
    if naive::depth(text.as_bytes()) > depth {
        return Err(Code::TooLarge);
    }
    is_json(&text).then_some(text).ok_or(Code::InvalidPayload)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn decoded(text: &[u8], size: usize, depth: usize) {
    let found = codec::decode(text, size, depth);
    let expected = expected(text, size, depth);
    assert_eq!(found.as_ref().map(Json::as_str).map_err(|e| &e.code), expected.as_deref());
    let Ok(json) = found else { return };
    let canonical = codec::encode(&json);
    let again = codec::decode(canonical.as_bytes(), usize::MAX, depth).expect("what was written is read");
    assert_eq!(again.as_str(), json.as_str());
    carried(&json, depth);
}

/// A payment header: one of either version, never two.
fn carried(json: &Json, depth: usize) {
    let limits = limits(usize::MAX, depth);
    for version in [Version::V1, Version::V2] {
        let mut headers = HeaderMap::new();
        codec::set_payment(&mut headers, version, json).expect("base64 fits a header");
        let value = headers.get(header::payment(version)).expect("it was set").clone();
        assert!(value.is_sensitive());
        let (read, found) = codec::payment_json(&headers, &limits).expect("readable").expect("there");
        assert_eq!((read, found.as_str()), (version, json.as_str()));
        for second in [header::PAYMENT_SIGNATURE, header::X_PAYMENT] {
            let mut twice = headers.clone();
            twice.append(second, value.clone());
            let refused = codec::payment_json(&twice, &limits).expect_err("two payments");
            assert_eq!(refused.code, Code::InvalidHeader);
        }
    }
}

fn body(text: &[u8], size: usize, depth: usize) {
    let found = codec::parse(text, size, depth);
    let expected = if text.len() > size || naive::depth(text) > depth {
        Err(Code::TooLarge)
    } else {
        std::str::from_utf8(text).ok().filter(|text| is_json(text)).ok_or(Code::InvalidPayload)
    };
    assert_eq!(found.as_ref().map(Json::as_str).map_err(|e| &e.code), expected.as_ref().map(|text| *text));
}

/// A challenge in a header, read whole and read in two steps.
fn challenge(text: &[u8], size: usize, depth: usize) {
    let Ok(value) = HeaderValue::from_bytes(text) else { return };
    let mut headers = HeaderMap::new();
    headers.insert(header::PAYMENT_REQUIRED, value);
    let whole = codec::read_challenge(&headers, b"", &[FAMILY], &limits(size, depth));
    let steps = codec::decode(text, size, depth).and_then(|json| wire::read_challenge(&json, &[FAMILY]));
    match (whole, steps) {
        (Ok(whole), Ok(steps)) => assert_eq!(whole, Some(steps)),
        (Err(whole), Err(steps)) => assert_eq!(whole.code, steps.code),
        (whole, steps) => panic!("{whole:?} is not {steps:?}"),
    }
}

fn limits(size: usize, depth: usize) -> Limits {
    let mut limits = Limits::DEFAULT;
    (limits.payment_bytes, limits.challenge_bytes, limits.depth) = (size, size, depth);
    limits
}
