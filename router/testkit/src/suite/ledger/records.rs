use super::{Trial, Verdict};
use crate::suite::property::{OrSeen, ensure};
use std::sync::Arc;
use tollway_core::{Code, Ledger, Next, RecordKey, Write};

fn put(key: &str, expect: Option<u64>, value: &str) -> Write {
    Write { key: key.into(), expect, value: Some(value.to_owned()) }
}

fn delete(key: &str, expect: u64) -> Write {
    Write { key: key.into(), expect: Some(expect), value: None }
}

async fn has(ledger: &dyn Ledger, key: &str, want: Option<(u64, &str)>) -> Verdict {
    let found = ledger.load(&key.into()).await.or_seen("load")?;
    let found = found.as_ref().map(|r| (r.version, r.value.as_str()));
    ensure!(found == want, "{key} is {found:?}, {want:?} would be right");
    Ok(())
}

async fn conflicts(ledger: &dyn Ledger, writes: &[Write]) -> Verdict {
    match ledger.store(writes).await {
        Ok(()) => Err(format!("{writes:?} were written")),
        Err(e) => {
            ensure!(e.code == Code::Conflict && e.next == Next::Later, "{writes:?}: {e}");
            Ok(())
        }
    }
}

pub(super) async fn versions_are_compared(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    has(l, "r", None).await?;
    for stale in [put("r", Some(1), "x"), put("r", Some(0), "x"), delete("r", 1)] {
        conflicts(l, &[stale]).await?;
    }
    l.store(&[put("r", None, "one")]).await.or_seen("store")?;
    has(l, "r", Some((1, "one"))).await?;
    for stale in [
        put("r", None, "x"),
        put("r", Some(2), "x"),
        put("r", Some(0), "x"),
        put("r", Some(u64::MAX), "x"),
        delete("r", 9),
    ] {
        conflicts(l, &[stale]).await?;
    }
    l.store(&[put("r", Some(1), "two")]).await.or_seen("store")?;
    has(l, "r", Some((2, "two"))).await?;
    l.store(&[delete("r", 2)]).await.or_seen("store")?;
    has(l, "r", None).await?;
    l.store(&[put("r", None, "again")]).await.or_seen("store")?;
    has(l, "r", Some((1, "again"))).await?;
    // "It must not exist, and must not afterwards" holds already.
    let nothing = Write { key: "absent".into(), expect: None, value: None };
    l.store(&[nothing]).await.or_seen("store of nothing")?;
    l.store(&[]).await.or_seen("store of no writes")
}

pub(super) async fn writes_every_record_or_none(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    l.store(&[put("a", None, "a1"), put("b", None, "b1")]).await.or_seen("store")?;
    conflicts(l, &[put("a", Some(1), "a2"), put("c", None, "c1"), put("b", Some(7), "b2")]).await?;
    conflicts(l, &[put("b", Some(7), "b2"), put("a", Some(1), "a2")]).await?;
    has(l, "a", Some((1, "a1"))).await?;
    has(l, "b", Some((1, "b1"))).await?;
    has(l, "c", None).await?;
    l.store(&[delete("a", 1), put("b", Some(1), "b2"), put("c", None, "c1")]).await.or_seen("store")?;
    has(l, "a", None).await?;
    has(l, "b", Some((2, "b2"))).await?;
    has(l, "c", Some((1, "c1"))).await?;
    // Every expectation speaks of the state before the call.
    conflicts(l, &[delete("c", 1), put("c", None, "c2")]).await
}

pub(super) async fn scans_in_key_order(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    let names = ["visit/10", "visit/2", "visit/ä", "visit/Z", "visit", "visit0", "attempt/1", "visit/"];
    for name in names {
        l.store(&[put(name, None, name)]).await.or_seen("store")?;
    }
    let room = ["visit/", "visit/10", "visit/2", "visit/Z", "visit/ä"];
    let walks: [(&str, Option<&str>, usize, &[&str]); 9] = [
        ("visit/", None, 99, &room),
        ("visit/", None, usize::MAX, &room),
        ("visit/", None, 2, &room[..2]),
        ("visit/", Some("visit/10"), 2, &room[2..4]),
        ("visit/", Some("visit/11"), 1, &room[2..3]),
        ("visit/", Some("a"), 9, &room),
        ("visit/", Some("visit0"), 9, &[]),
        ("visit/", None, 0, &[]),
        ("nothing", None, 9, &[]),
    ];
    for (prefix, after, limit, want) in walks {
        let from = after.map(RecordKey::from);
        let found = l.scan(prefix, from.as_ref(), limit).await.or_seen("scan")?;
        let found: Vec<_> = found.iter().map(|r| r.key.0.as_str()).collect();
        ensure!(
            found == want,
            "{prefix:?} after {after:?}, at most {limit}: {found:?}, {want:?} would be right"
        );
    }
    ensure!(
        l.scan("", None, 99).await.or_seen("scan")?.len() == names.len(),
        "a scan of everything misses something"
    );
    Ok(())
}

pub(super) async fn keeps_any_text(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    let long = "x".repeat(1 << 18);
    let odd =
        ["", "\0", "a\0b", "'; DROP TABLE record; --", "%_*?[", "✓ \u{10ffff}", "{\"json\": [1, 2]}", &long];
    for (n, text) in odd.into_iter().enumerate() {
        let key = format!("odd/{n}/{}", text.chars().take(64).collect::<String>());
        l.store(&[put(&key, None, text)]).await.or_seen("store")?;
        has(l, &key, Some((1, text))).await?;
        let found = l.scan(&key, None, 9).await.or_seen("scan")?;
        ensure!(found.len() == 1, "{} records under {n}", found.len());
    }
    let secret = "authorization-42-of-somebody";
    l.store(&[put("s", None, secret)]).await.or_seen("store")?;
    if let Err(e) = l.store(&[put("s", None, secret)]).await {
        ensure!(!format!("{e} {e:?}").contains(secret), "an error shows a value");
    }
    Ok(())
}
