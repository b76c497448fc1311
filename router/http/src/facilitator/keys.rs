//! Who may use this facilitator: keys in an `Authorization: Bearer` header, each with a caller's name.

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tollway_core::{Code, Error, Result};
use tollway_route::Caller;

/// A shorter key could be guessed.
const KEY_BYTES_MIN: usize = 16;
/// A longer one is none of ours.
const KEY_BYTES_MAX: usize = 1024;

/// Keys, as their digests. The default knows none, and lets nobody in.
///
/// A key that is presented is compared with every known one, in the same time whether it is right, nearly right or wrong.
#[derive(Clone, Default)]
pub struct ApiKeys {
    known: Vec<(Caller, [u8; 32])>,
    open: bool,
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known.iter().map(|(caller, _)| caller.name())).finish()
    }
}

impl ApiKeys {
    /// No keys yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a caller's key. A caller may have several, so that one can be replaced without a pause.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for a name that is none, a key that is shorter than 16 bytes, longer than 1,024, not plain
    /// ASCII without spaces, or another caller's. The key is not repeated.
    pub fn with(mut self, name: &str, key: &str) -> Result<Self> {
        let caller = Caller::named(name)?;
        let wrong = |words: &str| {
            Err(Error::caller(Code::BadSettings).detail(format!("the API key of {caller:?} {words}")))
        };
        if !(KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&key.len()) {
            return wrong("must have 16 to 1024 bytes");
        }
        if !key.bytes().all(|b| b.is_ascii_graphic()) {
            return wrong("must be plain ASCII without spaces");
        }
        let digest = digest(key.as_bytes());
        if self.known.iter().any(|(other, known)| *known == digest && *other != caller) {
            return wrong("is another caller's too");
        }
        self.known.push((caller, digest));
        Ok(self)
    }

    /// Lets in those without a key too, all of them as one caller ([`Caller::anyone`]). A wrong key is refused still.
    #[must_use]
    pub fn or_anyone(mut self) -> Self {
        self.open = true;
        self
    }

    /// How many keys are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// True when no key is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Who asks.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller> {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = given.next() else {
            return if self.open { Ok(Caller::anyone()) } else { Err(refused("an API key is needed")) };
        };
        if given.next().is_some() {
            return Err(refused("one Authorization header is right, there are several"));
        }
        let key = bearer(value.as_bytes())
            .ok_or_else(|| refused("\"Authorization: Bearer\" and a key are right"))?;
        self.known(&digest(key)).ok_or_else(|| refused("the API key is not known here"))
    }

    /// Looks at every key, also after the right one.
    fn known(&self, digest: &[u8; 32]) -> Option<Caller> {
        let mut found = u32::MAX;
        for (n, (_, known)) in self.known.iter().enumerate() {
            let same: Choice = known.as_slice().ct_eq(digest.as_slice());
            found.conditional_assign(&u32::try_from(n).unwrap_or(u32::MAX), same);
        }
        self.known.get(usize::try_from(found).ok()?).map(|(caller, _)| caller.clone())
    }
}

/// Digests are as long as each other, whatever the keys are.
fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    let key = key.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && (1..=KEY_BYTES_MAX).contains(&key.len())).then_some(key)
}

fn refused(words: &str) -> Error {
    Error::caller(Code::Unauthorized).detail(words)
}
