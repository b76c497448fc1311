use super::{Trial, Verdict, receipt};
use crate::suite::property::ensure;
use crate::weave::SeededDice;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollway_core::{
    BudgetLine, Claim, Code, HoldId, Ledger, Print, Receipt, RecordKey, ReplayKey, Result as Core, Spend,
    Time, Write,
};

/// One question, small enough that names and limits meet often.
#[derive(Debug, Clone)]
enum Ask {
    Reserve(HoldId, Vec<BudgetLine>),
    Used(Vec<BudgetLine>),
    Close(HoldId, Spend, Time),
    Seen(Vec<ReplayKey>, Print),
    Claim(Vec<ReplayKey>, Print),
    Conclude(Vec<ReplayKey>, Print, Option<Box<Receipt>>),
    Load(RecordKey),
    Store(Vec<Write>),
    Scan(String, Option<RecordKey>, usize),
}

/// What was answered; of an error its code alone.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Done,
    Refused(Code),
    Used(Vec<u128>),
    Seen(Option<Claim>),
    Records(Vec<(String, u64, String)>),
}

pub(super) async fn answers_as_a_plain_model_does(t: Arc<Trial>) -> Verdict {
    let dice = SeededDice::new(t.seed).fork("model");
    let mut plain = Plain::default();
    for n in 0..60 {
        let ask = draw(&dice)?;
        let (want, have) = (plain.answer(&ask), answer(&*t.ledger, &ask).await);
        ensure!(want == have, "question {n}, {ask:?}: {have:?}, {want:?} would be right");
    }
    Ok(())
}

fn name(dice: &SeededDice, kind: &str, many: u64) -> String {
    format!("{kind}{}", dice.below(many))
}

fn lines(dice: &SeededDice) -> Vec<BudgetLine> {
    let line = |_| BudgetLine {
        budget: name(dice, "budget", 3).into(),
        amount: u128::from(dice.below(12)),
        limit: u128::from(dice.below(40)),
        since: Time::from_ms(dice.below(10)),
    };
    (0..dice.below(4)).map(line).collect()
}

fn names(dice: &SeededDice) -> Vec<ReplayKey> {
    (0..dice.below(4)).map(|_| name(dice, "key", 6).into()).collect()
}

/// One name is a prefix of another.
fn record(dice: &SeededDice) -> RecordKey {
    dice.pick(&["r", "r/", "r/a", "r/ab", "s"]).copied().unwrap_or("r").into()
}

fn draw(dice: &SeededDice) -> Result<Ask, String> {
    let print = || Print(name(dice, "print", 3));
    Ok(match dice.below(14) {
        0..=2 => Ask::Reserve(name(dice, "hold", 12).into(), lines(dice)),
        3 => Ask::Used(lines(dice)),
        4 | 5 => {
            let spend = match dice.below(3) {
                0 => Spend::Nothing,
                1 => Spend::All,
                _ => Spend::Part { taken: u128::from(dice.below(9)), of: u128::from(dice.below(9)) },
            };
            Ask::Close(name(dice, "hold", 12).into(), spend, Time::from_ms(dice.below(10)))
        }
        6 => Ask::Seen(names(dice), print()),
        7 | 8 => Ask::Claim(names(dice), print()),
        9 => {
            let kept = if dice.below(2) == 0 { None } else { Some(Box::new(receipt(&name(dice, "0x", 9))?)) };
            Ask::Conclude(names(dice), print(), kept)
        }
        10 => Ask::Load(record(dice)),
        11 | 12 => {
            let mut taken = BTreeSet::new();
            let write = |_| Write {
                key: record(dice),
                expect: (dice.below(2) == 0).then(|| dice.between(1, 3)),
                value: (dice.below(3) > 0).then(|| name(dice, "value", 99)),
            };
            // Each record once: what two writes of one record in one call mean is not said.
            Ask::Store(
                (0..dice.below(3)).map(write).filter(|w: &Write| taken.insert(w.key.clone())).collect(),
            )
        }
        _ => {
            let after = (dice.below(2) == 0).then(|| record(dice));
            Ask::Scan(record(dice).0, after, dice.place(4))
        }
    })
}

fn said<T>(said: Core<T>, answer: impl FnOnce(T) -> Answer) -> Answer {
    said.map_or_else(|e| Answer::Refused(e.code), answer)
}

async fn answer(l: &dyn Ledger, ask: &Ask) -> Answer {
    let done = |()| Answer::Done;
    match ask {
        Ask::Reserve(hold, lines) => said(l.reserve(hold, lines, Time::FAR, Time::ZERO).await, done),
        Ask::Used(lines) => said(l.used(lines).await, Answer::Used),
        Ask::Close(hold, spend, now) => said(l.close(hold, *spend, *now).await, done),
        Ask::Seen(keys, print) => said(l.seen(keys, print).await, Answer::Seen),
        Ask::Claim(keys, print) => {
            said(l.claim(keys, print, Time::FAR, Time::ZERO).await, |claim| Answer::Seen(Some(claim)))
        }
        Ask::Conclude(keys, print, receipt) => said(l.conclude(keys, print, receipt.as_deref()).await, done),
        Ask::Load(key) => said(l.load(key).await, |found| {
            Answer::Records(found.into_iter().map(|r| (r.key.0, r.version, r.value)).collect())
        }),
        Ask::Store(writes) => said(l.store(writes).await, done),
        Ask::Scan(prefix, after, limit) => said(l.scan(prefix, after.as_ref(), *limit).await, |found| {
            Answer::Records(found.into_iter().map(|r| (r.key.0, r.version, r.value)).collect())
        }),
    }
}

