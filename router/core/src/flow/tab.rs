use super::journal::Stage;
use super::once::{Claimed, SettleOnce};
use crate::{Charge, Code, Error, Result};

/// The running bill of one visit, in the journal.
///
/// A handler that delivers bit by bit notes what it has delivered so far. After a crash in the middle, that much is
/// settled: never more than was delivered, and what was delivered after the last note is lost to the seller. Wrong: noting
/// a chunk before it goes out. Right: noting it afterwards, and delivering no more than one can afford to lose before the
/// next note is written.
#[crate::async_trait]
pub trait Tab: Send {
    /// Writes down that this much is owed, whatever happens. A note never lowers an earlier one. Not cancel safe: what
    /// was dropped half way may be written.
    ///
    /// # Errors
    /// The ledger's; [`Code::ServeWithoutPayment`] where nothing is held that could be settled later (upfront);
    /// [`Code::ChargeExceedsCeiling`].
    async fn note(&mut self, owed: &Charge) -> Result<()>;
}

/// The tab of a claimed payment.
pub(super) struct Tally<'a, 'o> {
    pub(super) once: &'a SettleOnce<'o>,
    pub(super) claimed: Option<&'a mut Claimed>,
}

#[crate::async_trait]
impl Tab for Tally<'_, '_> {
    async fn note(&mut self, owed: &Charge) -> Result<()> {
        let entry = match self.claimed.as_mut() {
            Some(claimed) if claimed.verified.is_some() => &mut claimed.entry,
            _ => return Err(Error::us(Code::ServeWithoutPayment)),
        };
        let price = entry.record.order.requirement.price;
        if owed.amount().asset != price.asset() || owed.atomic() > price.atomic() {
            return Err(Error::us(Code::ChargeExceedsCeiling));
        }
        if owed.atomic() > entry.record.charge_atomic {
            entry.record.stage = Stage::Serving;
            entry.record.charge_atomic = owed.atomic();
            entry.save_surely(self.once.ledger).await?;
        }
        Ok(())
    }
}
