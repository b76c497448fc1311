//! Durable operations per second, as a paywall makes them.
//!
//! `cargo bench -p tollway-ledger`; the file lies in `TMPDIR`, so point that at the disk in question.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tollway_core::{BudgetLine, Ledger, Spend, Time};
use tollway_ledger::SqliteLedger;

static NEXT: AtomicU64 = AtomicU64::new(0);

fn line(amount: u128) -> BudgetLine {
    BudgetLine { budget: "day".into(), amount, limit: u128::MAX, since: Time::ZERO }
}

/// Claims, holds and closes: three durable operations.
async fn pay(ledger: &dyn Ledger) {
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let id = format!("payment{n}");
    let (claim, hold) = ([id.clone().into()], id.clone().into());
    ledger.claim(&claim, &id.into(), Time::FAR, Time::from_ms(n)).await.unwrap();
    ledger.reserve(&hold, &[line(1)], Time::FAR, Time::from_ms(n)).await.unwrap();
    ledger.close(&hold, Spend::All, Time::from_ms(n)).await.unwrap();
}

fn durable(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = c.benchmark_group("durable_operations");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for callers in [1u64, 32, 256] {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Arc::new(SqliteLedger::open(dir.path().join("bench.sqlite")).unwrap());
        group.throughput(Throughput::Elements(callers * 20 * 3));
        group.bench_function(format!("{callers}_callers"), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let tasks: Vec<_> = (0..callers)
                        .map(|_| {
                            let ledger = ledger.clone();
                            tokio::spawn(async move {
                                for _ in 0..20 {
                                    pay(&*ledger).await;
                                }
                            })
                        })
                        .collect();
                    for task in tasks {
                        task.await.unwrap();
                    }
                });
            });
        });
    }
    group.finish();
}

/// One more reservation beside a hundred thousand closed holds, over the budget's whole life.
fn full_books(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let ledger = Arc::new(SqliteLedger::in_memory().unwrap());
    runtime.block_on(async {
        for n in 0..100_000u64 {
            let hold = format!("old{n}").into();
            ledger.reserve(&hold, &[line(1)], Time::FAR, Time::from_ms(n)).await.unwrap();
            ledger.close(&hold, Spend::All, Time::from_ms(n)).await.unwrap();
        }
    });
    c.bench_function("used_beside_100k_closed_holds", |b| {
        b.iter(|| runtime.block_on(ledger.used(&[line(1)])).unwrap());
    });
}

criterion_group!(benches, durable, full_books);
criterion_main!(benches);
