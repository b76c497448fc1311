//! What is taken already of budgets and wallets, asked of the ledger in one go.

use crate::policy::{Budget, Policy};
use crate::router::{Context, Route};
use std::sync::{Mutex, PoisonError};
use tollway_core::{BudgetId, BudgetLine, Error, Funds, Ledger, Result, Time, ledger};

/// Lines that are kept for the next question; more than a 402 of this many wallets needs are let go.
const LINES_MAX: usize = 64;

/// Room for the lines of a question, used again and again: their names are written over, not made anew.
#[derive(Default)]
pub(crate) struct Room(Mutex<Vec<BudgetLine>>);

/// A question being written.
struct Lines {
    room: Vec<BudgetLine>,
    count: usize,
}

impl Lines {
    fn begin(room: &Room) -> Self {
        let room = std::mem::take(&mut *room.0.lock().unwrap_or_else(PoisonError::into_inner));
        Self { room, count: 0 }
    }

    /// Adds a line, and says which it is.
    fn add(&mut self, name: &[&str], limit: u128, since: Time) -> usize {
        if self.count >= self.room.len() {
            let budget = BudgetId(String::new());
            self.room.push(BudgetLine { budget, amount: 0, limit: 0, since: Time::ZERO });
        }
        if let Some(line) = self.room.get_mut(self.count) {
            line.budget.0.clear();
            line.budget.0.reserve(name.iter().fold(0, |sum, part| sum.saturating_add(part.len())));
            name.iter().for_each(|part| line.budget.0.push_str(part));
            (line.limit, line.since) = (limit, since);
        }
        self.count = self.count.saturating_add(1);
        self.count.saturating_sub(1)
    }

    fn written(&self) -> &[BudgetLine] {
        self.room.get(..self.count).unwrap_or_default()
    }

    fn end(mut self, room: &Room) {
        self.room.truncate(LINES_MAX);
        *room.0.lock().unwrap_or_else(PoisonError::into_inner) = self.room;
    }
}

/// The line of a wallet, and what tells it from most others at a glance.
struct Wallet {
    mark: u64,
    line: Option<usize>,
}

/// The end of its token's address.
fn mark(funds: &Funds) -> u64 {
    let key = funds.balance.asset.key().as_bytes();
    key.last_chunk().map_or(0, |end| u64::from_le_bytes(*end))
}

/// What is used already of budgets and wallets.
#[derive(Default)]
pub(crate) struct Used<'p> {
    /// Each budget's line is where the budget stands here.
    budgets: Vec<&'p Budget>,
    /// The wallet that each route draws on.
    wallets: Vec<Wallet>,
    taken: Vec<u128>,
    /// Why nobody knows.
    unknown: Option<Error>,
}