/// The contract, as plainly as it can be written.
#[derive(Default)]
struct Plain {
    holds: BTreeMap<HoldId, (bool, Vec<BudgetLine>)>,
    spent: Vec<(String, Time, u128)>,
    claims: BTreeMap<ReplayKey, (Print, Option<Receipt>)>,
    records: BTreeMap<String, (u64, String)>,
}

impl Plain {
    fn answer(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::Reserve(hold, lines) => self.reserve(hold, lines),
            Ask::Used(lines) => Answer::Used(lines.iter().map(|l| self.used(l)).collect()),
            Ask::Close(hold, spend, now) => self.close(hold, *spend, *now),
            Ask::Seen(keys, print) => Answer::Seen(self.seen(keys, print)),
            Ask::Claim(keys, print) => {
                let known = self.seen(keys, print);
                if known.is_none() {
                    self.claims.extend(keys.iter().map(|k| (k.clone(), (print.clone(), None))));
                }
                Answer::Seen(Some(known.unwrap_or(Claim::Fresh)))
            }
            Ask::Conclude(keys, print, receipt) => self.conclude(keys, print, receipt.as_deref()),
            Ask::Load(key) => {
                let found = self.records.get(&key.0).map(|(v, text)| (key.0.clone(), *v, text.clone()));
                Answer::Records(found.into_iter().collect())
            }
            Ask::Store(writes) => self.store(writes),
            Ask::Scan(prefix, after, limit) => {
                let behind = |key: &str| after.as_ref().is_none_or(|after| key > after.0.as_str());
                let found = self.records.iter().filter(|(k, _)| k.starts_with(prefix.as_str()) && behind(k));
                Answer::Records(
                    found.take(*limit).map(|(k, (v, text))| (k.clone(), *v, text.clone())).collect(),
                )
            }
        }
    }

    fn used(&self, line: &BudgetLine) -> u128 {
        let open = self.holds.values().filter(|(open, _)| *open).flat_map(|(_, lines)| lines);
        let held: u128 = open.filter(|l| l.budget == line.budget).map(|l| l.amount).sum();
        let spent = self.spent.iter().filter(|(budget, at, _)| *budget == line.budget.0 && *at >= line.since);
        held.saturating_add(spent.map(|(_, _, n)| *n).sum())
    }

    fn reserve(&mut self, hold: &HoldId, lines: &[BudgetLine]) -> Answer {
        if self.holds.contains_key(hold) {
            return Answer::Done;
        }
        for (n, line) in lines.iter().enumerate() {
            let own: u128 = lines
                .iter()
                .take(n.saturating_add(1))
                .filter(|l| l.budget == line.budget)
                .map(|l| l.amount)
                .sum();
            if self.used(line).saturating_add(own) > line.limit {
                return Answer::Refused(Code::BudgetExceeded);
            }
        }
        self.holds.insert(hold.clone(), (true, lines.to_vec()));
        Answer::Done
    }

    fn close(&mut self, hold: &HoldId, spend: Spend, now: Time) -> Answer {
        let Some((open, lines)) = self.holds.get_mut(hold) else { return Answer::Refused(Code::NotFound) };
        if std::mem::replace(open, false) {
            for line in lines {
                let spent = match spend {
                    Spend::Nothing => 0,
                    Spend::All => line.amount,
                    Spend::Part { taken, of } if taken >= of => line.amount,
                    Spend::Part { taken, of } => line.amount.saturating_mul(taken).div_ceil(of),
                };
                self.spent.push((line.budget.0.clone(), now, spent));
            }
        }
        Answer::Done
    }

    fn seen(&self, keys: &[ReplayKey], print: &Print) -> Option<Claim> {
        let known: Vec<_> = keys.iter().filter_map(|k| self.claims.get(k)).collect();
        if known.iter().any(|(whose, _)| whose != print) {
            return Some(Claim::Replay);
        }
        let receipt = known.iter().find_map(|(_, receipt)| receipt.clone());
        (!known.is_empty()).then(|| Claim::Same(receipt.map(Box::new)))
    }

    fn conclude(&mut self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Answer {
        for key in keys {
            let Some((whose, kept)) = self.claims.get_mut(key) else { continue };
            if whose != print {
                continue;
            }
            match receipt {
                Some(receipt) => *kept = Some(receipt.clone()),
                None if kept.is_none() => drop(self.claims.remove(key)),
                None => {}
            }
        }
        Answer::Done
    }

    fn store(&mut self, writes: &[Write]) -> Answer {
        let stale = |w: &Write| self.records.get(&w.key.0).map(|(v, _)| *v) != w.expect;
        if writes.iter().any(stale) {
            return Answer::Refused(Code::Conflict);
        }
        for write in writes {
            match &write.value {
                Some(value) => {
                    let version = write.expect.unwrap_or(0).saturating_add(1);
                    self.records.insert(write.key.0.clone(), (version, value.clone()));
                }
                None => drop(self.records.remove(&write.key.0)),
            }
        }
        Answer::Done
    }
}
