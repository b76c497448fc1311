//! What gas costs on the scripted chain.

use tollway_core::*;

/// Every gas costs 500 wei, for ever.
#[derive(Debug)]
pub struct Gas500(pub AssetId);

impl Tariff for Gas500 {
    fn price(&self, work: &Work) -> Result<Cost> {
        let mut cost = Cost::new(self.0);
        cost.parts.push((Part::Execution, u128::from(work.compute) * 500));
        Ok(cost)
    }
    fn taken_at(&self) -> Time {
        Time::ZERO
    }
    fn valid_until(&self) -> Time {
        Time::FAR
    }
    fn source(&self) -> &str {
        "a test"
    }
}
