//! Offers that were shown and still stand.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tollway_core::{Code, Error, Json, Ledger, Offer, RecordKey, Result, Time, Write};

/// The most offers remembered in one scope: enough for a price that changes every few seconds on every rail.
const PER_SCOPE_MAX: usize = 1_024;
/// The most scopes kept in memory; the ledger has them all.
const SCOPES_MAX: usize = 10_000;

#[derive(Clone, Serialize, Deserialize)]
struct Standing {
    offer: Offer,
    until: Time,
}

#[derive(Default)]
pub(super) struct Honour {
    scopes: Mutex<HashMap<String, Vec<Standing>>>,
}

impl Honour {
    /// Remembers that `offer` was shown and stands until `until`. Writes to the ledger only when the time on record
    /// runs out soon, so a busy route writes once per offer and half a window.
    pub(super) async fn remember(
        &self,
        ledger: &dyn Ledger,
        scope: &str,
        offer: &Offer,
        now: Time,
        until: Time,
    ) -> Result<()> {
        let half = until.ms_since(now) / 2;
        if self.until(scope, offer).is_some_and(|have| have.ms_since(now) >= half) {
            return Ok(());
        }
        // Twice the window on record, so that half a window is always left of it.
        let until = until.plus_ms(half.saturating_mul(2));
        let standing = Standing { offer: offer.clone(), until };
        write(ledger, key(scope, offer), &standing).await?;
        self.put(scope, standing, now);
        Ok(())
    }

    /// The offers that still stand in a scope; from the ledger when this process has not shown any.
    pub(super) async fn standing(&self, ledger: &dyn Ledger, scope: &str, now: Time) -> Result<Vec<Offer>> {
        let prefix = room(scope);
        let mut found = Vec::new();
        let mut after: Option<RecordKey> = None;
        while found.len() < PER_SCOPE_MAX {
            let page = ledger.scan(&prefix, after.as_ref(), 256).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for record in &page {
                let standing: Standing = serde_json::from_str(&record.value)
                    .map_err(|e| Error::us(Code::LedgerFailed).detail(format!("offer record: {e}")))?;
                if now < standing.until {
                    self.put(scope, standing.clone(), now);
                    found.push(standing.offer);
                } else {
                    let gone = Write { key: record.key.clone(), expect: Some(record.version), value: None };
                    // Somebody beside us may have cleaned up first.
                    let _ = ledger.store(&[gone]).await;
                }
            }
        }
        Ok(found)
    }

    /// The same from memory alone.
    pub(super) fn in_memory(&self, scope: &str, now: Time) -> Vec<Offer> {
        let scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = scopes.get(scope).into_iter().flatten();
        standing.filter(|s| now < s.until).map(|s| s.offer.clone()).collect()
    }

    fn until(&self, scope: &str, offer: &Offer) -> Option<Time> {
        let scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.get(scope)?.iter().find(|s| s.offer == *offer).map(|s| s.until)
    }

    fn put(&self, scope: &str, standing: Standing, now: Time) {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if scopes.len() >= SCOPES_MAX && !scopes.contains_key(scope) {
            scopes.clear();
        }
        let offers = scopes.entry(scope.to_owned()).or_default();
        offers.retain(|s| now < s.until && s.offer != standing.offer);
        if offers.len() < PER_SCOPE_MAX {
            offers.push(standing);
        }
    }
}

async fn write(ledger: &dyn Ledger, key: RecordKey, standing: &Standing) -> Result<()> {
    let value = Json::of(standing).as_str().to_owned();
    for _ in 0..4 {
        let expect = ledger.load(&key).await?.map(|r| r.version);
        match ledger.store(&[Write { key: key.clone(), expect, value: Some(value.clone()) }]).await {
            Err(e) if e.code == Code::Conflict => {}
            other => return other,
        }
    }
    // Somebody writes the same offer again and again: it is remembered, which is all that matters.
    Ok(())
}

fn room(scope: &str) -> String {
    format!("offer/{}/", digest(scope.as_bytes()))
}

fn key(scope: &str, offer: &Offer) -> RecordKey {
    RecordKey(format!("{}{}", room(scope), digest(offer.requirement.raw.as_str().as_bytes())))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|b| format!("{b:02x}")).collect()
}
