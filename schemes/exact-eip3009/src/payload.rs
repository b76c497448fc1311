//! The payload on the wire: `{signature, authorization: {from, to, value, validAfter, validBefore, nonce}}`.
//!
//! Source: x402 v2, `scheme_exact_evm` (EIP-3009); the fields are those of EIP-3009's `TransferWithAuthorization`.
//! Reading borrows from the text and allocates nothing; every field has an error of its own, and no error repeats
//! what stood there, because that may be a signature.

use alloy::hex;
use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;
use tollway_core::{Code, Error, Json, Result};
use tollway_evm::eip712::Transfer;
use tollway_evm::signature::{BYTES_MAX, SIGNATURE_BYTES, Signature};

/// An authorization with its signature, decoded. `Debug` shows who pays whom, not what was signed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) transfer: Transfer,
    /// As it came: of a plain account, or of one with code.
    pub(crate) signature: Signature,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({} to {})", self.transfer.from, self.transfer.to)
    }
}

/// Raw parts, so that no type error can quote a value.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    signature: Option<&'a RawValue>,
    #[serde(borrow)]
    authorization: Option<Fields<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    from: Option<&'a RawValue>,
    #[serde(borrow)]
    to: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    valid_after: Option<&'a RawValue>,
    #[serde(borrow)]
    valid_before: Option<&'a RawValue>,
    #[serde(borrow)]
    nonce: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Out {
    signature: String,
    authorization: OutFields,
}

/// Addresses go out with EIP-55 checksums, because some hosted facilitators insist on them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutFields {
    from: String,
    to: String,
    value: String,
    valid_after: String,
    valid_before: String,
    nonce: String,
}

impl Signed {
    /// Decodes a payload; says nothing about whether it is true.
    ///
    /// # Errors
    /// [`Code::InvalidPayload`] naming the field; [`Code::InvalidSignature`] for one that has no known form.
    pub(crate) fn decode(payload: &Json) -> Result<Self> {
        let wire: Wire<'_> = serde_json::from_str(payload.as_str()).map_err(|_| {
            bad("it must be {signature, authorization: {from, to, value, validAfter, validBefore, nonce}}, each once")
        })?;
        let fields = wire.authorization.ok_or_else(|| bad("authorization is missing"))?;
        let transfer = Transfer {
            from: Address::from(bytes("authorization.from", fields.from)?),
            to: Address::from(bytes("authorization.to", fields.to)?),
            value: integer("authorization.value", fields.value)?,
            valid_after: integer("authorization.validAfter", fields.valid_after)?,
            valid_before: integer("authorization.validBefore", fields.valid_before)?,
            nonce: B256::from(bytes("authorization.nonce", fields.nonce)?),
        };
        Ok(Self { transfer, signature: signature(wire.signature)? })
    }

    /// The payload as it goes on the wire: integers as decimal strings, bytes as `0x` hex.
    pub(crate) fn encode(&self) -> Json {
        let said = &self.transfer;
        Json::of(&Out {
            signature: hex::encode_prefixed(self.signature.as_bytes()),
            authorization: OutFields {
                from: said.from.to_checksum(None),
                to: said.to.to_checksum(None),
                value: said.value.to_string(),
                valid_after: said.valid_after.to_string(),
                valid_before: said.valid_before.to_string(),
                nonce: hex::encode_prefixed(said.nonce),
            },
        })
    }
}

/// `r ‖ s ‖ v` as `v`, `r`, `s`.
pub(crate) fn split(signature: &[u8; 65]) -> (u8, B256, B256) {
    let [rs @ .., v] = signature;
    let (r, s) = rs.split_at(32);
    (*v, B256::from_slice(r), B256::from_slice(s))
}

fn bad(words: impl fmt::Display) -> Error {
    Error::payer(Code::InvalidPayload).detail(format!("exact payload: {words}"))
}

fn text<'a>(field: &str, raw: Option<&'a RawValue>) -> Result<&'a str> {
    let raw = raw.ok_or_else(|| bad(format_args!("{field} is missing")))?.get();
    let inner = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"'));
    inner.ok_or_else(|| bad(format_args!("{field} must be a string")))
}

fn bytes<const N: usize>(field: &str, raw: Option<&RawValue>) -> Result<[u8; N]> {
    let text = text(field, raw)?;
    let digits = text.strip_prefix("0x").unwrap_or("");
    hex::decode_to_array(digits).map_err(|_| {
        let (found, right) = (text.len(), N.saturating_mul(2));
        bad(format_args!("{field} has {found} characters; 0x and {right} hex digits are right"))
    })
}

/// Nearly all have 65 bytes: these are read without the heap.
fn signature(raw: Option<&RawValue>) -> Result<Signature> {
    let digits = text("signature", raw)?.strip_prefix("0x").unwrap_or("");
    if digits.len() == SIGNATURE_BYTES.saturating_mul(2) {
        return Signature::read(&bytes::<SIGNATURE_BYTES>("signature", raw)?);
    }
    if digits.is_empty() || digits.len() > BYTES_MAX.saturating_mul(2) {
        return Err(Error::payer(Code::InvalidSignature).detail(format!(
            "0x and {} hex digits; 130 are right for a plain account, and an account with code may need up to {}",
            digits.len(),
            BYTES_MAX.saturating_mul(2)
        )));
    }
    let decoded =
        hex::decode(digits).map_err(|_| bad("signature must be 0x and an even number of hex digits"))?;
    Signature::read(&decoded)
}

