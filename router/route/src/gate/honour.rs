//! Offers that were shown and still stand.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tollway_core::{Code, Error, Json, Ledger, Offer, RecordKey, Result, Time, Write};

/// The most offers remembered in one scope: enough for a price that changes every few seconds on every rail.
const PER_SCOPE_MAX: usize = 1_024;
/// The most offers kept in memory; the ledger has them all.
const HELD_MAX: usize = 20_000;
/// After so many records written, some old ones are looked at: scopes that nobody asks for again would pile up.
const SWEEP_EVERY: usize = 64;
/// How many at a time. More than are written between two looks, so that the look comes round.
const SWEEP_PAGE: usize = 256;
/// The journal's room for offers.
const ROOM: &str = "offer/";

#[derive(Clone, Serialize, Deserialize)]
struct Standing {
    offer: Offer,
    until: Time,
}

/// The part of a record that says whether it may go.
#[derive(Deserialize)]
struct Until {
    until: Time,
}

struct Held {
    standing: Standing,
    /// The version of its record, where it was this process that wrote it last.
    version: Option<u64>,
}

#[derive(Default)]
struct State {
    scopes: HashMap<String, Vec<Held>>,
    held: usize,
    written: usize,
    swept: Option<RecordKey>,
}

#[derive(Default)]
pub(super) struct Honour {
    state: Mutex<State>,
}

impl Honour {
    /// Remembers that `offers` were shown and stand for so many milliseconds from now. Writes to the ledger only when
    /// less than that is left on record, so a busy route writes once per window; all of them at once.
    pub(super) async fn remember(
        &self,
        ledger: &dyn Ledger,
        scope: &str,
        offers: impl Iterator<Item = (&Offer, u64)>,
        now: Time,
    ) -> Result<()> {
        let mut due = Vec::new();
        for (offer, window_ms) in offers {
            let known = self.known(scope, offer);
            if known.is_some_and(|(until, _)| until.ms_since(now) >= window_ms) {
                continue;
            }
            // Twice the window, so that a whole one is left for a while without another write.
            let until = now.plus_ms(window_ms.saturating_mul(2));
            let standing = Standing { offer: offer.clone(), until };
            due.push(Held { standing, version: known.and_then(|(_, version)| version) });
        }
        if due.is_empty() {
            return Ok(());
        }
        write(ledger, scope, &mut due).await?;
        let sweep = {
            let mut state = self.state();
            state.written = state.written.saturating_add(due.len());
            due.into_iter().for_each(|held| state.put(scope, held, now));
            let sweep = state.written >= SWEEP_EVERY;
            state.written = if sweep { 0 } else { state.written };
            sweep
        };
        if sweep {
            // What is left lying about harms nobody today.
            let _ = self.sweep(ledger, now).await;
        }
        Ok(())
    }

    /// The offers that still stand in a scope, from the ledger.
    pub(super) async fn standing(&self, ledger: &dyn Ledger, scope: &str, now: Time) -> Result<Vec<Offer>> {
        let prefix = room(scope);
        let mut found = Vec::new();
        let mut after: Option<RecordKey> = None;
        while found.len() < PER_SCOPE_MAX {
            let page = ledger.scan(&prefix, after.as_ref(), 256).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for record in &page {
                let standing = read(&record.value)?;
                if now < standing.until {
                    found.push(standing.offer.clone());
                    self.state().put(scope, Held { standing, version: Some(record.version) }, now);
                } else {
                    let gone = Write { key: record.key.clone(), expect: Some(record.version), value: None };
                    // Somebody beside us may have cleaned up first.
                    let _ = ledger.store(&[gone]).await;
                }
            }
        }
        Ok(found)
    }

    /// The offer of exactly this text, when it still stands in the scope: found among any number of others.
    pub(super) async fn named(
        &self,
        ledger: &dyn Ledger,
        scope: &str,
        raw: &str,
        now: Time,
    ) -> Result<Option<Offer>> {
        let Some(record) = ledger.load(&key(scope, raw)).await? else { return Ok(None) };
        let standing = read(&record.value)?;
        Ok((now < standing.until).then_some(standing.offer))
    }

