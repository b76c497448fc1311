use super::settings::FeeSettings;
use crate::weave::SeededDice;
use tollway_core::{AssetId, Code, Cost, Error, Part, Purpose, Result, Tariff, Time, Work};

/// The next block's base fee: at most an eighth up or down, within floor and cap.
pub(super) fn walk(base: u128, fees: &FeeSettings, dice: &SeededDice) -> u128 {
    let by = u128::from(dice.between(0, u64::from(fees.walk_per_mille.min(125))));
    // Thousandths first: they lose less than a thousandth, and never overflow.
    let step = (base / 1000).saturating_mul(by).saturating_add((base % 1000).saturating_mul(by) / 1000);
    let next = if dice.below(2) == 0 { base.saturating_add(step) } else { base.saturating_sub(step) };
    next.min(fees.cap).max(fees.floor)
}

/// The tip per gas for a purpose.
pub(super) fn tip(fees: &FeeSettings, purpose: Purpose) -> u128 {
    match purpose {
        Purpose::Background => fees.tip / 2,
        Purpose::Floor => 0,
        _ => fees.tip,
    }
}

/// A snapshot of a simulated fee market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimTariff {
    /// The coin that fees are paid in.
    pub coin: AssetId,
    /// Base fee per gas.
    pub base: u128,
    /// Tip per gas.
    pub tip: u128,
    /// Fee per byte on the layer below.
    pub l1_per_byte: u128,
    /// Fee per byte of new state.
    pub rent_per_byte: u128,
    /// When it was taken.
    pub taken_at: Time,
    /// Until when it is fresh.
    pub valid_until: Time,
    /// Where it comes from.
    pub source: String,
}

impl Tariff for SimTariff {
    fn price(&self, work: &Work) -> Result<Cost> {
        let mut cost = Cost::new(self.coin);
        let times = |a: u128, b: u128| a.checked_mul(b).ok_or_else(over);
        let compute = u128::from(work.compute);
        cost.add(Part::Execution, times(self.base, compute)?)?;
        cost.add(Part::Priority, times(self.tip, compute)?)?;
        let bytes = super::tx::length(work.sample.bytes());
        cost.add(Part::L1Data, times(self.l1_per_byte, bytes)?)?;
        let created = work.creates_bytes.iter().map(|n| u128::from(*n)).fold(0, u128::saturating_add);
        cost.add(Part::Rent, times(self.rent_per_byte, created)?)?;
        let fits = cost.parts.iter().try_fold(0u128, |sum, (_, n)| sum.checked_add(*n));
        fits.map(|_| cost).ok_or_else(over)
    }
    fn taken_at(&self) -> Time {
        self.taken_at
    }
    fn valid_until(&self) -> Time {
        self.valid_until
    }
    fn source(&self) -> &str {
        &self.source
    }
}

fn over() -> Error {
    Error::us(Code::InvalidAmount).detail("the cost does not fit")
}
