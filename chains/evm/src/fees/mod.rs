//! Fees: one look at the market in one request, from which any transaction is priced without I/O.
//!
//! # Where the numbers come from
//! * The **base fee** is that of the *next* block: the last entry of `eth_feeHistory`'s `baseFeePerGas`.
//! * The **tip** is taken from what recent blocks really paid (`eth_feeHistory`'s reward percentiles), by purpose,
//!   never from `eth_maxPriorityFeePerGas` alone, which on many nodes is a constant hundreds of times an L2's base
//!   fee. It stays between the profile's floor (less is never mined) and ceiling.
//! * The **L1 part** is computed here from the inputs of the chain's own fee contract, read in the same request: a
//!   transaction never seen before needs no further question ([`op_stack`], [`arbitrum`]).
//!
//! # How long it holds
//! Two blocks, at least two seconds. A base fee moves by an eighth per block at most, so within two blocks a quote is
//! wrong by 27% at the very worst (and by under 1% on a quiet chain); a longer one would compound. The floor of two
//! seconds keeps chains with blocks of 250 ms from being asked all the time; their base fees move slowly.

mod arbitrum;
mod bytes;
mod history;
mod market;
mod op_stack;
mod tariff;
mod view;

pub(crate) use bytes::SizeBook;
pub(crate) use market::Market;
pub(crate) use tariff::EvmTariff;
pub(crate) use view::FeeView;

use tollway_core::Purpose;

/// A value for each purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ByPurpose {
    pub(crate) interactive: u128,
    pub(crate) background: u128,
    pub(crate) floor: u128,
}

impl ByPurpose {
    /// The value for a purpose; one that is not known yet counts as somebody waiting.
    pub(crate) fn of(&self, purpose: Purpose) -> u128 {
        match purpose {
            Purpose::Floor => self.floor,
            Purpose::Background => self.background,
            _ => self.interactive,
        }
    }
}
