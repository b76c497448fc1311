use crate::error::excerpt;
use crate::{Code, Error, Result};
use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::{Hash, Hasher};

/// A short identifier from the wire: a scheme (`exact`) or a transfer method (`eip3009`). Inline, at most 32 bytes.
#[derive(Clone, Copy, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "ArrayString<32>", into = "ArrayString<32>")]
pub struct Name(ArrayString<32>);

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// [`Code::UnsupportedScheme`] when it is empty, longer than 32 bytes or not printable ASCII.
    pub fn new(text: &str) -> Result<Self> {
        let ok = !text.is_empty() && text.len() <= 32 && super::every(text, |b| b.is_ascii_graphic());
        match ArrayString::from(text) {
            Ok(name) if ok => Ok(Self(name)),
            _ => Err(Error::payee(Code::UnsupportedScheme)
                .detail(format!("{} is not a name of 1 to 32 printable characters", excerpt(text)))),
        }
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<ArrayString<32>> for Name {
    type Error = Error;
    fn try_from(text: ArrayString<32>) -> Result<Self> {
        Self::new(&text)
    }
}
impl From<Name> for ArrayString<32> {
    fn from(name: Name) -> Self {
        name.0
    }
}
impl PartialEq for Name {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        super::same(&self.0, &other.0)
    }
}
impl Hash for Name {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl PartialEq<str> for Name {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        super::same(&self.0, other)
    }
}
impl PartialEq<&str> for Name {
    #[inline]
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
