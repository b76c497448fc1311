//! Reading a payload into terms: the one function that payer, seller and facilitator share.

use alloy::primitives::{Address, U256};
use serde::Deserialize;
use std::borrow::Cow;
use tollway_core::{Code, Error, Extra, Order, Requirement, Result, Terms, Version};
use tollway_evm::address;
use tollway_evm::permit2::{Bound, Permit, Proxy};

/// The key of `extra` that names who may charge.
pub(crate) const FACILITATOR: &str = "facilitatorAddress";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    #[serde(borrow)]
    facilitator_address: Option<Text<'a>>,
}

/// serde borrows a bare `Cow` when told to, but never one inside an `Option`.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Who may charge, as an entry or a kind names it; `None` when it names nobody.
///
/// # Errors
/// [`Code::InvalidPaymentRequirements`] for something that is no address.
pub(crate) fn facilitator(extra: &Extra) -> Result<Option<Address>> {
    let named: Named<'_> = extra.read()?;
    let Some(Text(text)) = named.facilitator_address else { return Ok(None) };
    address::parse(&text).map(Some).map_err(|e| {
        Error::payee(Code::InvalidPaymentRequirements).detail(format!("extra.{FACILITATOR}: {}", e.detail))
    })
}

/// What a payload binds. Pure, no I/O; the registry's `read` for this scheme.
///
/// Whether the payer's key signed is seen here; of any other signature only the payer's code could know, if it has any, so
/// a settler asks the chain. The ceiling is what was signed, also where the order asks for less: a settlement's `amount` is
/// what was used.
///
/// # Errors
/// Those of [`Bound::of`]; [`Code::ValueMismatch`] unless the very amount of the entry that the payer accepted was signed;
/// [`Code::ChargeExceedsCeiling`] when the order asks for more than that; [`Code::FacilitatorMismatch`] when another
/// facilitator may charge than the entry names.
pub fn read(order: &Order) -> Result<Terms> {
    bound(order)?.terms(order)
}

/// The payload, decoded and bound to the order.
pub(crate) fn bound(order: &Order) -> Result<Bound> {
    let bound = Bound::of(order, Proxy::Upto)?;
    let permit = &bound.signed.permit;
    right_amount(permit, order)?;
    right_facilitator(permit, &order.requirement)?;
    Ok(bound)
}

fn right_amount(permit: &Permit, order: &Order) -> Result<()> {
    let accepted = &order.payment.accepted;
    // In v1 a payment does not repeat the entry: what is taken for it there is the order's own.
    if accepted.version != Version::V1 && permit.amount != U256::from(accepted.price.atomic()) {
        return Err(Error::payer(Code::ValueMismatch).detail(format!(
            "permitted {} atomic units, the accepted entry has a ceiling of {}",
            permit.amount,
            accepted.price.atomic()
        )));
    }
    let asked = order.requirement.price.atomic();
    if permit.amount < U256::from(asked) {
        return Err(Error::payer(Code::ChargeExceedsCeiling)
            .detail(format!("{asked} atomic units are asked, at most {} were permitted", permit.amount)));
    }
    Ok(())
}

fn right_facilitator(permit: &Permit, want: &Requirement) -> Result<()> {
    let named = facilitator(&want.extra)?;
    match (named, permit.witness.facilitator) {
        // A facilitator may be asked without the name; whether it is its own is for its settler to say.
        (None, Some(_)) => Ok(()),
        (Some(named), Some(signed)) if named == signed => Ok(()),
        (named, signed) => Err(Error::payer(Code::FacilitatorMismatch)
            .detail(format!("signed for {signed:?} to charge, the entry names {named:?}"))),
    }
}

/// Who may charge, where signing depends on it.
///
/// # Errors
/// [`Code::InvalidPaymentRequirements`]: without it nobody could settle.
pub(crate) fn required_facilitator(extra: &Extra) -> Result<Address> {
    facilitator(extra)?.ok_or_else(|| {
        Error::payee(Code::InvalidPaymentRequirements).detail(format!(
            "extra.{FACILITATOR} is missing: it names the one who may charge, and without it nobody could"
        ))
    })
}
