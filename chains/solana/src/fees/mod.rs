//! Fees: one look at the market in one request, from which any transaction is priced without I/O.
//!
//! # Where the numbers come from
//! * The **base fee** is 5,000 lamports per signature, by protocol.
//! * The **priority price** per compute unit is taken from what transactions that write the same accounts really had to
//!   pay in the newest slots (`getRecentPrioritizationFees`), by purpose. Accounts are markets of their own here, so
//!   there is one snapshot per set of accounts. It is charged on the compute *limit*, not on what is used.
//! * The **rent** of new accounts is what the chain says an empty account must hold, and in proportion for larger ones.
//!
//! The price that a payer offers ([`crate::Svm::unit_price`]) and the one that a tariff counts with come from the same
//! snapshot, so what was predicted is what is paid.
//!
//! # How long it holds
//! Ten slots. The chain itself forgets nothing for 150 slots, so a quote moves slowly unless the market really does.

mod market;
mod prices;
mod tariff;
mod view;

pub(crate) use market::Market;
pub(crate) use tariff::SolanaTariff;

/// Lamports per signature.
pub const LAMPORTS_PER_SIGNATURE: u64 = 5_000;
/// Micro-lamports in a lamport.
const MICRO: u128 = 1_000_000;

/// What `limit` compute units at `price` micro-lamports each add to a fee, in lamports: rounded up once, as the chain
/// does. Saturates.
pub fn priority_lamports(limit: u64, price: u64) -> u64 {
    let micro = u128::from(limit).saturating_mul(u128::from(price));
    u64::try_from(micro.div_ceil(MICRO)).unwrap_or(u64::MAX)
}

/// What a transaction of so many signatures, with this compute limit and price, costs in lamports. Saturates.
pub fn fee_lamports(signatures: u64, limit: u64, price: u64) -> u64 {
    signatures.saturating_mul(LAMPORTS_PER_SIGNATURE).saturating_add(priority_lamports(limit, price))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fee_is_signatures_and_the_limit_at_its_price_rounded_up_once() {
        assert_eq!(fee_lamports(2, 20_000, 1), 10_001);
        assert_eq!(fee_lamports(2, 20_000, 5_000_000), 110_000);
        assert_eq!(fee_lamports(1, 0, 5_000_000), 5_000);
        assert_eq!(priority_lamports(u64::MAX, u64::MAX), u64::MAX, "saturates and never wraps");
    }

    proptest! {
        #[test]
        fn rounding_is_up_by_less_than_a_lamport(limit in 0u64..1_400_000, price in 0u64..u64::MAX / 1_400_000) {
            let lamports = u128::from(priority_lamports(limit, price)) * MICRO;
            let micro = u128::from(limit) * u128::from(price);
            prop_assert!(lamports >= micro && lamports - micro < MICRO);
        }
        #[test]
        fn more_of_anything_never_costs_less(a in 0u64..2_000_000, b in 0u64..2_000_000, price in 0u64..10_000_000) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(fee_lamports(2, low, price) <= fee_lamports(2, high, price));
            prop_assert!(fee_lamports(2, price, low) <= fee_lamports(2, price, high));
            prop_assert!(fee_lamports(low, 1, 1) <= fee_lamports(high, 1, 1));
        }
    }
}
