//! How much a handler takes: all of it, what its meter has counted, or what it says in `Settlement-Overrides`.

use crate::meter::Meter;
use http::HeaderValue;
use serde::Deserialize;
use tollway_core::{Amount, Ceiling, Charge, Code, Error, Result, Usd};

#[derive(Deserialize)]
struct Overrides {
    amount: Option<String>,
}

/// How an override is to be understood on one rail.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Till {
    /// True when the scheme can take less than the ceiling.
    pub(super) metered: bool,
    /// Fraction digits, for a token that is a dollar.
    pub(super) dollar_decimals: Option<u8>,
}

impl Till {
    /// The charge for a handler that served. Only a metered scheme honours an override.
    ///
    /// # Errors
    /// [`Code::InvalidAmount`] for an override that cannot be read, [`Code::ChargeExceedsCeiling`] for one above.
    pub(super) fn charge(self, ceiling: &Ceiling, overrides: Option<&HeaderValue>) -> Result<Charge> {
        let Some(text) = overrides.filter(|_| self.metered) else { return Ok(ceiling.full()) };
        let read: Overrides = serde_json::from_slice(text.as_bytes()).map_err(|_| bad())?;
        match read.amount {
            Some(amount) => ceiling.charge(self.atomic(&amount, ceiling.atomic())?),
            None => Ok(ceiling.full()),
        }
    }

    /// The charge for an answer whose handler was given a meter. Where that was used, an override may lower what it has
    /// counted and never raise it.
    ///
    /// # Errors
    /// Those of [`Self::charge`].
    pub(super) fn close(
        self,
        meter: &Meter,
        ceiling: &Ceiling,
        overrides: Option<&HeaderValue>,
    ) -> Result<Charge> {
        let counted = meter.close()?;
        if !self.metered || !meter.tally().used() {
            return self.charge(ceiling, overrides);
        }
        Ok(lower(counted, self.charge(ceiling, overrides)?))
    }

    /// The charge for an answer that has gone out already: an override that cannot be used changes nothing any more.
    pub(super) fn delivered(
        self,
        counted: Charge,
        ceiling: &Ceiling,
        overrides: Option<&HeaderValue>,
    ) -> Charge {
        match self.charge(ceiling, overrides) {
            Ok(said) => lower(counted, said),
            Err(e) => {
                tracing::error!(error = %e, "an override came too late to be refused; the meter's count is taken");
                counted
            }
        }
    }

    /// Atomic units as they are, `12.5%` of the ceiling, or `$0.01` of a dollar token; fractions are rounded down.
    fn atomic(self, text: &str, ceiling: u128) -> Result<u128> {
        if let Some(percent) = text.strip_suffix('%') {
            let (whole, fraction) = percent.split_once('.').unwrap_or((percent, ""));
            let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
            if whole.is_empty()
                || whole.len() > 3
                || fraction.len() > 2
                || !digits(whole)
                || !digits(fraction)
            {
                return Err(bad());
            }
            let hundredths: u128 = format!("{whole}{fraction:0<2}").parse().map_err(|_| bad())?;
            let rest = (ceiling % 10_000).checked_mul(hundredths).map(|n| n / 10_000);
            let whole = (ceiling / 10_000).checked_mul(hundredths);
            return whole.zip(rest).and_then(|(a, b)| a.checked_add(b)).ok_or_else(bad);
        }
        if text.starts_with('$') {
            let spare = self.dollar_decimals.and_then(|d| 18u32.checked_sub(u32::from(d))).ok_or_else(bad)?;
            let unit = 10u128.checked_pow(spare).ok_or_else(bad)?;
            return Usd::parse(text)?.e18().checked_div(unit).ok_or_else(bad);
        }
        Amount::parse_atomic(text)
    }
}

fn lower(a: Charge, b: Charge) -> Charge {
    if b.atomic() < a.atomic() { b } else { a }
}

fn bad() -> Error {
    Error::caller(Code::InvalidAmount).detail("Settlement-Overrides: atomic units, N% or $N were expected")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollway_core::{AssetId, ChainId};

    #[test]
    fn overrides() {
        let asset = AssetId::new(ChainId::new("sim:1").unwrap(), "usd").unwrap();
        let ceiling = Ceiling(Amount::new(asset, 20_001));
        let till = Till { metered: true, dollar_decimals: Some(6) };
        for (text, want) in [
            (r#"{"amount":"500"}"#, Some(500)),
            (r#"{"amount":"12.5%"}"#, Some(2500)),
            (r#"{"amount":"100%"}"#, Some(20_001)),
            (r#"{"amount":"$0.01"}"#, Some(10_000)),
            (r#"{"amount":"0"}"#, Some(0)),
            (r#"{}"#, Some(20_001)),
            (r#"{"amount":"20002"}"#, None),
            (r#"{"amount":"101%"}"#, None),
            (r#"{"amount":"-1"}"#, None),
            (r#"{"amount":"1.234%"}"#, None),
            ("nonsense", None),
        ] {
            let value = HeaderValue::from_str(text).unwrap();
            let found = till.charge(&ceiling, Some(&value)).ok().map(|c| c.atomic());
            assert_eq!(found, want, "{text}");
            assert_eq!(Till::default().charge(&ceiling, Some(&value)).unwrap(), ceiling.full());
        }
    }
}
