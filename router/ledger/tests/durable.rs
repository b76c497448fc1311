//! What was answered is on disk: a process is killed in the middle of its writes, again and again.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tollway_core::{
    Amount, AssetId, BudgetLine, ChainId, Claim, Code, Extra, Landed, Ledger, Receipt, Spend, Time, Write,
};
use tollway_ledger::SqliteLedger;

/// Set in the child: the ledger's path and the child's name.
const STORM: &str = "TOLLWAY_LEDGER_TEST_STORM";
/// Set in the child: the ledger's path, and a barrier file to wait for.
const RACE: &str = "TOLLWAY_LEDGER_TEST_RACE";

const LIMIT: u128 = 50_000;

fn line(amount: u128) -> BudgetLine {
    BudgetLine { budget: "day".into(), amount, limit: LIMIT, since: Time::ZERO }
}

fn receipt(tx: &str) -> Receipt {
    let chain = ChainId::new("eip155:8453").unwrap();
    Receipt {
        landed: Landed::Committed { id: tx.to_owned() },
        charged: Amount::new(AssetId::native(chain), 1),
        payer: None,
        chain,
        spent: None,
        extra: Extra::default(),
    }
}

/// This very test binary again, running one of the children below.
fn child(test: &str, variable: &str, value: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(variable, value)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Not a test by itself: 24 tasks pay without end, and say each step only after the ledger has answered.
#[test]
fn storm_child() {
    let Ok(setting) = std::env::var(STORM) else { return };
    let (name, path) = setting.split_once('@').unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let ledger = Arc::new(SqliteLedger::open(path).unwrap());
    let name = name.to_owned();
    runtime.block_on(async {
        let tasks: Vec<_> =
            (0..24).map(|task| tokio::spawn(pay(ledger.clone(), format!("{name}.{task}")))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn pay(ledger: Arc<SqliteLedger>, who: String) {
    let say = |word: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{word}").unwrap();
        out.flush().unwrap();
    };
    for n in 0u64.. {
        let id = format!("{who}.{n}");
        let keys = [format!("{id}/k").into(), format!("{id}/l").into()];
        ledger.reserve(&id.as_str().into(), &[line(3)], Time::FAR, Time::from_ms(n)).await.unwrap();
        say(format!("held {id}"));
        ledger.claim(&keys, &id.as_str().into(), Time::FAR, Time::from_ms(n)).await.unwrap();
        say(format!("claimed {id}"));
        let writes = ["x", "y"].map(|side| Write {
            key: format!("{side}/{id}").into(),
            expect: None,
            value: Some("v".repeat(300)),
        });
        ledger.store(&writes).await.unwrap();
        say(format!("stored {id}"));
        ledger.conclude(&keys, &id.as_str().into(), Some(&receipt(&id))).await.unwrap();
        say(format!("concluded {id}"));
        ledger.close(&id.as_str().into(), Spend::Part { taken: 2, of: 3 }, Time::from_ms(n)).await.unwrap();
        say(format!("closed {id}"));
    }
}

#[test]
fn what_was_answered_survives_sigkill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("storm.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut told: Vec<(String, String)> = Vec::new();
    for round in 0..4 {
        let mut storm = child("storm_child", STORM, &format!("{round}@{}", path.display()));
        let mut lines = BufReader::new(storm.stdout.take().unwrap()).lines();
        // Killed at another point each time, always in the middle.
        for line in lines.by_ref().take(400 + 337 * round) {
            told.extend(words(&line.unwrap()));
        }
        storm.kill().unwrap();
        storm.wait().unwrap();
        // What it still said before it died was answered as well.
        told.extend(lines.map_while(Result::ok).filter_map(|line| words(&line)));
        runtime.block_on(check(&path, &told));
    }
    assert!(told.len() > 2000, "a storm of {} steps", told.len());
}

fn words(line: &str) -> Option<(String, String)> {
    let (step, id) = line.split_once(' ')?;
    let ours = ["held", "claimed", "stored", "concluded", "closed"].contains(&step);
    // The kill may cut the last line short; the number that is left then names an earlier payment of the same task.
    let whole = id.split('.').filter(|part| !part.is_empty()).count() == 3;
    (ours && whole).then(|| (step.to_owned(), id.to_owned()))
}

async fn check(path: &Path, told: &[(String, String)]) {
    let ledger = SqliteLedger::open(path).unwrap();
    for (step, id) in told {
        let keys = [format!("{id}/k").into(), format!("{id}/l").into()];
        match step.as_str() {
            // A known hold is no new one: this would be refused otherwise.
            "held" => {
                let over = line(LIMIT + 1);
                ledger.reserve(&id.as_str().into(), &[over], Time::FAR, Time::ZERO).await.unwrap();
            }
            "claimed" => {
                let claim = ledger.claim(&keys, &"else".into(), Time::FAR, Time::ZERO).await.unwrap();
                assert_eq!(claim, Claim::Replay, "{id} was claimed");
            }
            "stored" => {
                for side in ["x", "y"] {
                    assert!(
                        ledger.load(&format!("{side}/{id}").into()).await.unwrap().is_some(),
                        "{side} {id}"
                    );
                }
            }
            "concluded" => {
                let seen = ledger.seen(&keys, &id.as_str().into()).await.unwrap();
                assert_eq!(seen, Some(Claim::Same(Some(Box::new(receipt(id))))), "{id} was concluded");
            }
            _ => ledger.close(&id.as_str().into(), Spend::All, Time::ZERO).await.unwrap(),
        }
    }
    drop(ledger);
    consistent(path);
}

/// Looks at the file behind the ledger's back: nothing is half done.
fn consistent(path: &Path) {
    let db = rusqlite::Connection::open(path).unwrap();
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, Number>(0)).unwrap().0;
    assert_eq!(db.query_row("PRAGMA integrity_check", [], |r| r.get::<_, String>(0)).unwrap(), "ok");
    assert_eq!(number("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    let (open, closed) = (
        number("SELECT count(*) FROM hold WHERE closed_at IS NULL"),
        number("SELECT count(closed_at) FROM hold"),
    );
    assert_eq!(number("SELECT held FROM budget"), 3 * open, "held is the sum of the open holds");
    assert_eq!(number("SELECT count(*) FROM line"), open);
    assert_eq!(number("SELECT max(through) FROM spending"), 2 * closed, "every closed hold was spent once");
    let halves = "SELECT count(*) FROM record a WHERE a.key LIKE 'x/%'
                  AND NOT EXISTS (SELECT 1 FROM record b WHERE b.key = 'y' || substr(a.key, 2))";
    assert_eq!(number(halves), 0);
    let halves =
        "SELECT count(*) FROM claim a LEFT JOIN claim b ON b.key = substr(a.key, 1, length(a.key) - 1) || 'l'
                  WHERE a.key LIKE '%/k' AND (b.key IS NULL OR (a.receipt IS NULL) <> (b.receipt IS NULL))";
    assert_eq!(number(halves), 0);
}

/// A small number, whether stored as an integer or as a big-endian blob.
struct Number(u128);

impl rusqlite::types::FromSql for Number {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        Ok(Self(match value {
            rusqlite::types::ValueRef::Blob(bytes) => {
                bytes.iter().fold(0, |sum, byte| sum * 256 + u128::from(*byte))
            }
            other => u128::try_from(other.as_i64()?).unwrap(),
        }))
    }
}

/// Not a test by itself: claims a hundred keys under its own print, and says which were fresh.
#[test]
fn race_child() {
    let Ok(setting) = std::env::var(RACE) else { return };
    println!(); // the test harness has begun a line
    let (name, path) = setting.split_once('@').unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let ledger = SqliteLedger::open(path).unwrap();
        for n in 0..100u32 {
            let claim = ledger.claim(&[format!("race{n}").into()], &name.into(), Time::FAR, Time::ZERO).await;
            if claim.unwrap() == Claim::Fresh {
                println!("fresh {n}");
            }
            let held =
                ledger.reserve(&format!("{name}/{n}").into(), &[line(1000)], Time::FAR, Time::ZERO).await;
            match held {
                Ok(()) => println!("reserved {n}"),
                Err(e) => assert_eq!(e.code, Code::BudgetExceeded),
            }
        }
        println!("finished {name}");
    });
}

#[test]
fn processes_share_one_file() {
    let dir = tempfile::tempdir().unwrap();
    // All of them also race to make the file.
    let path = dir.path().join("shared.sqlite");
    let children: Vec<_> =
        (0..3).map(|n| child("race_child", RACE, &format!("{n}@{}", path.display()))).collect();
    let (mut fresh, mut reserved, mut finished) = (Vec::new(), 0u32, 0);
    for child in children {
        let said = child.wait_with_output().unwrap();
        assert!(said.status.success(), "{said:?}");
        for line in String::from_utf8(said.stdout).unwrap().lines() {
            match line.split_once(' ') {
                Some(("fresh", n)) => fresh.push(n.parse::<u32>().unwrap()),
                Some(("reserved", _)) => reserved += 1,
                Some(("finished", _)) => finished += 1,
                _ => {}
            }
        }
    }
    assert_eq!(finished, 3);
    fresh.sort_unstable();
    assert_eq!(fresh, (0..100).collect::<Vec<_>>(), "each key once");
    assert_eq!(u128::from(reserved), LIMIT / 1000, "the whole budget and not more");
}
