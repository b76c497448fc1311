//! Integers from a chain into the contract's, checked.

use alloy::primitives::U256;
use tollway_core::{Code, Error, Result};

/// A count that must fit 128 bits.
pub(crate) fn to_u128(value: U256, what: &str) -> Result<u128> {
    u128::try_from(value)
        .map_err(|_| Error::network(Code::InvalidAnswer).detail(format!("{what} does not fit 128 bits")))
}

/// A count that must fit 64 bits.
pub(crate) fn to_u64(value: U256, what: &str) -> Result<u64> {
    u64::try_from(value)
        .map_err(|_| Error::network(Code::InvalidAnswer).detail(format!("{what} does not fit 64 bits")))
}

/// The refusal of a sum that does not fit.
pub(crate) fn over(what: &str) -> Error {
    Error::us(Code::InvalidAmount).detail(format!("{what} does not fit 128 bits"))
}
