//! What the ledger knows of a pool: who holds which payment, and who had to leave.

use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::{
    Amount, Blame, Code, Error, Json, Ledger, Next, RecordKey, ReplayKey, Result, SettlerId, Time, Write,
};

/// For how long it is remembered who held a payment, after its authorization is over, in milliseconds: 30 days. By then
/// whoever sold has concluded the visit, or a person has.
const KEPT_MS: u64 = 30 * 24 * 3_600_000;
/// After so many holds, some old ones are looked at.
const SWEEP_EVERY: usize = 64;
/// How many at a time; more than are written between two looks.
const SWEEP_PAGE: usize = 256;

/// A payment, and who was asked to settle it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hold {
    pub(super) member: SettlerId,
    /// The most that it may take.
    pub(super) charge: Amount,
    /// True once somebody asked after it: who is asked after a payment may settle it then, so from there on it stays with
    /// this member, whatever the call that gave it there comes back with.
    pub(super) stays: bool,
    /// Until when this is remembered.
    pub(super) until: Time,
}

impl Hold {
    pub(super) fn new(member: &SettlerId, charge: Amount, settle_before: Time) -> Self {
        Self { member: member.clone(), charge, stays: false, until: settle_before.plus_ms(KEPT_MS) }
    }
    pub(super) fn for_good(self) -> Self {
        Self { stays: true, ..self }
    }
}

/// Why a member had to leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expelled {
    /// What it did.
    pub code: Code,
    /// The same in words.
    pub words: String,
    /// When.
    pub at: Time,
}

#[derive(Default)]
struct Sweep {
    written: usize,
    after: Option<RecordKey>,
}

pub(super) struct Book {
    ledger: Arc<dyn Ledger>,
    room: String,
    sweep: Mutex<Sweep>,
}

impl Book {
    pub(super) fn new(name: &str, ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, room: format!("pool/{name}"), sweep: Mutex::default() }
    }

    /// Who holds a payment, and the version of that record.
    pub(super) async fn holder(&self, payment: &ReplayKey) -> Result<Option<(u64, Hold)>> {
        let Some(found) = self.ledger.load(&self.hold_key(payment)).await? else { return Ok(None) };
        Ok(Some((found.version, read(&found.value)?)))
    }

    /// Gives a payment to whom `hold` names: from nobody, or in the same write from the one who had it at this version.
    ///
    /// # Errors
    /// [`Code::Conflict`] when somebody has it, or has it from somebody else by now; the ledger's.
    pub(super) async fn give(&self, payment: &ReplayKey, from: Option<u64>, hold: &Hold) -> Result<u64> {
        let value = Some(Json::of(hold).as_str().to_owned());
        self.ledger.store(&[Write { key: self.hold_key(payment), expect: from, value }]).await?;
        Ok(from.unwrap_or(0).saturating_add(1))
    }

    /// Takes it back: the one who had it has certainly not taken it.
    pub(super) async fn take_back(&self, payment: &ReplayKey, version: u64) -> Result<()> {
        let gone = Write { key: self.hold_key(payment), expect: Some(version), value: None };
        self.ledger.store(&[gone]).await
    }

    /// Why somebody had to leave.
    pub(super) async fn expelled(&self, member: &SettlerId) -> Result<Option<Expelled>> {
        let found = self.ledger.load(&self.out_key(member)).await?;
        found.map(|record| read(&record.value)).transpose()
    }

    /// Writes down that somebody has to leave; the first reason stays.
    pub(super) async fn expel(&self, member: &SettlerId, why: &Expelled) -> Result<()> {
        let value = Some(Json::of(why).as_str().to_owned());
        match self.ledger.store(&[Write { key: self.out_key(member), expect: None, value }]).await {
            Err(e) if e.code == Code::Conflict => Ok(()),
            other => other,
        }
    }

    /// True when it had to leave before.
    pub(super) async fn readmit(&self, member: &SettlerId) -> Result<bool> {
        let key = self.out_key(member);
        let Some(found) = self.ledger.load(&key).await? else { return Ok(false) };
        self.ledger.store(&[Write { key, expect: Some(found.version), value: None }]).await?;
        Ok(true)
    }

    /// Now and then takes some holds out of the ledger whose time is over.
    pub(super) async fn sweep(&self, now: Time) {
        let after = {
            let mut sweep = self.sweep.lock().unwrap_or_else(PoisonError::into_inner);
            sweep.written = sweep.written.saturating_add(1);
            if sweep.written < SWEEP_EVERY {
                return;
            }
            sweep.written = 0;
            sweep.after.clone()
        };
        // What is left lying about harms nobody today.
        let Ok(page) = self.ledger.scan(&format!("{}/hold/", self.room), after.as_ref(), SWEEP_PAGE).await
        else {
            return;
        };
        let next = page.last().filter(|_| page.len() == SWEEP_PAGE).map(|last| last.key.clone());
        self.sweep.lock().unwrap_or_else(PoisonError::into_inner).after = next;
        for record in page {
            if read::<Hold>(&record.value).is_ok_and(|hold| hold.until <= now) {
                let gone = Write { key: record.key, expect: Some(record.version), value: None };
                let _ = self.ledger.store(&[gone]).await;
            }
        }
    }

    fn hold_key(&self, payment: &ReplayKey) -> RecordKey {
        RecordKey(format!("{}/hold/{}", self.room, payment.0))
    }
    fn out_key(&self, member: &SettlerId) -> RecordKey {
        RecordKey(format!("{}/expelled/{}", self.room, member.0))
    }
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|e| Error::us(Code::LedgerFailed).next(Next::Later).detail(format!("pool record: {e}")))
}

/// Somebody was asked to settle this before, and nobody knows yet what came of it.
pub(super) fn held() -> Error {
    Error::new(Code::InFlight, Blame::Settler, Next::Unknown(None))
        .detail("a member of the pool was asked to settle this before")
}
