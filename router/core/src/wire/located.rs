//! An entry read where it stands: its fields and its place in the text, in one pass.
//!
//! serde_json tells the place of a value only when it keeps the value unread, so an entry would be parsed twice: once to
//! find its end, once for its fields. Here the place follows from what the fields borrow: the object begins at the last
//! brace before its first key, and ends at the brace that closes it after the last thing borrowed from it.

use super::requirement::Fields;
use crate::Json;
use crate::raw::Text;
use serde::de::value::{CowStrDeserializer, MapAccessDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// The fields of an entry and its first key.
pub(super) struct Located<'a> {
    pub(super) fields: Fields<'a>,
    first: Option<&'a str>,
}

impl Located<'_> {
    /// The entry as it stands in `all`, which it was read from; `None` where its place does not show (an escape in its
    /// first key).
    pub(super) fn place(&self, all: &Json) -> Option<Json> {
        let text = all.as_str();
        let base = text.as_ptr().addr();
        let key = self.first?.as_ptr().addr().checked_sub(base)?;
        let before = text.get(..key)?.strip_suffix('"')?.trim_ascii_end();
        let start = before.len().checked_sub(1).filter(|_| before.ends_with('{'))?;
        // Everything borrowed ends outside of strings and on the entry's own level.
        let known = self.fields.borrowed_until().checked_sub(base).filter(|known| *known > start);
        let end = closing(text, known.unwrap_or(key.checked_sub(1)?))?;
        all.part(start, end)
    }
}

/// Where the object ends that the place `from` lies in; `from` is outside of strings and of deeper objects.
fn closing(text: &str, from: usize) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (1usize, false, false);
    for (at, byte) in text.bytes().enumerate().skip(from) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth = depth.checked_add(1)?,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return at.checked_add(1);
                }
            }
            _ => {}
        }
    }
    None
}

impl<'de: 'a, 'a> Deserialize<'de> for Located<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Located<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an entry of accepts")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Located<'de>, A::Error> {
                let mut first = None;
                let spy = Spy { map, first: &mut first, begun: false };
                let fields = Fields::deserialize(MapAccessDeserializer::new(spy))?;
                Ok(Located { fields, first })
            }
        }
        d.deserialize_map(Read)
    }
}

/// Hands a map on, and keeps its first key.
struct Spy<'f, 'de, A> {
    map: A,
    first: &'f mut Option<&'de str>,
    begun: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Spy<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        if self.begun {
            return self.map.next_key_seed(seed);
        }
        self.begun = true;
        let Some(Text(key)) = self.map.next_key()? else { return Ok(None) };
        if let Cow::Borrowed(key) = key {
            *self.first = Some(key);
        }
        seed.deserialize(CowStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{Family, KnownNetwork, Result};
    use serde_json::value::RawValue;

    const ONE: KnownNetwork = KnownNetwork {
        chain: "aaa:1",
        title: "One",
        v1_name: Some("one"),
        coin: "C",
        coin_decimals: 18,
        testnet: true,
    };

    /// A family that keeps addresses in lower case.
    pub(in crate::wire) const FAMILY: Family =
        Family { namespace: "aaa", address: lower, display: str::to_owned, networks: &[ONE], assets: &[] };

    fn lower(text: &str) -> Result<arrayvec::ArrayString<{ crate::ids::KEY_BYTES_MAX }>> {
        let mut text = arrayvec::ArrayString::from(text).unwrap();
        text.make_ascii_lowercase();
        Ok(text)
    }

    /// An entry on a network, with more fields.
    pub(in crate::wire) fn entry(network: &str, more: &str) -> String {
        let comma = if more.is_empty() { "" } else { "," };
        format!(
            r#"{{"x":[],"scheme":"exact","network":"{network}","amount":"7","asset":"0xab","payTo":"0xABc","maxTimeoutSeconds":60{comma}{more}}}"#
        )
    }

    #[derive(serde::Deserialize)]
    struct All<'a> {
        #[serde(borrow)]
        before: &'a RawValue,
        #[serde(borrow)]
        entry: Located<'a>,
        #[serde(borrow)]
        after: &'a RawValue,
    }

    fn placed(entry: &str) {
        let all = format!(r#"{{"before":{{"x":"{{"}}, "entry": {entry} ,"after":{{"scheme":"}}"}}}}"#);
        let all = Json::parse(all).unwrap();
        let read: All<'_> = all.read().unwrap();
        assert_eq!((read.before.get(), read.after.get()), (r#"{"x":"{"}"#, r#"{"scheme":"}"}"#));
        assert_eq!(read.entry.place(&all).unwrap().as_str(), entry);
    }

    #[test]
    fn an_entry_is_found_whatever_stands_around_and_in_it() {
        let rest = r#""scheme":"exact","network":"aaa:1","amount":"1","asset":"x","payTo":"y""#;
        for entry in [
            format!(r#"{{{rest},"maxTimeoutSeconds":60}}"#),
            format!(r#"{{{rest},"maxTimeoutSeconds":60 , "z":{{"q":["}}","\"}}"]}} }}"#),
            format!(r#"{{ "maxTimeoutSeconds":60,{rest},"extra":{{"k":"\\"}}}}"#),
            format!("{{\n\t\"extra\" : null,{rest}\n,\"maxTimeoutSeconds\":60.0\n}}"),
            format!(r#"{{"z":{{"scheme":"}}"}},"maxTimeoutSeconds":60,"extra":{{}},{rest}}}"#),
            format!(
                r#"{{"maxTimeoutSeconds":60,{}}}"#,
                rest.replace("exact", r"ex\u0061ct").replace('y', r"\u0079")
            ),
        ] {
            placed(&entry);
        }
    }

    #[test]
    fn an_escaped_first_key_hides_the_place() {
        let text =
            r#"{"\u007a":1,"scheme":"e","network":"aaa:1","asset":"x","payTo":"y","maxTimeoutSeconds":6}"#;
        let all = Json::parse(text).unwrap();
        assert!(all.read::<Located<'_>>().unwrap().place(&all).is_none());
    }
}
