//! Secrets, and every spelling in which one could turn up in a text.

use std::fmt;

/// Something that must never be printed: a private key, a signature.
#[derive(Clone)]
pub struct Secret {
    name: &'static str,
    spellings: Vec<String>,
}

/// Shows the name alone.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.name)
    }
}

impl Secret {
    /// A secret of bytes. It is looked for as hex, base58, base64 (both alphabets, with any bytes before it), as a list
    /// of decimal or hexadecimal numbers, and as text.
    pub fn new(name: &'static str, bytes: &[u8]) -> Self {
        let hex = hex::encode(bytes);
        let list = |number: fn(&u8) -> String, between: &str| {
            bytes.iter().map(number).collect::<Vec<_>>().join(between)
        };
        let mut spellings = vec![
            base58(bytes),
            list(u8::to_string, ", "),
            list(u8::to_string, ","),
            list(|b| format!("{b:#04x}"), ", "),
            hex,
        ];
        for skipped in 0..3 {
            // Behind other bytes the groups of three begin elsewhere; only whole groups spell the same.
            let whole = bytes.get(skipped..).unwrap_or_default();
            let whole = whole.get(..whole.len().saturating_sub(whole.len() % 3)).unwrap_or_default();
            spellings.push(base64(whole, b"+/"));
            spellings.push(base64(whole, b"-_"));
        }
        spellings.extend(std::str::from_utf8(bytes).ok().map(str::to_owned));
        // A spelling of a few characters turns up by chance.
        spellings.retain(|text| text.len() >= 8);
        Self { name, spellings }
    }

    /// A secret that is a text already (a field of a payload): looked for as it stands, and without `0x`.
    pub fn text(name: &'static str, text: &str) -> Self {
        let bare = text.strip_prefix("0x").unwrap_or(text);
        Self { name, spellings: vec![bare.to_owned()].into_iter().filter(|text| text.len() >= 8).collect() }
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The spelling that stands in `text`, if any. Hex is found in either case.
    pub fn found_in(&self, text: &str) -> Option<&str> {
        let low = text.to_ascii_lowercase();
        let hex = |s: &str| s.bytes().all(|b| b.is_ascii_hexdigit());
        let found = |s: &&String| {
            text.contains(s.as_str()) || (hex(s) && low.contains(s.to_ascii_lowercase().as_str()))
        };
        self.spellings.iter().find(found).map(String::as_str)
    }
}

/// What one text gives away.
///
/// # Errors
/// Which secret, in which place; the text itself is not repeated.
pub fn search(secrets: &[Secret], place: &str, text: &str) -> super::Verdict {
    for secret in secrets {
        if secret.found_in(text).is_some() {
            return Err(format!("{place} shows {}", secret.name));
        }
    }
    Ok(())
}

fn base64(bytes: &[u8], last: &[u8; 2]) -> String {
    let sign = |six: u8| match six {
        0..=25 => b'A'.saturating_add(six),
        26..=51 => b'a'.saturating_add(six.saturating_sub(26)),
        52..=61 => b'0'.saturating_add(six.saturating_sub(52)),
        62 => last[0],
        _ => last[1],
    };
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|at| group.get(at).copied().unwrap_or(0));
        for six in [a >> 2, (a << 4 | b >> 4) & 63, (b << 2 | c >> 6) & 63, c & 63]
            .iter()
            .take(group.len().saturating_add(1))
        {
            out.push(char::from(sign(*six)));
        }
    }
    out
}

fn base58(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut digits: Vec<u8> = Vec::new();
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry = carry.saturating_add(u32::from(*digit).saturating_mul(256));
            *digit = u8::try_from(carry % 58).unwrap_or(0);
            carry /= 58;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 58).unwrap_or(0));
            carry /= 58;
        }
    }
    let zeros = bytes.iter().take_while(|b| **b == 0).map(|_| '1');
    let sign = |digit: &u8| SIGNS.get(usize::from(*digit)).copied().map_or('?', char::from);
    zeros.chain(digits.iter().rev().map(sign)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_found() {
        let bytes: Vec<u8> = (0..32).map(|n| n * 7 + 3).collect();
        let secret = Secret::new("key", &bytes);
        let behind = |n: usize| [vec![9; n], bytes.clone()].concat();
        let mut leaks = vec![
            format!("{bytes:?}"),
            format!("{bytes:02x?}").replace(", ", ""),
            hex::encode_upper(&bytes),
            base58(&bytes),
            format!("{bytes:#04x?}"),
        ];
        leaks.extend((0..3).map(|n| base64(&behind(n), b"+/")));
        leaks.pop();
        for leak in leaks.iter().filter(|l| !l.contains('\n')) {
            assert!(secret.found_in(&format!("before {leak} after")).is_some(), "{leak}");
        }
        assert_eq!(secret.found_in(&hex::encode([1; 32])), None);
        assert!(!format!("{secret:?}").contains("0a"), "{secret:?}");
    }

    #[test]
    fn the_encoders_are_the_standard_ones() {
        assert_eq!(base64(b"Many hands", b"+/"), "TWFueSBoYW5kcw");
        assert_eq!(base58(b"Hello World!"), "2NEpo7TZRRrLZSi2U");
        assert_eq!(base58(&[0, 0, 1]), "112");
    }
}
