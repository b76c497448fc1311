//! Leases of signers' keys, for facilitators that share a database and their keys.
//!
//! A life of a process is a row, renewed in the background with all its leases by one statement, four times in the time that a
//! lease lasts. What a life writes after its end is refused by the database itself (`schema/2.sql`).

mod keeper;
mod tenancy;
#[cfg(test)]
mod tests;

use super::calls::Value;
use super::connect::PostgresSettings;
use super::line::Lines;
use super::{fail, get};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tenancy::Tenancy;
use tokio::sync::{Notify, watch};
use tollway_core::ledger::{Leases, Tenure};
use tollway_core::{Account, Next, Result, async_trait};

/// How often beginning a life is tried, while an earlier one of its name still writes.
const TRIES: u32 = 4;

/// How long leases last, and whose they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSettings {
    pub(super) name: String,
    pub(super) ttl_ms: u64,
}

impl LeaseSettings {
    /// Leases of 10 seconds for the process of this lasting name. An earlier life of the same name ends when this one begins, so
    /// no two processes that are alive may share one.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ttl_ms: 10_000 }
    }

    /// How long a lease lasts without being renewed: how long a dead process's keys lie idle, and how long the database may be
    /// away before its clients stop sending. From one second to ten minutes.
    #[must_use]
    pub fn ttl_ms(mut self, ttl_ms: u64) -> Self {
        self.ttl_ms = ttl_ms.clamp(1_000, 600_000);
        self
    }

    /// A quarter of a lease: by so much earlier its holder stops using it. It covers clocks that run apart by a quarter, and the
    /// way of a transaction from the last look at the clock to the node.
    fn margin_ms(&self) -> u64 {
        self.ttl_ms / 4
    }

    fn renew_ms(&self) -> u64 {
        self.ttl_ms / 4
    }
}

/// The leases of this life of a process.
pub(super) struct PostgresLeases {
    name: String,
    id: i64,
    line: Lines,
    settings: LeaseSettings,
    tenancy: Mutex<Tenancy>,
    born: Instant,
    revision: watch::Sender<u64>,
    /// Something is to be told to the server at once.
    hurry: Arc<Notify>,
}

impl fmt::Debug for PostgresLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresLeases({})", self.name)
    }
}

impl PostgresLeases {
    /// Begins a life, and keeps it up in the background as long as anybody holds it.
    pub(super) async fn begin(settings: &PostgresSettings, lease: LeaseSettings) -> Result<Arc<Self>> {
        if lease.name.is_empty() || lease.name.contains('#') {
            return Err(fail::settings("a process that shares keys needs a name, without a # in it"));
        }
        // A connection of its own: a renewal waits for no other statement.
        let line = Lines::kept(&settings.clone().connections(1));
        let id = begin(&line, &lease).await?;
        let leases = Arc::new(Self {
            name: format!("{}#{id}", lease.name),
            id,
            line,
            tenancy: Mutex::new(Tenancy::new(lease.clone())),
            settings: lease,
            born: Instant::now(),
            revision: watch::Sender::new(0),
            hurry: Arc::default(),
        });
        tokio::spawn(keeper::keep(Arc::downgrade(&leases), Arc::clone(&leases.hurry)));
        Ok(leases)
    }

    /// The number of this life, as connections tell it to the server.
    pub(super) fn life(&self) -> i64 {
        self.id
    }

    fn tenancy(&self) -> MutexGuard<'_, Tenancy> {
        self.tenancy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn tell(&self) {
        self.revision.send_modify(|revision| *revision = revision.saturating_add(1));
    }

    /// Nothing is ours any more, and nothing ever will be again.
    fn over(&self) {
        if self.tenancy().end() {
            self.tell();
        }
    }
}

async fn begin(line: &Lines, lease: &LeaseSettings) -> Result<i64> {
    let (name, ttl_ms) = (lease.name.as_bytes(), i64::try_from(lease.ttl_ms).unwrap_or(i64::MAX));
    let mut tries = 1u32;
    loop {
        let with: [Value<'_>; 2] = [&name, &ttl_ms];
        match line.call(|c| &c.begin_life, &with).await {
            Ok(rows) => {
                let row = rows.first().ok_or_else(|| fail::broken("a life without a number"))?;
                return get(row, 0);
            }
            Err(error) if error.next == Next::Later && tries < TRIES => {
                tracing::warn!(target: "tollway_ledger", %error, "an earlier life of this name has not ended yet");
            }
            Err(error) => return Err(error),
        }
        tries = tries.saturating_add(1);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[async_trait]
impl Leases for PostgresLeases {
    fn incarnation(&self) -> &str {
        &self.name
    }

    fn want(&self, keys: &[Account]) {
        if self.tenancy().want(keys) {
            self.hurry.notify_one();
        }
    }

    fn tenure(&self, key: &Account) -> Tenure {
        self.tenancy().tenure(key, self.now_ms())
    }

    fn give_back(&self, key: &Account) -> bool {
        let given = self.tenancy().give_back(key);
        if given {
            self.tell();
            self.hurry.notify_one();
        }
        given
    }

    fn is_over(&self) -> bool {
        self.tenancy().is_over()
    }

    fn revision(&self) -> u64 {
        *self.revision.borrow()
    }

    async fn changed(&self, seen: u64) {
        let mut revision = self.revision.subscribe();
        // The sender is ours, so waiting cannot fail.
        let _ = revision.wait_for(|now| *now != seen).await;
    }

    async fn has_ended(&self, incarnation: &str) -> Result<bool> {
        let Some((name, id)) = incarnation.rsplit_once('#') else { return Ok(false) };
        let Ok(id) = id.parse::<i64>() else { return Ok(false) };
        let rows = self.line.call(|c| &c.has_ended, &[&name.as_bytes(), &id]).await?;
        rows.first().map_or(Ok(false), |row| get(row, 0))
    }

    async fn end(&self) -> Result<()> {
        self.over();
        self.line.call(|c| &c.end_life, &[&self.id]).await.map(drop)
    }
}
