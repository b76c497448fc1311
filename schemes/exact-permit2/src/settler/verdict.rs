//! What one look says of a payment.

use tollway_core::{Code, Error, Result};
use tollway_evm::Looked;
use tollway_evm::permit2::{
    Bound, MARGIN_MS, Path, Payee, Reads, Sponsored, Standing, number, refusal,
};

/// How the payment can be settled, and what kind of payee it pays. The look's answers are those of [`Reads::of`], then
/// the simulation's, then that of [`Reads::after`].
///
/// # Errors
/// One code for each thing that can be wrong; [`Code::AllowanceRequired`] when the payer has to act first.
pub(super) fn of(bound: &Bound, looked: &Looked) -> Result<(Path, Payee)> {
    let permit = &bound.signed.permit;
    let standing = Standing::of(permit, looked)?;
    standing.check(permit, permit.amount, MARGIN_MS)?;
    let payee = Payee::of_balance(standing.payee_balance);
    let allowed = standing.check_allowance(permit);
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
        Some(Err(revert)) => {
            let refused = refusal(revert);
            return Err(match allowed {
                // A token's refusal of the permit shows as a missing allowance only.
                Err(missing) if refused.code == Code::SimulationFailed => {
                    let words = "the EIP-2612 permit that came along gives no allowance either";
                    missing.clone().detail(format!("{}; {words}", missing.detail))
                }
                _ => refused,
            });
        }
        None => return Err(Error::network(Code::InvalidAnswer).detail("the node left the simulation unanswered")),
    }
    let after = number(looked, Reads::COUNT.saturating_add(1))?;
    standing.check_received(permit, after, permit.amount)?;
    Ok((path, payee))
}
