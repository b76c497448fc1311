//! Moving on what is in the journal and what nobody drives any more.

use super::{Gate, ROOM};
use crate::metrics;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use tollway_core::flow::VisitRecord;
use tollway_core::{Receipt, RecordKey, Result};

/// After so long a visit counts as late, however long its payment may be settled, in milliseconds.
const LONG_MS: u64 = 3_600_000;

/// The visits that were still open when they were last looked at, for the monitor.
#[derive(Default)]
pub(super) struct Open(Mutex<HashSet<RecordKey>>);

impl Open {
    /// All were looked at.
    fn is_now(&self, open: &[RecordKey]) {
        self.change(|known| *known = open.iter().cloned().collect());
    }

    /// These were looked at.
    fn has_seen(&self, looked: &[RecordKey], open: &[RecordKey]) {
        self.change(|known| {
            for key in looked {
                known.remove(key);
            }
            known.extend(open.iter().cloned());
        });
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<RecordKey>)) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        metrics::open(known.len());
    }
}

impl Gate {
    /// After a restart: releases what was never sent, settles what was noted as delivered and resumes what was sent. Returns how many visits are still open;
    /// run it again until that is zero. Visits that this gate is driving right now are left alone, and count as open: one
    /// that ends in doubt leaves its record behind. May be dropped and run again.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn recover(&self) -> Result<usize> {
        self.recover_all().await.map(|open| open.len())
    }

    /// The same, and which are still open. Under traffic there is always one, so whoever waits for an end goes on with
    /// these alone ([`Self::recover_these`]).
    ///
    /// # Errors
    /// The ledger's.
    pub async fn recover_all(&self) -> Result<Vec<RecordKey>> {
        let mut open = Vec::new();
        let mut after: Option<RecordKey> = None;
        loop {
            let page = self.ledger.scan(&format!("{ROOM}/"), after.as_ref(), 256).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            let keys = page.into_iter().map(|found| found.key).collect();
            open.extend(self.move_on(keys).await);
        }
        self.open.is_now(&open);
        Ok(open)
    }

    /// Recovers these visits and no others, and says which of them are still open. May be dropped and run again.
    pub async fn recover_these(&self, visits: Vec<RecordKey>) -> Vec<RecordKey> {
        let looked = visits.clone();
        let open = self.move_on(visits).await;
        self.open.has_seen(&looked, &open);
        open
    }

    /// Recovers this visit and no other; true when it is over. May be dropped and run again.
    pub async fn recover_visit(&self, visit: &RecordKey) -> bool {
        self.recover_these(vec![visit.clone()]).await.is_empty()
    }

    /// True once this visit's payment can hardly be settled any more: its end, or an hour after it came, is over for so long
    /// that what was sent in time has landed. While the ledger does not answer, nobody can say so.
    pub async fn is_late(&self, visit: &RecordKey, slack_ms: u64) -> bool {
        let Ok(Some(found)) = self.ledger.load(visit).await else { return false };
        let end = || {
            let record = VisitRecord::read(&found.value).ok()?;
            let cell = self.registry.cell(&record.order.requirement).ok()?;
            let end = (cell.read)(&record.order).ok()?.settle_before;
            Some(end.min(record.begun.plus_ms(LONG_MS)))
        };
        end().is_none_or(|end| end.plus_ms(slack_ms) <= self.clock.now())
    }

    async fn move_on(&self, visits: Vec<RecordKey>) -> Vec<RecordKey> {
        let mut open = Vec::new();
        for key in visits {
            // A visit that cannot be moved now (its chain was taken out of the settings, its record cannot be read)
            // must not keep the ones after it from being moved.
            let over = self.recover_one(key.clone()).await.unwrap_or_else(|error| {
                tracing::warn!(%key, %error, "a journaled visit cannot be moved on");
                false
            });
            if !over {
                open.push(key);
            }
        }
        open
    }

    /// True when the visit is over.
    async fn recover_one(&self, key: RecordKey) -> Result<bool> {
        // Whoever drives it now looks after it. Held from before the look: a visit that begins meanwhile is not moved.
        let Some(_holding) = self.live.hold(&key) else { return Ok(false) };
        // What the page says may be long over: whoever drove this visit then has gone, and it stands as it stands now.
        let Some(found) = self.ledger.load(&key).await? else { return Ok(true) };
        let (version, record) = (found.version, VisitRecord::read(&found.value)?);
        if record.owner != self.owner {
            return Ok(true);
        }
        let cell = self.registry.cell(&record.order.requirement)?;
        let settler = self.settler_or_none(cell, &record.order.requirement).await;
        match self.once(cell.read, settler.as_ref()).recover(key.clone(), version, record).await {
            Ok(receipt) => {
                let receipt: Option<Receipt> = receipt;
                // Settled, or gone: released, with nothing to settle.
                Ok(receipt.is_some() || self.ledger.load(&key).await?.is_none())
            }
            // A payment that is dead or refused has left the journal; what failed by itself (our ledger) has not.
            Err(_) => Ok(self.ledger.load(&key).await?.is_none()),
        }
    }
}
