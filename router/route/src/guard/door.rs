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
        self.screen_beside(order, terms, step, std::future::ready(Ok(()))).await
    }

    /// The same, with a look at the chain while the decision is being written down.
    pub(super) async fn screen_beside<T>(
        &self,
        order: &Order,
        terms: &Terms,
        step: Step,
        look: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(screening) = &self.screening else { return look.await };
        let subject = Subject { step, requirement: &order.requirement, host: None, payer: terms.payer };
        screening.admit_beside(&subject, look).await
    }
}
