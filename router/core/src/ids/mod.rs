//! Names of chains, accounts, assets and transactions. All but [`TxId`] are inline and `Copy`.

mod name;

pub use name::Name;

use crate::error::excerpt;
use crate::{Code, Error, Result};
use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU8;
use std::str::FromStr;

/// A CAIP-2 chain id: `namespace:reference`, for example `eip155:8453`.
///
/// Source: CAIP-2 (`[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}`).
#[derive(Clone, Copy, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "ArrayString<41>", into = "ArrayString<41>")]
pub struct ChainId {
    text: ArrayString<41>,
    /// Where the colon is. That it is never 0 is what tells an absent id from a present one.
    colon: NonZeroU8,
}

impl ChainId {
    /// Reads a CAIP-2 id.
    ///
    /// # Errors
    /// [`Code::InvalidNetwork`] when the text is not of CAIP-2's form.
    pub fn new(text: &str) -> Result<Self> {
        let bad = || {
            Error::payee(Code::InvalidNetwork).detail(format!("{} is not a CAIP-2 chain id", excerpt(text)))
        };
        let (namespace, reference) = text.split_once(':').ok_or_else(bad)?;
        let namespace_ok = (3..=8).contains(&namespace.len())
            && every(namespace, |b| b.is_ascii_lowercase() | b.is_ascii_digit() | (b == b'-'));
        let reference_ok = (1..=32).contains(&reference.len())
            && every(reference, |b| b.is_ascii_alphanumeric() | (b == b'-') | (b == b'_'));
        if !(namespace_ok && reference_ok) {
            return Err(bad());
        }
        let colon = u8::try_from(namespace.len()).ok().and_then(NonZeroU8::new).ok_or_else(bad)?;
        ArrayString::from(text).map(|text| Self { text, colon }).map_err(|_| bad())
    }
    /// What stands before the colon: the chain family.
    pub fn namespace(&self) -> &str {
        self.text.get(..usize::from(self.colon.get())).unwrap_or("")
    }
    /// What stands after the colon.
    pub fn reference(&self) -> &str {
        self.text.get(usize::from(self.colon.get()).saturating_add(1)..).unwrap_or("")
    }
    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The text is the id: where its colon is follows from it.
impl PartialEq for ChainId {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        same(&self.text, &other.text)
    }
}
impl Hash for ChainId {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl FromStr for ChainId {
    type Err = Error;
    fn from_str(s: &str) -> Result<Self> {
        Self::new(s)
    }
}
impl TryFrom<ArrayString<41>> for ChainId {
    type Error = Error;
    fn try_from(s: ArrayString<41>) -> Result<Self> {
        Self::new(&s)
    }
}
impl From<ChainId> for ArrayString<41> {
    fn from(c: ChainId) -> Self {
        c.text
    }
}
impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl fmt::Debug for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Is every byte of a text of a kind? Sixteen are looked at at once; the last sixteen may have been looked at before.
pub(crate) fn every(text: &str, kind: impl Fn(u8) -> bool) -> bool {
    let all = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & kind(*byte));
    let block = |block: &[u8; 16]| all(block);
    match text.as_bytes().last_chunk() {
        Some(last) => text.as_bytes().as_chunks().0.iter().all(block) && block(last),
        None => all(text.as_bytes()),
    }
}

/// Are two texts the same? Ids are short and compared all the time, so this is done on the spot, eight bytes at once, and
/// the last eight may be compared twice; calling for a comparison of any length takes longer than the comparison.
#[inline]
pub(crate) fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    match (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        (Some(end), Some(other_end)) => {
            end == other_end && one.as_chunks::<8>().0.iter().eq(other.as_chunks::<8>().0)
        }
        _ => one.iter().eq(other),
    }
}

/// Longest account address or asset key that is accepted, in bytes. CAIP-10 would allow 128; the longest that any chain with
/// x402 has are 66 (`0x` and 64 hex digits), and ids are copied a lot.
pub const KEY_BYTES_MAX: usize = 68;

macro_rules! on_chain {
    ($(#[$doc:meta])* $name:ident, $sep:literal, $field:ident, $fielddoc:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, PartialOrd, Ord)]
        pub struct $name {
            /// The chain it lives on.
            pub chain: ChainId,
            $field: ArrayString<KEY_BYTES_MAX>,
        }
        impl $name {
            /// Joins a chain and a spelling that the family's parser has already made canonical.
            ///
            /// # Errors
            /// [`Code::InvalidAddress`] when it is empty, longer than [`KEY_BYTES_MAX`] or not printable ASCII.
            pub fn new(chain: ChainId, $field: &str) -> Result<Self> {
                let ok = $field.len() <= KEY_BYTES_MAX && !$field.is_empty() && every($field, |b| b.is_ascii_graphic());
                match ArrayString::from($field) {
                    Ok($field) if ok => Ok(Self { chain, $field }),
                    _ => Err(Error::payee(Code::InvalidAddress).detail(excerpt($field))),
                }
            }
            #[doc = $fielddoc]
            pub fn $field(&self) -> &str {
                &self.$field
            }
        }
        impl PartialEq for $name {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self.chain == other.chain && same(&self.$field, &other.$field)
            }
        }
        impl Hash for $name {
            #[inline]
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.chain.hash(state);
                self.$field.hash(state);
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{}", $sep, "{}"), self.chain, self.$field)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                let second = text.match_indices($sep).nth(if $sep == ":" { 1 } else { 0 }).map(|(at, _)| at);
                let (chain, rest) = second
                    .and_then(|at| Some((text.get(..at)?, text.get(at.checked_add(1)?..)?)))
                    .ok_or_else(|| Error::payee(Code::InvalidAddress).detail(excerpt(text)))?;
                Self::new(ChainId::new(chain)?, rest)
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

on_chain!(
    /// Somebody on a chain, in the family's canonical spelling; shown as CAIP-10 (`eip155:8453:0x…`).
    Account, ":", address, "The address in the family's canonical spelling."
);
on_chain!(
    /// Something of value on a chain: a token's address, or [`AssetId::NATIVE`]; shown as `eip155:8453/0x…`.
    AssetId, "/", key, "The token's address in the family's canonical spelling, or `native`."
);

impl Account {
    /// The same spelling on another chain of the same family.
    pub(crate) fn on(self, chain: ChainId) -> Self {
        Self { chain, ..self }
    }
}

impl AssetId {
    /// The key of a chain's own coin.
    pub const NATIVE: &'static str = "native";

    /// The chain's own coin, in which it charges fees.
    pub fn native(chain: ChainId) -> Self {
        let mut key = ArrayString::new();
        // "native" is shorter than the capacity, so this cannot fail; a failure would leave it empty, not wrong.
        let _ = key.try_push_str(Self::NATIVE);
        Self { chain, key }
    }
    /// True for the chain's own coin.
    pub fn is_native(&self) -> bool {
        self.key() == Self::NATIVE
    }
}

/// A transaction's id in its chain's own spelling. Not a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TxId(pub String);

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
