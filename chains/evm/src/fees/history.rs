use super::ByPurpose;
use crate::number::to_u128;
use crate::profiles::Profile;
use alloy::primitives::{U64, U256};
use serde::Deserialize;
use tollway_core::{Code, Error, Result};

/// Blocks looked back on.
const BLOCKS: &str = "0x5";
/// Which of a block's tips are asked for, in percent of its gas: for the floor, for the background, for who waits.
const PERCENTILES: [u8; 3] = [10, 30, 60];
/// More rows than this are no answer to the question that was asked.
const ROWS_MAX: usize = 1024;
/// A base fee above a million gwei is a broken node, not a market.
const BASE_FEE_WEI_MAX: u128 = 1_000_000_000_000_000;

/// The parameters of `eth_feeHistory`.
pub(super) fn question() -> (&'static str, &'static str, [u8; 3]) {
    (BLOCKS, "latest", PERCENTILES)
}

/// The answer of `eth_feeHistory`, without the parts that are floats.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct History {
    pub(super) oldest_block: U64,
    base_fee_per_gas: Vec<U256>,
    #[serde(default)]
    reward: Option<Vec<Vec<U256>>>,
}

impl History {
    /// The next block's base fee.
    pub(super) fn next_base_fee_wei(&self) -> Result<u128> {
        let last = self.base_fee_per_gas.last().filter(|_| self.base_fee_per_gas.len() <= ROWS_MAX);
        let last = last.ok_or_else(|| {
            Error::network(Code::InvalidAnswer).detail("eth_feeHistory without baseFeePerGas")
        })?;
        let fee = to_u128(*last, "a base fee")?;
        if fee > BASE_FEE_WEI_MAX {
            return Err(Error::network(Code::AbsurdPrice).detail(format!("a base fee of {fee} wei per gas")));
        }
        Ok(fee)
    }

    /// The newest block that was looked at.
    pub(super) fn newest_block(&self) -> u64 {
        let behind = u64::try_from(self.base_fee_per_gas.len()).unwrap_or(0).saturating_sub(2);
        self.oldest_block.to::<u64>().saturating_add(behind)
    }

    /// Tips by purpose: the median over the blocks for who waits and for the background, the least for the floor.
    /// A block that paid nothing counts as nothing: it was empty, so the least tip would have done, and one overpaid
    /// transaction between empty blocks is no market.
    pub(super) fn tips_wei(&self, profile: &Profile) -> ByPurpose {
        let (least, most) = (u128::from(profile.min_tip_wei), u128::from(profile.max_tip_wei));
        let within = |tip: Option<u128>| tip.unwrap_or(least).clamp(least, most.max(least));
        let floor = self.column(0).into_iter().min();
        let background = within(middle(self.column(1)));
        ByPurpose {
            interactive: within(middle(self.column(2))).max(background),
            background,
            floor: within(floor),
        }
    }

    fn column(&self, place: usize) -> Vec<u128> {
        let rows = self.reward.iter().flatten().take(ROWS_MAX);
        rows.filter_map(|row| u128::try_from(*row.get(place)?).ok()).collect()
    }
}

fn middle(mut tips: Vec<u128>) -> Option<u128> {
    tips.sort_unstable();
    tips.get(tips.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(json: &str) -> History {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_next_base_fee_is_the_last_entry_and_tips_are_medians() {
        let seen = history(
            r#"{"oldestBlock":"0x64","baseFeePerGas":["0x1","0x2","0x3","0x4c4b40"],"gasUsedRatio":[0.1,0,0.2],
                "reward":[["0x1e8480","0x2dc6c0","0x3d0900"],["0x1e8482","0x2dc6c2","0x3d0902"],["0x1e8481","0x2dc6c1","0x3d0901"]]}"#,
        );
        assert_eq!(seen.next_base_fee_wei(), Ok(5_000_000));
        assert_eq!(seen.newest_block(), 102);
        let tips = seen.tips_wei(Profile::of(8453).unwrap());
        assert_eq!((tips.floor, tips.background, tips.interactive), (2_000_000, 3_000_001, 4_000_001));
    }

    #[test]
    fn one_overpaid_transaction_between_empty_blocks_is_no_market() {
        let quiet = r#"{"oldestBlock":"0x1","baseFeePerGas":["0x1","0x1","0x1","0x1"],
            "reward":[["0x0","0x0","0x0"],["0x3b9aca00","0x3b9aca00","0x3b9aca00"],["0x0","0x0","0x0"]]}"#;
        let base = Profile::of(8453).unwrap();
        assert_eq!(history(quiet).tips_wei(base).interactive, u128::from(base.min_tip_wei));
    }

    #[test]
    fn tips_stay_between_floor_and_ceiling() {
        let mad = r#"{"oldestBlock":"0x1","baseFeePerGas":["0x1","0x1"],"reward":[["0xffffffffffffffff","0xffffffffffffffff","0xffffffffffffffff"]]}"#;
        let base = Profile::of(8453).unwrap();
        assert_eq!(history(mad).tips_wei(base).interactive, u128::from(base.max_tip_wei));
        let none = history(r#"{"oldestBlock":"0x1","baseFeePerGas":["0x1","0x1"]}"#);
        assert_eq!(none.tips_wei(base).interactive, u128::from(base.min_tip_wei));
        assert_eq!(none.tips_wei(Profile::of(42161).unwrap()).interactive, 0);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(history(r#"{"oldestBlock":"0x1","baseFeePerGas":[]}"#).next_base_fee_wei().is_err());
        let absurd = history(r#"{"oldestBlock":"0x1","baseFeePerGas":["0xffffffffffffffffff"]}"#);
        assert_eq!(absurd.next_base_fee_wei().unwrap_err().code, Code::AbsurdPrice);
    }
}
