use super::{BudgetId, BudgetLine, Claim, HoldId, Ledger, Print, Record, RecordKey, ReplayKey, Spend, Write};
use crate::{Code, Error, Receipt, Result, Time};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A ledger that forgets everything with the process: for tests and examples, never for money.
#[derive(Default)]
pub struct MemoryLedger {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    holds: HashMap<HoldId, Hold>,
    spendings: HashMap<BudgetId, Vec<(Time, u128)>>,
    claims: HashMap<ReplayKey, (Print, Option<Receipt>)>,
    records: BTreeMap<RecordKey, (u64, String)>,
}

struct Hold {
    lines: Vec<(BudgetId, u128)>,
    open: bool,
}

impl MemoryLedger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for MemoryLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryLedger")
    }
}

impl State {
    fn used(&self, line: &BudgetLine) -> u128 {
        let held = self.holds.values().filter(|h| h.open).flat_map(|h| &h.lines);
        let held = held.filter(|(b, _)| *b == line.budget).map(|(_, n)| *n);
        let spent = self.spendings.get(&line.budget).into_iter().flatten();
        let spent = spent.filter(|(at, _)| *at >= line.since).map(|(_, n)| *n);
        held.chain(spent).fold(0, u128::saturating_add)
    }

    /// Another print under any key outweighs everything; a receipt under any key outweighs none.
    fn seen(&self, keys: &[ReplayKey], print: &Print) -> Option<Claim> {
        let known: Vec<_> = keys.iter().filter_map(|k| self.claims.get(k)).collect();
        if known.iter().any(|(whose, _)| whose != print) {
            return Some(Claim::Replay);
        }
        let receipt = known.iter().find_map(|(_, receipt)| receipt.clone());
        (!known.is_empty()).then(|| Claim::Same(receipt.map(Box::new)))
    }
}

#[crate::async_trait]
impl Ledger for MemoryLedger {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], _until: Time, _now: Time) -> Result<()> {
        let mut state = self.state();
        if state.holds.contains_key(hold) {
            return Ok(());
        }
        for (n, line) in lines.iter().enumerate() {
            // Two lines of one reservation on one budget add up.
            let beside = lines.iter().take(n).filter(|l| l.budget == line.budget).map(|l| l.amount);
            check_line(line, beside.fold(state.used(line), u128::saturating_add))?;
        }
        let lines = lines.iter().map(|l| (l.budget.clone(), l.amount)).collect();
        state.holds.insert(hold.clone(), Hold { lines, open: true });
        Ok(())
    }

    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        let state = self.state();
        Ok(lines.iter().map(|line| state.used(line)).collect())
    }

    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        let mut state = self.state();
        let found = state.holds.get_mut(hold).ok_or_else(|| no_hold(hold))?;
        if !std::mem::replace(&mut found.open, false) {
            return Ok(());
        }
        let lines = found.lines.clone();
        for (budget, held) in lines {
            let spent = spend.of(held);
            if spent > 0 {
                state.spendings.entry(budget).or_default().push((now, spent));
            }
        }
        Ok(())
    }

    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        Ok(self.state().seen(keys, print))
    }

    async fn claim(&self, keys: &[ReplayKey], print: &Print, _until: Time, _now: Time) -> Result<Claim> {
        let mut state = self.state();
        if let Some(known) = state.seen(keys, print) {
            return Ok(known);
        }
        for key in keys {
            state.claims.insert(key.clone(), (print.clone(), None));
        }
        Ok(Claim::Fresh)
    }

    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        let mut state = self.state();
        for key in keys {
            let ours = state.claims.get_mut(key).filter(|(whose, _)| whose == print);
            match (ours, receipt) {
                (Some((_, slot)), Some(receipt)) => *slot = Some(receipt.clone()),
                (Some((_, None)), None) => {
                    state.claims.remove(key);
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        let found = self.state().records.get(key).cloned();
        Ok(found.map(|(version, value)| Record { key: key.clone(), version, value }))
    }

    async fn store(&self, writes: &[Write]) -> Result<()> {
        let mut state = self.state();
        for write in writes {
            let have = state.records.get(&write.key).map(|(v, _)| *v);
            if have != write.expect {
                return Err(moved(&write.key, write.expect, have));
            }
        }
        for write in writes {
            match &write.value {
                Some(value) => {
                    let version = write.expect.unwrap_or(0).saturating_add(1);
                    state.records.insert(write.key.clone(), (version, value.clone()));
                }
                None => {
                    state.records.remove(&write.key);
                }
            }
        }
        Ok(())
    }

    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        let state = self.state();
        let start = RecordKey(prefix.to_owned());
        let from = match after {
            Some(after) if *after >= start => Bound::Excluded(after.clone()),
            _ => Bound::Included(start),
        };
        let records = state.records.range((from, Bound::Unbounded));
        let records = records.take_while(|(k, _)| k.0.starts_with(prefix)).take(limit);
        Ok(records
            .map(|(key, (version, value))| Record {
                key: key.clone(),
                version: *version,
                value: value.clone(),
            })
            .collect())
    }
}

/// Checks one line against what is used already; every ledger words the refusal the same way.
///
/// # Errors
/// [`Code::BudgetExceeded`].
pub fn check_line(line: &BudgetLine, used: u128) -> Result<()> {
    match used.checked_add(line.amount) {
        Some(sum) if sum <= line.limit => Ok(()),
        _ => Err(Error::new(Code::BudgetExceeded, crate::Blame::Payer, crate::Next::OtherRoute).detail(
            format!(
                "budget {}: {} more on top of {used} would pass {}",
                line.budget, line.amount, line.limit
            ),
        )),
    }
}

/// The refusal to end a hold that was never made.
pub fn no_hold(hold: &HoldId) -> Error {
    Error::us(Code::NotFound).detail(format!("no hold {hold}"))
}

/// The refusal to write over a record that has moved.
pub fn moved(key: &RecordKey, expect: Option<u64>, have: Option<u64>) -> Error {
    let words = format!("record {key}: expected version {expect:?}, found {have:?}");
    Error::us(Code::Conflict).next(crate::Next::Later).detail(words)
}

impl Spend {
    /// What `held` units come to, rounded up.
    pub fn of(self, held: u128) -> u128 {
        match self {
            Self::Nothing => 0,
            Self::All => held,
            Self::Part { taken, of } if taken >= of => held,
            Self::Part { taken, of } => {
                let product =
                    ruint::aliases::U256::from(held).saturating_mul(ruint::aliases::U256::from(taken));
                u128::try_from(product.div_ceil(ruint::aliases::U256::from(of))).unwrap_or(held)
            }
        }
    }
}
