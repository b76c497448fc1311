//! The file itself: whose it is, which schema, who may read it, and what a purge takes.

use tollway_core::{
    Amount, AssetId, Blame, ChainId, Claim, Code, Extra, Landed, Ledger, Next, Receipt, ReplayKey, Time,
};
use tollway_ledger::{APPLICATION_ID, RETENTION_MS, SCHEMA_VERSION, SqliteLedger};

fn refusal(path: &std::path::Path) -> tollway_core::Error {
    let refused = SqliteLedger::open(path).unwrap_err();
    assert_eq!((&refused.code, refused.blame), (&Code::LedgerFailed, Blame::Caller), "{refused}");
    assert_eq!(refused.next, Next::Never, "{refused}");
    refused
}

#[test]
fn refuses_what_is_not_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);

    std::fs::write(path("text"), "no database at all, but long enough to have a header of one").unwrap();
    refusal(&path("text"));

    let foreign = rusqlite::Connection::open(path("foreign")).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(refusal(&path("foreign")).detail.contains("another program"));
    let mode: String = foreign.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete", "a foreign file is left as it was");

    assert!(refusal(&path("no/such/directory")).detail.contains("directory"));
    refusal(dir.path());
}

#[test]
fn refuses_a_newer_schema() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("newer.sqlite");
    drop(SqliteLedger::open(&path).unwrap());
    let db = rusqlite::Connection::open(&path).unwrap();
    let number = |pragma: &str| db.query_row(pragma, [], |row| row.get::<_, i32>(0)).unwrap();
    assert_eq!(number("PRAGMA user_version"), SCHEMA_VERSION);
    assert_eq!(number("PRAGMA application_id"), APPLICATION_ID);
    db.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    assert!(refusal(&path).detail.contains("newer Tollway"));
    db.pragma_update(None, "user_version", SCHEMA_VERSION).unwrap();
    SqliteLedger::open(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("private.sqlite");
    let ledger = SqliteLedger::open(&path).unwrap();
    assert_eq!(format!("{ledger:?}"), format!("SqliteLedger({})", path.display()));
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
    }
}

#[tokio::test]
async fn a_held_file_is_an_error_for_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("busy.sqlite");
    let ledger = SqliteLedger::open(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Reading goes on beside another process's transaction; writing waits, and gives up with advice.
    assert_eq!(ledger.load(&"r".into()).await.unwrap(), None);
    let keys = ["k".into()];
    let refused = ledger.claim(&keys, &"p".into(), Time::FAR, Time::ZERO).await.unwrap_err();
    assert_eq!((&refused.code, &refused.next), (&Code::LedgerFailed, &Next::Later), "{refused}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(ledger.claim(&keys, &"p".into(), Time::FAR, Time::ZERO).await.unwrap(), Claim::Fresh);
}

#[tokio::test]
async fn a_full_disk_undoes_the_request_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.sqlite");
    let ledger = SqliteLedger::open(&path).unwrap();
    // A trigger stands in for a disk that fails in the middle of a request.
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON claim WHEN new.key = 'poison'
             BEGIN SELECT RAISE(ABORT, 'secret-free words'); END;
             CREATE TRIGGER broken BEFORE INSERT ON claim WHEN new.key = 'fatal'
             BEGIN SELECT RAISE(ROLLBACK, 'everything is undone'); END;",
        )
        .unwrap();
    let print = "p".into();
    for (bad, next) in [("poison", Next::Never), ("fatal", Next::Later)] {
        let keys: [ReplayKey; 2] = [format!("before {bad}").into(), bad.into()];
        let refused = ledger.claim(&keys, &print, Time::FAR, Time::ZERO).await.unwrap_err();
        assert_eq!((&refused.code, &refused.next), (&Code::LedgerFailed, &next), "{refused}");
        assert_eq!(ledger.seen(&keys, &print).await.unwrap(), None, "half a claim is none");
        let good = [format!("after {bad}").into()];
        assert_eq!(ledger.claim(&good, &print, Time::FAR, Time::ZERO).await.unwrap(), Claim::Fresh);
    }
}

#[tokio::test]
async fn a_purge_takes_only_what_can_do_no_more_harm() {
    let ledger = SqliteLedger::in_memory().unwrap();
    let print = || "p".into();
    let (early, late) = (Time::from_secs(100), Time::from_secs(1 << 40));
    let key = |name: &str| -> [ReplayKey; 1] { [name.into()] };
    for (name, until) in [("open", early), ("done", early), ("window", late)] {
        ledger.claim(&key(name), &print(), until, Time::ZERO).await.unwrap();
    }
    for n in 0..1500 {
        ledger.claim(&key(&format!("many{n}")), &print(), early, Time::ZERO).await.unwrap();
        ledger.conclude(&key(&format!("many{n}")), &print(), Some(&receipt())).await.unwrap();
    }
    ledger.conclude(&key("done"), &print(), Some(&receipt())).await.unwrap();
    ledger.conclude(&key("window"), &print(), Some(&receipt())).await.unwrap();

    assert_eq!(ledger.purge(early).await.unwrap(), 0, "inside the window");
    let first = Time::from_secs(101);
    assert_eq!(ledger.purge(first.plus_ms(2 * RETENTION_MS)).await.unwrap(), 0, "the first sight only marks");
    let first = first.plus_ms(2 * RETENTION_MS);
    ledger.conclude(&key("open"), &print(), None).await.unwrap();
    ledger.claim(&key("open"), &print(), early, Time::ZERO).await.unwrap();
    assert_eq!(ledger.purge(first.plus_ms(RETENTION_MS - 1)).await.unwrap(), 0, "not long ago");
    assert_eq!(ledger.purge(first.plus_ms(RETENTION_MS)).await.unwrap(), 1501);
    assert_eq!(ledger.purge(Time::FAR).await.unwrap(), 0, "marks what is left");
    assert_eq!(ledger.seen(&key("done"), &print()).await.unwrap(), None);
    assert_eq!(ledger.seen(&key("open"), &print()).await.unwrap(), Some(Claim::Same(None)));
    let kept = Claim::Same(Some(Box::new(receipt())));
    assert_eq!(ledger.seen(&key("window"), &print()).await.unwrap(), Some(kept));
}

fn receipt() -> Receipt {
    let chain = ChainId::new("eip155:8453").unwrap();
    Receipt {
        landed: Landed::Nothing,
        charged: Amount::zero(AssetId::native(chain)),
        payer: None,
        chain,
        spent: None,
        extra: Extra::default(),
    }
}
