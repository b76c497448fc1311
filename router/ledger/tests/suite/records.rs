use tollway_core::{Code, Ledger, Next, Record, RecordKey, Write};

fn put(key: &str, expect: Option<u64>, value: &str) -> Write {
    Write { key: key.into(), expect, value: Some(value.to_owned()) }
}

fn delete(key: &str, expect: u64) -> Write {
    Write { key: key.into(), expect: Some(expect), value: None }
}

async fn value(ledger: &dyn Ledger, key: &str) -> Option<(u64, String)> {
    ledger.load(&key.into()).await.unwrap().map(|r| (r.version, r.value))
}

pub(crate) async fn versions_grow_by_one(ledger: &dyn Ledger) {
    assert_eq!(ledger.load(&"r".into()).await.unwrap(), None);
    ledger.store(&[put("r", None, "one")]).await.unwrap();
    let first = Record { key: "r".into(), version: 1, value: "one".to_owned() };
    assert_eq!(ledger.load(&"r".into()).await.unwrap(), Some(first));
    ledger.store(&[put("r", Some(1), "two")]).await.unwrap();
    assert_eq!(value(ledger, "r").await, Some((2, "two".to_owned())));
    ledger.store(&[delete("r", 2)]).await.unwrap();
    assert_eq!(value(ledger, "r").await, None);
    ledger.store(&[put("r", None, "again")]).await.unwrap();
    assert_eq!(value(ledger, "r").await, Some((1, "again".to_owned())));
    ledger.store(&[]).await.unwrap();
}

pub(crate) async fn stale_writes_conflict(ledger: &dyn Ledger) {
    ledger.store(&[put("r", None, "one")]).await.unwrap();
    let stale = [put("r", None, "x"), put("r", Some(2), "x"), put("r", Some(u64::MAX), "x"), delete("r", 9)];
    for write in stale.into_iter().chain([put("absent", Some(1), "x"), delete("absent", 1)]) {
        let error = ledger.store(&[write]).await.unwrap_err();
        assert_eq!((error.code, error.next), (Code::Conflict, Next::Later));
    }
    // "It must not exist, and must not exist afterwards" holds already.
    let nothing = Write { key: "absent".into(), expect: None, value: None };
    ledger.store(&[nothing]).await.unwrap();
    assert_eq!(value(ledger, "r").await, Some((1, "one".to_owned())));
}

pub(crate) async fn all_writes_or_none(ledger: &dyn Ledger) {
    ledger.store(&[put("a", None, "a1"), put("b", None, "b1")]).await.unwrap();
    let error = ledger
        .store(&[put("a", Some(1), "a2"), put("c", None, "c1"), put("b", Some(7), "b2")])
        .await
        .unwrap_err();
    assert_eq!(error.code, Code::Conflict);
    assert!(error.detail.contains("record b"), "{error}");
    assert!(!error.to_string().contains("b2"), "values may be secret: {error}");
    assert_eq!(value(ledger, "a").await, Some((1, "a1".to_owned())));
    assert_eq!(value(ledger, "c").await, None);
    ledger.store(&[delete("a", 1), put("b", Some(1), "b2"), put("c", None, "c1")]).await.unwrap();
    assert_eq!(value(ledger, "a").await, None);
    assert_eq!(value(ledger, "b").await, Some((2, "b2".to_owned())));
    // Every expectation speaks of the state before the call.
    let twice = [put("b", Some(2), "x"), put("b", Some(2), "y")];
    ledger.store(&twice).await.unwrap();
    assert_eq!(value(ledger, "b").await, Some((3, "y".to_owned())));
    let both = [delete("c", 1), put("c", None, "c1")];
    assert_eq!(ledger.store(&both).await.unwrap_err().code, Code::Conflict);
}

pub(crate) async fn scans_walk_in_key_order(ledger: &dyn Ledger) {
    let names = ["visit/10", "visit/2", "visit/ä", "visit/Z", "visit", "visit0", "attempt/1", "visit/"];
    for name in names {
        ledger.store(&[put(name, None, name)]).await.unwrap();
    }
    let keys = async |prefix: &str, after: Option<&str>, limit: usize| -> Vec<String> {
        let after = after.map(RecordKey::from);
        let found = ledger.scan(prefix, after.as_ref(), limit).await.unwrap();
        found.into_iter().map(|r| r.key.0).collect()
    };
    let room = ["visit/", "visit/10", "visit/2", "visit/Z", "visit/ä"];
    assert_eq!(keys("visit/", None, 99).await, room);
    assert_eq!(keys("visit/", None, usize::MAX).await, room);
    assert_eq!(keys("visit/", None, 2).await, room[..2]);
    assert_eq!(keys("visit/", Some("visit/10"), 2).await, room[2..4]);
    assert_eq!(keys("visit/", Some("visit/11"), 1).await, ["visit/2"], "`after` need not exist");
    assert_eq!(keys("visit/", Some("a"), 9).await, room, "`after` before the room");
    assert_eq!(keys("visit/", Some("visit0"), 9).await, [""; 0], "`after` behind the room");
    assert_eq!(keys("visit/", None, 0).await, [""; 0]);
    assert_eq!(keys("nothing", None, 9).await, [""; 0]);
    assert_eq!(keys("", None, 99).await.len(), names.len());
}

pub(crate) async fn odd_text_is_kept(ledger: &dyn Ledger) {
    let long = "x".repeat(1 << 20);
    for (n, odd) in
        ["", "\0", "a\0b", "'; DROP TABLE record; --", "%_*?[", "✓ \u{10ffff}", &long].into_iter().enumerate()
    {
        let key = format!("odd/{n}/{}", odd.chars().take(64).collect::<String>());
        ledger.store(&[put(&key, None, odd)]).await.unwrap();
        assert_eq!(value(ledger, &key).await, Some((1, odd.to_owned())), "{n}");
        assert_eq!(ledger.scan(&key, None, 9).await.unwrap().len(), 1, "{n}");
    }
}
