//! Hashes of transactions whose outcome is not known yet, so that asking again is answered with the same hash and
//! nothing is broadcast anew; kept in the ledger, so that a restart does not lose them.

use super::Inner;
use tollway_core::{Json, Print, RecordKey, TxId, Write};

fn key(print: &Print) -> RecordKey {
    RecordKey(format!("pending/facilitator/{print}"))
}

/// The hash, where one is known. A ledger that cannot be read knows none.
pub(super) async fn hash(inner: &Inner, print: &Print) -> Option<TxId> {
    let record = inner.ledger.load(&key(print)).await.ok().flatten()?;
    Json::parse(record.value).ok()?.read().ok()
}

/// Keeps a hash. A failure costs the hash, not the money: the journal has the payment.
pub(super) async fn note(inner: &Inner, print: &Print, tx: &TxId) {
    let key = key(print);
    let expect = inner.ledger.load(&key).await.ok().flatten().map(|r| r.version);
    let value = Some(Json::of(tx).as_str().to_owned());
    if let Err(e) = inner.ledger.store(&[Write { key, expect, value }]).await {
        tracing::warn!(error = %e, %tx, "a pending transaction could not be noted");
    }
}

/// Forgets it: the outcome is known.
pub(super) async fn forget(inner: &Inner, print: &Print) {
    let key = key(print);
    if let Ok(Some(record)) = inner.ledger.load(&key).await {
        let gone = inner.ledger.store(&[Write { key, expect: Some(record.version), value: None }]).await;
        if let Err(e) = gone {
            tracing::warn!(error = %e, "a note of a settled transaction could not be removed");
        }
    }
}
