use super::book::BookRecord;
use crate::{
    Amount, Code, Error, Json, Ledger, Next, Order, Print, Receipt, RecordKey, ReplayKey, Result, Time, Write,
};
use serde::{Deserialize, Serialize};

/// How far a visit had come when it was last written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Verified, and about to be claimed or served: nothing was sent, so it may be released.
    Verified,
    /// Being served bit by bit, and `charge_atomic` of it was noted as delivered: a restart settles that much.
    Serving,
    /// The settler was, or may have been, told to settle: only `resume` knows.
    Settling,
}

/// What a restart needs to know of a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitRecord {
    /// Which process wrote it; only that one, restarted, may release it.
    pub owner: String,
    /// How far it had come.
    pub stage: Stage,
    /// What is being settled.
    pub order: Order,
    /// How much of it; while serving, how much is owed in any case.
    #[serde(with = "crate::money::decimal")]
    pub charge_atomic: u128,
    /// The replay keys it claims.
    pub keys: Vec<ReplayKey>,
    /// The print it claims them for.
    pub print: Print,
    /// Receipts of earlier legs.
    pub receipts: Vec<Receipt>,
}

impl VisitRecord {
    /// Reads a journaled record.
    ///
    /// # Errors
    /// [`Code::LedgerFailed`] when it cannot be read.
    pub fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| {
            Error::us(Code::LedgerFailed).detail(format!("visit record: {}", crate::raw::words(&e)))
        })
    }

    /// What the settler was told to take, once it may have been told.
    pub(super) fn told(&self) -> Option<Amount> {
        let asset = self.order.requirement.price.asset();
        (self.stage == Stage::Settling).then(|| Amount::new(asset, self.charge_atomic))
    }
}

/// A journaled visit that is ours to move on.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: RecordKey,
    pub(super) version: u64,
    pub(super) record: VisitRecord,
}

impl Entry {
    /// Writes a new record; somebody who is there already makes it [`Code::InFlight`].
    pub(super) async fn create(ledger: &dyn Ledger, key: RecordKey, record: VisitRecord) -> Result<Self> {
        let write =
            Write { key: key.clone(), expect: None, value: Some(Json::of(&record).as_str().to_owned()) };
        match ledger.store(&[write]).await {
            Ok(()) => Ok(Self { key, version: 1, record }),
            Err(e) if e.code == Code::Conflict => Err(super::once::in_flight()),
            Err(e) => Err(e),
        }
    }

    /// Saves; one that may have been written all the same is looked for, so that the version stays known.
    ///
    /// # Errors
    /// The ledger's, when it is certainly not written; else an unknown outcome: the record is not ours to act on.
    pub(super) async fn save_surely(&mut self, ledger: &dyn Ledger) -> Result<()> {
        let Err(why) = self.save(ledger).await else { return Ok(()) };
        let unknown = why.clone().next(Next::Unknown(None));
        if why.code == Code::Conflict {
            // Somebody beside us has written, perhaps the very same.
            return Err(unknown);
        }
        match ledger.load(&self.key).await {
            Ok(Some(found)) if found.version == self.version => Err(why),
            Ok(Some(found))
                if found.version == self.version.saturating_add(1)
                    && found.value == Json::of(&self.record).as_str() =>
            {
                self.version = found.version;
                Ok(())
            }
            _ => Err(unknown),
        }
    }

    pub(super) async fn save(&mut self, ledger: &dyn Ledger) -> Result<()> {
        let value = Some(Json::of(&self.record).as_str().to_owned());
        ledger.store(&[Write { key: self.key.clone(), expect: Some(self.version), value }]).await?;
        self.version = self.version.saturating_add(1);
        Ok(())
    }

    /// Removes the record of a settled visit and books it, in one write.
    pub(super) async fn book(self, ledger: &dyn Ledger, receipt: &Receipt, now: Time) -> Result<()> {
        let line = BookRecord::of(&self.record, receipt, now);
        let value = Some(Json::of(&line).as_str().to_owned());
        let booked = Write { key: BookRecord::key(&self.key, now), expect: None, value };
        let gone = Write { key: self.key, expect: Some(self.version), value: None };
        let done = ledger.store(&[gone, booked]).await;
        done.or_else(|e| if e.code == Code::Conflict { Ok(()) } else { Err(e) })
    }

    /// Removes the record. One that has moved was concluded by a resume beside us, which is as good.
    pub(super) async fn remove(self, ledger: &dyn Ledger) -> Result<()> {
        let gone = ledger.store(&[Write { key: self.key, expect: Some(self.version), value: None }]).await;
        gone.or_else(|e| if e.code == Code::Conflict { Ok(()) } else { Err(e) })
    }
}
