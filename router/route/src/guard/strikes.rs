//! Settlements that failed on chain, counted in the ledger.
//!
//! A strike is a closed hold of one under a budget without a limit, so that it slides out of its window, survives a restart
//! and is counted once, whoever reports it and how often.

use super::purse::Open;
use super::{Caller, Guard, budgets, refusal};
use tollway_core::{Account, Blame, BudgetId, BudgetLine, HoldId, Order, Result, Spend, Terms, Time};

impl Guard {
    /// Did too many settlements of these fail?
    pub(super) async fn few_failures(&self, caller: &Caller, order: &Order, terms: &Terms) -> Result<()> {
        let Some(strikes) = &self.settings.strikes else { return Ok(()) };
        let since = self.clock.now().minus_ms(strikes.window_ms);
        let (payee, payer) = (&order.requirement.pay_to, terms.payer.as_ref());
        let mut asked = vec![
            payee_count(payee),
            payee_lost(payee),
            budgets::of_payee(payee),
            caller_count(caller.name()),
            caller_lost(caller.name()),
            budgets::of_caller(caller.name()),
        ];
        asked.extend(payer.map(payer_count));
        let lines: Vec<_> = asked.into_iter().map(|budget| line(budget, 0, since)).collect();
        let used = self.ledger.used(&lines).await?;
        let at = |n: usize| used.get(n).copied().unwrap_or(0);
        let over = |count: u128, most: u32, lost: u128, all: u128| {
            let share = all.saturating_mul(strikes.lost_percent.into());
            count >= most.into() && lost.saturating_mul(100) >= share
        };
        if at(6) >= strikes.payer.into() {
            return Err(refusal::failures(Blame::Payer, "of this payer"));
        }
        if over(at(0), strikes.payee, at(1), at(2)) {
            return Err(refusal::failures(Blame::Payee, "for this payee"));
        }
        if over(at(3), strikes.caller, at(4), at(5)) {
            return Err(refusal::failures(Blame::Caller, "for this caller"));
        }
        Ok(())
    }

    /// Counts one that failed and took `lost_e18` of the budgets, once.
    pub(super) async fn strike(&self, open: &Open, lost_e18: u128) -> Result<()> {
        if self.settings.strikes.is_none() {
            return Ok(());
        }
        let now = self.clock.now();
        let mut lines = vec![
            line(payee_count(&open.payee), 1, now),
            line(payee_lost(&open.payee), lost_e18, now),
            line(caller_count(&open.caller), 1, now),
            line(caller_lost(&open.caller), lost_e18, now),
        ];
        lines.extend(open.payer.as_ref().map(|payer| line(payer_count(payer), 1, now)));
        let hold = HoldId(format!("strike/{}", open.hold));
        self.ledger.reserve(&hold, &lines, now, now).await?;
        self.ledger.close(&hold, Spend::All, now).await
    }
}

fn line(budget: BudgetId, amount: u128, since: Time) -> BudgetLine {
    BudgetLine { budget, amount, limit: u128::MAX, since }
}

fn payer_count(payer: &Account) -> BudgetId {
    BudgetId(format!("strikes/payer/{payer}"))
}
fn payee_count(payee: &Account) -> BudgetId {
    BudgetId(format!("strikes/payee/{payee}"))
}
fn payee_lost(payee: &Account) -> BudgetId {
    BudgetId(format!("lost/payee/{payee}"))
}
fn caller_count(caller: &str) -> BudgetId {
    BudgetId(format!("strikes/caller/{caller}"))
}
fn caller_lost(caller: &str) -> BudgetId {
    BudgetId(format!("lost/caller/{caller}"))
}
