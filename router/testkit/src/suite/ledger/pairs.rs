use super::{Trial, UNTIL, Verdict, at, keys, receipt};
use crate::suite::property::{OrSeen, ensure};
use std::sync::Arc;
use tollway_core::{Claim, Code, Ledger, Write};

fn write(key: &str, expect: Option<u64>) -> Write {
    Write { key: key.into(), expect, value: Some("noted".to_owned()) }
}

async fn has(ledger: &dyn Ledger, key: &str, want: Option<u64>) -> Verdict {
    let found = ledger.load(&key.into()).await.or_seen("load")?.map(|record| record.version);
    ensure!(found == want, "{key} has version {found:?}, {want:?} would be right");
    Ok(())
}

pub(super) async fn stores_and_then_claims(t: Arc<Trial>) -> Verdict {
    let (l, one) = (&*t.ledger, keys(&["k"]));
    let both = async |writes: &[Write], print: &str| {
        l.store_then_claim(writes, &one, &print.into(), UNTIL, at(1)).await
    };
    let moved = both(&[write("a", None), write("b", Some(7))], "mine").await;
    ensure!(matches!(&moved, Err(e) if e.code == Code::Conflict), "of a record that has moved: {moved:?}");
    has(l, "a", None).await?;
    let seen = l.seen(&one, &"mine".into()).await.or_seen("seen")?;
    ensure!(seen.is_none(), "after a conflict the key is {seen:?}, nobody's would be right");
    for (print, key, want) in
        [("mine", "a", Claim::Fresh), ("mine", "b", Claim::Same(None)), ("other", "c", Claim::Replay)]
    {
        let said =
            both(&[write(key, None)], print).await.or_seen("store_then_claim")?.or_seen("its claim")?;
        ensure!(said == want, "{print} claims {said:?}, {want:?} would be right");
        has(l, key, Some(1)).await?;
    }
    Ok(())
}

pub(super) async fn concludes_and_then_stores(t: Arc<Trial>) -> Verdict {
    let (l, one, two, mine) = (&*t.ledger, keys(&["k"]), keys(&["l"]), "mine".into());
    for key in [&one, &two] {
        l.claim(key, &mine, UNTIL, at(1)).await.or_seen("claim")?;
    }
    let receipt = receipt("0x1")?;
    let done = l.conclude_then_store(&one, &mine, Some(&receipt), &[write("a", None)]).await;
    done.or_seen("conclude_then_store")?;
    has(l, "a", Some(1)).await?;
    let moved = l.conclude_then_store(&two, &mine, None, &[write("b", None), write("a", None)]).await;
    ensure!(matches!(&moved, Err(e) if e.code == Code::Conflict), "of a record that has moved: {moved:?}");
    has(l, "b", None).await?;
    for (key, want) in [(&one, Some(Claim::Same(Some(Box::new(receipt.clone()))))), (&two, None)] {
        let said = l.seen(key, &mine).await.or_seen("seen")?;
        ensure!(said == want, "{key:?} is {said:?}, {want:?} would be right");
    }
    Ok(())
}
