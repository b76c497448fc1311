//! Many callers at once: on one ledger, and on one file through several handles.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{BudgetLine, Claim, Code, Ledger, RecordKey, ReplayKey, Result, Spend, Time, Write};
use tollway_ledger::SqliteLedger;

/// Runs `work` in `n` tasks spread over the ledgers and returns what each said.
async fn race<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    ledgers: &[Arc<dyn Ledger>],
    n: usize,
    work: impl Fn(Arc<dyn Ledger>, usize) -> F,
) -> Vec<T> {
    let tasks: Vec<_> = (0..n).map(|i| tokio::spawn(work(ledgers[i % ledgers.len()].clone(), i))).collect();
    let mut said = Vec::new();
    for task in tasks {
        said.push(task.await.unwrap());
    }
    said
}

/// One in memory, one in SQLite, and two handles on one file.
fn fields(dir: &std::path::Path) -> Vec<Vec<Arc<dyn Ledger>>> {
    let file = || Arc::new(SqliteLedger::open(dir.join("race.sqlite")).unwrap());
    vec![
        vec![Arc::new(MemoryLedger::new())],
        vec![Arc::new(SqliteLedger::in_memory().unwrap())],
        vec![file(), file()],
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_fresh_claim_per_key() {
    let dir = tempfile::tempdir().unwrap();
    for field in fields(dir.path()) {
        for round in 0..20 {
            // Everybody shares the middle key, and has one of its own around it.
            let claims = race(&field, 16, move |ledger, i| async move {
                let own = |side: &str| ReplayKey(format!("{round}/{side}/{i}"));
                let keys = [own("left"), ReplayKey(format!("{round}/shared")), own("right")];
                let claim = ledger.claim(&keys, &format!("print{i}").into(), Time::FAR, Time::ZERO).await;
                let won = claim.unwrap() == Claim::Fresh;
                for side in [&keys[0], &keys[2]] {
                    let seen = ledger.seen(std::slice::from_ref(side), &"else".into()).await.unwrap();
                    assert_eq!(seen.is_some(), won, "all keys or none");
                }
                won
            });
            assert_eq!(claims.await.into_iter().filter(|won| *won).count(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_budget_is_never_overdrawn() {
    const LIMIT: u128 = 100;
    let dir = tempfile::tempdir().unwrap();
    for field in fields(dir.path()) {
        let lines = || {
            let line = |budget: &str| BudgetLine {
                budget: budget.into(),
                amount: 7,
                limit: LIMIT,
                since: Time::ZERO,
            };
            [line("day"), line("host")]
        };
        let spent = race(&field, 32, |ledger, i| async move {
            let mut spent = 0;
            for n in 0..6 {
                let hold = format!("{i}/{n}").into();
                match ledger.reserve(&hold, &lines(), Time::FAR, Time::ZERO).await {
                    Err(e) => assert_eq!(e.code, Code::BudgetExceeded),
                    Ok(()) => {
                        let used = ledger.used(&lines()).await.unwrap();
                        assert!(used.iter().all(|used| *used <= LIMIT), "{used:?}");
                        let keep = (i + n) % 3 == 0;
                        let spend = if keep { Spend::All } else { Spend::Nothing };
                        ledger.close(&hold, spend, Time::from_secs(1)).await.unwrap();
                        spent += if keep { 7 } else { 0 };
                    }
                }
            }
            spent
        });
        let spent: u128 = spent.await.into_iter().sum();
        assert!(spent <= LIMIT);
        for ledger in &field {
            assert_eq!(ledger.used(&lines()).await.unwrap(), [spent, spent]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_winner_per_version() {
    let dir = tempfile::tempdir().unwrap();
    for field in fields(dir.path()) {
        let key = || RecordKey::from("counter");
        for version in 0..20u64 {
            let expect = (version > 0).then_some(version);
            let won = race(&field, 12, |ledger, i| async move {
                let write = Write { key: key(), expect, value: Some(i.to_string()) };
                match ledger.store(&[write]).await {
                    Ok(()) => Some(i),
                    Err(e) if e.code == Code::Conflict => None,
                    Err(e) => panic!("{e}"),
                }
            });
            let won: Vec<_> = won.await.into_iter().flatten().collect();
            assert_eq!(won.len(), 1, "version {version}");
            for ledger in &field {
                let now = ledger.load(&key()).await.unwrap().unwrap();
                assert_eq!((now.version, now.value), (version + 1, won[0].to_string()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_refusal_spoils_no_neighbour() {
    let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::in_memory().unwrap());
    let bad = Arc::new(AtomicUsize::new(0));
    let field = [ledger.clone()];
    let said = race(&field, 300, |ledger, i| {
        let bad = bad.clone();
        async move {
            let good = Write { key: format!("r{i}").as_str().into(), expect: None, value: Some("x".into()) };
            if i % 3 == 0 {
                bad.fetch_add(1, Ordering::Relaxed);
                let broken = Write { key: "none".into(), expect: Some(1), value: None };
                ledger.store(&[good, broken]).await
            } else {
                ledger.store(&[good]).await
            }
        }
    });
    let failed = said.await.into_iter().filter(Result::is_err).count();
    assert_eq!(failed, bad.load(Ordering::Relaxed));
    assert_eq!(ledger.scan("r", None, 999).await.unwrap().len(), 300 - failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dropped_futures_are_done_or_not_done() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("drop.sqlite");
    let ledger = SqliteLedger::open(&path).unwrap();
    for i in 0..500 {
        let name = |part: &str| RecordKey(format!("{i}/{part}"));
        let put = |key| Write { key, expect: None, value: Some("x".into()) };
        let pair = [put(name("a")), put(name("b"))];
        let mut work = std::pin::pin!(ledger.store(&pair));
        // Queued by the first poll, and then forgotten.
        tokio::task::yield_now().await; // else tokio's own budget per task would stop the poll short
        let _ = poll_once(work.as_mut()).await;
    }
    drop(ledger);
    let ledger = SqliteLedger::open(&path).unwrap();
    let mut done = 0;
    for i in 0..500 {
        let found = ledger.scan(&format!("{i}/"), None, 9).await.unwrap().len();
        assert!(found == 0 || found == 2, "half of {i}");
        done += found;
    }
    assert_eq!(done, 1000, "what was queued is finished before the file closes");
}

/// Polls once and says whether it was ready.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_ready())).await
}
