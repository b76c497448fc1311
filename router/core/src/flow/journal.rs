use super::book::BookRecord;
use crate::raw::text;
use crate::{
    Amount, Claim, Code, Error, Ledger, Next, Order, Print, Receipt, RecordKey, ReplayKey, Result, Time,
    Write,
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
    /// When it came: it verified after that. Zero in a record from before this was noted.
    #[serde(default)]
    pub begun: Time,
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
    /// Writes a new record and claims its keys until `until`; somebody who is there already makes it
    /// [`Code::InFlight`]. The inner answer is the claim's: the record is written, whatever became of that.
    pub(super) async fn create(
        ledger: &dyn Ledger,
        key: RecordKey,
        record: VisitRecord,
        (until, now): (Time, Time),
    ) -> Result<(Self, Result<Claim>)> {
        let value = Some(text(&record));
        let write = Write { key: key.clone(), expect: None, value };
        match ledger.store_then_claim(&[write], &record.keys, &record.print, until, now).await {
            Ok(claim) => Ok((Self { key, version: 1, record }, claim)),
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
                if found.version == self.version.saturating_add(1) && found.value == text(&self.record) =>
            {
                self.version = found.version;
                Ok(())
            }
            _ => Err(unknown),
        }
    }

    pub(super) async fn save(&mut self, ledger: &dyn Ledger) -> Result<()> {
        let value = Some(text(&self.record));
        ledger.store(&[Write { key: self.key.clone(), expect: Some(self.version), value }]).await?;
        self.version = self.version.saturating_add(1);
        Ok(())
    }

    /// Concludes the claim with its receipt; removes the record of the settled visit and books it, in one write.
    pub(super) async fn settled(self, ledger: &dyn Ledger, receipt: &Receipt, now: Time) -> Result<()> {
        let line = BookRecord::of(&self.record, receipt, now);
        let value = Some(text(&line));
        let booked = Write { key: BookRecord::key(&self.key, now), expect: None, value };
        self.conclude(ledger, Some(receipt), Some(booked)).await
    }

    /// Frees the claim, under which nothing was sent, and removes the record.
    pub(super) async fn freed(self, ledger: &dyn Ledger) -> Result<()> {
        self.conclude(ledger, None, None).await
    }

    async fn conclude(
        self,
        ledger: &dyn Ledger,
        receipt: Option<&Receipt>,
        booked: Option<Write>,
    ) -> Result<()> {
        let Self { key, version, record } = self;
        let gone = Write { key, expect: Some(version), value: None };
        let writes: Vec<Write> = std::iter::once(gone).chain(booked).collect();
        unless_moved(ledger.conclude_then_store(&record.keys, &record.print, receipt, &writes).await)
    }

    /// True when nobody has moved the record: whoever writes the next version is alone with it.
    pub(super) async fn is_ours_alone(&mut self, ledger: &dyn Ledger) -> Result<bool> {
        match self.save(ledger).await {
            Err(e) if e.code == Code::Conflict => Ok(false),
            done => done.map(|()| true),
        }
    }

    /// Removes the record.
    pub(super) async fn remove(self, ledger: &dyn Ledger) -> Result<()> {
        let gone = Write { key: self.key, expect: Some(self.version), value: None };
        unless_moved(ledger.store(&[gone]).await)
    }
}

/// A record that has moved was concluded by a resume beside us, which is as good.
fn unless_moved(done: Result<()>) -> Result<()> {
    done.or_else(|e| if e.code == Code::Conflict { Ok(()) } else { Err(e) })
}
