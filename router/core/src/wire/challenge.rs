use super::{ACCEPTS_MAX, quick, read_requirement};
use crate::raw::Text;
use crate::{Challenge, Code, Entry, Error, Family, Json, Result, Version};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;

/// A 402 whose entries are kept for later.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(rename = "x402Version")]
    version: u8,
    #[serde(borrow)]
    accepts: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    extensions: Option<&'a RawValue>,
}

/// Reads a 402's JSON: the v2 header's, or the v1 body's.
///
/// # Errors
/// [`Code::InvalidPayload`] when it is not a challenge, [`Code::InvalidX402Version`], [`Code::TooLarge`] above
/// [`ACCEPTS_MAX`] entries. A broken entry is no error: it comes back as an [`Entry`] with its reason.
pub fn read_challenge(raw: &Json, families: &[Family]) -> Result<Challenge> {
    match quick::read(raw, families) {
        Some(challenge) => Ok(challenge),
        None => one_by_one(raw, families),
    }
}

/// [`read_challenge`] of a text that was not checked to be JSON yet.
///
/// # Errors
/// As [`read_challenge`].
pub fn parse_challenge(text: impl Into<Arc<str>>, families: &[Family]) -> Result<Challenge> {
    read_challenge(&Json::unread(text.into()), families)
}

/// [`parse_challenge`] of a text that is as plain as most are, and certainly nests no deeper than `max_depth`; `None` for
/// any other, which is no verdict: whoever gets it checks how deep the text nests and asks [`parse_challenge`].
pub fn parse_plain_challenge(text: &Arc<str>, max_depth: usize, families: &[Family]) -> Option<Challenge> {
    if max_depth < quick::DEPTH {
        return None;
    }
    quick::read(&Json::unread(Arc::clone(text)), families)
}

/// Entry by entry, so that a broken one spoils no other; says what is wrong with the whole.
fn one_by_one(raw: &Json, families: &[Family]) -> Result<Challenge> {
    let fields: Fields<'_> = raw.read().map_err(|e| Error::payee(Code::InvalidPayload).detail(e.detail))?;
    if !raw.is_object() {
        return Err(Error::payee(Code::InvalidPayload).detail("a challenge is an object"));
    }
    let version = Version::try_from(fields.version)?;
    let accepts = fields.accepts.as_deref().unwrap_or_default(); // Go writes an empty list as null
    if accepts.len() > ACCEPTS_MAX {
        return Err(Error::payee(Code::TooLarge)
            .detail(format!("{} accepts entries; at most {ACCEPTS_MAX} are read", accepts.len())));
    }
    let entry = |part: &&RawValue| {
        let raw = raw.slice(part);
        Entry { requirement: read_requirement(&raw, version, families), raw }
    };
    let kept = |part: Option<&RawValue>| part.map(|p| raw.slice(p)).filter(|j| j.as_str() != "null");
    Ok(Challenge {
        version,
        accepts: accepts.iter().map(entry).collect(),
        resource: kept(fields.resource),
        extensions: kept(fields.extensions),
        error: fields.error.as_ref().map(|e| Code::from_wire(&e.0)),
    })
}

#[derive(Serialize)]
struct Out<'a> {
    #[serde(rename = "x402Version")]
    version: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a Json>,
    accepts: Vec<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a Json>,
}

/// Writes a 402's JSON, every entry as its `raw` stands. v1 carries neither `resource` nor `extensions`.
pub fn write_challenge(challenge: &Challenge) -> Json {
    let v2 = challenge.version == Version::V2;
    Json::of(&Out {
        version: challenge.version.into(),
        error: challenge.error.as_ref(),
        resource: challenge.resource.as_ref().filter(|r| v2 && !r.is_empty()),
        accepts: challenge.accepts.iter().map(|e| &e.raw).collect(),
        extensions: challenge.extensions.as_ref().filter(|e| v2 && !e.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::located::tests::{FAMILY, entry};
    use proptest::prelude::*;

    /// Whatever the quick way reads, the long way reads alike, to the byte; true when the quick way read it.
    fn alike(text: &str) -> bool {
        let raw = Json::unread(text.into());
        let Some(quick) = quick::read(&raw, &[FAMILY]) else { return false };
        let long = one_by_one(&raw, &[FAMILY]).expect(text);
        assert_eq!(quick, long, "{text}");
        for (a, b) in quick.accepts.iter().zip(&long.accepts) {
            assert_eq!(a.raw.as_str(), b.raw.as_str(), "{text}");
            let extra =
                |entry: &Entry| entry.requirement.as_ref().ok().map(|r| r.extra.0.as_str().to_owned());
            assert_eq!(extra(a), extra(b), "{text}");
        }
        true
    }

    #[test]
    fn the_quick_way_reads_what_the_long_way_reads() {
        let good = [
            entry("aaa:1", ""),
            entry("bbb:1", ""),
            entry("one", r#""extra":{"k":"}"}"#),
            entry("aaa:2", r#""extra":null"#).replace('7', "-7"),
            entry("aaa:2", r#""maxAmountRequired":"8", "extra" : { } "#).replace("0xABc", ""),
            entry("aaa:2", r#""extra":[]"#).replace("exact", " "),
        ];
        let broken = [r#"{"scheme":1}"#, "{}", "null", r#"{"\u0078":1}"#, r#"{"asset":"a","asset":"a"}"#];
        for version in [1, 2, 3] {
            for count in 0..=good.len() {
                for bad in [None].into_iter().chain(broken.map(Some)) {
                    let entries: Vec<_> = good.iter().take(count).map(String::as_str).chain(bad).collect();
                    let text = format!(
                        r#"{{"accepts":[ {} ],"x402Version":{version},"error":"insufficient_funds","resource":{{"url":"{{"}}}}"#,
                        entries.join(" , ")
                    );
                    assert_eq!(alike(&text), version != 3 && bad.is_none(), "{text}");
                    assert!(
                        !alike(&text.replace("insufficient", r"insuffici\u0065nt")),
                        "an escape is for the long way"
                    );
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_challenge_that_was_tampered_with_is_read_alike_or_left_to_the_long_way(
            cuts in proptest::collection::vec((any::<proptest::sample::Index>(), 0usize..6, "[\\[\\]{},:\" 0a\\\\\n]{0,3}|null|true|-?1.5"), 0..4),
        ) {
            let mut text = format!(
                r#"{{"x402Version":2,"accepts":[{},{}],"error":null,"extensions":{{"a":[1,true,{{}}]}}}} "#,
                entry("aaa:1", r#""extra":{"name":"é","n":[0]}"#),
                entry("one", ""),
            );
            prop_assert!(alike(&text));
            for (at, length, with) in cuts {
                let at = text.floor_char_boundary(at.index(text.len()));
                let end = text.ceil_char_boundary((at + length).min(text.len()));
                text.replace_range(at..end, &with);
            }
            alike(&text);
        }
    }
}
