//! The OP stack's L1 data fee and operator fee, computed here from the inputs of its own `GasPriceOracle`.

use super::bytes::Sizes;
use crate::contracts::IGasPriceOracle as Oracle;
use crate::number::{to_u64, to_u128};
use alloy::primitives::{Address, Bytes, U256, address};
use alloy::sol_types::SolCall;
use tollway_core::{Code, Error, Result};

/// `GasPriceOracle`, on every chain of the OP stack.
const GAS_PRICE_ORACLE: Address = address!("420000000000000000000000000000000000000F");
/// Two points make a line: the operator fee of no gas, and of this much.
const MUCH_GAS: u64 = 1_000_000_000;

/// What the predeploy says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpPrices {
    /// Wei for a million millionths of a compressed byte and of 16 L1 gas, times a million: the oracle's own unit.
    scaled_wei: U256,
    fjord: bool,
    operator_constant_wei: u128,
    operator_wei_per_much_gas: u128,
}

/// The calls to make, in the order that [`OpPrices::read`] expects their answers.
pub(super) fn calls() -> Vec<(Address, Bytes)> {
    let data: [Vec<u8>; 8] = [
        Oracle::l1BaseFeeCall {}.abi_encode(),
        Oracle::blobBaseFeeCall {}.abi_encode(),
        Oracle::baseFeeScalarCall {}.abi_encode(),
        Oracle::blobBaseFeeScalarCall {}.abi_encode(),
        Oracle::isFjordCall {}.abi_encode(),
        Oracle::isEcotoneCall {}.abi_encode(),
        Oracle::getOperatorFeeCall { gasUsed: U256::ZERO }.abi_encode(),
        Oracle::getOperatorFeeCall { gasUsed: U256::from(MUCH_GAS) }.abi_encode(),
    ];
    data.into_iter().map(|data| (GAS_PRICE_ORACLE, data.into())).collect()
}

impl OpPrices {
    pub(super) fn read(answers: &[Option<Bytes>]) -> Result<Self> {
        let word = |place: usize| -> Option<U256> {
            let bytes = answers.get(place)?.as_ref()?;
            bytes.get(..32).map(U256::from_be_slice)
        };
        let must = |place: usize, what: &str| {
            word(place).ok_or_else(|| {
                Error::network(Code::InvalidAnswer).detail(format!("GasPriceOracle does not answer {what}"))
            })
        };
        let flag = |place| word(place).is_some_and(|word| !word.is_zero());
        let (fjord, ecotone) = (flag(4), flag(5));
        if !fjord && !ecotone {
            return Err(Error::network(Code::InvalidAnswer)
                .detail("this chain charges by rules older than Ecotone, which nobody runs"));
        }
        let base = U256::from(to_u128(must(0, "l1BaseFee")?, "the L1 base fee")?);
        let blob = U256::from(to_u128(must(1, "blobBaseFee")?, "the blob base fee")?);
        let base_scalar = U256::from(to_u64(must(2, "baseFeeScalar")?, "the base fee scalar")?);
        let blob_scalar = U256::from(to_u64(must(3, "blobBaseFeeScalar")?, "the blob fee scalar")?);
        // 128 bits times 64 times 16, twice, stay below 2^197.
        let scaled_wei = U256::from(16)
            .wrapping_mul(base_scalar)
            .wrapping_mul(base)
            .wrapping_add(blob_scalar.wrapping_mul(blob));
        // Before Isthmus there is no operator fee and no way to ask for one.
        let constant = to_u128(word(6).unwrap_or_default(), "the operator fee")?;
        let much = to_u128(word(7).unwrap_or_default(), "the operator fee")?;
        Ok(Self {
            scaled_wei,
            fjord,
            operator_constant_wei: constant,
            operator_wei_per_much_gas: much.saturating_sub(constant),
        })
    }

    /// The L1 data fee.
    pub(super) fn l1_fee_wei(&self, sizes: &Sizes) -> Result<u128> {
        let (size, divisor) = if self.fjord {
            (U256::from(sizes.fjord_microbytes), U256::from(1_000_000_000_000u64))
        } else {
            (U256::from(sizes.ecotone_gas), U256::from(16_000_000u64))
        };
        // Below 2^197 times a size below 2^40.
        to_u128(self.scaled_wei.wrapping_mul(size) / divisor, "the L1 data fee")
    }

    /// The operator fee. It is linear in the gas under every fork's formula (Isthmus and Jovian differ in the
    /// slope's unit), so two answers of the oracle give it without knowing the fork.
    pub(super) fn operator_fee_wei(&self, gas: u64) -> Result<u128> {
        if self.operator_wei_per_much_gas == 0 {
            return Ok(self.operator_constant_wei);
        }
        let line =
            U256::from(self.operator_wei_per_much_gas).wrapping_mul(U256::from(gas)) / U256::from(MUCH_GAS);
        to_u128(line.wrapping_add(U256::from(self.operator_constant_wei)), "the operator fee")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(words: [u128; 8]) -> Vec<Option<Bytes>> {
        words.iter().map(|w| Some(U256::from(*w).to_be_bytes::<32>().to_vec().into())).collect()
    }

    #[test]
    fn the_fjord_formula_in_numbers() {
        let prices =
            OpPrices::read(&answers([5_000_000_000, 300_000_000, 2_269, 1_055_762, 1, 1, 0, 0])).unwrap();
        let sizes = Sizes { fjord_microbytes: 200_000_000, ecotone_gas: 0, raw_bytes: 0 };
        let scaled = 16u128 * 2_269 * 5_000_000_000 + 1_055_762 * 300_000_000;
        assert_eq!(prices.l1_fee_wei(&sizes), Ok(200_000_000 * scaled / 1_000_000_000_000));
    }

    #[test]
    fn the_operator_fee_follows_isthmus_and_jovian_alike() {
        let (scalar, constant, gas) = (1_500u128, 77u128, 85_708u64);
        let much = u128::from(MUCH_GAS);
        let isthmus =
            OpPrices::read(&answers([1, 1, 1, 1, 1, 1, constant, constant + much * scalar / 1_000_000]));
        assert_eq!(
            isthmus.unwrap().operator_fee_wei(gas),
            Ok(constant + u128::from(gas) * scalar / 1_000_000)
        );
        let jovian = OpPrices::read(&answers([1, 1, 1, 1, 1, 1, constant, constant + much * scalar * 100]));
        assert_eq!(jovian.unwrap().operator_fee_wei(gas), Ok(constant + u128::from(gas) * scalar * 100));
    }

    #[test]
    fn an_oracle_without_an_operator_fee_has_none_and_a_silent_one_is_an_error() {
        let mut some = answers([1, 1, 1, 1, 1, 1, 0, 0]);
        some[6] = None;
        some[7] = None;
        assert_eq!(OpPrices::read(&some).unwrap().operator_fee_wei(1), Ok(0));
        some[0] = None;
        assert_eq!(OpPrices::read(&some).unwrap_err().code, Code::InvalidAnswer);
        assert!(OpPrices::read(&answers([1, 1, 1, 1, 0, 0, 0, 0])).is_err());
        assert!(OpPrices::read(&[]).is_err());
    }
}
