//! What the ledger holds of transactions.
//!
//! | record | value | while |
//! |---|---|---|
//! | `evm/<chain>/send/<key>` | the signed transaction, then also its result | until the retention sweep |
//! | `evm/<chain>/open/<sender>/<nonce>` | the key that the nonce is for | until its result is written |
//! | `evm/<chain>/was/<hash>` | the key of a transaction that was outbid by its own sender | as the first |
//!
//! The first two are made in one atomic write. The second is the arbiter of nonces: two processes that share a ledger and a
//! sender cannot both journal the same one, and after a crash it lists what is unfinished without reading the rest.

use crate::Mined;
use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tollway_core::{ChainId, Code, Error, Ledger, Next, RecordKey, Result, Time, Write};

/// Records read per page.
const PAGE: usize = 256;
/// Room for an entry with its result, so that it is not copied while it grows, in bytes.
const TEXT_BYTES: usize = 3072;
/// Times that a write is tried again after a record moved under it.
const RETRIES: u32 = 4;

/// An offer for a transaction that a higher one has replaced. It may still be the one that is mined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bid {
    pub(super) hash: B256,
    pub(super) max_fee_wei: u128,
    pub(super) tip_wei: u128,
}

/// A signed transaction, and what became of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) sender: Address,
    pub(super) nonce: u64,
    pub(super) hash: B256,
    pub(super) raw: Bytes,
    pub(super) max_fee_wei: u128,
    pub(super) tip_wei: u128,
    /// When it was signed.
    pub(super) at: Time,
    /// Not to be sent for the first time after this.
    pub(super) not_after: Time,
    /// Earlier offers for the same call at the same nonce, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) before: Vec<Bid>,
    /// What its gas teaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) learn: Option<(Address, Box<str>)>,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mined: Option<Mined>,
}

