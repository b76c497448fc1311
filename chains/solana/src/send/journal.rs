//! What the ledger holds of transactions.
//!
//! | record | value | while |
//! |---|---|---|
//! | `solana/<chain>/send/<key>` | the signed transaction, then also its end | until the retention sweep |
//! | `solana/<chain>/open/<signature>` | the key that it was sent under | until its end is written |
//!
//! Both are made in one atomic write. The second keeps one transaction from going out under two keys, and after a crash
//! it lists what is unfinished without reading the rest.

use crate::svm::Landed;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tollway_core::{ChainId, Code, Error, Ledger, Next, RecordKey, Result, Time, TxId, Write};

/// Records read per page.
const PAGE: usize = 256;
/// Times that a write is tried again after a record moved under it.
const RETRIES: u32 = 4;

/// A signed transaction, and what became of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its first signature.
    pub(super) tx: TxId,
    /// All of it, in base64.
    pub(super) wire: String,
    /// The last block height at which it can be in a block.
    pub(super) last_valid: u64,
    /// A slot before it was sent: whoever has every block from there on would know it.
    pub(super) from_slot: u64,
    /// What it costs.
    pub(super) fee_lamports: u64,
    /// When it was signed.
    pub(super) at: Time,
    /// Not to be sent for the first time after this.
    pub(super) not_after: Time,
    /// Somebody sends it besides, or instead of, whoever journaled it: from then on nobody takes it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) taken_up: bool,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<End>,
}

impl Entry {
    /// Whether this is written, or deleted, where `found` is. One that was taken back never was, so that it expired is
    /// not worth a word; and what came after it under its key stays.
    fn may_replace(&self, found: Option<&Self>) -> bool {
        match found {
            None => matches!(self.end, Some(End::Landed(_))),
            Some(found) => found.tx == self.tx,
        }
    }
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// In a block at the set finality.
    Landed(Landed),
    /// In no block, for ever.
    Expired,
}

/// The ledger, as far as one chain's sender uses it.
#[derive(Clone)]
pub(super) struct Journal {
    ledger: Arc<dyn Ledger>,
    chain: ChainId,
}

impl Journal {
    pub(super) fn new(ledger: Arc<dyn Ledger>, chain: ChainId) -> Self {
        Self { ledger, chain }
    }

    fn send_key(&self, key: &RecordKey) -> RecordKey {
        RecordKey(format!("solana/{}/send/{key}", self.chain))
    }
    fn open_key(&self, tx: &TxId) -> RecordKey {
        RecordKey(format!("solana/{}/open/{tx}", self.chain))
    }

    /// Writes a signed transaction down, before it goes anywhere.
    ///
    /// # Errors
    /// [`Code::Conflict`] when the key is taken, or the transaction is on its way under another.
    pub(super) async fn open(&self, key: &RecordKey, entry: &Entry) -> Result<()> {
        let send = Write { key: self.send_key(key), expect: None, value: Some(text(entry)?) };
        let open = Write { key: self.open_key(&entry.tx), expect: None, value: Some(key.0.clone()) };
        self.ledger.store(&[send, open]).await
    }

    /// What was journaled under a key.
    pub(super) async fn load(&self, key: &RecordKey) -> Result<Option<Entry>> {
        match self.ledger.load(&self.send_key(key)).await? {
            Some(record) => Ok(Some(read(&record.value)?)),
            None => Ok(None),
        }
    }

    /// Writes ends down. One write for all of them; if one record has moved, each on its own.
    pub(super) async fn finish(&self, done: &[(RecordKey, Entry)]) -> Result<()> {
        let mut writes = Vec::with_capacity(done.len().saturating_mul(2));
        for (key, entry) in done {
            writes.push(Write { key: self.send_key(key), expect: Some(1), value: Some(text(entry)?) });
            writes.push(Write { key: self.open_key(&entry.tx), expect: Some(1), value: None });
        }
        match self.ledger.store(&writes).await {
            Err(error) if error.code == Code::Conflict => {
                for (key, entry) in done {
                    self.close(key, entry, Some(text(entry)?)).await?;
                }
                Ok(())
            }
            other => other,
        }
    }

    /// Notes that an unfinished transaction is sent by another than who journaled it, which cannot take it back after
    /// this. Gives back what is journaled now: that, or whatever it has become.
    pub(super) async fn take_up(&self, key: &RecordKey, entry: &Entry) -> Result<Option<Entry>> {
        let Some(have) = self.ledger.load(&self.send_key(key)).await? else { return Ok(None) };
        let mut found = read(&have.value)?;
        if found.tx == entry.tx && found.end.is_none() && !found.taken_up {
            let open = self.open_key(&found.tx);
            let moved = || Error::us(Code::Conflict).detail("it is being taken back or ended");
            let held = self.ledger.load(&open).await?.ok_or_else(moved)?;
            found.taken_up = true;
            let value = Some(text(&found)?);
            let send = Write { key: self.send_key(key), expect: Some(have.version), value };
            // Versions begin anew with a record: this one tells whether it is still the same transaction's.
            let open = Write { key: open, expect: Some(held.version), value: Some(held.value) };
            self.ledger.store(&[send, open]).await?;
        }
        Ok(Some(found))
    }

    /// Forgets a transaction that never was and never will be, or an old end.
    ///
    /// # Errors
    /// [`Code::Conflict`] when what is journaled is another one, was taken up, or has another end: another process
    /// knows more.
    pub(super) async fn forget(&self, key: &RecordKey, entry: &Entry) -> Result<()> {
        self.close(key, entry, None).await
    }

