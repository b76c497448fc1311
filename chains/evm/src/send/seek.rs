//! Looking for receipts, and what it means when there is one and when there is none.

use super::engine::Engine;
use super::journal::Entry;
use crate::receipt::RawReceipt;
use crate::rpc::Slot;
use alloy::primitives::{Address, B256, U64};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tollway_core::{Blame, Code, Error, Next};

/// Receipts asked for in one batch.
const BATCH: usize = 100;
/// Looks that must agree that another transaction took a nonce.
const DISPLACED_LOOKS: u8 = 3;

/// What one look found under all hashes of a transaction.
#[derive(Default)]
struct Found {
    receipt: Option<RawReceipt>,
    /// Some answer is missing, so that finding nothing means nothing.
    unsure: bool,
}

/// The part of a block that names it.
#[derive(Debug, Deserialize)]
struct Named {
    hash: B256,
}

impl Engine {
    /// Looks for receipts. `counts` were read before, so a nonce that had passed then and has no receipt now belongs
    /// to another transaction. Returns how many were found.
    pub(super) async fn look_for(
        self: &Arc<Self>,
        names: &[B256],
        counts: &HashMap<Address, u64>,
        done: Option<u64>,
    ) -> usize {
        let asked = self.watched.hashes(names);
        let mut seen: HashMap<B256, Found> = HashMap::with_capacity(names.len());
        for chunk in asked.chunks(BATCH) {
            self.ask_receipts(chunk, &mut seen).await;
        }
        let (mut found, mut ripe) = (0usize, Vec::new());
        for (name, look) in seen {
            match look.receipt {
                Some(receipt) => {
                    found = found.saturating_add(1);
                    if self.finality.reached(receipt.block().unwrap_or(u64::MAX), done) {
                        ripe.push((name, receipt));
                    } else if let Some(open) = self.watched.map().get_mut(&name) {
                        open.saw();
                    }
                }
                None if look.unsure => {} // the next round asks again
                None => self.missed(name, counts).await,
            }
        }
        self.reap(ripe).await;
        found
    }

    async fn ask_receipts(&self, chunk: &[(B256, B256)], seen: &mut HashMap<B256, Found>) {
        let mut batch = self.rpc.batch();
        let mut slots: Vec<(B256, B256, Slot<Option<RawReceipt>>)> = Vec::with_capacity(chunk.len());
        for (name, hash) in chunk {
            match batch.add("eth_getTransactionReceipt", &(hash,)) {
                Ok(slot) => slots.push((*name, *hash, slot)),
                Err(_) => seen.entry(*name).or_default().unsure = true,
            }
        }
        if batch.send().await.is_err() {
            chunk.iter().for_each(|(name, _)| seen.entry(*name).or_default().unsure = true);
            return;
        }
        for (name, hash, slot) in slots {
            let answer = slot.take().await;
            let look = seen.entry(name).or_default();
            match answer {
                Ok(Some(receipt)) if receipt.block().is_some() && receipt.transaction_hash == hash => {
                    look.receipt = Some(receipt);
                }
                Ok(_) => {}
                Err(_) => look.unsure = true,
            }
        }
    }

    /// Ends what is in a block that is final, and is still the chain's.
    async fn reap(self: &Arc<Self>, ripe: Vec<(B256, RawReceipt)>) {
        let canonical = match self.finality.question() {
            Some(_) if !ripe.is_empty() => Some(self.canonical(&ripe).await),
            _ => None,
        };
        for (name, receipt) in ripe {
            let stands = match (&canonical, receipt.block_hash) {
                (Some(agreed), Some(hash)) => agreed.contains(&hash),
                _ => true,
            };
            let open = match stands {
                true => self.watched.map().remove(&name),
                // Nodes disagree about the block: as if nothing had been found, until they agree.
                false => None,
            };
            if let Some(open) = open {
                self.settle(open.flight, open.entry, receipt).await;
            }
        }
    }

    /// Of the receipts' blocks, those that are on the chain by at least one node's word, and by no node's are not.
    async fn canonical(&self, ripe: &[(B256, RawReceipt)]) -> HashSet<B256> {
        let blocks: HashMap<u64, HashSet<B256>> =
            ripe.iter().fold(HashMap::new(), |mut all, (_, receipt)| {
                if let (Some(number), Some(hash)) = (receipt.block(), receipt.block_hash) {
                    all.entry(number).or_default().insert(hash);
                }
                all
            });
        let (mut agreed, mut refused) = (HashSet::new(), HashSet::new());
        for node in self.rpc.each_well() {
            let mut batch = node.batch();
            let mut slots = Vec::with_capacity(blocks.len());
            for number in blocks.keys() {
                let asked = (U64::from(*number), false);
                if let Ok(slot) = batch.add::<_, Option<Named>>("eth_getBlockByNumber", &asked) {
                    slots.push((*number, slot));
                }
            }
            if batch.send().await.is_err() {
                continue;
            }
            for (number, slot) in slots {
                let Ok(Some(block)) = slot.take().await else { continue };
                for hash in blocks.get(&number).into_iter().flatten() {
                    if *hash == block.hash {
                        agreed.insert(*hash)
                    } else {
                        refused.insert(*hash)
                    };
                }
            }
        }
        agreed.retain(|hash| !refused.contains(hash));
        agreed
    }

