//! After a crash, a lost answer or a refusal: what became of every signature that is still open.

use super::attempt::{Attempt, AttemptRecord, AttemptStage, PAST, ROOM};
use crate::router::Router;
use tollway_core::{Code, Error, Fate, Record, RecordKey, Result, Spend};

/// How many attempts are read from the ledger at a time.
pub(super) const PAGE: usize = 256;

impl Router {
    /// Asks the chain about every attempt that is still open, closes what is settled or dead, and returns the ones
    /// that moved. Signs nothing and sends nothing. Run it at start and from time to time; it may be dropped and run
    /// again.
    ///
    /// # Errors
    /// The ledger's, the first of them, after every other attempt was looked after too. A chain that does not answer
    /// leaves its attempts open for the next time.
    pub async fn settle_up(&self) -> Result<Vec<AttemptRecord>> {
        let mut moved = Vec::new();
        let mut failed = None;
        let mut after: Option<RecordKey> = None;
        loop {
            let page = self.ledger.scan(ROOM, after.as_ref(), PAGE).await?;
            let open = page.last().filter(|last| !last.key.0.starts_with(PAST));
            for found in page.iter().filter(|found| !found.key.0.starts_with(PAST)) {
                match self.settle_found(found).await {
                    Ok(record) => moved.extend(record),
                    Err(e) => failed = failed.or(Some(e)),
                }
            }
            // Behind the open ones there are only past ones.
            let Some(last) = open else { return failed.map_or(Ok(moved), Err) };
            after = Some(last.key.clone());
        }
    }

    async fn settle_found(&self, found: &Record) -> Result<Option<AttemptRecord>> {
        match Attempt::take_up(self, found)? {
            // Written before the past had a corner of its own.
            Some(mut past) if past.is_over() => past.file(self).await.map(|()| None),
            Some(attempt) => self.settle_one(attempt).await,
            None => Ok(None),
        }
    }

    /// Every attempt in the journal, in no particular order.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn attempts(&self) -> Result<Vec<AttemptRecord>> {
        let mut all = Vec::new();
        let mut after: Option<RecordKey> = None;
        loop {
            let page = self.ledger.scan(ROOM, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = Some(last.key.clone());
            for found in &page {
                all.push(
                    serde_json::from_str(&found.value)
                        .map_err(|e| Error::us(Code::LedgerFailed).detail(format!("attempt record: {e}")))?,
                );
            }
        }
    }

    pub(super) async fn settle_one(&self, attempt: Attempt) -> Result<Option<AttemptRecord>> {
        let mut record = attempt.record().clone();
        match (record.stage, &record.authorization) {
            (AttemptStage::Settled | AttemptStage::Dead, _) => Ok(None),
            (AttemptStage::Signed | AttemptStage::Refused, Some(auth)) => {
                let payer = self.registry.cell(&auth.payment.accepted).ok().and_then(|c| c.payer.as_ref());
                let fate = match payer {
                    Some(payer) => payer.resolve(auth).await,
                    None => Err(Error::caller(Code::NetworkMissing)),
                };
                match fate {
                    Ok(Fate::Settled(receipt)) => {
                        let of = record.exposure.atomic();
                        let spend = Spend::Part { taken: receipt.charged.atomic, of };
                        record.receipt = Some(*receipt.clone());
                        record.stage = AttemptStage::Settled;
                        attempt.settled(self, spend, &receipt).await?;
                        Ok(Some(record))
                    }
                    Ok(Fate::Dead) => {
                        record.stage = AttemptStage::Dead;
                        attempt.dead(self).await?;
                        Ok(Some(record))
                    }
                    Ok(_) | Err(_) => Ok(None),
                }
            }
            // Stopped between reserving and journaling a signature: nothing was ever sent.
            _ => attempt.give_up(self).await,
        }
    }
}
