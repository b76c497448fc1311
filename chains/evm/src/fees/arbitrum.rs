//! Arbitrum's L1 part, which it counts as gas.
//!
//! The chain charges for the bytes of the transaction after brotli, at the price of `ArbGasInfo.getPricesInWei`. No
//! call prices an arbitrary transaction without I/O, so the shape of the price is taken from a size estimate of the
//! sample (FastLZ, as on the OP stack) and its level from the chain: in each snapshot `NodeInterface` prices one
//! reference transaction, and every sample is priced in proportion to it.
//!
//! `NodeInterface` pads its answer on a real chain (ten percent, and sixteen bytes and one percent on the size; see
//! nitro's `GasEstimateL1Component` and `PosterDataCost`); what is charged is not padded, so the padding is taken
//! off where `ArbSys` shows that the chain is a real one.

use super::bytes::{SizeBook, Sizes};
use crate::EvmCall;
use crate::contracts::{IArbGasInfo, IArbSys, INodeInterface};
use crate::number::{to_u64, to_u128};
use crate::send::unsigned_sample;
use alloy::primitives::{Address, Bytes, U256, address, keccak256};
use alloy::sol_types::SolCall;
use tollway_core::{Code, Error, Result};

const ARB_GAS_INFO: Address = address!("000000000000000000000000000000000000006C");
const ARB_SYS: Address = address!("0000000000000000000000000000000000000064");
/// Where [`reference_call`] is sent.
pub(super) const NODE_INTERFACE: Address = address!("00000000000000000000000000000000000000C8");

/// `getPricesInWei` gives the price of a byte as sixteen units, so a padding of 16 × 16 units is this many bytes.
const PADDING_BYTES: u64 = 16;

/// What the chain says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ArbPrices {
    byte_wei: u128,
    /// The reference's fee and size, where `NodeInterface` answered.
    reference: Option<(u128, u64)>,
}

/// The calls to make, in the order that [`ArbPrices::read`] expects their answers.
pub(super) fn calls() -> Vec<(Address, Bytes)> {
    vec![
        (ARB_GAS_INFO, IArbGasInfo::getPricesInWeiCall {}.abi_encode().into()),
        (ARB_SYS, IArbSys::arbOSVersionCall {}.abi_encode().into()),
    ]
}

/// A settlement as it usually looks: ten words, half of them incompressible.
fn reference() -> EvmCall {
    let mut data = vec![0xe3, 0xee, 0x16, 0x0e];
    for word in 0u8..9 {
        let mut bytes = keccak256([word]).0;
        // Amounts, windows and `v` are small numbers; addresses have twelve zeros; nonce, `r` and `s` none.
        let zeros = match word {
            0 | 1 => 12,
            2..=4 => 27,
            6 => 31,
            _ => 0,
        };
        bytes.iter_mut().take(zeros).for_each(|b| *b = 0);
        data.extend_from_slice(&bytes);
    }
    EvmCall { to: address!("af88d065e77c8cC2239327C5EDb3A432268e5831"), data: data.into() }
}

/// The question to `NodeInterface`.
pub(super) fn reference_call() -> Bytes {
    let EvmCall { to, data } = reference();
    INodeInterface::gasEstimateL1ComponentCall { to, contractCreation: false, data }.abi_encode().into()
}

