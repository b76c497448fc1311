//! What a transaction took, held against what was to be taken.

use alloy::primitives::U256;
use tollway_core::{Amount, Blame, Code, Error, Next, Receipt, Result};
use tollway_evm::Mined;
use tollway_evm::permit2::{Bound, moved, receipt};

/// How much our mined transaction moved from payer to payee, by the token's own logs.
///
/// # Errors
/// [`Code::TransferEventMismatch`] when it moved nothing.
pub(crate) fn taken(bound: &Bound, mined: &Mined) -> Result<U256> {
    let (token, permit) = (bound.token.address, &bound.signed.permit);
    moved(&mined.logs, token, permit.from, permit.witness.to).ok_or_else(|| {
        mismatch(
            mined,
            format!("without a Transfer from {} to {} by the token {token}", permit.from, permit.witness.to),
        )
    })
}

/// The receipt of a charge, when that is what was taken.
///
/// # Errors
/// [`Code::Overcharged`] for more; [`Code::TransferEventMismatch`] for less, as from a token that keeps a part.
pub(crate) fn fair(bound: &Bound, mined: &Mined, charge: u128) -> Result<Receipt> {
    let (taken, charge) = (taken(bound, mined)?, U256::from(charge));
    if taken > charge {
        return Err(Error::settler(Code::Overcharged)
            .detail(format!("{charge} atomic units were to be taken, {} took {taken}", mined.tx))
            .transaction(mined.tx.clone()));
    }
    if taken < charge {
        return Err(mismatch(
            mined,
            format!("and the payee got {taken} atomic units of {charge}: the token keeps a part"),
        ));
    }
    receipt_of(bound, mined, taken)
}

/// The receipt of what was taken.
pub(crate) fn receipt_of(bound: &Bound, mined: &Mined, taken: U256) -> Result<Receipt> {
    receipt(bound.signed.permit.from, amount(bound, taken)?, mined.tx.clone(), Some(mined.cost_wei))
}

/// So much of the token.
pub(crate) fn amount(bound: &Bound, atomic: U256) -> Result<Amount> {
    let atomic = u128::try_from(atomic)
        .map_err(|_| Error::us(Code::Internal).detail("an amount above 128 bits was never asked"))?;
    Ok(Amount::new(bound.token.asset, atomic))
}

/// The payment was settled before, for something else than is asked now.
pub(crate) fn settled_otherwise(found: &Receipt, charge: u128) -> Error {
    let e = Error::payer(Code::SettledOtherwise)
        .detail(format!("it was settled for {} before; {charge} atomic units are asked now", found.charged));
    match found.transaction() {
        Some(tx) => e.transaction(tx.clone()),
        None => e,
    }
}

fn mismatch(mined: &Mined, words: String) -> Error {
    Error::new(Code::TransferEventMismatch, Blame::Payee, Next::Never)
        .detail(format!("transaction {} succeeded {words}", mined.tx))
        .transaction(mined.tx.clone())
}
