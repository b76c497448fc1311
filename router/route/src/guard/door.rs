//! Who and what is let in, before anybody asks the chain.

use super::{Guard, refusal};
use tollway_core::screen::{Step, Subject};
use tollway_core::{Order, Result, Terms};

impl Guard {
    /// Lists: free of I/O.
    pub(super) fn listed(&self, order: &Order) -> Result<()> {
        let r = &order.requirement;
        if !self.settings.payees.allows(&r.pay_to) {
            return Err(refusal::payee(r));
        }
        if !self.settings.assets.allows(&r.price.asset()) {
            return Err(refusal::asset(r));
        }
        Ok(())
    }

    /// The screening, where there is one.
    pub(super) async fn screen(&self, order: &Order, terms: &Terms, step: Step) -> Result<()> {
        let Some(screening) = &self.screening else { return Ok(()) };
        let subject = Subject { step, requirement: &order.requirement, host: None, payer: terms.payer };
        screening.admit(&subject).await
    }
}
