//! The one model behind every wire: what is asked, what is offered, what is paid. No v1 or v2 twins beyond here.

use crate::{Account, Ceiling, ChainId, Code, Error, Json, Name, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The protocol version a message came on, or goes out on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
#[non_exhaustive]
pub enum Version {
    /// x402 v1: names for networks, `X-PAYMENT`.
    V1,
    /// x402 v2: CAIP-2, `PAYMENT-SIGNATURE`.
    V2,
}

impl From<Version> for u8 {
    fn from(v: Version) -> u8 {
        match v {
            Version::V1 => 1,
            Version::V2 => 2,
        }
    }
}
impl TryFrom<u8> for Version {
    type Error = Error;
    fn try_from(n: u8) -> Result<Self> {
        match n {
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
            _ => {
                Err(Error::payer(Code::InvalidX402Version)
                    .detail(format!("x402Version {n}; 1 and 2 are known")))
            }
        }
    }
}

/// When the money moves, relative to the handler. Source: x402 v2 §6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Flow {
    /// verify → handler → settle. What an absent `paymentFlow` means.
    #[default]
    Authorization,
    /// settle → handler.
    Upfront,
    /// settle → handler → settle.
    Escrow,
}

impl Flow {
    /// As the wire spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Upfront => "upfront",
            Self::Escrow => "escrow",
        }
    }
}
impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which leg of a flow an [`Order`] belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Leg {
    /// Settled before the handler runs.
    Before,
    /// Settled after the handler has run.
    After,
    /// The handler failed: money goes back.
    Cancel,
    /// The seller's own housekeeping, on its own authority.
    Upkeep,
}

/// `extra`: open data of a scheme, kept as it came.
///
/// Absent, `null` and `{}` are the same. Reading borrows; nothing is parsed until asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extra(pub Json);

impl Default for Extra {
    fn default() -> Self {
        Self(Json::empty())
    }
}

impl Extra {
    /// From pairs of strings.
    pub fn of_pairs(pairs: &[(&str, &str)]) -> Self {
        let map: serde_json::Map<_, _> =
            pairs.iter().map(|(k, v)| ((*k).to_owned(), serde_json::Value::from(*v))).collect();
        Self(Json::of(&map))
    }
    /// True when there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Reads it as `T`, which may borrow. An absent `extra` reads as `{}`.
    ///
    /// # Errors
    /// [`Code::InvalidPaymentRequirements`]: `extra` lacks what the scheme needs.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        let text = if self.0.as_str() == "null" { "{}" } else { self.0.as_str() };
        serde_json::from_str(text).map_err(|e| {
            Error::payee(Code::InvalidPaymentRequirements).detail(format!("extra: {}", crate::raw::words(&e)))
        })
    }
    /// The value tree as an object; anything else is empty.
    pub fn map(&self) -> serde_json::Map<String, serde_json::Value> {
        match self.0.value() {
            serde_json::Value::Object(map) => map,
            _ => serde_json::Map::new(),
        }
    }
    /// This with `pairs` set over it.
    #[must_use]
    pub fn with(&self, pairs: impl IntoIterator<Item = (String, serde_json::Value)>) -> Self {
        let mut map = self.map();
        map.extend(pairs);
        Self(Json::of(&map))
    }
    /// True when every pair of this one, apart from `volatile` keys, stands in `other` too.
    pub fn is_within(&self, other: &Self, volatile: &[&str]) -> bool {
        if self.0.as_str() == other.0.as_str() {
            return true;
        }
        let theirs = other.map();
        self.map().iter().all(|(k, v)| volatile.contains(&k.as_str()) || theirs.get(k) == Some(v))
    }
}

/// One way to be paid, whichever wire it came on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// The wire it belongs to.
    pub version: Version,
    /// `exact`, `upto`, …
    pub scheme: Name,
    /// `extra.assetTransferMethod`; `None` when absent.
    pub method: Option<Name>,
    /// Where.
    pub chain: ChainId,
    /// The most the payee may take; in `exact` the very amount.
    pub price: Ceiling,
    /// Who is paid.
    pub pay_to: Account,
    /// How long an authorization must stay good, in seconds.
    pub timeout_s: u64,
    /// When the money moves.
    pub flow: Flow,
    /// The scheme's own data.
    pub extra: Extra,
    /// The entry as the peer spelled it, for the echo; in an offer of one's own, as it is advertised
    /// ([`crate::wire::write_requirement`]).
    pub raw: Json,
}

/// One entry of `accepts`, as it came: readable, or with the reason why not. A broken entry spoils no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As the peer spelled it.
    pub raw: Json,
    /// What it says, or why it cannot be used.
    pub requirement: Result<Requirement>,
}

/// A 402: what a server asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The wire it came on.
    pub version: Version,
    /// Every entry of `accepts`, in order.
    pub accepts: Vec<Entry>,
    /// The `resource` object (v2), for the echo.
    pub resource: Option<Json>,
    /// The `extensions` object, for the echo.
    pub extensions: Option<Json>,
    /// Why an earlier payment was refused.
    pub error: Option<Code>,
}

impl Challenge {
    /// The readable entries with their positions.
    pub fn requirements(&self) -> impl Iterator<Item = (usize, &Requirement)> {
        self.accepts.iter().enumerate().filter_map(|(i, e)| Some((i, e.requirement.as_ref().ok()?)))
    }
}

/// What travels back: the chosen entry and the scheme's payload. `Debug` shows no payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The chosen entry.
    pub accepted: Requirement,
    /// The scheme's own payload. Holds the authorization: never logged.
    pub payload: Json,
    /// Extensions, echoed or filled in.
    pub extensions: Option<Json>,
    /// The `resource` object, echoed.
    pub resource: Option<Json>,
}

/// What a seller asks a settler to do; the body of `/verify` and `/settle`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Which leg.
    pub leg: Leg,
    /// What must be fulfilled: the seller's own offer, not the payer's echo of it.
    pub requirement: Requirement,
    /// What the payer sent.
    pub payment: Payment,
}

/// One thing a settler can do: an entry of `/supported`, local or remote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    /// The wire.
    pub version: Version,
    /// The scheme.
    pub scheme: Name,
    /// Where.
    pub chain: ChainId,
    /// What offers of this kind must carry.
    pub extra: Extra,
    /// Keys of the protocol extensions that the settler acts on in payments of this kind.
    #[serde(default)]
    pub extensions: Vec<String>,
}

/// Names one settler among several.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SettlerId(pub String);

/// A seller's standing offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The entry as it is advertised.
    pub requirement: Requirement,
    /// Where it must be settled, when the payload binds a settler (upto).
    pub bound_to: Option<SettlerId>,
    /// Keys of `extra` that rotate and take no part in matching.
    pub volatile: Vec<String>,
}

/// A payment that reached a seller, with the offer that it matched and the print of the request around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// What the payer sent.
    pub payment: Payment,
    /// What the seller had offered.
    pub offer: Offer,
    /// Fingerprint of request and payload.
    pub print: crate::Print,
}
