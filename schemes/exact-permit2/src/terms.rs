//! Reading a payload into terms: the one function that payer, seller and facilitator share.

use alloy::primitives::U256;
use tollway_core::{Code, Error, Order, Result, Terms};
use tollway_evm::permit2::{Bound, Proxy};

/// What a payload binds. Pure, no I/O; the registry's `read` for this scheme.
///
/// Whether the payer's key signed is seen here; of any other signature only the payer's code could know, if it has any, so
/// a settler asks the chain.
///
/// # Errors
/// [`Code::InvalidPayload`] for the form; [`Code::InvalidSpender`] unless it is for x402's proxy; [`Code::ValueMismatch`]
/// unless the very amount was signed ("exact": neither more nor less); [`Code::AssetMismatch`],
/// [`Code::RecipientMismatch`]; [`Code::InvalidSignature`] for what is no signature of any kind; one code per fault of a sponsored
/// permit or approval.
pub fn read(order: &Order) -> Result<Terms> {
    bound(order)?.terms(order)
}

/// The payload, decoded and bound to the order: right amount, token and payee.
pub(crate) fn bound(order: &Order) -> Result<Bound> {
    let bound = Bound::of(order, Proxy::Exact)?;
    let (asked, signed) = (U256::from(order.requirement.price.atomic()), bound.signed.permit.amount);
    if signed != asked {
        return Err(Error::payer(Code::ValueMismatch)
            .detail(format!("signed {signed} atomic units, exactly {asked} were asked")));
    }
    Ok(bound)
}