    /// Rewrites a record of this transaction whatever its version, and takes the transaction off the list if it is there
    /// for this key.
    async fn close(&self, key: &RecordKey, entry: &Entry, value: Option<String>) -> Result<()> {
        let (send, open) = (self.send_key(key), self.open_key(&entry.tx));
        let mut tries = 0u32;
        loop {
            let (have, held) = (self.ledger.load(&send).await?, self.ledger.load(&open).await?);
            let found = have.as_ref().map(|record| read(&record.value)).transpose()?;
            if value.is_none() && found.as_ref().is_some_and(|found| found != entry) {
                return Err(Error::us(Code::Conflict).detail("the journal has more of it, or another"));
            }
            let mut writes = Vec::with_capacity(2);
            if (have.is_some() || value.is_some()) && entry.may_replace(found.as_ref()) {
                let expect = have.map(|record| record.version);
                writes.push(Write { key: send.clone(), expect, value: value.clone() });
            }
            if let Some(held) = held.filter(|record| record.value == key.0) {
                writes.push(Write { key: open.clone(), expect: Some(held.version), value: None });
            }
            match self.ledger.store(&writes).await {
                Err(error) if error.code == Code::Conflict && tries < RETRIES => {
                    tries = tries.saturating_add(1)
                }
                other => return other,
            }
        }
    }

    /// All unfinished transactions.
    pub(super) async fn unfinished(&self) -> Result<Vec<(RecordKey, Entry)>> {
        let prefix = format!("solana/{}/open/", self.chain);
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.scan(&prefix, after.as_ref(), PAGE).await?;
            for record in &page {
                let key = RecordKey(record.value.clone());
                if let Some(entry) = self.load(&key).await? {
                    found.push((key, entry));
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.key.clone()),
                _ => return Ok(found),
            }
        }
    }

    /// Forgets ends older than `before`. Returns how many.
    pub(super) async fn sweep(&self, before: Time) -> Result<usize> {
        let prefix = format!("solana/{}/send/", self.chain);
        let (mut old, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.scan(&prefix, after.as_ref(), PAGE).await?;
            for record in &page {
                let Some(key) = record.key.0.strip_prefix(&prefix) else { continue };
                // A record that cannot be read is left for people to look at; it is not ours to delete.
                let Ok(entry) = read(&record.value) else { continue };
                if entry.end.is_some() && entry.at < before {
                    old.push((RecordKey(key.to_owned()), entry));
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.key.clone()),
                _ => break,
            }
        }
        for (key, entry) in &old {
            self.forget(key, entry).await?;
        }
        Ok(old.len())
    }
}

fn text(entry: &Entry) -> Result<String> {
    serde_json::to_string(entry)
        .map_err(|_| Error::us(Code::Internal).detail("a journal entry cannot be written"))
}

fn read(text: &str) -> Result<Entry> {
    serde_json::from_str(text).map_err(|_| {
        let words = "a journal entry of solana/…/send cannot be read";
        Error::us(Code::LedgerFailed).next(Next::Later).detail(words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollway_core::ledger::MemoryLedger;

    fn entry(tx: &str, end: Option<End>) -> Entry {
        let (at, not_after) = (Time::ZERO, Time::FAR);
        let (wire, tx) = (String::new(), TxId(tx.into()));
        let taken_up = false;
        Entry { tx, wire, last_valid: 1, from_slot: 1, fee_lamports: 1, at, not_after, taken_up, end }
    }

    async fn opened(tx: &str) -> (Journal, RecordKey, Entry) {
        let journal = Journal::new(Arc::new(MemoryLedger::new()), "solana:x".parse().unwrap());
        let (key, entry) = (RecordKey::from("k"), entry(tx, None));
        journal.open(&key, &entry).await.unwrap();
        (journal, key, entry)
    }

    #[tokio::test]
    async fn what_was_taken_up_or_has_ended_is_not_forgotten() {
        let (journal, key, open) = opened("a").await;
        let taken = journal.take_up(&key, &open).await.unwrap();
        assert!(taken.as_ref().is_some_and(|taken| taken.taken_up));
        assert_eq!(journal.forget(&key, &open).await.unwrap_err().code, Code::Conflict);
        let ended = entry("a", Some(End::Expired));
        journal.finish(&[(key.clone(), ended.clone())]).await.unwrap();
        assert_eq!(journal.forget(&key, &open).await.unwrap_err().code, Code::Conflict);
        assert!(journal.take_up(&key, &open).await.unwrap() == Some(ended.clone()));
        assert!(journal.unfinished().await.unwrap().is_empty());
        journal.forget(&key, &ended).await.unwrap();
        assert!(journal.load(&key).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_end_of_one_that_was_taken_back_replaces_nothing() {
        let (journal, key, open) = opened("a").await;
        journal.forget(&key, &open).await.unwrap();
        assert!(journal.take_up(&key, &open).await.unwrap().is_none());
        let ended = [(key.clone(), entry("a", Some(End::Expired)))];
        journal.finish(&ended).await.unwrap();
        assert!(journal.load(&key).await.unwrap().is_none());
        let next = entry("b", None);
        journal.open(&key, &next).await.unwrap();
        assert!(journal.take_up(&key, &open).await.unwrap() == Some(next.clone()));
        assert_eq!(journal.forget(&key, &open).await.unwrap_err().code, Code::Conflict);
        journal.finish(&ended).await.unwrap();
        assert!(journal.load(&key).await.unwrap() == Some(next));
        assert_eq!(journal.unfinished().await.unwrap().len(), 1);
    }
}
