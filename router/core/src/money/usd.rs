use crate::error::excerpt;
use crate::{Code, Error, Result, Time};
use ruint::aliases::U256;
use serde::{Deserialize, Serialize};
use std::fmt;

/// US dollars as an integer count of 10⁻¹⁸ USD. Non-negative; sums are checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(u128);

impl Usd {
    /// No dollars.
    pub const ZERO: Self = Self(0);
    /// One dollar.
    pub const ONE: Self = Self(1_000_000_000_000_000_000);

    /// From 10⁻¹⁸ dollars.
    pub const fn from_e18(atto: u128) -> Self {
        Self(atto)
    }
    /// From 10⁻⁶ dollars; saturates.
    pub const fn from_micros(micros: u64) -> Self {
        // u64::MAX * 10^12 < 2^128, and `From` is not const; the widening cast loses nothing.
        #[allow(clippy::as_conversions)]
        Self((micros as u128).saturating_mul(1_000_000_000_000))
    }
    /// In 10⁻¹⁸ dollars.
    pub const fn e18(self) -> u128 {
        self.0
    }
    /// The sum, or `None` when it does not fit.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
    /// This many dollars shared by `n`, rounded up; `n` of zero counts as one.
    #[must_use]
    pub const fn shared_by(self, n: u32) -> Self {
        #[allow(clippy::as_conversions)] // widening
        let n = if n == 0 { 1 } else { n as u128 };
        if n == 1 { self } else { Self(self.0.div_ceil(n)) }
    }
    /// Reads a decimal such as `"0.01"`, `"$1.50"` or `"12"`.
    ///
    /// # Errors
    /// [`Code::InvalidAmount`] for a sign, an exponent, more than 18 fraction digits, or too much money.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::caller(Code::InvalidAmount)
                .detail(format!("{} is not an amount like $0.01", excerpt(text)))
        };
        let digits = text.trim();
        let digits = digits.strip_prefix('$').unwrap_or(digits);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |s: &str, most: usize| s.len() <= most && s.bytes().all(|b| b.is_ascii_digit());
        // 21 whole digits hold every `Usd`, so that what was written can be read; the last parse sees what is over.
        if (whole.is_empty() && fraction.is_empty()) || !plain(whole, 21) || !plain(fraction, 18) {
            return Err(bad());
        }
        format!("{whole}{fraction:0<18}").parse().map(Self).map_err(|_| bad())
    }
}

impl fmt::Display for Usd {
    /// Dollars with as many fraction digits as there are, at least two: `$0.01`, `$0.000042`. A precision
    /// (`{:.6}`) rounds half up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(18).min(18);
        let unit = 10u128.saturating_pow(u32::try_from(18usize.saturating_sub(digits)).unwrap_or(0));
        let rounded = self.0.saturating_add(unit / 2).checked_div(unit).unwrap_or(0).saturating_mul(unit);
        let (whole, fraction) = (rounded / Self::ONE.0, rounded % Self::ONE.0);
        let text = format!("{fraction:018}");
        let kept = text.get(..digits).unwrap_or("");
        let kept = if f.precision().is_some() { kept } else { shorten(kept) };
        if kept.is_empty() { write!(f, "${whole}") } else { write!(f, "${whole}.{kept}") }
    }
}

fn shorten(fraction: &str) -> &str {
    let used = fraction.trim_end_matches('0').len().max(2);
    fraction.get(..used).unwrap_or(fraction)
}

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Written as a plain decimal string without the sign: `"0.01"`.
impl Serialize for Usd {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.to_string().trim_start_matches('$'))
    }
}
impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Powers of ten, as far as 128 bits hold them: every quote takes some.
const TENS: [u128; 39] = {
    let mut tens = [1; 39];
    let mut n = 1;
    while n < 39 {
        #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // while compiling
        {
            tens[n] = tens[n - 1] * 10;
            n += 1;
        }
    }
    tens
};

fn ten_to(exponent: u32) -> Option<u128> {
    TENS.get(usize::try_from(exponent).ok()?).copied()
}

/// `div_ceil` with one long division in place of two.
fn divided_up(n: u128, by: u128) -> u128 {
    let down = n.checked_div(by).unwrap_or(u128::MAX);
    // Less than `by` is lost, so at most one is missing, and only where `by` is more than one.
    if down.wrapping_mul(by) == n { down } else { down.saturating_add(1) }
}

