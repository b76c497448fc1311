//! Errors in hundredths of a percent, as integers.

/// How far `predicted` lies from `paid`, in hundredths of a percent of `paid`, rounded up.
///
/// Nothing paid is only met by nothing predicted.
pub fn off(predicted: u128, paid: u128) -> u128 {
    match predicted.abs_diff(paid).checked_mul(10_000) {
        _ if predicted == paid => 0,
        Some(scaled) if paid > 0 => scaled.div_ceil(paid),
        _ => u128::MAX,
    }
}

/// The value that `percent` percent of `sorted` do not pass (nearest rank).
///
/// # Panics
/// When there are none.
pub fn rank(sorted: &[u128], percent: usize) -> u128 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

/// As people read it: `0.37 %`.
pub fn show(hundredths: u128) -> String {
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_rounded_up_and_ranks_are_nearest() {
        assert_eq!(
            (off(103, 100), off(97, 100), off(100, 100), off(1, 0), off(0, 0)),
            (300, 300, 0, u128::MAX, 0)
        );
        assert_eq!(off(100_000_001, 100_000_000), 1);
        let forty: Vec<u128> = (1..=40).collect();
        assert_eq!((rank(&forty, 50), rank(&forty, 95), rank(&forty, 100)), (20, 38, 40));
        assert_eq!(show(1_005), "10.05 %");
    }
}