impl<'p> Used<'p> {
    /// Asks for every line that one of `routes` will be checked against.
    pub(crate) async fn ask(
        policy: &'p Policy,
        ledger: &dyn Ledger,
        room: &Room,
        (routes, context, now): (&[Route<'_>], Context<'_>, Time),
    ) -> Self {
        let (mut used, mut lines) = (Self::default(), Lines::begin(room));
        for route in routes {
            for budget in policy.counted(route.requirement, context.host) {
                if used.budget(budget).is_none() {
                    used.budgets.push(budget);
                    lines.add(&[&budget.id.0], budget.limit.e18(), now.minus_ms(budget.window_ms));
                }
            }
        }
        used.wallets.reserve_exact(routes.len());
        for route in routes {
            let Some(funds) = &route.plan.funds else {
                used.wallets.push(Wallet { mark: 0, line: None });
                continue;
            };
            let mark = mark(funds);
            // A chain's entries may draw on one wallet, which is asked about once.
            let mut before = used.wallets.iter().zip(routes);
            let same = before.find(|(w, other)| w.mark == mark && other.plan.funds.as_ref() == Some(funds));
            let asked = same.and_then(|(wallet, _)| wallet.line);
            let line =
                asked.unwrap_or_else(|| lines.add(&wallet_name(funds), funds.balance.atomic, funds.as_of));
            used.wallets.push(Wallet { mark, line: Some(line) });
        }
        if lines.count > 0 {
            match ledger.used(lines.written()).await {
                Ok(taken) => used.taken = taken,
                Err(why) => used.unknown = Some(why),
            }
        }
        lines.end(room);
        used
    }

    fn budget(&self, budget: &Budget) -> Option<usize> {
        let same =
            |b: &&Budget| std::ptr::eq(*b, budget) || (b.id == budget.id && b.window_ms == budget.window_ms);
        self.budgets.iter().position(same)
    }

    fn taken(&self, line: Option<usize>) -> u128 {
        line.and_then(|line| self.taken.get(line)).copied().unwrap_or(0)
    }

    /// Does the route at this place fit into its budgets and its wallet?
    pub(crate) fn fits(
        &self,
        policy: &Policy,
        (at, route): (usize, &Route<'_>),
        context: Context<'_>,
        now: Time,
    ) -> Result<()> {
        let (plan, mut counted) = (&route.plan, policy.counted(route.requirement, context.host));
        if let Some(why) = &self.unknown {
            let limited = plan.funds.is_some() || counted.next().is_some();
            return if limited { Err(why.clone()) } else { Ok(()) };
        }
        for budget in counted {
            let taken = self.taken(self.budget(budget));
            fits(taken, route.at_stake.e18(), budget.limit.e18(), || budget.line(now))?;
        }
        let Some(funds) = &plan.funds else { return Ok(()) };
        let taken = self.taken(self.wallets.get(at).and_then(|wallet| wallet.line));
        fits(taken, plan.exposure.atomic(), funds.balance.atomic, || wallet(funds))
    }
}

/// Checks a line; it is only made where it does not fit, for its words.
fn fits(taken: u128, amount: u128, limit: u128, line: impl FnOnce() -> BudgetLine) -> Result<()> {
    if taken.checked_add(amount).is_some_and(|sum| sum <= limit) {
        return Ok(());
    }
    ledger::check_line(&BudgetLine { amount, ..line() }, taken)
}

/// The line of the wallet itself, with nothing on it.
pub(crate) fn wallet(funds: &Funds) -> BudgetLine {
    let budget = BudgetId(wallet_name(funds).concat());
    BudgetLine { budget, amount: 0, limit: funds.balance.atomic, since: funds.as_of }
}

/// What a wallet is called in the ledger, in pieces.
fn wallet_name(funds: &Funds) -> [&str; 6] {
    let owner = &funds.owner;
    ["wallet:", owner.chain.as_str(), ":", owner.address(), "/", funds.balance.asset.key()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_that_was_used_before_says_nothing_of_it() {
        let room = Room::default();
        for names in [&["a long name", "another"][..], &["b"], &["c", "", "d"]] {
            let mut lines = Lines::begin(&room);
            for (at, name) in names.iter().enumerate() {
                assert_eq!(lines.add(&[name, "!"], 7, Time::from_secs(9)), at);
            }
            let written: Vec<_> = lines.written().iter().map(|l| l.budget.0.clone()).collect();
            assert_eq!(written, names.iter().map(|n| format!("{n}!")).collect::<Vec<_>>());
            let as_new = |l: &BudgetLine| (l.amount, l.limit, l.since) == (0, 7, Time::from_secs(9));
            assert!(lines.written().iter().all(as_new));
            lines.end(&room);
        }
    }

    #[test]
    fn room_stays_bounded() {
        let room = Room::default();
        let mut lines = Lines::begin(&room);
        for n in 0..1_000 {
            assert_eq!(lines.add(&["x"], 0, Time::ZERO), n);
        }
        assert_eq!(lines.written().len(), 1_000);
        lines.end(&room);
        assert_eq!(Lines::begin(&room).room.len(), LINES_MAX);
    }
}
