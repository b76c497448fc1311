//! Fields of what a peer wrote: strict about what they are, tolerant about how integers and hex are spelled. No error
//! repeats what stood there, because that may be a signature.

use crate::signature::{BYTES_MAX, SIGNATURE_BYTES, Signature};
use alloy::hex;
use alloy::primitives::{Address, U256};
use serde_json::value::RawValue;
use std::fmt;
use tollway_core::{Code, Error, Result};

/// A field as it stands in the text.
pub(super) type Raw<'a> = Option<&'a RawValue>;

/// What a wrong field is answered with: the code, and what the fields belong to.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    pub(super) code: fn() -> Code,
    pub(super) of: &'static str,
}

impl Reader {
    pub(super) fn bad(&self, words: impl fmt::Display) -> Error {
        Error::payer((self.code)()).detail(format!("{}: {words}", self.of))
    }

    pub(super) fn text<'a>(&self, field: &str, raw: Raw<'a>) -> Result<&'a str> {
        let raw = raw.ok_or_else(|| self.bad(format_args!("{field} is missing")))?.get();
        let inner = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"'));
        inner.ok_or_else(|| self.bad(format_args!("{field} must be a string")))
    }

    pub(super) fn bytes<const N: usize>(&self, field: &str, raw: Raw<'_>) -> Result<[u8; N]> {
        let text = self.text(field, raw)?;
        let digits = text.strip_prefix("0x").unwrap_or("");
        hex::decode_to_array(digits).map_err(|_| {
            let (found, right) = (text.len(), N.saturating_mul(2));
            self.bad(format_args!("{field} has {found} characters; 0x and {right} hex digits are right"))
        })
    }

    pub(super) fn address(&self, field: &str, raw: Raw<'_>) -> Result<Address> {
        self.bytes(field, raw).map(Address::from)
    }

    /// Decimal strings are right; JSON integers are tolerated because some clients write them.
    pub(super) fn integer(&self, field: &str, raw: Raw<'_>) -> Result<U256> {
        let raw = raw.ok_or_else(|| self.bad(format_args!("{field} is missing")))?.get();
        let digits = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')).unwrap_or(raw);
        let wrong = || self.bad(format_args!("{field} must be a decimal integer below 2^256, as a string"));
        if digits.is_empty() || digits.len() > 78 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        match digits.parse::<u64>() {
            Ok(small) => Ok(U256::from(small)),
            Err(_) => U256::from_str_radix(digits, 10).map_err(|_| wrong()),
        }
    }

    /// Bytes of any length up to `max`.
    pub(super) fn blob(&self, field: &str, raw: Raw<'_>, max: usize) -> Result<Vec<u8>> {
        let digits = self.text(field, raw)?.strip_prefix("0x").unwrap_or("");
        if digits.is_empty() || digits.len() / 2 > max {
            let found = digits.len();
            return Err(self
                .bad(format_args!("{field} has {found} hex digits; 0x and at most {max} bytes are right")));
        }
        hex::decode(digits).map_err(|_| self.bad(format_args!("{field} is not hex")))
    }

    /// A signature of whatever kind of account. Nearly all have 65 bytes: these are read without the heap.
    pub(super) fn any_signature(&self, field: &str, raw: Raw<'_>) -> Result<Signature> {
        let digits = self.text(field, raw)?.strip_prefix("0x").unwrap_or("").len();
        if digits == SIGNATURE_BYTES.saturating_mul(2) {
            return Signature::read(&self.bytes::<SIGNATURE_BYTES>(field, raw)?);
        }
        if digits == 0 || digits > BYTES_MAX.saturating_mul(2) {
            return Err(Error::payer(Code::InvalidSignature).detail(format!(
                "{}: {field} has {digits} hex digits; 130 are right for a plain account, and an account with code may \
                 need up to {}",
                self.of,
                BYTES_MAX.saturating_mul(2)
            )));
        }
        Signature::read(&self.blob(field, raw, BYTES_MAX)?)
    }

    /// A plain account's signature, `r ‖ s ‖ v`, with `v` 27 or 28.
    pub(super) fn signature(&self, field: &str, raw: Raw<'_>) -> Result<[u8; 65]> {
        let digits = self.text(field, raw)?.strip_prefix("0x").unwrap_or("").len();
        if digits != 130 {
            return Err(Error::payer(Code::InvalidSignature).detail(format!(
                "{}: {field} has {digits} hex digits; 130 are right: r, s and v, as a token's permit takes them",
                self.of
            )));
        }
        let mut signature: [u8; 65] = self.bytes(field, raw)?;
        let [.., v] = &mut signature;
        *v = match *v {
            // Some hardware wallets give the parity alone; contracts want Ethereum's 27 or 28.
            parity @ (0 | 1) => parity.saturating_add(27),
            v @ (27 | 28) => v,
            v => {
                return Err(Error::payer(Code::InvalidSignature)
                    .detail(format!("{}: v of {field} is {v}; 27 or 28 would be right", self.of)));
            }
        };
        Ok(signature)
    }
}
