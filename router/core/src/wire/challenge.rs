use super::located::Located;
use super::requirement::understand;
use super::{ACCEPTS_MAX, read_requirement};
use crate::raw::Text;
use crate::{Challenge, Code, Entry, Error, Family, Json, Result, Version};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;

/// A 402 whose entries are read on the spot (`T` is [`Located`]), or kept for later (`&RawValue`).
#[derive(Deserialize)]
struct Fields<'a, T> {
    #[serde(rename = "x402Version")]
    version: u8,
    #[serde(default = "Option::default")]
    accepts: Option<Vec<T>>,
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
    match at_once(raw, families) {
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

/// In one pass, as long as every entry has the form of one.
fn at_once(raw: &Json, families: &[Family]) -> Option<Challenge> {
    let fields: Fields<'_, Located<'_>> = serde_json::from_str(raw.as_str()).ok()?;
    let version = Version::try_from(fields.version).ok()?;
    let read = fields.accepts.as_deref().unwrap_or_default();
    if read.len() > ACCEPTS_MAX {
        return None;
    }
    let mut accepts = Vec::with_capacity(read.len());
    for entry in read {
        let raw = entry.place(raw)?;
        accepts.push(Entry { requirement: understand(&entry.fields, &raw, version, families), raw });
    }
    Some(whole(&fields, version, accepts, raw))
}

/// Entry by entry, so that a broken one spoils no other; says what is wrong with the whole.
fn one_by_one(raw: &Json, families: &[Family]) -> Result<Challenge> {
    let fields: Fields<'_, &RawValue> =
        raw.read().map_err(|e| Error::payee(Code::InvalidPayload).detail(e.detail))?;
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
    let accepts = accepts.iter().map(entry).collect();
    Ok(whole(&fields, version, accepts, raw))
}

fn whole<T>(fields: &Fields<'_, T>, version: Version, accepts: Vec<Entry>, raw: &Json) -> Challenge {
    let kept = |part: Option<&RawValue>| part.map(|p| raw.slice(p)).filter(|j| j.as_str() != "null");
    Challenge {
        version,
        accepts,
        resource: kept(fields.resource),
        extensions: kept(fields.extensions),
        error: fields.error.as_ref().map(|e| Code::from_wire(&e.0)),
    }
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

    /// Whatever one pass understands, two understand alike, to the byte.
    #[test]
    fn one_pass_reads_what_two_read() {
        let good = [
            entry("aaa:1", ""),
            entry("bbb:1", ""),
            entry("one", r#""extra":{"k":"}"}"#),
            entry("aaa:2", "").replace('7', "-7"),
        ];
        let broken = [r#"{"scheme":1}"#, "{}", "null", r#"{"\u0078":1}"#];
        for version in [1, 2, 3] {
            for count in 0..=good.len() {
                for bad in [None].into_iter().chain(broken.map(Some)) {
                    let entries: Vec<_> = good.iter().take(count).map(String::as_str).chain(bad).collect();
                    let text = format!(
                        r#"{{"accepts":[ {} ],"x402Version":{version},"error":"insuffici\u0065nt_funds","resource":{{"url":"{{"}}}}"#,
                        entries.join(" ,\n")
                    );
                    let raw = Json::parse(text).unwrap();
                    let (short, long) = (at_once(&raw, &[FAMILY]), one_by_one(&raw, &[FAMILY]));
                    assert_eq!(short.is_some(), version != 3 && bad.is_none(), "{}", raw.as_str());
                    let (Some(short), Ok(long)) = (short, &long) else { continue };
                    assert_eq!(short, *long);
                    for (a, b) in short.accepts.iter().zip(&long.accepts) {
                        assert_eq!(a.raw.as_str(), b.raw.as_str());
                    }
                }
            }
        }
    }
}
