//! The side that signs.

use crate::calls::CALLS;
use crate::terms::required_facilitator;
use std::sync::Arc;
use tollway_core::{
    Action, Answer, AttemptId, Authorization, Demand, Fate, Landed, Payer, Plan, Reading, Receipt, Reserved,
    Result, Site, async_trait,
};
use tollway_evm::permit2::{Proxy, Purse, Settings, agrees};

/// Plans, signs and follows up permits from one key; each names the facilitator that may charge.
#[derive(Debug)]
pub(crate) struct Paying {
    purse: Purse,
}

impl Paying {
    pub(crate) fn build(site: &Site) -> Result<Arc<dyn Payer>> {
        Ok(Arc::new(Self { purse: Purse::new(site, site.settings::<Settings>()?, CALLS)? }))
    }
}

#[async_trait]
impl Payer for Paying {
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        required_facilitator(&demand.requirement.extra)?;
        self.purse.plan(demand).await
    }

    fn plan_now(&self, demand: &Demand<'_>) -> Option<Result<Plan>> {
        if let Err(why) = required_facilitator(&demand.requirement.extra) {
            return Some(Err(why));
        }
        self.purse.plan_now(demand)
    }

    async fn perform(&self, action: &Action) -> Result<Receipt> {
        self.purse.perform(action).await
    }

    async fn authorize(
        &self,
        demand: &Demand<'_>,
        reserved: &Reserved,
        attempt: &AttemptId,
    ) -> Result<Authorization> {
        let facilitator = required_facilitator(&demand.requirement.extra)?;
        self.purse.authorize(demand, reserved, attempt, Some(facilitator)).await
    }

    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
        let receipt = agrees(sent, &answer, Proxy::Upto)?.filter(|receipt| {
            // Money lands in a transaction; only nothing lands nowhere.
            matches!(receipt.landed, Landed::OnChain { .. }) || receipt.charged.atomic == 0
        });
        Ok(match (receipt, answer) {
            (Some(receipt), _) => Reading::Paid(receipt.charged),
            // The permit stays spendable; whether another may be signed beside it, the policy decides.
            (None, Answer::Corrected(_)) => Reading::SignAgain,
            // A refusal, silence, or a receipt for something else proves nothing: only the chain does.
            (None, _) => Reading::Resolve,
        })
    }

    async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        self.purse.resolve(sent).await
    }
}
