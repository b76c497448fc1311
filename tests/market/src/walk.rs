//! A recorded walk of base fees, and stretches of it at other scales.

/// Base fees of 124 consecutive blocks of Ethereum mainnet, in kwei. Where they come from stands beside the data.
const RECORDED: &str = include_str!("../data/ethereum_base_fees.csv");

/// The recorded base fees in wei.
///
/// # Panics
/// When the data beside this crate is broken.
pub fn recorded_wei() -> Vec<u64> {
    let rows = RECORDED.lines().skip(1).map(|row| row.split_once(',').expect("block,fee").1);
    rows.map(|kwei| kwei.parse::<u64>().expect("a whole number of kwei") * 1_000).collect()
}

/// `blocks` base fees from the recording's block `from` on, scaled so that the first is `first_wei`.
///
/// Each is rounded; that moves a fee of a million wei by a millionth at most.
///
/// # Panics
/// When the recording is shorter.
pub fn stretch(from: usize, blocks: usize, first_wei: u64) -> Vec<u64> {
    let recorded = recorded_wei();
    let part = &recorded[from..from + blocks];
    let scaled = |fee: u64| u128::from(fee) * u128::from(first_wei) / u128::from(part[0]);
    part.iter().map(|fee| u64::try_from(scaled(*fee)).expect("a fee of 64 bits")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_an_eighth_at_most_and_many_are_that_large() {
        let fees = recorded_wei();
        let steps: Vec<u64> = fees.windows(2).map(|w| w[0].abs_diff(w[1]) * 10_000 / w[0]).collect();
        assert_eq!(fees.len(), 124);
        assert!(steps.iter().all(|step| *step <= 1_250), "{steps:?}");
        assert!(steps.iter().filter(|step| **step > 1_000).count() > 40, "{steps:?}");
    }

    #[test]
    fn a_stretch_moves_as_the_recording_does() {
        let (fees, own) = (recorded_wei(), stretch(10, 20, 5_000_000));
        assert_eq!((own.len(), own[0]), (20, 5_000_000));
        for (i, fee) in own.iter().enumerate() {
            let there = u128::from(fees[10 + i]) * 5_000_000 / u128::from(fees[10]);
            assert_eq!(u128::from(*fee), there);
        }
    }
}
