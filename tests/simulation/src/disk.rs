//! What survives a crash: a ledger that also knows which holds and claims are still open.

use crate::bug::Bug;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{
    BudgetLine, Claim, HoldId, Ledger, Print, Receipt, Record, RecordKey, ReplayKey, Result, Spend, Time,
    Write, async_trait,
};
use tollway_testkit::weave::SeededDice;

/// How often a ledger that loses writes does so, in thousandths.
const LOSES_PER_MILLE: u16 = 30;

/// One process's disk. Its content outlives the process; what was not acknowledged may or may not be on it, because the
/// faults around it fail and crash before and after.
pub(crate) struct Disk {
    kept: MemoryLedger,
    open: Mutex<Open>,
    bug: Option<Bug>,
    dice: SeededDice,
}

#[derive(Default)]
struct Open {
    /// Every hold that was made, with what it takes of which budget; true while it is open.
    holds: BTreeMap<HoldId, (Vec<BudgetLine>, bool)>,
    /// Every claim that was fresh once.
    claims: Vec<(Vec<ReplayKey>, Print)>,
}

impl Disk {
    pub(crate) fn new(bug: Option<Bug>, dice: SeededDice) -> Arc<Self> {
        Arc::new(Self { kept: MemoryLedger::new(), open: Mutex::default(), bug, dice })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loses(&self) -> bool {
        self.bug == Some(Bug::LedgerLosesWrites) && self.dice.chance(LOSES_PER_MILLE)
    }

    /// Holds that were made and never closed.
    pub(crate) fn holds(&self) -> Vec<HoldId> {
        self.open().holds.iter().filter(|(_, (_, open))| *open).map(|(id, _)| id.clone()).collect()
    }

    /// What each budget has used, open holds included, and the highest limit that it was ever held to.
    pub(crate) async fn used(&self) -> Result<Vec<(String, u128, u128)>> {
        let mut lines: BTreeMap<String, BudgetLine> = BTreeMap::new();
        for line in self.open().holds.values().flat_map(|(lines, _)| lines) {
            let known = lines.entry(line.budget.0.clone()).or_insert_with(|| line.clone());
            (known.limit, known.since) = (known.limit.max(line.limit), Time::ZERO);
        }
        let mut found = Vec::new();
        for (name, line) in lines {
            let used = self.kept.used(std::slice::from_ref(&line)).await?;
            found.push((name, used.first().copied().unwrap_or(0), line.limit));
        }
        Ok(found)
    }

    /// Claims that nobody has ended: neither with a receipt nor by freeing their keys.
    pub(crate) async fn claims(&self) -> Result<Vec<ReplayKey>> {
        let (claims, mut left) = (self.open().claims.clone(), Vec::new());
        for (keys, print) in claims {
            if matches!(self.kept.seen(&keys, &print).await?, Some(Claim::Same(None))) {
                left.extend(keys);
            }
        }
        Ok(left)
    }
}

#[async_trait]
impl Ledger for Disk {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        self.kept.reserve(hold, lines, until, now).await?;
        self.open().holds.entry(hold.clone()).or_insert_with(|| (lines.to_vec(), true));
        Ok(())
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        self.kept.used(lines).await
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        if self.bug == Some(Bug::HoldsStayOpen) {
            return Ok(());
        }
        self.kept.close(hold, spend, now).await?;
        if let Some((_, open)) = self.open().holds.get_mut(hold) {
            *open = false;
        }
        Ok(())
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        match self.bug {
            Some(Bug::GateLetsEverybodyIn) => Ok(None),
            _ => self.kept.seen(keys, print).await,
        }
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        let claim = self.kept.claim(keys, print, until, now).await?;
        if claim == Claim::Fresh {
            self.open().claims.push((keys.to_vec(), print.clone()));
        }
        Ok(if self.bug == Some(Bug::GateLetsEverybodyIn) { Claim::Fresh } else { claim })
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        self.kept.conclude(keys, print, receipt).await
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        self.kept.load(key).await
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        if self.loses() {
            return Ok(());
        }
        let mut writes = writes.to_vec();
        if self.bug == Some(Bug::GateLetsEverybodyIn) {
            for write in &mut writes {
                write.expect = self.kept.load(&write.key).await?.map(|known| known.version);
            }
        }
        self.kept.store(&writes).await
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.kept.scan(prefix, after, limit).await
    }
}
