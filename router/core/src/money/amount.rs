use crate::error::excerpt;
use crate::ids::every;
use crate::{AssetId, Code, Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// So many atomic units of one asset. A statement, not a right to anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amount {
    /// What it is.
    pub asset: AssetId,
    /// How much, in the asset's smallest unit (wei, lamports, 10⁻⁶ USDC). A decimal string in JSON.
    #[serde(with = "decimal")]
    pub atomic: u128,
}

impl Amount {
    /// So much of `asset`.
    pub const fn new(asset: AssetId, atomic: u128) -> Self {
        Self { asset, atomic }
    }
    /// Nothing of `asset`.
    pub const fn zero(asset: AssetId) -> Self {
        Self { asset, atomic: 0 }
    }
    /// The sum; `None` when the assets differ or it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.asset != other.asset {
            return None;
        }
        Some(Self { asset: self.asset, atomic: self.atomic.checked_add(other.atomic)? })
    }
    /// The difference; `None` when the assets differ or it would be negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        if self.asset != other.asset {
            return None;
        }
        Some(Self { asset: self.asset, atomic: self.atomic.checked_sub(other.atomic)? })
    }
    /// Reads a decimal string of atomic units, as the wire writes amounts: digits only, no sign, no leading zeros.
    ///
    /// # Errors
    /// [`Code::InvalidAmount`] when it is anything else, or does not fit 128 bits.
    pub fn parse_atomic(text: &str) -> Result<u128> {
        let bad = || {
            Error::payee(Code::InvalidAmount)
                .detail(format!("{} is not a decimal count of atomic units below 2^128", excerpt(text)))
        };
        let plain = !text.is_empty() && text.len() <= 39 && every(text, |b| b.is_ascii_digit());
        if !plain || (text.len() > 1 && text.starts_with('0')) {
            return Err(bad());
        }
        // Nineteen digits fit half the width, and nearly every amount has fewer.
        let short = (text.len() <= 19).then(|| text.parse::<u64>().ok()).flatten().map(u128::from);
        short.map_or_else(|| text.parse().map_err(|_| bad()), Ok)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.atomic, self.asset)
    }
}
impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The most that a signature or an offer can cost. Only a ceiling makes a [`Charge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ceiling(pub Amount);

impl Ceiling {
    /// A charge of `atomic` units within this ceiling.
    ///
    /// # Errors
    /// [`Code::ChargeExceedsCeiling`] when it is more than the ceiling.
    pub fn charge(&self, atomic: u128) -> Result<Charge> {
        if atomic <= self.0.atomic {
            return Ok(Charge(Amount::new(self.0.asset, atomic)));
        }
        Err(Error::us(Code::ChargeExceedsCeiling).detail(format!("{atomic} is more than {}", self.0)))
    }
    /// The whole ceiling as a charge.
    pub fn full(&self) -> Charge {
        Charge(self.0)
    }
    /// The asset.
    pub fn asset(&self) -> AssetId {
        self.0.asset
    }
    /// The most, in atomic units.
    pub fn atomic(&self) -> u128 {
        self.0.atomic
    }
    /// The lower of two ceilings of one asset; this one when the assets differ.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        if other.0.asset == self.0.asset && other.0.atomic < self.0.atomic { other } else { self }
    }
}

/// What is really taken. A right: it comes only out of a [`Ceiling`], never from the wire or the ledger.
///
/// ```compile_fail,E0423
/// fn forge(amount: tollway_core::Amount) -> tollway_core::Charge {
///     tollway_core::Charge(amount)
/// }
/// ```
/// ```compile_fail,E0277
/// let charge: Result<tollway_core::Charge, _> = serde_json::from_str("{}");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge(Amount);

impl Charge {
    /// The amount with its asset.
    pub fn amount(&self) -> Amount {
        self.0
    }
    /// In atomic units.
    pub fn atomic(&self) -> u128 {
        self.0.atomic
    }
}

pub(crate) mod decimal {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::borrow::Cow;

    pub(crate) fn serialize<S: Serializer>(n: &u128, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(n)
    }
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u128, D::Error> {
        let text = Cow::<'de, str>::deserialize(d)?;
        super::Amount::parse_atomic(&text).map_err(serde::de::Error::custom)
    }
}
