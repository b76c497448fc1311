use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use tollway_core::{Code, Error, Result, Sample};

/// The largest transaction that is priced; nodes take no larger one.
const SAMPLE_BYTES_MAX: usize = 128 * 1024;
/// Samples whose sizes are remembered.
const REMEMBERED_MAX: usize = 1024;
/// What a signature adds to the compressed size: it does not compress, and `GasPriceOracle` counts it so.
const SIGNATURE_BYTES: u64 = 68;

/// How large a transaction is, by each rule that some chain charges by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Fjord's estimate of its compressed size, signature included, in millionths of a byte.
    pub(super) fjord_microbytes: u64,
    /// Ecotone's L1 gas, signature included.
    pub(super) ecotone_gas: u64,
    /// Its bytes, signature included.
    pub(super) raw_bytes: u64,
}

/// Sizes of samples, computed once per sample. The samples themselves are kept along, so that an id cannot come to
/// mean another sample while it is remembered.
#[derive(Debug, Default)]
pub(crate) struct SizeBook(RwLock<HashMap<usize, (Sample, Sizes)>>);

impl SizeBook {
    pub(super) fn sizes(&self, sample: &Sample) -> Result<Sizes> {
        if let Some((_, sizes)) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&sample.id()) {
            return Ok(*sizes);
        }
        let sizes = measure(sample.bytes())?;
        let mut book = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if book.len() >= REMEMBERED_MAX {
            book.clear();
        }
        book.insert(sample.id(), (sample.clone(), sizes));
        Ok(sizes)
    }
}

fn measure(bytes: &[u8]) -> Result<Sizes> {
    if bytes.is_empty() || bytes.len() > SAMPLE_BYTES_MAX {
        return Err(Error::us(Code::NoQuote).detail(format!(
            "this chain prices bytes: a sample of 1 to {SAMPLE_BYTES_MAX} is needed, not of {}",
            bytes.len()
        )));
    }
    let zeros = bytes.iter().filter(|b| **b == 0).fold(0u64, |n, _| n.saturating_add(1));
    let all = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let ecotone = zeros
        .saturating_mul(op_alloy_flz::ZERO_BYTE_COST)
        .saturating_add(all.saturating_sub(zeros).saturating_mul(op_alloy_flz::NON_ZERO_BYTE_COST))
        .saturating_add(SIGNATURE_BYTES.saturating_mul(op_alloy_flz::NON_ZERO_BYTE_COST));
    let compressed = u64::from(op_alloy_flz::flz_compress_len(bytes)).saturating_add(SIGNATURE_BYTES);
    let fjord = compressed
        .saturating_mul(op_alloy_flz::L1_COST_FASTLZ_COEF)
        .saturating_sub(op_alloy_flz::L1_COST_INTERCEPT)
        .max(op_alloy_flz::MIN_TX_SIZE_SCALED);
    Ok(Sizes {
        fjord_microbytes: fjord,
        ecotone_gas: ecotone,
        raw_bytes: all.saturating_add(SIGNATURE_BYTES),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_never_comes_to_mean_another_sample() {
        let book = SizeBook::default();
        for i in 0..REMEMBERED_MAX * 3 {
            // Each sample is dropped before the next is made, so its memory is free to be used again.
            let bytes = vec![u8::try_from(i % 251).unwrap(); 100 + i % 700];
            let sample = Sample::new(bytes.clone());
            assert_eq!(book.sizes(&sample), measure(&bytes));
        }
    }

    #[test]
    fn nothing_and_too_much_have_no_size() {
        assert_eq!(measure(&[]).unwrap_err().code, Code::NoQuote);
        assert_eq!(measure(&vec![1; SAMPLE_BYTES_MAX + 1]).unwrap_err().code, Code::NoQuote);
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_size(bytes in proptest::collection::vec(any::<u8>(), 1..2000)) {
            let sizes = measure(&bytes).unwrap();
            prop_assert!(sizes.fjord_microbytes >= 100_000_000);
            prop_assert!(sizes.ecotone_gas >= 4);
        }
    }
}
