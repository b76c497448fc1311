use std::fmt;
use std::sync::Arc;
use tollway_core::{Code, Error, Result};

/// Who asks for a settlement: a name, never a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller(Arc<str>);

impl Caller {
    /// Whoever comes without a name. All of them are one caller.
    pub fn anyone() -> Self {
        Self("*".into())
    }

    /// A caller by its name: 1 to 64 letters, digits, `-`, `_` and `.`.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for any other name.
    pub fn named(name: &str) -> Result<Self> {
        let sane = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if (1..=64).contains(&name.len()) && name.bytes().all(sane) {
            return Ok(Self(name.into()));
        }
        Err(Error::caller(Code::BadSettings).detail(
            "a caller's name has 1 to 64 letters, digits, \"-\", \"_\" and \".\", and this one does not",
        ))
    }

    /// Its name; `*` for anyone.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