/// Decimal strings are right; JSON integers are tolerated because some clients write them.
fn integer(field: &str, raw: Option<&RawValue>) -> Result<U256> {
    let raw = raw.ok_or_else(|| bad(format_args!("{field} is missing")))?.get();
    let digits = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')).unwrap_or(raw);
    let wrong = || bad(format_args!("{field} must be a decimal integer below 2^256, as a string"));
    if digits.is_empty() || digits.len() > 78 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    match digits.parse::<u64>() {
        Ok(small) => Ok(U256::from(small)),
        Err(_) => U256::from_str_radix(digits, 10).map_err(|_| wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> String {
        format!(
            r#"{{"signature":"0x{}1b","authorization":{{"from":"0x{:0>40}","to":"0x{:0>40}","value":"10000","validAfter":"0","validBefore":"1740672154","nonce":"0x{}"}}}}"#,
            "11".repeat(64),
            "1111",
            "3333",
            "ab".repeat(32)
        )
    }
    fn decode(text: &str) -> Result<Signed> {
        Signed::decode(&Json::parse(text).unwrap())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let signed = decode(&sample()).unwrap();
        assert_eq!(signed.transfer.value, U256::from(10_000));
        assert_eq!(Signed::decode(&signed.encode()).unwrap(), signed);
    }

    #[test]
    fn signatures_of_every_length_go_out_as_they_came() {
        for signature in ["11".repeat(64), "11".repeat(64) + "00", "22".repeat(97), "33".repeat(700)] {
            let text = sample().replace(&("11".repeat(64) + "1b"), &signature);
            let signed = decode(&text).unwrap();
            assert_eq!(hex::encode(signed.signature.as_bytes()), signature);
            assert_eq!(Signed::decode(&signed.encode()).unwrap(), signed);
        }
    }

    #[test]
    fn integers_may_be_json_numbers_and_bytes_of_any_case() {
        let loose = sample().replace(r#""10000""#, "10000").replace(r#""0""#, "0").replace("abab", "ABab");
        assert_eq!(decode(&loose).unwrap(), decode(&sample()).unwrap());
    }

    #[test]
    fn every_broken_field_is_named_and_never_quoted() {
        let ok = sample();
        let (huge, much) = ("9".repeat(78), "1b".repeat(8_200) + "\"");
        let (all, magic) = (format!("\"0x{}1b\"", "11".repeat(64)), format!("\"0x{}\"", "6492".repeat(16)));
        let cases: &[(&str, &str, Code, &str)] = &[
            (r#""10000""#, r#""-1""#, Code::InvalidPayload, "authorization.value"),
            (r#""10000""#, r#""0x10""#, Code::InvalidPayload, "authorization.value"),
            (r#""10000""#, "1e4", Code::InvalidPayload, "authorization.value"),
            (r#""10000""#, "null", Code::InvalidPayload, "authorization.value is missing"),
            (r#""10000""#, &huge, Code::InvalidPayload, "authorization.value"),
            (r#""1740672154""#, r#""""#, Code::InvalidPayload, "authorization.validBefore"),
            (r#""0""#, "[]", Code::InvalidPayload, "authorization.validAfter"),
            ("abab", "ab", Code::InvalidPayload, "authorization.nonce"),
            ("abab", "zzab", Code::InvalidPayload, "authorization.nonce"),
            (r#""to":"0x"#, r#""to":""#, Code::InvalidPayload, "authorization.to"),
            (r#""from":"0x"#, r#""from":"00"#, Code::InvalidPayload, "authorization.from"),
            ("1b\"", "1b1\"", Code::InvalidPayload, "even number"),
            ("1b\"", &much, Code::InvalidSignature, "hex digits"),
            (&all, "\"0x\"", Code::InvalidSignature, "0 hex digits"),
            (&all, &magic, Code::InvalidSignature, "ERC-6492"),
            ("1b\"", "zz\"", Code::InvalidPayload, "signature"),
            (r#""nonce""#, r#""value""#, Code::InvalidPayload, "each once"),
        ];
        for (from, to, code, words) in cases {
            let e = decode(&ok.replacen(from, to, 1)).expect_err(words);
            assert_eq!(&e.code, code, "{words}: {e}");
            assert!(e.detail.contains(words), "{words}: {e}");
        }
        let secret = "0x".to_owned() + &"42".repeat(65);
        for text in [format!(r#"{{"authorization":"{secret}"}}"#), format!(r#""{secret}""#)] {
            assert!(!decode(&text).unwrap_err().to_string().contains("4242"), "{text}");
        }
        assert!(!format!("{:?}", decode(&ok).unwrap()).contains("abab"));
    }
}