    /// The offers that still stand, as far as this process remembers them.
    pub(super) fn in_memory(&self, scope: &str, now: Time) -> Vec<Offer> {
        let state = self.state();
        let held = state.scopes.get(scope).into_iter().flatten().map(|h| &h.standing);
        held.filter(|s| now < s.until).map(|s| s.offer.clone()).collect()
    }

    fn known(&self, scope: &str, offer: &Offer) -> Option<(Time, Option<u64>)> {
        let state = self.state();
        let held = state.scopes.get(scope)?.iter().find(|h| h.standing.offer == *offer)?;
        Some((held.standing.until, held.version))
    }

    /// Takes some offers out of the ledger whose time is over, whatever their scope; the next ones next time.
    async fn sweep(&self, ledger: &dyn Ledger, now: Time) -> Result<()> {
        let after = self.state().swept.clone();
        let page = ledger.scan(ROOM, after.as_ref(), SWEEP_PAGE).await?;
        self.state().swept = page.last().filter(|_| page.len() == SWEEP_PAGE).map(|last| last.key.clone());
        let over = |text: &str| serde_json::from_str::<Until>(text).is_ok_and(|u| u.until <= now);
        let gone = page.into_iter().filter(|r| over(&r.value));
        let gone = gone.map(|r| Write { key: r.key, expect: Some(r.version), value: None });
        ledger.store(&gone.collect::<Vec<_>>()).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, scope: &str, held: Held, now: Time) {
        if self.held >= HELD_MAX {
            self.scopes.clear();
            self.held = 0;
        }
        let offers = self.scopes.entry(scope.to_owned()).or_default();
        let before = offers.len();
        offers.retain(|h| now < h.standing.until && h.standing.offer != held.standing.offer);
        if offers.len() >= PER_SCOPE_MAX {
            // The oldest; the ledger has it.
            offers.remove(0);
        }
        offers.push(held);
        self.held = self.held.saturating_sub(before).saturating_add(offers.len());
    }
}

/// Writes all of them, and notes the versions.
async fn write(ledger: &dyn Ledger, scope: &str, due: &mut [Held]) -> Result<()> {
    let writes = due.iter().map(|h| h.write(scope, h.version)).collect::<Vec<_>>();
    match ledger.store(&writes).await {
        Ok(()) => {
            due.iter_mut().for_each(|h| h.version = Some(h.version.unwrap_or(0).saturating_add(1)));
            Ok(())
        }
        // Another process, or an earlier life of this one, has shown one of them.
        Err(e) if e.code == Code::Conflict => {
            for held in due {
                held.version = write_over(ledger, scope, held).await?;
            }
            Ok(())
        }
        Err(e) => Err(e),
    }
}

/// Writes one whatever its version is.
async fn write_over(ledger: &dyn Ledger, scope: &str, held: &Held) -> Result<Option<u64>> {
    for _ in 0..4 {
        let expect = ledger.load(&held.key(scope)).await?.map(|r| r.version);
        match ledger.store(&[held.write(scope, expect)]).await {
            Err(e) if e.code == Code::Conflict => {}
            Ok(()) => return Ok(Some(expect.unwrap_or(0).saturating_add(1))),
            Err(e) => return Err(e),
        }
    }
    // Somebody writes the same offer again and again: it is remembered, which is all that matters.
    Ok(None)
}

impl Held {
    fn key(&self, scope: &str) -> RecordKey {
        key(scope, self.standing.offer.requirement.raw.as_str())
    }
    fn write(&self, scope: &str, expect: Option<u64>) -> Write {
        Write { key: self.key(scope), expect, value: Some(Json::of(&self.standing).as_str().to_owned()) }
    }
}

fn read(text: &str) -> Result<Standing> {
    serde_json::from_str(text).map_err(|e| Error::us(Code::LedgerFailed).detail(format!("offer record: {e}")))
}

fn room(scope: &str) -> String {
    format!("{ROOM}{}/", digest(scope.as_bytes()))
}

fn key(scope: &str, raw: &str) -> RecordKey {
    RecordKey(format!("{}{}", room(scope), digest(raw.as_bytes())))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|b| format!("{b:02x}")).collect()
}
