use super::adopt::Whose;
use super::{Facilitator, Inner, ROOM};
use std::sync::Arc;
use tollway_core::flow::{Stage, VisitRecord};
use tollway_core::{Record, RecordKey, Result};

/// Records per look at the journal.
const PAGE: usize = 256;

impl Facilitator {
    /// Takes up what an earlier life of this owner had begun: frees what was not sent, and follows up in the
    /// background, until it is known, whatever may have been. Runs once; no settlement begins before it has.
    ///
    /// # Errors
    /// The ledger's. The next settlement tries again.
    pub async fn recover(&self) -> Result<()> {
        self.0.ready().await
    }
}

impl Inner {
    pub(super) async fn ready(self: &Arc<Self>) -> Result<()> {
        self.ready.get_or_try_init(|| self.start()).await.copied()
    }

    /// Runs beside no settlement of this process, so whatever is journaled under our name is an earlier life's.
    async fn start(self: &Arc<Self>) -> Result<()> {
        let seen = self.leases.revision();
        self.take_up(Whose::Ours).await?;
        self.take_up_others(seen);
        Ok(())
    }

    pub(super) async fn take_up(self: &Arc<Self>, whose: Whose) -> Result<()> {
        let prefix = format!("{ROOM}/");
        let mut after: Option<RecordKey> = None;
        loop {
            let page = self.ledger.scan(&prefix, after.as_ref(), PAGE).await?;
            after = page.last().map(|r| r.key.clone());
            let full = page.len() >= PAGE;
            for record in page {
                self.take_up_one(record, whose).await?;
            }
            if !full {
                return Ok(());
            }
        }
    }

    async fn take_up_one(self: &Arc<Self>, mut record: Record, whose: Whose) -> Result<()> {
        let Ok(mut visit) = VisitRecord::read(&record.value) else {
            tracing::error!(key = %record.key, "a journaled settlement cannot be read; it needs a person");
            return Ok(());
        };
        let begun = |record: &Record| self.adopting().get(&record.key) == Some(&record.value);
        let ours = visit.owner == self.owner && (whose == Whose::Ours || begun(&record));
        if !ours && !self.adopt(&mut record, &mut visit).await? {
            return Ok(());
        }
        let key = record.key.clone();
        self.move_on(record, visit).await?;
        self.adopting().remove(&key);
        Ok(())
    }

    async fn move_on(self: &Arc<Self>, record: Record, visit: VisitRecord) -> Result<()> {
        match visit.stage {
            Stage::Verified => match self.cell(&visit.order.requirement) {
                Ok((cell, settler)) => {
                    let settler = self.settler_of_old(cell, settler);
                    self.once(cell, &*settler).recover(record.key, record.version, visit).await.map(drop)
                }
                Err(e) => {
                    tracing::warn!(key = %record.key, error = %e, "a journaled settlement's scheme is not here");
                    Ok(())
                }
            },
            _ => {
                self.follow(record.key, visit.print);
                Ok(())
            }
        }
    }
}
