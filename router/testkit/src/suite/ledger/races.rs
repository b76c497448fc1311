use super::{Trial, UNTIL, Verdict, at, line, receipt};
use crate::suite::property::{OrSeen, ensure};
use crate::suite::turns::Turns;
use crate::weave::{SeededDice, give_way};
use std::sync::Arc;
use tollway_core::{Claim, Code, ReplayKey, Spend, Time, Write};

const RACERS: usize = 4;

pub(super) async fn one_claim_is_fresh(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    let own = |n: usize, side: &str| ReplayKey(format!("{side}/{n}"));
    let mut table = Turns::new(t.seed);
    for n in 0..RACERS {
        table = table.with(Box::pin(async move {
            let keys = [own(n, "left"), "shared".into(), own(n, "right")];
            give_way().await;
            l.claim(&keys, &format!("print{n}").as_str().into(), UNTIL, at(1)).await
        }));
    }
    let mut fresh = 0usize;
    for (n, said) in table.await.into_iter().flatten().enumerate() {
        let won = said.or_seen("claim")? == Claim::Fresh;
        fresh = fresh.saturating_add(usize::from(won));
        for side in ["left", "right"] {
            let seen = l.seen(&[own(n, side)], &"else".into()).await.or_seen("seen")?;
            ensure!(
                seen.is_some() == won,
                "who {} has his {side} key: {seen:?}",
                if won { "won" } else { "lost" }
            );
        }
    }
    ensure!(fresh == 1, "{fresh} claims of one key are fresh");
    Ok(())
}

pub(super) async fn budgets_are_never_overdrawn(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    let lines = || [line("day", 7, 20, Time::ZERO), line("host", 7, 20, Time::ZERO)];
    let mut table = Turns::new(t.seed);
    for n in 0..RACERS {
        table = table.with(Box::pin(async move {
            give_way().await;
            l.reserve(&format!("hold{n}").as_str().into(), &lines(), UNTIL, at(1)).await
        }));
    }
    let said: Vec<_> = table.await.into_iter().flatten().collect();
    let held = said.iter().filter(|s| s.is_ok()).count();
    let refused = said.iter().filter_map(|s| s.as_ref().err());
    for e in refused {
        ensure!(e.code == Code::BudgetExceeded, "{e}");
    }
    ensure!(held == 2, "{held} holds of 7 within 20");
    let used = l.used(&lines()).await.or_seen("used")?;
    ensure!(used == [14, 14], "two holds of 7 are {used:?}");
    Ok(())
}

pub(super) async fn one_writer_wins(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    for version in [None, Some(1), Some(2)] {
        let mut table = Turns::new(t.seed.wrapping_add(version.unwrap_or(0)));
        for n in 0..RACERS {
            table = table.with(Box::pin(async move {
                give_way().await;
                let write =
                    |key: &str| Write { key: key.into(), expect: version, value: Some(n.to_string()) };
                l.store(&[write("first"), write("second")]).await
            }));
        }
        let said: Vec<_> = table.await.into_iter().flatten().collect();
        let winners: Vec<_> =
            said.iter().enumerate().filter(|(_, s)| s.is_ok()).map(|(n, _)| n.to_string()).collect();
        ensure!(winners.len() == 1, "writers {winners:?} all wrote over version {version:?}");
        for key in ["first", "second"] {
            let value = l.load(&key.into()).await.or_seen("load")?.map(|r| r.value);
            ensure!(value.as_ref() == winners.first(), "{winners:?} won, {key} is {value:?}");
        }
    }
    Ok(())
}

pub(super) async fn dropped_calls_are_done_or_not(t: Arc<Trial>) -> Verdict {
    let (l, dice) = (&*t.ledger, SeededDice::new(t.seed));
    let lines = [line("day", 5, 100, Time::ZERO), line("host", 5, 100, Time::ZERO)];
    let keys: [ReplayKey; 2] = ["a".into(), "b".into()];
    let write = |key: &str| Write { key: key.into(), expect: None, value: Some("v".to_owned()) };
    let calls = async {
        l.reserve(&"hold".into(), &lines, UNTIL, at(1)).await?;
        l.claim(&keys, &"mine".into(), UNTIL, at(1)).await?;
        l.store(&[write("first"), write("second")]).await?;
        let receipt = receipt("0x1").map_err(|_| tollway_core::Error::us(Code::Internal))?;
        l.conclude(&keys, &"mine".into(), Some(&receipt)).await?;
        l.close(&"hold".into(), Spend::All, at(2)).await
    };
    let said = Turns::new(t.seed).with_mortal(Box::pin(calls), dice.place(24)).await;
    if let Some(Some(done)) = said.into_iter().next() {
        done.or_seen("calls that nobody dropped")?;
    }
    let used = l.used(&lines).await.or_seen("used")?;
    ensure!(used == [5, 5] || used == [0, 0], "half a reservation: {used:?}");
    let mut seen = Vec::new();
    for key in &keys {
        seen.push(l.seen(std::slice::from_ref(key), &"mine".into()).await.or_seen("seen")?);
    }
    ensure!(seen.first() == seen.get(1), "half a claim: {seen:?}");
    let found = l.scan("", None, 9).await.or_seen("scan")?.len();
    ensure!(found == 0 || found == 2, "{found} of two writes");
    Ok(())
}
