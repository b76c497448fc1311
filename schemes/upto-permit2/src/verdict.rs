//! What one look says of a payment.

use alloy::primitives::U256;
use tollway_core::{Code, Error, Result};
use tollway_evm::Looked;
use tollway_evm::permit2::{Bound, MARGIN_MS, Path, Payee, Permit, Reads, Sponsored, Standing, refusal};

/// How `amount` of what was permitted can be taken, and what kind of payee gets it. The look's answers are those of
/// [`Reads::of`], then, unless nothing is to be taken, that of the settlement in its facilitator's name.
///
/// # Errors
/// One code for each thing that can be wrong; [`Code::AllowanceRequired`] when the payer has to act first.
pub(crate) fn of(bound: &Bound, amount: U256, looked: &Looked) -> Result<(Path, Payee)> {
    let permit = &bound.signed.permit;
    let standing = Standing::of(permit, looked)?;
    standing.check(permit, amount, MARGIN_MS)?;
    let payee = Payee::of_balance(standing.payee_balance);
    // What is asked now must be covered: all that was permitted, or what was used of it.
    let allowed = standing.check_allowance(&Permit { amount, ..*permit });
    let path = match (&bound.sponsored, &allowed) {
        // What is there already need not be made up for.
        (_, Ok(())) => Path::Settle,
        (Sponsored::No, Err(missing)) => return Err(missing.clone()),
        (Sponsored::Permit(said), Err(_)) => {
            said.check_time(looked.time, MARGIN_MS)?;
            Path::WithPermit
        }
        // Nothing can be tried before the approval is there; the receipts will tell.
        (Sponsored::Approval(_), Err(_)) => return Ok((Path::AfterApproval, payee)),
    };
    match looked.results.get(Reads::COUNT) {
        Some(Ok(_)) => {}
        Some(Err(revert)) => return Err(why(revert, allowed)),
        None if amount.is_zero() => {}
        None => {
            return Err(Error::network(Code::InvalidAnswer).detail("the node left the simulation unanswered"));
        }
    }
    Ok((path, payee))
}

/// A token's refusal of the EIP-2612 permit shows as a missing allowance only.
fn why(revert: &alloy::primitives::Bytes, allowed: Result<()>) -> Error {
    let refused = refusal(revert);
    match allowed {
        Err(missing) if refused.code == Code::SimulationFailed => {
            let words = "the EIP-2612 permit that came along gives no allowance either";
            let detail = format!("{}; {words}", missing.detail);
            missing.detail(detail)
        }
        _ => refused,
    }
}