impl ArbPrices {
    pub(super) fn read(
        answers: &[Option<Bytes>],
        node: Option<&Bytes>,
        chain_id: u64,
        sizes: &SizeBook,
    ) -> Result<Self> {
        let answer = |place: usize| answers.get(place).and_then(Option::as_ref);
        let prices =
            answer(0).and_then(|b| IArbGasInfo::getPricesInWeiCall::abi_decode_returns_validate(b).ok());
        let prices = prices.ok_or_else(|| {
            Error::network(Code::InvalidAnswer).detail("ArbGasInfo does not answer getPricesInWei")
        })?;
        let byte_wei = to_u128(prices._1, "the price of an L1 byte")?;
        let real = answer(1).is_some_and(|b| b.len() >= 32);
        let size = sizes.sizes(&unsigned_sample(chain_id, &reference(), 200_000, None))?.fjord_microbytes;
        let fee = node
            .and_then(|b| INodeInterface::gasEstimateL1ComponentCall::abi_decode_returns_validate(b).ok());
        let fee = fee.map(|n| U256::from(n.gasEstimateForL1).saturating_mul(n.baseFee));
        let fee = fee.map(|fee| if real { without_padding(fee, byte_wei) } else { fee });
        let reference =
            fee.map(|fee| to_u128(fee, "the reference's L1 fee")).transpose()?.map(|fee| (fee, size));
        Ok(Self { byte_wei, reference })
    }

    /// The L1 part, in wei.
    pub(super) fn l1_fee_wei(&self, sizes: &Sizes) -> Result<u128> {
        let fee = match self.reference {
            Some((fee, size)) => {
                U256::from(fee).saturating_mul(U256::from(sizes.fjord_microbytes)) / U256::from(size.max(1))
            }
            // Without the estimator: every byte at full price. Brotli never makes it more.
            None => U256::from(self.byte_wei).saturating_mul(U256::from(sizes.raw_bytes)),
        };
        to_u128(fee, "the L1 part")
    }
}

/// Takes the node's padding off an estimate: ten percent of the fee, then one percent and some bytes of the size.
fn without_padding(fee: U256, byte_wei: u128) -> U256 {
    let fee = fee.saturating_mul(U256::from(10_000)) / U256::from(11_000);
    let fee = fee.saturating_mul(U256::from(10_000)) / U256::from(10_100);
    fee.saturating_sub(U256::from(byte_wei).saturating_mul(U256::from(PADDING_BYTES)))
}

/// The L1 part as gas at a base fee, for gas limits.
pub(super) fn as_gas(fee_wei: u128, base_fee_wei: u128) -> Result<u64> {
    let gas = fee_wei.checked_div(base_fee_wei).unwrap_or(0);
    to_u64(U256::from(gas), "L1 gas")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u128]) -> Option<Bytes> {
        Some(words.iter().flat_map(|w| U256::from(*w).to_be_bytes::<32>()).collect::<Vec<u8>>().into())
    }

    #[test]
    fn the_reference_is_priced_as_the_node_says() {
        let sizes = SizeBook::default();
        let info = vec![words(&[1, 3_200_000_000, 3, 4, 5, 6]), None];
        let node = words(&[31_000, 20_000_000, 200_000_000]);
        let prices = ArbPrices::read(&info, node.as_ref(), 42161, &sizes).unwrap();
        let sample = unsigned_sample(42161, &reference(), 200_000, None);
        let fee = prices.l1_fee_wei(&sizes.sizes(&sample).unwrap()).unwrap();
        assert_eq!(fee, 31_000 * 20_000_000);
        assert_eq!(as_gas(fee, 20_000_000), Ok(31_000));
        assert_eq!(as_gas(fee, 0), Ok(0));
    }

    #[test]
    fn padding_is_taken_off_on_a_real_chain_and_without_an_estimator_every_byte_counts() {
        let sizes = SizeBook::default();
        let node = words(&[1_111_000, 20_000_000, 1]);
        let real = ArbPrices::read(&[words(&[0; 6]), words(&[86])], node.as_ref(), 42161, &sizes).unwrap();
        assert_eq!(real.reference.unwrap().0, 1_000_000 * 20_000_000);
        let blind = ArbPrices::read(&[words(&[0, 10, 0, 0, 0, 0]), None], None, 42161, &sizes).unwrap();
        let some = Sizes { fjord_microbytes: 1, ecotone_gas: 1, raw_bytes: 400 };
        assert_eq!(blind.l1_fee_wei(&some), Ok(4_000));
        assert!(ArbPrices::read(&[None, None], None, 42161, &sizes).is_err());
    }
}
