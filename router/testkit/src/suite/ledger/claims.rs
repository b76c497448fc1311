use super::{Trial, UNTIL, Verdict, at, keys, receipt};
use crate::suite::property::{OrSeen, ensure};
use std::sync::Arc;
use tollway_core::{Claim, Ledger, ReplayKey};

async fn claims(ledger: &dyn Ledger, keys: &[ReplayKey], print: &str, want: Claim) -> Verdict {
    let said = ledger.claim(keys, &print.into(), UNTIL, at(1)).await.or_seen("claim")?;
    ensure!(said == want, "{print} claims {keys:?}: {said:?}, {want:?} would be right");
    Ok(())
}

async fn sees(ledger: &dyn Ledger, keys: &[ReplayKey], print: &str, want: Option<Claim>) -> Verdict {
    let said = ledger.seen(keys, &print.into()).await.or_seen("seen")?;
    ensure!(said == want, "{print} looks at {keys:?}: {said:?}, {want:?} would be right");
    Ok(())
}

fn same(tx: &str) -> Result<Claim, String> {
    Ok(Claim::Same(Some(Box::new(receipt(tx)?))))
}

pub(super) async fn fresh_then_same_then_replay(t: Arc<Trial>) -> Verdict {
    let (l, one) = (&*t.ledger, keys(&["k"]));
    sees(l, &one, "mine", None).await?;
    claims(l, &one, "mine", Claim::Fresh).await?;
    claims(l, &one, "mine", Claim::Same(None)).await?;
    sees(l, &one, "mine", Some(Claim::Same(None))).await?;
    claims(l, &one, "other", Claim::Replay).await?;
    sees(l, &one, "other", Some(Claim::Replay)).await?;
    l.conclude(&one, &"mine".into(), Some(&receipt("0x1")?)).await.or_seen("conclude")?;
    claims(l, &one, "mine", same("0x1")?).await?;
    claims(l, &one, "other", Claim::Replay).await?;
    // Kept at least until the given moment; a look from later on may not free it by itself.
    let later = l.claim(&one, &"other".into(), UNTIL, at(999)).await.or_seen("claim")?;
    ensure!(later == Claim::Replay, "within its time a claim is {later:?} for another print");
    Ok(())
}

pub(super) async fn claims_every_key_or_none(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    claims(l, &keys(&["b"]), "other", Claim::Fresh).await?;
    claims(l, &keys(&["a", "b", "c"]), "mine", Claim::Replay).await?;
    for free in ["a", "c"] {
        sees(l, &keys(&[free]), "mine", None).await?;
    }
    claims(l, &keys(&["x"]), "mine", Claim::Fresh).await?;
    claims(l, &keys(&["w", "x"]), "mine", Claim::Same(None)).await?;
    sees(l, &keys(&["w"]), "mine", None).await?;
    // A replay outweighs the same print, in whichever order they stand.
    for mixed in [["x", "b"], ["b", "x"]] {
        sees(l, &keys(&mixed), "mine", Some(Claim::Replay)).await?;
        claims(l, &keys(&mixed), "mine", Claim::Replay).await?;
    }
    claims(l, &keys(&["d", "d"]), "mine", Claim::Fresh).await
}

pub(super) async fn seeing_claims_nothing(t: Arc<Trial>) -> Verdict {
    let (l, one) = (&*t.ledger, keys(&["k"]));
    sees(l, &one, "mine", None).await?;
    sees(l, &one, "other", None).await?;
    claims(l, &one, "other", Claim::Fresh).await?;
    sees(l, &[], "mine", None).await?;
    claims(l, &[], "mine", Claim::Fresh).await
}

pub(super) async fn concludes_its_own_alone(t: Arc<Trial>) -> Verdict {
    let (l, one) = (&*t.ledger, keys(&["k"]));
    claims(l, &one, "mine", Claim::Fresh).await?;
    l.conclude(&one, &"other".into(), None).await.or_seen("conclude")?;
    l.conclude(&one, &"other".into(), Some(&receipt("0x9")?)).await.or_seen("conclude")?;
    sees(l, &one, "mine", Some(Claim::Same(None))).await?;
    // What nobody claimed is not claimed by concluding it.
    l.conclude(&keys(&["never"]), &"mine".into(), Some(&receipt("0x3")?)).await.or_seen("conclude")?;
    sees(l, &keys(&["never"]), "mine", None).await
}

pub(super) async fn a_receipt_is_kept_whole_and_for_good(t: Arc<Trial>) -> Verdict {
    let (l, both) = (&*t.ledger, keys(&["a", "b"]));
    claims(l, &both, "mine", Claim::Fresh).await?;
    l.conclude(&keys(&["b"]), &"mine".into(), Some(&receipt("0x1")?)).await.or_seen("conclude")?;
    // One key's receipt is the payment's.
    sees(l, &both, "mine", Some(same("0x1")?)).await?;
    l.conclude(&both, &"mine".into(), Some(&receipt("0x2")?)).await.or_seen("conclude")?;
    sees(l, &both, "mine", Some(same("0x2")?)).await?;
    l.conclude(&both, &"mine".into(), None).await.or_seen("conclude")?;
    sees(l, &both, "mine", Some(same("0x2")?)).await?;
    claims(l, &both, "other", Claim::Replay).await
}

pub(super) async fn freed_keys_are_fresh_again(t: Arc<Trial>) -> Verdict {
    let (l, two) = (&*t.ledger, keys(&["k", "l"]));
    claims(l, &two, "mine", Claim::Fresh).await?;
    for _ in 0..2 {
        l.conclude(&two, &"mine".into(), None).await.or_seen("conclude")?;
    }
    sees(l, &two, "mine", None).await?;
    claims(l, &two, "other", Claim::Fresh).await
}