    /// There was no receipt.
    async fn missed(self: &Arc<Self>, name: B256, counts: &HashMap<Address, u64>) {
        let dead = {
            let mut map = self.watched.map();
            let Some(open) = map.get_mut(&name) else { return };
            open.put_back();
            match counts.get(&open.entry.sender) {
                Some(count) if *count > open.entry.nonce => self.displaced(open),
                Some(_) => {
                    (open.displaced, open.suspect) = (0, false);
                    false
                }
                None => false,
            }
        };
        if dead {
            self.bury(name).await;
        }
    }

    /// Counts looks that found the nonce gone and no receipt; true when there were enough of them, far enough apart.
    fn displaced(&self, open: &mut super::open::Open) -> bool {
        let apart = Duration::from_millis(u64::from(self.profile.block_ms / 2).clamp(300, 3_000));
        if open.displaced_at.is_none_or(|at| at.elapsed() >= apart) {
            open.displaced = open.displaced.saturating_add(1);
            open.displaced_at = Some(Instant::now());
        }
        open.displaced >= DISPLACED_LOOKS
    }

    /// Another transaction has its nonce: it never will be mined.
    async fn bury(&self, name: B256) {
        let known = self.watched.map().get(&name).map(|open| (open.flight.clone(), open.entry.clone()));
        let Some((flight, entry)) = known else { return };
        // Another process over this ledger may have offered more, under a hash that was not looked for here, or seen the end.
        match self.journal.load(&flight.key).await {
            Ok(Some(now)) if now != entry => {
                if self.watched.map().remove(&name).is_some() {
                    self.follow(&flight, now);
                }
                return;
            }
            // Nothing is journaled of it any more: whoever holds its key has found out.
            Ok(None) if !self.ours(&entry.sender) => return self.lost(&name, &entry),
            Ok(_) if self.ours(&entry.sender) => {}
            Ok(_) | Err(_) => return, // the next round tries again, or another process finds out
        }
        if !self.gone_everywhere(&entry).await {
            if let Some(open) = self.watched.map().get_mut(&name) {
                (open.displaced, open.urgent) = (0, true);
            }
            return;
        }
        let Some(open) = self.watched.map().remove(&name) else { return };
        if self.journal.forget(&open.flight.key, &open.entry).await.is_err() {
            self.watched.map().insert(name, open); // the next round tries again
            return;
        }
        if let Some(lane) = self.lanes.iter().find(|lane| lane.address == open.entry.sender)
            && let Err(error) = self.sync_lane(lane).await
        {
            tracing::debug!(target: "tollway_evm", %error, "a lane was not synced");
        }
        self.fail(&open.flight, displaced(&open.entry));
    }

    fn lost(&self, name: &B256, entry: &Entry) {
        if let Some(open) = self.watched.map().remove(name) {
            self.fail(&open.flight, displaced(entry));
        }
    }

    /// Where there are several nodes, one may have told that the nonce is used up and another, which is behind, that there
    /// is no receipt. So each is asked both at once: none may have a receipt, and one must say that the nonce is used up.
    async fn gone_everywhere(&self, entry: &Entry) -> bool {
        if self.rpc.nodes() <= 1 {
            return true;
        }
        let mut passed = false;
        for node in self.rpc.each() {
            let mut batch = node.batch();
            let count = batch.add::<_, U64>("eth_getTransactionCount", &(entry.sender, "latest"));
            let receipts: Vec<_> = entry
                .hashes()
                .filter_map(|hash| {
                    batch.add::<_, Option<RawReceipt>>("eth_getTransactionReceipt", &(hash,)).ok()
                })
                .collect();
            let Ok(count) = count else { return false };
            if batch.send().await.is_err() {
                continue;
            }
            for slot in receipts {
                if !matches!(slot.take().await, Ok(None)) {
                    return false;
                }
            }
            passed |= count.take().await.is_ok_and(|count| count.to::<u64>() > entry.nonce);
        }
        passed
    }
}

fn displaced(entry: &Entry) -> Error {
    let words = format!(
        "another transaction of {} used nonce {}, and this one never will be mined",
        entry.sender, entry.nonce
    );
    Error::new(Code::Conflict, Blame::Us, Next::Later).detail(words)
}
