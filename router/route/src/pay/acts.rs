//! What the payer does on chain before it signs.
//!
//! It costs money whatever becomes of the payment, so it has a hold of its own beside the payment's: spent as soon as it
//! is done, while the other is spent by what the payee takes.

use super::attempt::Attempt;
use crate::router::{Context, Route, Router};
use tollway_core::{Error, Landed, Payer, Result, Spend, Usd};

/// What is at stake beside the actions.
pub(super) fn beside(route: &Route<'_>) -> Usd {
    Usd::from_e18(route.at_stake.e18().saturating_sub(route.costs.payer_actions.e18()))
}

impl Router {
    /// Performs a plan's actions, their cost reserved before and closed after.
    ///
    /// # Errors
    /// Why one of them was not done; [`tollway_core::Code::BudgetExceeded`]; the ledger's. What was held is free again then,
    /// but for what was spent; where the ledger fails at that, [`Router::settle_up`] counts all of it as spent.
    pub(super) async fn act(
        &self,
        mut attempt: Attempt,
        payer: &dyn Payer,
        route: &Route<'_>,
        context: Context<'_>,
    ) -> Result<Attempt> {
        let (plan, usd, now) = (&route.plan, route.costs.payer_actions, self.clock.now());
        if plan.actions.is_empty() {
            return Ok(attempt);
        }
        let lines = self.policy.budget_lines(route.requirement, usd, context.host, now);
        if let Err(e) = attempt.acts(self, &lines, plan.spendable_until).await {
            return attempt.abandon(self, e).await;
        }
        let (mut spend, mut failed) = (Spend::Nothing, None);
        for action in &plan.actions {
            match payer.perform(action).await {
                // It was done already.
                Ok(receipt) if receipt.landed == Landed::Nothing => continue,
                Ok(_) => spend = Spend::All,
                Err(e) => {
                    if may_have_spent(&e) {
                        spend = Spend::All;
                    }
                    failed = Some(e);
                    break;
                }
            }
        }
        match (attempt.acted(self, spend).await, failed) {
            (Ok(()), None) => Ok(attempt),
            (Ok(()), Some(e)) => attempt.abandon(self, e).await,
            // Their hold stands, and the journal says why.
            (Err(_), Some(e)) | (Err(e), None) => Err(e),
        }
    }
}

/// True when a transaction went out, or may have.
fn may_have_spent(e: &Error) -> bool {
    e.spent.is_some() || e.transaction.is_some() || e.is_unknown_outcome()
}
