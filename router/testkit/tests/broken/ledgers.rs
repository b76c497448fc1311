//! A sound ledger, and broken ones.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{
    BudgetLine, Claim, Extra, HoldId, Ledger, Print, Receipt, Record, RecordKey, ReplayKey, Result, Spend,
    Time, Write, async_trait,
};
use tollway_testkit::suite::{Checked, ledger};
use tollway_testkit::weave::give_way;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    ReservesInPart,
    CountsLinesAlone,
    HoldsAgain,
    ForgetsUnknownHolds,
    RoundsDown,
    ForgetsTheWindow,
    UsedReserves,
    CountsIn64Bits,
    EverythingIsFresh,
    ClaimsInPart,
    SeeingClaims,
    ConcludesForOthers,
    CutsReceipts,
    NeverFrees,
    ComparesNoVersions,
    WritesInPart,
    ScansBackwards,
    TrimsText,
    ForgetsEveryTenth,
    ClaimsInTwoSteps,
    ReservesInTwoSteps,
    WritesInTwoSteps,
    ClosesTheDoorHalfway,
    ClaimsBeforeItStores,
    StoresBeforeItConcludes,
}
use Fault::*;

mod sound {
    tollway_testkit::ledger_suite!(|| std::sync::Arc::new(tollway_core::ledger::MemoryLedger::new()));
}

/// A ledger of memory with a fault.
struct Bad {
    fault: Fault,
    inner: MemoryLedger,
    held: Mutex<BTreeMap<HoldId, Vec<BudgetLine>>>,
    asked: AtomicUsize,
}

fn bad(fault: Fault) -> Arc<dyn Ledger> {
    Arc::new(Bad { fault, inner: MemoryLedger::new(), held: Mutex::default(), asked: AtomicUsize::new(0) })
}

fn wide(lines: &[BudgetLine]) -> Vec<BudgetLine> {
    lines.iter().map(|line| BudgetLine { limit: u128::MAX, ..line.clone() }).collect()
}

