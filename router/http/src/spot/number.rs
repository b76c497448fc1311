//! A decimal number in a JSON text, exactly as it is written there: it never becomes a float.

use serde_json::value::RawValue;
use std::collections::HashMap;
use tollway_core::{Code, Error, Result};

/// The deepest that a price may be.
const DEPTH_MAX: usize = 16;
/// Digits before the point: more than any price has.
const WHOLE_MAX: usize = 9;
/// Digits after it; further ones are cut off.
const FRACTION_MAX: usize = 18;

/// A JSON pointer. Source: RFC 6901.
#[derive(Debug, Clone)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong =
            || Error::caller(Code::BadSettings).detail("price feed: a JSON pointer is like /data/amount");
        let steps: Vec<String> = match text.strip_prefix('/') {
            Some(rest) => rest.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect(),
            None if text.is_empty() => Vec::new(),
            None => return Err(wrong()),
        };
        if steps.len() > DEPTH_MAX { Err(wrong()) } else { Ok(Self(steps)) }
    }

    /// The text of the value it points at.
    fn find<'a>(&self, json: &'a str) -> Option<&'a str> {
        self.0.iter().try_fold(json, |json, step| {
            if json.trim_start().starts_with('[') {
                let list: Vec<&'a RawValue> = serde_json::from_str(json).ok()?;
                return list.get(step.parse::<usize>().ok()?).map(|value| value.get());
            }
            let object: HashMap<String, &'a RawValue> = serde_json::from_str(json).ok()?;
            object.get(step).map(|value| value.get())
        })
    }
}

/// The price at `pointer`, and how many of its digits are fraction.
pub(super) fn price(json: &str, pointer: &Pointer) -> Result<(u128, u8)> {
    let unread = || Error::network(Code::InvalidAnswer).detail("no decimal number where the price should be");
    let found = pointer.find(json).ok_or_else(unread)?.trim();
    let text = found.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(found);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(unread());
    }
    let absurd = || Error::network(Code::AbsurdPrice).detail("zero, or more than a billion dollars");
    let fraction = fraction.get(..FRACTION_MAX).unwrap_or(fraction);
    let decimals = u8::try_from(fraction.len()).map_err(|_| unread())?;
    if whole.len() > WHOLE_MAX {
        return Err(absurd());
    }
    let answer = format!("{whole}{fraction}").parse().map_err(|_| unread())?;
    if answer == 0 { Err(absurd()) } else { Ok((answer, decimals)) }
}

/// The whole number at `pointer`.
pub(super) fn whole(json: &str, pointer: &Pointer) -> Option<u64> {
    let found = pointer.find(json)?.trim();
    found.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(found).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, pointer: &str) -> Result<(u128, u8), Code> {
        price(json, &Pointer::parse(pointer).unwrap()).map_err(|e| e.code)
    }

    #[test]
    fn a_price_is_read_digit_by_digit() {
        for (json, pointer, want) in [
            (r#"{"data":{"amount":"2650.12","base":"ETH"}}"#, "/data/amount", Ok((265_012, 2))),
            (r#"{"ethereum":{"usd":2650.12}}"#, "/ethereum/usd", Ok((265_012, 2))),
            (r#" [ {"c":["0.99980000","1"]} ] "#, "/0/c/0", Ok((99_980_000, 8))),
            (r#"{"a/b":{"~":7}}"#, "/a~1b/~0", Ok((7, 0))),
            ("3", "", Ok((3, 0))),
            // A float would make something else of it.
            (r#"{"p":0.1000000000000000055511151231257827}"#, "/p", Ok((100_000_000_000_000_005, 18))),
            (r#"{"p":0}"#, "/p", Err(Code::AbsurdPrice)),
            (r#"{"p":"0.000"}"#, "/p", Err(Code::AbsurdPrice)),
            (r#"{"p":10000000000}"#, "/p", Err(Code::AbsurdPrice)),
            (r#"{"p":-1}"#, "/p", Err(Code::InvalidAnswer)),
            (r#"{"p":"+1"}"#, "/p", Err(Code::InvalidAnswer)),
            (r#"{"p":1e3}"#, "/p", Err(Code::InvalidAnswer)),
            (r#"{"p":"2,650"}"#, "/p", Err(Code::InvalidAnswer)),
            (r#"{"p":null}"#, "/p", Err(Code::InvalidAnswer)),
            (r#"{"p":{}}"#, "/p", Err(Code::InvalidAnswer)),
            (r#"{"q":1}"#, "/p", Err(Code::InvalidAnswer)),
            (r#"{"p":1"#, "/p", Err(Code::InvalidAnswer)),
            ("", "/p", Err(Code::InvalidAnswer)),
        ] {
            assert_eq!(read(json, pointer), want, "{json} {pointer}");
        }
        assert!(Pointer::parse("data").is_err());
        assert!(Pointer::parse(&"/a".repeat(17)).is_err());
        let deep = "[".repeat(100_000);
        assert_eq!(read(&deep, "/0/0"), Err(Code::InvalidAnswer));
    }
}
