//! Whatever the sequence of calls, SQLite answers as the reference in memory does.

use proptest::prelude::*;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{
    Amount, AssetId, BudgetLine, ChainId, Extra, Landed, Ledger, Receipt, RecordKey, ReplayKey, Spend, Time,
    TxId, Write,
};
use tollway_ledger::SqliteLedger;

#[derive(Debug, Clone)]
enum Op {
    Reserve(u8, Vec<(u8, u128, u128, u64)>),
    Used(Vec<(u8, u64)>),
    Close(u8, Spend, u64),
    Seen(Vec<u8>, u8),
    Claim(Vec<u8>, u8),
    Conclude(Vec<u8>, u8, Option<u8>),
    Load(u8),
    Store(Vec<(u8, Option<u64>, Option<u8>)>),
    Scan(u8, Option<u8>, usize),
    /// The process restarts.
    Reopen,
}

/// Small amounts that meet limits, and ones at the edge of 128 bits.
fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![4 => 0..20u128, 1 => (u128::MAX - 20)..=u128::MAX, 1 => any::<u128>()]
}

/// A few moments, so that windows and closings meet, in any order.
fn moment() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..12u64, 1 => Just(u64::MAX)]
}

fn op() -> impl Strategy<Value = Op> {
    let names = || prop::collection::vec(0..6u8, 0..4);
    let spend = prop_oneof![
        Just(Spend::Nothing),
        Just(Spend::All),
        (amount(), amount()).prop_map(|(taken, of)| Spend::Part { taken, of }),
    ];
    let lines = prop::collection::vec((0..3u8, amount(), amount(), moment()), 0..4);
    let write = (0..5u8, prop::option::of(1..4u64), prop::option::of(any::<u8>()));
    prop_oneof![
        4 => (0..20u8, lines).prop_map(|(hold, lines)| Op::Reserve(hold, lines)),
        2 => prop::collection::vec((0..3u8, moment()), 0..4).prop_map(Op::Used),
        3 => (0..20u8, spend, moment()).prop_map(|(hold, spend, now)| Op::Close(hold, spend, now)),
        2 => (names(), 0..3u8).prop_map(|(keys, print)| Op::Seen(keys, print)),
        3 => (names(), 0..3u8).prop_map(|(keys, print)| Op::Claim(keys, print)),
        3 => (names(), 0..3u8, prop::option::of(any::<u8>()))
            .prop_map(|(keys, print, tx)| Op::Conclude(keys, print, tx)),
        1 => (0..5u8).prop_map(Op::Load),
        4 => prop::collection::vec(write, 0..3).prop_map(Op::Store),
        1 => (0..5u8, prop::option::of(0..5u8), 0..4usize).prop_map(|(p, a, n)| Op::Scan(p, a, n)),
        1 => Just(Op::Reopen),
    ]
}

fn keys(names: &[u8]) -> Vec<ReplayKey> {
    names.iter().map(|n| ReplayKey(format!("key{n}"))).collect()
}

fn record(n: u8) -> RecordKey {
    // One name is a prefix of another.
    RecordKey(["r", "r/", "r/a", "r/ab", "s"][usize::from(n)].to_owned())
}

fn receipt(n: u8) -> Receipt {
    let chain = ChainId::new("eip155:1").unwrap();
    Receipt {
        landed: Landed::OnChain { transaction: TxId(n.to_string()) },
        charged: Amount::new(AssetId::native(chain), u128::from(n)),
        payer: None,
        chain,
        spent: None,
        extra: Extra::default(),
    }
}

/// Does one operation and puts the whole answer, refusals included, into words.
async fn answer(ledger: &dyn Ledger, op: &Op) -> String {
    let line = |(budget, amount, limit, since): &(u8, u128, u128, u64)| BudgetLine {
        budget: format!("budget{budget}").into(),
        amount: *amount,
        limit: *limit,
        since: Time::from_ms(*since),
    };
    let hold = |n: &u8| format!("hold{n}").into();
    let print = |n: &u8| format!("print{n}").into();
    match op {
        Op::Reserve(h, lines) => {
            let lines: Vec<_> = lines.iter().map(line).collect();
            format!("{:?}", ledger.reserve(&hold(h), &lines, Time::FAR, Time::ZERO).await)
        }
        Op::Used(lines) => {
            let lines: Vec<_> = lines.iter().map(|(b, since)| line(&(*b, 0, 0, *since))).collect();
            format!("{:?}", ledger.used(&lines).await)
        }
        Op::Close(h, spend, now) => {
            format!("{:?}", ledger.close(&hold(h), *spend, Time::from_ms(*now)).await)
        }
        Op::Seen(k, p) => format!("{:?}", ledger.seen(&keys(k), &print(p)).await),
        Op::Claim(k, p) => {
            format!("{:?}", ledger.claim(&keys(k), &print(p), Time::FAR, Time::ZERO).await)
        }
        Op::Conclude(k, p, tx) => {
            format!("{:?}", ledger.conclude(&keys(k), &print(p), tx.map(receipt).as_ref()).await)
        }
        Op::Load(r) => {
            format!("{:?}", ledger.load(&record(*r)).await.map(|r| r.map(|r| (r.version, r.value))))
        }
        Op::Store(writes) => {
            let writes = writes.iter().map(|(r, expect, value)| Write {
                key: record(*r),
                expect: *expect,
                value: value.map(|v| v.to_string()),
            });
            format!("{:?}", ledger.store(&writes.collect::<Vec<_>>()).await)
        }
        Op::Scan(prefix, after, limit) => {
            let after = after.map(record);
            let found = ledger.scan(&record(*prefix).0, after.as_ref(), *limit).await.unwrap();
            format!("{:?}", found.iter().map(|r| (&r.key, r.version, &r.value)).collect::<Vec<_>>())
        }
        Op::Reopen => String::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]
    #[test]
    fn sqlite_answers_as_memory_does(ops in prop::collection::vec(op(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let open = || SqliteLedger::open(dir.path().join("model.sqlite")).unwrap();
        runtime.block_on(async {
            let memory = MemoryLedger::new();
            let mut sqlite = Some(open());
            for (n, op) in ops.iter().enumerate() {
                if matches!(op, Op::Reopen) {
                    drop(sqlite.take());
                }
                let sqlite: &SqliteLedger = sqlite.get_or_insert_with(open);
                let (want, have) = (answer(&memory, op).await, answer(sqlite, op).await);
                prop_assert_eq!(want, have, "operation {} of {:?}", n, ops);
            }
            Ok(())
        })?;
    }
}
