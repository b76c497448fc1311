//! Raw JSON, kept byte for byte: what a peer sent is what it gets echoed.

use crate::{Code, Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// A valid JSON text, shared: a clone is a reference count, a part of it is a range.
///
/// Two are equal when they are the same value (`{"a":1}` equals `{ "a": 1 }`), whatever their spelling.
/// `Debug` shows only the size, because a payload holds signatures.
#[derive(Clone)]
pub struct Json {
    text: Arc<str>,
    start: usize,
    end: usize,
}

impl Json {
    /// The empty object.
    pub fn empty() -> Self {
        Self::whole("{}".into())
    }

    /// Checks that `text` is one JSON value and keeps it.
    ///
    /// # Errors
    /// [`Code::InvalidPayload`] when it is not JSON.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self> {
        let text: Arc<str> = text.into();
        serde_json::from_str::<&RawValue>(&text).map_err(not_json)?;
        Ok(Self::whole(text))
    }

    /// Keeps a text that is being read for the first time. Whoever calls this reads the whole text, with [`Self::read`] or
    /// with something that takes nothing but JSON, before anybody else sees it, and lets go of it when that fails: one
    /// pass instead of two.
    pub(crate) fn unread(text: Arc<str>) -> Self {
        Self::whole(text)
    }

    /// From anything serde can write; an unserialisable value (a map with non-string keys) becomes `null`.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        Self::whole(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()).into())
    }

    /// The part of this text that `part` borrows; copied when it does not lie inside.
    pub fn slice(&self, part: &RawValue) -> Self {
        let part = part.get();
        let base = self.text.as_ptr().addr();
        let found = part.as_ptr().addr().checked_sub(base).and_then(|start| {
            let end = start.checked_add(part.len())?;
            (self.text.get(start..end)? == part).then_some((start, end))
        });
        match found {
            Some((start, end)) => Self { text: self.text.clone(), start, end },
            None => Self::whole(part.into()),
        }
    }

    /// The part from `start` to `end`, which must be one JSON value; `None` when it lies outside of this text.
    pub(crate) fn part(&self, start: usize, end: usize) -> Option<Self> {
        self.as_str().get(start..end)?;
        let (start, end) = (self.start.checked_add(start)?, self.start.checked_add(end)?);
        Some(Self { text: self.text.clone(), start, end })
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.text.get(self.start..self.end).unwrap_or("null")
    }

    /// Reads it as `T`, which may borrow from it.
    ///
    /// # Errors
    /// [`Code::InvalidPayload`], with serde's words on what is missing or of the wrong type.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_str(self.as_str()).map_err(not_json)
    }

    /// The value tree. Deeper than serde_json's recursion limit of 128 yields `Null`.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(self.as_str()).unwrap_or(serde_json::Value::Null)
    }

    /// True for `{}` and `null`, which x402 treats alike with an absent field.
    pub fn is_empty(&self) -> bool {
        let text = self.as_str().trim_ascii();
        let inside = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        text == "null" || inside.is_some_and(|inside| inside.trim_ascii().is_empty())
    }

    /// True for an object. serde would also take a list for a struct, field by field in the order of our own code.
    pub(crate) fn is_object(&self) -> bool {
        self.as_str().trim_ascii_start().starts_with('{')
    }

    fn whole(text: Arc<str>) -> Self {
        let end = text.len();
        Self { text, start: 0, end }
    }
}

/// Room for most of what is journaled, so that it is not copied while it grows, in bytes.
const TEXT_BYTES: usize = 2048;

/// What [`Json::of`] holds of something as large as a journal's record, as a string.
pub(crate) fn text<T: Serialize + ?Sized>(value: &T) -> String {
    let mut text = Vec::with_capacity(TEXT_BYTES);
    let written = serde_json::to_writer(&mut text, value).is_ok();
    String::from_utf8(text).ok().filter(|_| written).unwrap_or_else(|| "null".to_owned())
}

/// A borrowed string inside an `Option`: serde borrows a bare `Cow` when told to, but never one inside an `Option`.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) std::borrow::Cow<'a, str>);

fn not_json(e: serde_json::Error) -> Error {
    Error::payer(Code::InvalidPayload).detail(words(&e))
}

/// serde's words without the value that it found: that may be a signature, or a megabyte.
pub(crate) fn words(e: &serde_json::Error) -> String {
    let text = e.to_string();
    let found = text.find(['"', '`']).filter(|_| e.is_data());
    // What was wanted comes last, and is ours: a value cannot push it away.
    match (found, text.rfind(", expected ")) {
        (Some(found), Some(wanted)) if found < wanted => {
            let (kind, wanted) = (text.get(..found).unwrap_or(""), text.get(wanted..).unwrap_or(""));
            format!("{}{wanted}", kind.trim_end())
        }
        _ => text,
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
            || match (self.read::<serde_json::Value>(), other.read::<serde_json::Value>()) {
                (Ok(a), Ok(b)) => a == b,
                _ => false,
            }
    }
}
impl Eq for Json {}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.as_str().len())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(self.as_str()).map_err(serde::ser::Error::custom)?.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(d)?;
        Ok(Self::whole(raw.get().into()))
    }
}
