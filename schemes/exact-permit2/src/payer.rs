//! The side that signs: the shared [`Purse`], with this cell's witness and what it makes of answers.

use crate::proxy::CALLS;
use crate::settings::Settings;
use std::sync::Arc;
use tollway_core::{
    Action, Answer, AttemptId, Authorization, Demand, Fate, Payer, Plan, Reading, Receipt, Reserved, Result,
    Site, async_trait,
};
use tollway_evm::permit2::{Purse, agrees};

/// Plans, signs and follows up permits from one key.
pub(crate) struct Paying(Purse);

impl Paying {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Payer>> {
        let settings = site.settings::<Settings>()?.permit2;
        Ok(Arc::new(Self(Purse::new(site, settings, CALLS)?)))
    }
}

#[async_trait]
impl Payer for Paying {
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        self.0.plan(demand).await
    }

    fn plan_now(&self, demand: &Demand<'_>) -> Option<Result<Plan>> {
        self.0.plan_now(demand)
    }

    async fn perform(&self, action: &Action) -> Result<Receipt> {
        self.0.perform(action).await
    }

    async fn authorize(
        &self,
        demand: &Demand<'_>,
        reserved: &Reserved,
        attempt: &AttemptId,
    ) -> Result<Authorization> {
        self.0.authorize(demand, reserved, attempt, None).await
    }

    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
        if let Some(receipt) = agrees(sent, &answer, CALLS.proxy)? {
            let paid = receipt.charged == sent.payment.accepted.price.0 && receipt.transaction().is_some();
            if !paid {
                // A receipt for something else proves nothing: only the chain does.
                return Ok(Reading::Resolve);
            }
            self.0.went_through(sent)?;
            return Ok(Reading::Paid(receipt.charged));
        }
        Ok(match answer {
            // The authorization stays spendable; whether another may be signed beside it, the policy decides.
            Answer::Corrected(_) => Reading::SignAgain,
            // A refusal or silence proves nothing either.
            _ => Reading::Resolve,
        })
    }

    async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        self.0.resolve(sent).await
    }
}
