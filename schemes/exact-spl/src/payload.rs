//! The payload on the wire: `{transaction}`, a partially signed transaction in base64.
//!
//! Reading allocates nothing: the bytes are decoded into one packet on the stack. No error repeats what stood
//! there.

use arrayvec::ArrayVec;
use base64_simd::{Out, STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tollway_core::{Code, Error, Json, Result};
use tollway_solana::PACKET_BYTES_MAX;

/// A packet in base64, padding included, is not longer than this.
const TEXT_MAX: usize = PACKET_BYTES_MAX.div_ceil(3).saturating_mul(4);

/// The bytes of one transaction.
pub(crate) type Packet = ArrayVec<u8, PACKET_BYTES_MAX>;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    transaction: Option<Text<'a>>,
}

/// serde borrows a bare `Cow` when told to, but never one inside an `Option`.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Serialize)]
struct Written {
    transaction: String,
}

/// Decodes a payload; says nothing about what the transaction does.
///
/// # Errors
/// [`Code::InvalidPayload`] for the form, [`Code::TooLarge`].
pub(crate) fn decode(payload: &Json) -> Result<Packet> {
    let bad = |words: &str| Error::payer(Code::InvalidPayload).detail(format!("exact payload: {words}"));
    let wire: Wire<'_> =
        serde_json::from_str(payload.as_str()).map_err(|_| bad("it must be {transaction}, a string"))?;
    let text = wire.transaction.ok_or_else(|| bad("transaction is missing"))?.0;
    if text.len() > TEXT_MAX {
        return Err(Error::payer(Code::TooLarge)
            .detail(format!("a transaction of {} base64 characters; {TEXT_MAX} are the most", text.len())));
    }
    // Some clients leave the padding out.
    let digits = text.trim_end_matches('=');
    let engine = if digits.len() == text.len() { STANDARD_NO_PAD } else { STANDARD };
    let mut packet = [0; TEXT_MAX];
    let bytes = engine
        .decode(text.as_bytes(), Out::from_slice(&mut packet))
        .map_err(|_| bad("transaction is not base64 in the standard alphabet"))?;
    Packet::try_from(&*bytes).map_err(|_| {
        Error::payer(Code::TooLarge)
            .detail(format!("a transaction of {} bytes; {PACKET_BYTES_MAX} are the most", bytes.len()))
    })
}

/// The payload as it goes on the wire.
pub(crate) fn encode(transaction: &[u8]) -> Json {
    Json::of(&Written { transaction: STANDARD.encode_to_string(transaction) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Packet> {
        decode(&Json::parse(text).unwrap())
    }

    #[test]
    fn what_is_written_is_read_again_padded_or_not_escaped_or_not() {
        for length in [0, 1, 2, 3, 64, PACKET_BYTES_MAX] {
            let bytes: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap() ^ 0xff).collect();
            let payload = encode(&bytes);
            assert_eq!(decode(&payload).unwrap().as_slice(), bytes, "{length}");
            assert_eq!(read(&payload.as_str().replace('=', "")).unwrap().as_slice(), bytes, "{length}");
            assert_eq!(read(&payload.as_str().replace('/', "\\/")).unwrap().as_slice(), bytes, "{length}");
        }
    }

    #[test]
    fn every_broken_payload_is_named_and_never_quoted() {
        let long = |count: usize| format!(r#"{{"transaction":"{}"}}"#, "A".repeat(count));
        let cases = [
            ("{}".to_owned(), Code::InvalidPayload),
            (r#"{"transaction":null}"#.to_owned(), Code::InvalidPayload),
            (r#"{"transaction":7}"#.to_owned(), Code::InvalidPayload),
            (r#"{"transaction":"c2VjcmV0","transaction":"c2VjcmV0"}"#.to_owned(), Code::InvalidPayload),
            (r#""c2VjcmV0""#.to_owned(), Code::InvalidPayload),
            (r#"{"transaction":"c2VjcmV0="}"#.to_owned(), Code::InvalidPayload),
            (r#"{"transaction":"c2Vj-_V0"}"#.to_owned(), Code::InvalidPayload),
            (long(TEXT_MAX + 1), Code::TooLarge),
            (long(TEXT_MAX), Code::TooLarge),
        ];
        for (text, code) in cases {
            let e = read(&text).unwrap_err();
            assert_eq!(e.code, code, "{:.60}", text);
            assert!(!e.to_string().contains("c2V"), "{e}");
        }
    }
}