/// What one whole unit of an asset is worth, exactly as a feed answered.
///
/// The worth of `n` atomic units is `n × answer / 10^(answer_decimals + asset_decimals)` dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsdPrice {
    /// The feed's integer answer.
    pub answer: u128,
    /// How many of the answer's digits are fraction (Chainlink's USD feeds: 8).
    pub answer_decimals: u8,
    /// Fraction digits of the asset (ETH 18, USDC 6).
    pub asset_decimals: u8,
    /// When the feed said so.
    pub at: Time,
}

impl UsdPrice {
    /// The dollar worth of `atomic` units, rounded up to 10⁻¹⁸ USD: a cost is never understated.
    ///
    /// # Errors
    /// [`Code::InvalidAmount`] when the worth does not fit, or the decimals add up to more than 54.
    pub fn worth(&self, atomic: u128) -> Result<Usd> {
        let over = || Error::us(Code::InvalidAmount).detail("worth in USD does not fit");
        let scale = u32::from(self.answer_decimals).saturating_add(u32::from(self.asset_decimals));
        if scale <= 18 {
            let up = ten_to(18u32.saturating_sub(scale)).ok_or_else(over)?;
            let product = atomic.checked_mul(self.answer).and_then(|p| p.checked_mul(up)).ok_or_else(over)?;
            return Ok(Usd(product));
        }
        let divisor = ten_to(scale.saturating_sub(18)).ok_or_else(over)?;
        if let Some(product) = atomic.checked_mul(self.answer) {
            return Ok(Usd(divided_up(product, divisor)));
        }
        let product = U256::from(atomic).checked_mul(U256::from(self.answer)).ok_or_else(over)?;
        let worth = product.div_ceil(U256::from(divisor));
        u128::try_from(worth).map(Usd).map_err(|_| over())
    }

    /// How far apart two prices of one asset are, in hundredths of a percent of the lower one, rounded up; saturates.
    /// `None` where that cannot be said: a price of zero, other fraction digits of the asset, or more than 36 in an answer.
    pub fn apart_bps(&self, other: &Self) -> Option<u32> {
        if self.asset_decimals != other.asset_decimals {
            return None;
        }
        let (one, two) = (self.scaled()?, other.scaled()?);
        let (low, high) = (one.min(two), one.max(two));
        let gap = high.checked_sub(low)?.checked_mul(U256::from(10_000u32));
        let bps = gap.map_or(U256::MAX, |gap| gap.div_ceil(low));
        Some(u32::try_from(bps).unwrap_or(u32::MAX))
    }

    /// Which of two prices of one asset is the higher; `None` as in [`Self::apart_bps`].
    pub fn compare(&self, other: &Self) -> Option<std::cmp::Ordering> {
        let alike = self.asset_decimals == other.asset_decimals;
        Some(self.scaled()?.cmp(&other.scaled()?)).filter(|_| alike)
    }

    /// The answer with 36 fraction digits, when there is a price at all.
    fn scaled(&self) -> Option<U256> {
        let up = ten_to(36u32.checked_sub(u32::from(self.answer_decimals))?)?;
        U256::from(self.answer).checked_mul(U256::from(up)).filter(|price| !price.is_zero())
    }

    /// The fewest atomic units worth at least `usd`.
    ///
    /// # Errors
    /// [`Code::InvalidAmount`] when the price is zero or the count does not fit.
    pub fn atomic_for(&self, usd: Usd) -> Result<u128> {
        let over = || Error::us(Code::InvalidAmount).detail("no atomic amount is worth that");
        let scale = u32::from(self.answer_decimals).saturating_add(u32::from(self.asset_decimals));
        if self.answer == 0 || scale > 54 {
            return Err(over());
        }
        let up = U256::from(10u64).checked_pow(U256::from(scale)).ok_or_else(over)?;
        let down = U256::from(Usd::ONE.0).checked_mul(U256::from(self.answer)).ok_or_else(over)?;
        let product = U256::from(usd.0).checked_mul(up).ok_or_else(over)?;
        u128::try_from(product.div_ceil(down)).map_err(|_| over())
    }
}
