//! The budgets that a settlement counts under.

use super::gas::Gas;
use super::{Caller, Guard, Limit, refusal};
use tollway_core::{Account, BudgetId, BudgetLine, Error, Order, Result, Terms, Time};

pub(super) fn of_caller(caller: &str) -> BudgetId {
    BudgetId(format!("gas/caller/{caller}"))
}
pub(super) fn of_payee(payee: &Account) -> BudgetId {
    BudgetId(format!("gas/payee/{payee}"))
}
fn of_all() -> BudgetId {
    BudgetId("gas/all".to_owned())
}
fn under_way(payer: &Account) -> BudgetId {
    BudgetId(format!("under-way/payer/{payer}"))
}

impl Guard {
    /// Would so much still fit? For `/verify`: nothing is held.
    pub(super) async fn has_room(
        &self,
        caller: &Caller,
        order: &Order,
        terms: &Terms,
        gas: Gas,
    ) -> Result<()> {
        if !self.settings.counts() {
            return Ok(());
        }
        self.sweep().await;
        let (payee, usd_e18) = (&order.requirement.pay_to, self.ample(gas.usd.e18()));
        let lines = self.lines(caller.name(), payee, terms.payer.as_ref(), usd_e18);
        self.full(&lines).await?.map_or(Ok(()), Err)
    }

    /// Everything that a settlement is held under.
    pub(super) fn lines(
        &self,
        caller: &str,
        payee: &Account,
        payer: Option<&Account>,
        usd_e18: u128,
    ) -> Vec<BudgetLine> {
        let mut lines = self.gas_lines(caller, payee, usd_e18);
        if let (Some(payer), Some(most)) = (payer, self.settings.at_once_payer) {
            // What has ended counts no more, so nothing is ever old enough.
            let (budget, since) = (under_way(payer), Time::FAR);
            lines.push(BudgetLine { budget, amount: 1, limit: most.into(), since });
        }
        lines
    }

    /// What gas counts under; a budget without a limit still counts, for the strikes.
    pub(super) fn gas_lines(&self, caller: &str, payee: &Account, usd_e18: u128) -> Vec<BudgetLine> {
        let now = self.clock.now();
        let line = |budget: BudgetId, limit: Option<Limit>| BudgetLine {
            budget,
            amount: usd_e18,
            limit: limit.map_or(u128::MAX, |limit| limit.usd.e18()),
            since: limit.map_or(now, |limit| now.minus_ms(limit.window_ms)),
        };
        vec![
            line(of_all(), self.settings.gas_all),
            line(of_caller(caller), self.settings.gas_caller),
            line(of_payee(payee), self.settings.gas_payee),
        ]
    }

    /// What is held of so much that is predicted.
    pub(super) fn ample(&self, predicted: u128) -> u128 {
        predicted.saturating_mul(self.settings.hold_percent.into()).div_ceil(100)
    }

    /// Why there is no room. Asked after the fact, so another may have ended meanwhile: then it was all of them.
    pub(super) async fn why_full(&self, lines: &[BudgetLine]) -> Error {
        self.full(lines).await.ok().flatten().unwrap_or_else(|| words(&of_all()))
    }

    async fn full(&self, lines: &[BudgetLine]) -> Result<Option<Error>> {
        let used = self.ledger.used(lines).await?;
        let full = lines.iter().zip(used).find(|(l, used)| used.saturating_add(l.amount) > l.limit);
        Ok(full.map(|(line, _)| words(&line.budget)))
    }
}

fn words(budget: &BudgetId) -> Error {
    let mut parts = budget.0.split('/');
    match (parts.next(), parts.next()) {
        (Some("under-way"), _) => refusal::at_once(),
        (_, Some("caller")) => refusal::spent("for this caller"),
        (_, Some("payee")) => refusal::spent("for this payee"),
        _ => refusal::spent("here"),
    }
}