#[async_trait]
impl Ledger for Bad {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        self.held.lock().unwrap().insert(hold.clone(), lines.to_vec());
        match self.fault {
            ReservesInPart => {
                for (n, line) in lines.iter().enumerate() {
                    let part = HoldId(format!("{hold}/{n}"));
                    self.inner.reserve(&part, std::slice::from_ref(line), until, now).await?;
                }
                self.inner.reserve(hold, &[], until, now).await
            }
            CountsLinesAlone => {
                for line in lines {
                    let used = self.inner.used(std::slice::from_ref(line)).await?[0];
                    tollway_core::ledger::check_line(line, used)?;
                }
                self.inner.reserve(hold, &wide(lines), until, now).await
            }
            HoldsAgain => {
                let again = HoldId(format!("{hold}/again"));
                if self.inner.close(hold, Spend::Nothing, now).await.is_ok() {
                    return self.inner.reserve(&again, lines, until, now).await;
                }
                self.inner.reserve(hold, lines, until, now).await
            }
            CountsIn64Bits => {
                let short = |line: &BudgetLine| BudgetLine {
                    amount: line.amount & u128::from(u64::MAX),
                    ..line.clone()
                };
                self.inner.reserve(hold, &lines.iter().map(short).collect::<Vec<_>>(), until, now).await
            }
            ReservesInTwoSteps => {
                let used = self.inner.used(lines).await?;
                for (line, used) in lines.iter().zip(used) {
                    tollway_core::ledger::check_line(line, used)?;
                }
                give_way().await;
                self.inner.reserve(hold, &wide(lines), until, now).await
            }
            ClosesTheDoorHalfway => {
                for (n, line) in lines.iter().enumerate() {
                    let part = HoldId(format!("{hold}/{n}"));
                    self.inner.reserve(&part, std::slice::from_ref(line), until, now).await?;
                    give_way().await;
                }
                self.inner.reserve(hold, &[], until, now).await
            }
            _ => self.inner.reserve(hold, lines, until, now).await,
        }
    }

    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        if self.fault == UsedReserves {
            let line: Vec<_> = wide(lines).into_iter().map(|line| BudgetLine { amount: 1, ..line }).collect();
            let turn = self.asked.fetch_add(1, Ordering::SeqCst);
            let said = self.inner.used(lines).await;
            self.inner.reserve(&HoldId(format!("used/{turn}")), &line, Time::FAR, Time::ZERO).await?;
            return said;
        }
        if self.fault == ForgetsTheWindow {
            let all: Vec<_> =
                lines.iter().map(|line| BudgetLine { since: Time::ZERO, ..line.clone() }).collect();
            return self.inner.used(&all).await;
        }
        self.inner.used(lines).await
    }

    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        match (self.fault, spend) {
            (ForgetsUnknownHolds, _) => self.inner.close(hold, spend, now).await.or(Ok(())),
            (RoundsDown, Spend::Part { taken, of }) if taken < of => {
                let lines = self.held.lock().unwrap().get(hold).cloned().unwrap_or_default();
                self.inner.close(hold, Spend::Nothing, now).await?;
                let down = HoldId(format!("{hold}/down"));
                let share = |line: &BudgetLine| BudgetLine {
                    amount: line.amount.saturating_mul(taken) / of,
                    limit: u128::MAX,
                    ..line.clone()
                };
                let lines: Vec<_> = lines.iter().map(share).collect();
                self.inner.reserve(&down, &lines, Time::FAR, now).await?;
                self.inner.close(&down, Spend::All, now).await
            }
            _ => self.inner.close(hold, spend, now).await,
        }
    }

    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        if self.fault == SeeingClaims {
            let claim = self.inner.claim(keys, print, Time::FAR, Time::ZERO).await?;
            return Ok(Some(claim).filter(|claim| *claim != Claim::Fresh));
        }
        self.inner.seen(keys, print).await
    }

    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        match self.fault {
            EverythingIsFresh => {
                self.inner.claim(keys, print, until, now).await?;
                Ok(Claim::Fresh)
            }
            ClaimsInPart => {
                for key in keys {
                    let said = self.inner.claim(std::slice::from_ref(key), print, until, now).await?;
                    if said != Claim::Fresh {
                        return Ok(said);
                    }
                }
                Ok(Claim::Fresh)
            }
            ClaimsInTwoSteps => {
                if let Some(known) = self.inner.seen(keys, print).await? {
                    return Ok(known);
                }
                give_way().await;
                self.inner.claim(keys, print, until, now).await?;
                Ok(Claim::Fresh)
            }
            _ => self.inner.claim(keys, print, until, now).await,
        }
    }

    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        match (self.fault, receipt) {
            (NeverFrees, None) => Ok(()),
            (ConcludesForOthers, _) => {
                for mine in ["mine", "other"] {
                    self.inner.conclude(keys, &mine.into(), receipt).await?;
                }
                Ok(())
            }
            (CutsReceipts, Some(whole)) => {
                let cut = Receipt { extra: Extra::default(), ..whole.clone() };
                self.inner.conclude(keys, print, Some(&cut)).await
            }
            _ => self.inner.conclude(keys, print, receipt).await,
        }
    }

    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        if self.fault == ForgetsEveryTenth && asked % 10 == 9 {
            return Ok(None);
        }
        self.inner.load(key).await
    }

    async fn store(&self, writes: &[Write]) -> Result<()> {
        let with = |write: &Write, expect: Option<u64>| Write { expect, ..write.clone() };
        match self.fault {
            ComparesNoVersions => {
                for write in writes {
                    let have = self.inner.load(&write.key).await?.map(|r| r.version);
                    self.inner.store(&[with(write, have)]).await?;
                }
                Ok(())
            }
            WritesInPart => {
                for write in writes {
                    self.inner.store(std::slice::from_ref(write)).await?;
                }
                Ok(())
            }
            WritesInTwoSteps => {
                for write in writes {
                    let have = self.inner.load(&write.key).await?.map(|r| r.version);
                    if have != write.expect {
                        return Err(tollway_core::ledger::moved(&write.key, write.expect, have));
                    }
                }
                give_way().await;
                for write in writes {
                    let have = self.inner.load(&write.key).await?.map(|r| r.version);
                    self.inner.store(&[with(write, have)]).await?;
                }
                Ok(())
            }
            TrimsText => {
                let trim = |write: &Write| Write {
                    value: write.value.as_ref().map(|v| v.replace('\0', "")),
                    ..write.clone()
                };
                self.inner.store(&writes.iter().map(trim).collect::<Vec<_>>()).await
            }
            _ => self.inner.store(writes).await,
        }
    }

    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        let mut found = self.inner.scan(prefix, after, limit).await?;
        if self.fault == ScansBackwards {
            found.reverse();
        }
        Ok(found)
    }

    async fn store_then_claim(
        &self,
        writes: &[Write],
        keys: &[ReplayKey],
        print: &Print,
        until: Time,
        now: Time,
    ) -> Result<Result<Claim>> {
        if self.fault == ClaimsBeforeItStores {
            let claim = self.claim(keys, print, until, now).await;
            return self.store(writes).await.map(|()| claim);
        }
        self.store(writes).await?;
        Ok(self.claim(keys, print, until, now).await)
    }

    async fn conclude_then_store(
        &self,
        keys: &[ReplayKey],
        print: &Print,
        receipt: Option<&Receipt>,
        writes: &[Write],
    ) -> Result<()> {
        if self.fault == StoresBeforeItConcludes {
            self.store(writes).await?;
            return self.conclude(keys, print, receipt).await;
        }
        self.conclude(keys, print, receipt).await?;
        self.store(writes).await
    }
}

