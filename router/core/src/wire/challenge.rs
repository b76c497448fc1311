use super::{ACCEPTS_MAX, read_requirement};
use crate::{Challenge, Code, Entry, Error, Family, Json, Result, Version};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(rename = "x402Version")]
    version: u8,
    #[serde(borrow, default)]
    accepts: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
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
    let fields: Fields<'_> = raw.read().map_err(|e| Error::payee(Code::InvalidPayload).detail(e.detail))?;
    let version = Version::try_from(fields.version)?;
    let accepts = fields.accepts.unwrap_or_default(); // Go writes an empty list as null
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
        error: fields.error.map(|e| Code::from_wire(&e)),
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
