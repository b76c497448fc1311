use super::{FeeView, SizeBook};
use crate::number::over;
use std::sync::Arc;
use tollway_core::{AssetId, ChainId, Cost, Part, Purpose, Result, Tariff, Time, Work};

/// A [`FeeView`] for one purpose.
#[derive(Debug)]
pub(crate) struct EvmTariff {
    view: Arc<FeeView>,
    purpose: Purpose,
    coin: AssetId,
    sizes: Arc<SizeBook>,
}

impl EvmTariff {
    pub(super) fn new(view: Arc<FeeView>, purpose: Purpose, chain: ChainId, sizes: Arc<SizeBook>) -> Self {
        Self { view, purpose, coin: AssetId::native(chain), sizes }
    }
}

impl Tariff for EvmTariff {
    fn price(&self, work: &Work) -> Result<Cost> {
        let mut cost = Cost::new(self.coin);
        let gas = u128::from(work.compute);
        let times = |per_gas: u128| gas.checked_mul(per_gas).ok_or_else(|| over("the cost of the gas"));
        cost.add(Part::Execution, times(self.view.base_fee_wei)?)?;
        cost.add(Part::Priority, times(self.view.tips_wei.of(self.purpose))?)?;
        if work.compute == 0 && work.sample.bytes().is_empty() {
            return Ok(cost); // no transaction at all
        }
        cost.add(Part::L1Data, self.view.l1_fee_wei(&self.sizes, &work.sample)?)?;
        cost.add(Part::Operator, self.view.operator_fee_wei(work.compute)?)?;
        Ok(cost)
    }
    fn taken_at(&self) -> Time {
        self.view.taken_at
    }
    fn valid_until(&self) -> Time {
        self.view.valid_until
    }
    fn source(&self) -> &str {
        &self.view.source
    }
}