const CAUGHT: &[(Fault, &str)] = &[
    (ReservesInPart, "reserves_every_line_or_none"),
    (CountsLinesAlone, "lines_of_one_budget_add_up"),
    (HoldsAgain, "a_known_hold_is_no_new_hold"),
    (ForgetsUnknownHolds, "closes_once"),
    (RoundsDown, "shares_are_rounded_up"),
    (ForgetsTheWindow, "spendings_leave_the_window"),
    (UsedReserves, "used_changes_nothing"),
    (CountsIn64Bits, "huge_amounts_stay_exact"),
    (EverythingIsFresh, "fresh_then_same_then_replay"),
    (ClaimsInPart, "claims_every_key_or_none"),
    (SeeingClaims, "seeing_claims_nothing"),
    (ConcludesForOthers, "concludes_its_own_alone"),
    (CutsReceipts, "a_receipt_is_kept_whole_and_for_good"),
    (NeverFrees, "freed_keys_are_fresh_again"),
    (ComparesNoVersions, "versions_are_compared"),
    (WritesInPart, "writes_every_record_or_none"),
    (ScansBackwards, "scans_in_key_order"),
    (TrimsText, "keeps_any_text"),
    (ForgetsEveryTenth, "answers_as_a_plain_model_does"),
    (ClaimsInTwoSteps, "one_claim_is_fresh"),
    (ReservesInTwoSteps, "budgets_are_never_overdrawn"),
    (WritesInTwoSteps, "one_writer_wins"),
    (ClosesTheDoorHalfway, "dropped_calls_are_done_or_not"),
    (ClaimsBeforeItStores, "stores_and_then_claims"),
    (StoresBeforeItConcludes, "concludes_and_then_stores"),
];

#[test]
fn every_broken_ledger_is_caught_by_the_property_that_names_its_fault() {
    for (fault, property) in CAUGHT {
        let checked = ledger::check_all(&|| bad(*fault), |name| name == *property);
        let [(_, Checked::Broken(broken))] = checked.as_slice() else { panic!("{fault:?}: {checked:?}") };
        assert!(!broken.seen.starts_with("a panic"), "{fault:?}: {broken}");
    }
    let toothless: Vec<_> =
        ledger::names().into_iter().filter(|name| CAUGHT.iter().all(|(_, bitten)| bitten != name)).collect();
    assert!(toothless.is_empty(), "{toothless:?}");
}
