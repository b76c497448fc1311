use super::arbitrum::{self, ArbPrices};
use super::bytes::{SizeBook, Sizes};
use super::op_stack::{self, OpPrices};
use super::{ByPurpose, history};
use crate::look::multicall;
use crate::profiles::{FeeModel, Profile};
use crate::rpc::Rpc;
use alloy::primitives::Bytes;
use std::sync::Arc;
use tollway_core::{Clock, Purpose, Result, Sample, Time};

/// The fee market at one moment, for every purpose.
#[derive(Debug)]
pub(crate) struct FeeView {
    pub(crate) base_fee_wei: u128,
    pub(crate) tips_wei: ByPurpose,
    pub(crate) taken_at: Time,
    pub(crate) valid_until: Time,
    pub(crate) source: String,
    l1: L1,
}

#[derive(Debug)]
enum L1 {
    None,
    Op(OpPrices),
    Arbitrum(ArbPrices),
}

impl FeeView {
    /// One look, in one request.
    pub(super) async fn take(
        rpc: Rpc,
        profile: Profile,
        clock: Arc<dyn Clock>,
        sizes: Arc<SizeBook>,
    ) -> Result<Self> {
        let mut batch = rpc.batch();
        let seen = batch.add::<_, history::History>("eth_feeHistory", &history::question())?;
        let calls = match profile.fees {
            FeeModel::Ethereum => Vec::new(),
            FeeModel::OpStack => op_stack::calls(),
            FeeModel::Arbitrum => arbitrum::calls(),
        };
        let prices = (!calls.is_empty())
            .then(|| {
                batch.add::<_, Bytes>("eth_call", &multicall::question(profile.multicall, &calls, "latest"))
            })
            .transpose()?;
        let reference = (profile.fees == FeeModel::Arbitrum)
            .then(|| {
                let to = arbitrum::NODE_INTERFACE;
                batch
                    .add::<_, Bytes>("eth_call", &multicall::plain(to, &arbitrum::reference_call(), "latest"))
            })
            .transpose()?;
        batch.send().await?;
        let seen = seen.get().await?;
        let answers = match prices {
            Some(slot) => multicall::answers(&slot.get().await?, calls.len())?,
            None => Vec::new(),
        };
        let answers: Vec<Option<Bytes>> = answers.into_iter().map(Result::ok).collect();
        let reference = match reference {
            Some(slot) => slot.take().await.ok(),
            None => None,
        };
        let l1 = match profile.fees {
            FeeModel::Ethereum => L1::None,
            FeeModel::OpStack => L1::Op(OpPrices::read(&answers)?),
            FeeModel::Arbitrum => {
                L1::Arbitrum(ArbPrices::read(&answers, reference.as_ref(), profile.chain_id, &sizes)?)
            }
        };
        let taken_at = clock.now();
        let lasts_ms = u64::from(profile.block_ms).saturating_mul(2).max(2_000);
        Ok(Self {
            base_fee_wei: seen.next_base_fee_wei()?,
            tips_wei: seen.tips_wei(&profile),
            taken_at,
            valid_until: taken_at.plus_ms(lasts_ms),
            source: format!("eth_feeHistory@{}", seen.newest_block()),
            l1,
        })
    }

    /// The L1 part of a sample in wei; zero on a layer 1.
    pub(super) fn l1_fee_wei(&self, sizes: &SizeBook, sample: &Sample) -> Result<u128> {
        let of = |sizes: &Sizes| match &self.l1 {
            L1::None => Ok(0),
            L1::Op(prices) => prices.l1_fee_wei(sizes),
            L1::Arbitrum(prices) => prices.l1_fee_wei(sizes),
        };
        if matches!(self.l1, L1::None) { Ok(0) } else { of(&sizes.sizes(sample)?) }
    }

    /// The operator's surcharge; zero where there is none.
    pub(crate) fn operator_fee_wei(&self, gas: u64) -> Result<u128> {
        match &self.l1 {
            L1::Op(prices) => prices.operator_fee_wei(gas),
            _ => Ok(0),
        }
    }

    /// What must be added to a gas limit for the L1 part, where it counts as gas: half more than it costs now,
    /// because the price may rise before the transaction is in a block. What is not used is not paid.
    pub(crate) fn l1_gas(&self, sizes: &SizeBook, sample: &Sample) -> Result<u64> {
        if !matches!(self.l1, L1::Arbitrum(_)) {
            return Ok(0);
        }
        let gas = arbitrum::as_gas(self.l1_fee_wei(sizes, sample)?, self.base_fee_wei)?;
        Ok(gas.saturating_add(gas / 2))
    }

    /// The most to offer per gas: room for the base fee to double, and the tip.
    pub(crate) fn max_fee_wei(&self, purpose: Purpose) -> u128 {
        self.base_fee_wei.saturating_mul(2).saturating_add(self.tips_wei.of(purpose))
    }
}
