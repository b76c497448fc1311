use serde::Deserialize;
use tollway_core::Purpose;

/// The newest slots that count: ten seconds. Older ones say what the market was.
const SLOTS: usize = 25;
/// More rows than this are no answer to the question that was asked.
const ROWS_MAX: usize = 1024;

/// What had to be paid in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) slot: u64,
    pub(super) prioritization_fee: u64,
}

/// Micro-lamports per compute unit, by purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prices {
    interactive: u64,
    background: u64,
    floor: u64,
}

impl Prices {
    /// From the newest slots: three quarters of them took less than what who waits offers, half of them less than the
    /// background does. At least 1, so that the instruction that sets it is never without effect; at most `cap`.
    pub(super) fn of(mut rows: Vec<Row>, cap: u64) -> Self {
        rows.truncate(ROWS_MAX);
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.slot));
        rows.truncate(SLOTS);
        let mut prices: Vec<u64> = rows.iter().map(|row| row.prioritization_fee).collect();
        prices.sort_unstable();
        let quarter = |n: usize| {
            let at = prices.len().saturating_mul(n) / 4;
            let price = prices.get(at.min(prices.len().saturating_sub(1))).copied();
            price.unwrap_or(0).clamp(1, cap.max(1))
        };
        Self { interactive: quarter(3), background: quarter(2), floor: quarter(0) }
    }

    /// The price for a purpose; one that is not known yet counts as somebody waiting.
    pub(crate) fn of_purpose(&self, purpose: Purpose) -> u64 {
        match purpose {
            Purpose::Floor => self.floor,
            Purpose::Background => self.background,
            _ => self.interactive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(prices: &[u64]) -> Vec<Row> {
        let row =
            |(n, price): (usize, &u64)| Row { slot: u64::try_from(n).unwrap(), prioritization_fee: *price };
        prices.iter().enumerate().map(row).collect()
    }

    #[test]
    fn only_the_newest_slots_count_and_a_quiet_chain_costs_the_least_there_is() {
        let mut prices = vec![1_000_000; 125];
        prices.extend([10; 25]);
        let seen = Prices::of(rows(&prices), u64::MAX);
        assert_eq!((seen.floor, seen.background, seen.interactive), (10, 10, 10), "the spike is over");
        let quiet = Prices::of(Vec::new(), 5_000_000);
        assert_eq!((quiet.floor, quiet.interactive), (1, 1));
        let ramp: Vec<u64> = (1..=24).collect();
        let seen = Prices::of(rows(&ramp), u64::MAX);
        assert_eq!((seen.floor, seen.background, seen.interactive), (1, 13, 19));
        assert_eq!(Prices::of(rows(&[u64::MAX; 9]), 5_000_000).interactive, 5_000_000, "the cap holds");
    }

    proptest! {
        #[test]
        fn purposes_are_ordered_and_within_bounds(prices in proptest::collection::vec(any::<u64>(), 0..200), cap: u64) {
            let seen = Prices::of(rows(&prices), cap);
            prop_assert!(1 <= seen.floor && seen.floor <= seen.background);
            prop_assert!(seen.background <= seen.interactive && seen.interactive <= cap.max(1));
        }
    }
}
