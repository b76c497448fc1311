//! Renewing, in the background.

use super::tenancy::{Answer, Ask, Granted};
use super::{PostgresLeases, get};
use crate::postgres::fail;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_postgres::Row;
use tollway_core::{Account, ChainId, Result};

/// The pause after a renewal that failed.
const AGAIN: Duration = Duration::from_millis(250);

/// Renews until the life is over, or nobody holds it any more.
pub(super) async fn keep(leases: Weak<PostgresLeases>, hurry: Arc<Notify>) {
    loop {
        let Some(alive) = leases.upgrade() else { return };
        let pause = match alive.renew().await {
            Ok(()) => Duration::from_millis(alive.settings.renew_ms()),
            Err(error) if fail::is_fenced(&error) => {
                tracing::error!(target: "tollway_ledger", name = alive.name, "another process has taken over from this one");
                return alive.over();
            }
            Err(error) => {
                tracing::warn!(target: "tollway_ledger", %error, "leases are not renewed yet");
                AGAIN
            }
        };
        if alive.tenancy().is_over() {
            return;
        }
        drop(alive);
        // Whichever comes first.
        let _ = tokio::time::timeout(pause, hurry.notified()).await;
    }
}

impl PostgresLeases {
    /// Renews everything with one statement.
    async fn renew(&self) -> Result<()> {
        let ask = self.tenancy().ask(self.now_ms());
        let (wants, back) = (split(&ask.wants), split(&ask.back));
        let ttl_ms = i64::try_from(self.settings.ttl_ms).unwrap_or(i64::MAX);
        let rows =
            self.line.call(|c| &c.renew, &[&self.id, &ttl_ms, &wants.0, &wants.1, &back.0, &back.1]).await?;
        self.take_in(&ask, &read(&rows)?);
        Ok(())
    }

    fn take_in(&self, ask: &Ask, answer: &Answer) {
        let (changed, (held, wanted)) = {
            let mut tenancy = self.tenancy();
            (tenancy.answered(ask, answer, self.now_ms()), tenancy.counts())
        };
        if changed {
            tracing::info!(target: "tollway_ledger", name = self.name, held, wanted, "leases have changed");
            self.tell();
        }
    }
}

/// Networks and addresses, as bytes.
pub(super) fn split(keys: &[Account]) -> (Vec<&[u8]>, Vec<&[u8]>) {
    keys.iter().map(|key| (key.chain.as_str().as_bytes(), key.address().as_bytes())).unzip()
}

/// One row for each lease, one without a key for a network where there is none, and one without a network.
pub(super) fn read(rows: &[Row]) -> Result<Answer> {
    let mut answer = Answer::default();
    for row in rows {
        answer.endings = u64::try_from(get::<i64>(row, 5)?).unwrap_or(0);
        let (Some(scope), Some(key)) = (get::<Option<&[u8]>>(row, 0)?, get::<Option<&[u8]>>(row, 1)?) else {
            continue;
        };
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| fail::broken("a lease of no name"));
        answer.granted.push(Granted {
            key: Account::new(ChainId::new(text(scope)?)?, text(key)?)?,
            fence: u64::try_from(get::<i64>(row, 2)?).unwrap_or(0),
            contested: get(row, 3)?,
            quota: usize::try_from(get::<i64>(row, 4)?).unwrap_or(0),
        });
    }
    Ok(answer)
}
