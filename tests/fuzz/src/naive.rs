//! The second opinion: JSON and base64 read the plain way, as slowly as it takes.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use tollway_core::Requirement;
use tollway_core::wire::v1_name;
use tollway_evm::FAMILY;

/// Deeper than this the value tree is no second opinion: serde_json stops at 128.
pub(crate) const DEPTH_MAX: usize = 100;

/// The members of a JSON object in order, repeated ones too.
pub(crate) struct Members(pub(crate) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut all = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    all.push(pair);
                }
                Ok(Members(all))
            }
        }
        d.deserialize_map(Read)
    }
}

impl Members {
    /// Of a text; `None` when it is no object.
    pub(crate) fn of(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
    /// The value of a member; `None` when it is absent or `null`.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v).filter(|v| !v.is_null())
    }
    pub(crate) fn str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }
    /// True when one of these stands there more than once.
    pub(crate) fn repeats(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.0.iter().filter(|(k, _)| k == key).count() > 1)
    }
}

/// How deep brackets nest outside of strings, whether or not the text is JSON.
pub(crate) fn depth(text: &[u8]) -> usize {
    let (mut open, mut deepest, mut at) = (Vec::new(), 0, 0);
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => at += string_end(&text[at..]),
            b'{' | b'[' => {
                open.push(*byte);
                deepest = deepest.max(open.len());
            }
            b'}' | b']' => drop(open.pop()),
            _ => {}
        }
    }
    deepest
}

/// How many bytes are left of a string that has been opened, its closing quote included.
fn string_end(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Strict base64, one digit after another.
pub(crate) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padding = text.iter().rev().take_while(|b| **b == b'=').count();
    let digits = &text[..text.len() - padding];
    if padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) || digits.len() % 4 == 1 {
        return None;
    }
    let mut bits: Vec<bool> = Vec::with_capacity(digits.len() * 6);
    for digit in digits {
        let value = DIGITS.iter().position(|d| d == digit)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
    }
    let (whole, rest) = bits.split_at(bits.len() / 8 * 8);
    if rest.iter().any(|bit| *bit) {
        return None;
    }
    Some(whole.chunks(8).map(|byte| byte.iter().fold(0, |n, bit| n << 1 | u8::from(*bit))).collect())
}

/// Hex digits of an address in any of its spellings.
pub(crate) fn address(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    lower.trim_start_matches("0x").to_owned()
}

/// Holds a requirement that was read against the JSON that it was read from.
pub(crate) fn same_as_json(r: &Requirement, entry: &Members, amount: [&str; 2]) {
    assert_eq!(Some(r.scheme.as_str()), entry.str("scheme"));
    let network = entry.str("network").expect("a network");
    let name = if network.contains(':') { Some(r.chain.as_str()) } else { v1_name(&r.chain, &[FAMILY]) };
    assert_eq!(name, Some(network));
    let said = entry.str(amount[0]).or_else(|| entry.str(amount[1]));
    assert_eq!(said.map(str::to_owned), Some(r.price.atomic().to_string()));
    let asset = entry.str("asset").expect("an asset");
    assert_eq!(address(r.price.asset().key()), address(asset));
    assert_eq!(r.price.asset().chain, r.chain);
    assert_eq!(address(r.pay_to.address()), address(entry.str("payTo").expect("a payee")));
    assert_eq!(r.pay_to.chain, r.chain);
    if let Some(seconds) = entry.get("maxTimeoutSeconds").and_then(Value::as_u64) {
        assert_eq!(r.timeout_s, seconds);
    }
    let extra = entry.get("extra").and_then(Value::as_object);
    let word = |key| extra.and_then(|e| e.get(key)).and_then(Value::as_str);
    assert_eq!(r.method.as_ref().map(|m| m.as_str()), word("assetTransferMethod"));
    assert_eq!(r.flow.as_str(), word("paymentFlow").unwrap_or("authorization"));
    assert_eq!(r.extra.map().len(), extra.map_or(0, serde_json::Map::len));
}

/// True for an entry that nobody could object to.
pub(crate) fn is_plain(entry: &Members, amount: &str, networks: &[&str]) -> bool {
    let digits = |text: &str| {
        text == "0"
            || (!text.starts_with('0')
                && (1..=38).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_digit()))
    };
    let hex = |text: &str| {
        text.len() == 42
            && text.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let known = ["scheme", "network", "amount", "maxAmountRequired", "asset", "payTo", "maxTimeoutSeconds"];
    !entry.repeats(&known)
        && !entry.repeats(&["extra"])
        && entry.get("extra").is_none()
        && entry.str("scheme") == Some("exact")
        && entry.str("network").is_some_and(|n| networks.contains(&n))
        && entry.str(amount).is_some_and(digits)
        && known.iter().all(|key| !key.contains("mount") || *key == amount || entry.get(key).is_none())
        && entry.str("asset").is_some_and(hex)
        && entry.str("payTo").is_some_and(hex)
        && entry.get("maxTimeoutSeconds").is_some_and(Value::is_u64)
}