impl Entry {
    /// What it is known by, whatever is offered for it: the hash of the first offer.
    pub(super) fn name(&self) -> B256 {
        self.before.first().map_or(self.hash, |first| first.hash)
    }
    /// Every hash that it may be mined under, newest first.
    pub(super) fn hashes(&self) -> impl Iterator<Item = B256> + '_ {
        std::iter::once(self.hash).chain(self.before.iter().rev().map(|bid| bid.hash))
    }
    /// The most that can leave the sender's account by it, in wei: execution, and the coins that go with it.
    pub(super) fn may_cost_wei(&self) -> u128 {
        super::tx::of(&self.raw).map(|tx| super::tx::may_cost_wei(&tx)).unwrap_or_default()
    }
    /// What was offered per gas the first time.
    pub(super) fn first_fee_wei(&self) -> u128 {
        self.before.first().map_or(self.max_fee_wei, |first| first.max_fee_wei)
    }
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
        RecordKey(format!("evm/{}/send/{key}", self.chain))
    }
    fn open_key(&self, sender: &Address, nonce: u64) -> RecordKey {
        // Fixed width, so that the ledger's order is the nonces' order.
        RecordKey(format!("evm/{}/open/{sender:#x}/{nonce:016x}", self.chain))
    }

    fn was_key(&self, hash: &B256) -> RecordKey {
        RecordKey(format!("evm/{}/was/{hash:#x}", self.chain))
    }

    /// Writes a signed transaction down, before it goes anywhere.
    ///
    /// # Errors
    /// [`Code::Conflict`] when the key or the nonce is taken.
    pub(super) async fn open(&self, key: &RecordKey, entry: &Entry) -> Result<()> {
        let value = Some(text(entry)?);
        let entry_write = Write { key: self.send_key(key), expect: None, value };
        let nonce = self.open_key(&entry.sender, entry.nonce);
        let nonce_write = Write { key: nonce, expect: None, value: Some(key.0.clone()) };
        self.ledger.store(&[entry_write, nonce_write]).await?;
        let labels = [("network", self.chain.to_string()), ("signer", entry.sender.to_string())];
        metrics::gauge!("tollway_signer_nonce", &labels).set(u32::try_from(entry.nonce).unwrap_or(u32::MAX));
        Ok(())
    }

    /// What was journaled under a key.
    pub(super) async fn load(&self, key: &RecordKey) -> Result<Option<Entry>> {
        match self.ledger.load(&self.send_key(key)).await? {
            Some(record) => Ok(Some(read(&record.value)?)),
            None => Ok(None),
        }
    }

    /// The key that a nonce is open for.
    pub(super) async fn holder(&self, sender: &Address, nonce: u64) -> Result<Option<RecordKey>> {
        let record = self.ledger.load(&self.open_key(sender, nonce)).await?;
        Ok(record.map(|r| RecordKey(r.value)))
    }

    /// Writes results down. One write for all of them; if one record has moved, each on its own.
    pub(super) async fn finish(&self, done: &[(RecordKey, Entry)]) -> Result<()> {
        let mut writes = Vec::with_capacity(done.len().saturating_mul(2));
        for (key, entry) in done {
            writes.push(Write { key: self.send_key(key), expect: Some(1), value: Some(text(entry)?) });
            let nonce = self.open_key(&entry.sender, entry.nonce);
            writes.push(Write { key: nonce, expect: Some(1), value: None });
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

    /// Writes a higher offer down, before it goes anywhere: same key, same nonce, another hash.
    ///
    /// # Errors
    /// [`Code::Conflict`] when what is journaled is not `old` any more.
    pub(super) async fn outbid(&self, key: &RecordKey, old: &Entry, new: &Entry) -> Result<()> {
        let moved = || Error::us(Code::Conflict).detail("the journal has another offer, or an end");
        let have = self.ledger.load(&self.send_key(key)).await?.ok_or_else(moved)?;
        if read(&have.value)? != *old {
            return Err(moved());
        }
        let send = Write { key: self.send_key(key), expect: Some(have.version), value: Some(text(new)?) };
        let was = Write { key: self.was_key(&old.hash), expect: None, value: Some(key.0.clone()) };
        self.ledger.store(&[send, was]).await
    }

    /// The transaction that had this hash before it was outbid.
    pub(super) async fn outbid_by(&self, hash: &B256) -> Result<Option<Entry>> {
        match self.ledger.load(&self.was_key(hash)).await? {
            Some(record) => self.load(&RecordKey(record.value)).await,
            None => Ok(None),
        }
    }

    /// Forgets a transaction that never was and never will be, or one that is over for long.
    ///
    /// # Errors
    /// [`Code::Conflict`] when what is journaled is another one, or has another offer or end: another process knows more.
    pub(super) async fn forget(&self, key: &RecordKey, entry: &Entry) -> Result<()> {
        self.close(key, entry, None).await
    }

    /// Rewrites a record whatever its version, and lets go of the nonce if it is still held for this key.
    async fn close(&self, key: &RecordKey, entry: &Entry, value: Option<String>) -> Result<()> {
        let (send, open) = (self.send_key(key), self.open_key(&entry.sender, entry.nonce));
        let mut tries = 0u32;
        loop {
            let (have, held) = (self.ledger.load(&send).await?, self.ledger.load(&open).await?);
            if let (Some(have), None) = (&have, &value)
                && read(&have.value)? != *entry
            {
                return Err(Error::us(Code::Conflict).detail("the journal has another offer, or an end"));
            }
            let mut writes = Vec::with_capacity(2);
            for bid in entry.before.iter().filter(|_| value.is_none()) {
                let was = self.was_key(&bid.hash);
                if let Some(record) = self.ledger.load(&was).await? {
                    writes.push(Write { key: was, expect: Some(record.version), value: None });
                }
            }
            if have.is_some() || value.is_some() {
                let expect = have.map(|r| r.version);
                writes.push(Write { key: send.clone(), expect, value: value.clone() });
            }
            if let Some(held) = held.filter(|r| r.value == key.0) {
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

    /// Gives a nonce from one key to another, whose transaction is written down along with it.
    pub(super) async fn replace(&self, from: &RecordKey, to: &RecordKey, entry: &Entry) -> Result<()> {
        let open = self.open_key(&entry.sender, entry.nonce);
        let held = self.ledger.load(&open).await?.filter(|r| r.value == from.0);
        let held =
            held.ok_or_else(|| Error::us(Code::Conflict).detail("the nonce is held for another key"))?;
        let send = Write { key: self.send_key(to), expect: None, value: Some(text(entry)?) };
        let nonce = Write { key: open, expect: Some(held.version), value: Some(to.0.clone()) };
        self.ledger.store(&[send, nonce]).await
    }

    /// Opens a finished transaction again: a reorganisation took it back.
    pub(super) async fn reopen(&self, key: &RecordKey, entry: &Entry) -> Result<()> {
        let have = self.ledger.load(&self.send_key(key)).await?;
        let send =
            Write { key: self.send_key(key), expect: have.map(|r| r.version), value: Some(text(entry)?) };
        let open = self.open_key(&entry.sender, entry.nonce);
        let nonce = Write { key: open, expect: None, value: Some(key.0.clone()) };
        self.ledger.store(&[send, nonce]).await
    }

    /// All unfinished transactions of a sender, or of all, by sender and nonce.
    pub(super) async fn unfinished(&self, sender: Option<&Address>) -> Result<Vec<(RecordKey, Entry)>> {
        let of = sender.map_or_else(String::new, |sender| format!("{sender:#x}/"));
        let prefix = format!("evm/{}/open/{of}", self.chain);
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

    /// The highest nonce of a sender that is open.
    pub(super) async fn highest(&self, sender: &Address) -> Result<Option<u64>> {
        let prefix = format!("evm/{}/open/{sender:#x}/", self.chain);
        let (mut highest, mut after) = (None, None);
        loop {
            let page = self.ledger.scan(&prefix, after.as_ref(), PAGE).await?;
            let nonces =
                page.iter().filter_map(|r| u64::from_str_radix(r.key.0.strip_prefix(&prefix)?, 16).ok());
            highest = highest.max(nonces.max());
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.key.clone()),
                _ => return Ok(highest),
            }
        }
    }

    /// A finished transaction of this sender and nonce, if it is still remembered.
    pub(super) async fn finished(&self, sender: &Address, nonce: u64) -> Result<Option<(RecordKey, Entry)>> {
        let mut found = None;
        self.each_finished(|key, entry| {
            if entry.sender == *sender && entry.nonce == nonce {
                found = Some((key, entry));
            }
        })
        .await?;
        Ok(found)
    }

    /// Forgets results older than `before`. Returns how many.
    pub(super) async fn sweep(&self, before: Time) -> Result<usize> {
        let mut old = Vec::new();
        self.each_finished(|key, entry| {
            if entry.at < before {
                old.push((key, entry));
            }
        })
        .await?;
        let mut gone = 0usize;
        for (key, entry) in &old {
            match self.forget(key, entry).await {
                Ok(()) => gone = gone.saturating_add(1),
                Err(error) if error.code == Code::Conflict => {} // opened again meanwhile
                Err(error) => return Err(error),
            }
        }
        Ok(gone)
    }

    async fn each_finished(&self, mut each: impl FnMut(RecordKey, Entry) + Send) -> Result<()> {
        let prefix = format!("evm/{}/send/", self.chain);
        let mut after = None;
        loop {
            let page = self.ledger.scan(&prefix, after.as_ref(), PAGE).await?;
            let last = page.last().map(|r| r.key.clone());
            let full = page.len() == PAGE;
            for record in page {
                let Some(key) = record.key.0.strip_prefix(&prefix) else { continue };
                // A record that cannot be read is left for people to look at; it is not ours to delete.
                let Ok(entry) = read(&record.value) else { continue };
                if entry.mined.is_some() {
                    each(RecordKey(key.to_owned()), entry);
                }
            }
            match last {
                Some(last) if full => after = Some(last),
                _ => return Ok(()),
            }
        }
    }
}

fn text(entry: &Entry) -> Result<String> {
    let mut text = Vec::with_capacity(TEXT_BYTES);
    let written = serde_json::to_writer(&mut text, entry).is_ok();
    let text = String::from_utf8(text).ok().filter(|_| written);
    text.ok_or_else(|| Error::us(Code::Internal).detail("a journal entry cannot be written"))
}

fn read(text: &str) -> Result<Entry> {
    serde_json::from_str(text).map_err(|_| {
        let words = "a journal entry of evm/…/send cannot be read";
        Error::us(Code::LedgerFailed).next(Next::Later).detail(words)
    })
}
