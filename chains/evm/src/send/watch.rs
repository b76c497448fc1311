//! One watcher for all transactions of a chain that are on their way.
//!
//! * **Receipts** are looked for when there is a new block, all of them in one batch. New blocks are pushed over a
//!   WebSocket, or asked for ten times per block time. On a node that mines each transaction at once, a first look
//!   right after sending usually finds the receipt; whether that pays is learned from how often it did lately.
//! * **Doubtful** ones are sent again, in the order of their nonces, at growing intervals.
//! * **Overdue** ones make it compare the chain's nonce with ours: a nonce that has passed without a receipt means
//!   another transaction took it; a nonce that stands below our lowest means a gap.
//! * **Outbid** ones are offered more for ([`super::bid`]).

use super::engine::Engine;
use alloy::primitives::{Address, B256, U64};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// How good the first look's record starts, and how good it can get.
const LUCK_MAX: u8 = 8;

/// What the watcher remembers between rounds.
struct Rounds {
    head: Option<u64>,
    moved_at: Instant,
    looked_at: Instant,
    counted_at: Instant,
    luck: u8,
}

impl Engine {
    /// Watches until the engine ends.
    pub(super) async fn watch(self: Arc<Self>) {
        let mut heads = self.rpc.heads().await;
        let mut ticks = tokio::time::interval(self.tick(heads.is_some()));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = Instant::now();
        let mut rounds =
            Rounds { head: None, moved_at: now, looked_at: now, counted_at: now, luck: LUCK_MAX / 2 };
        loop {
            if self.watched.map().is_empty() {
                self.watched.wake.notified().await;
            }
            let fresh = self.watched.fresh(rounds.luck > 0);
            if !fresh.is_empty() {
                let found = self.look_for(&fresh, &HashMap::new(), None).await;
                rounds.luck = if found > 0 { LUCK_MAX } else { rounds.luck.saturating_sub(1) };
            }
            self.send_due();
            let pushed = async {
                match heads.as_mut() {
                    Some(heads) => heads.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.watched.wake.notified() => {}
                _ = ticks.tick() => self.round(&mut rounds).await,
                head = pushed => {
                    self.round(&mut rounds).await;
                    if head.is_none() {
                        heads = None;
                        ticks = tokio::time::interval(self.tick(false));
                    }
                }
            }
        }
    }

    /// How often to ask for the head.
    fn tick(&self, pushed: bool) -> Duration {
        let block = u64::from(self.profile.block_ms);
        // With pushes, ticks only serve what is due; without, ten per block make 5% of a block the mean delay.
        let ms = if pushed { block.clamp(250, 2_000) } else { (block / 10).clamp(20, 1_000) };
        Duration::from_millis(ms)
    }

    /// One round: the head, and what follows from it.
    async fn round(self: &Arc<Self>, rounds: &mut Rounds) {
        if self.watched.map().is_empty() {
            return;
        }
        let Some((head, done)) = self.heads().await else { return };
        let overdue = self.overdue();
        let counts = if overdue.is_empty() || rounds.counted_at.elapsed() < Duration::from_millis(300) {
            HashMap::new()
        } else {
            rounds.counted_at = Instant::now();
            self.counts(&overdue).await
        };
        if rounds.head != Some(head) {
            rounds.moved_at = Instant::now();
        }
        let moved = rounds.head != Some(head) || rounds.looked_at.elapsed() > Duration::from_secs(1);
        if moved || !counts.is_empty() {
            (rounds.head, rounds.looked_at) = (Some(head), Instant::now());
            let all: Vec<B256> = self.watched.map().keys().copied().collect();
            let found = self.look_for(&all, &counts, done).await;
            if found > 0 && rounds.luck == 0 {
                rounds.luck = 1; // perhaps the node mines at once after all
            }
            self.mend(&counts);
        }
        self.outbid(head, rounds.moved_at.elapsed()).await;
    }

    /// The head's number, and the number that finality is measured by.
    async fn heads(&self) -> Option<(u64, Option<u64>)> {
        let Some(tag) = self.finality.question() else {
            let head: U64 = self.rpc.ask("eth_blockNumber", ()).await.ok()?;
            return Some((head.to(), None));
        };
        let mut batch = self.rpc.batch();
        let head = batch.add::<_, U64>("eth_blockNumber", &()).ok()?;
        let done = batch.add::<_, Option<crate::look::Header>>("eth_getBlockByNumber", &(tag, false)).ok()?;
        batch.send().await.ok()?;
        Some((head.take().await.ok()?.to(), done.take().await.ok()?.map(|h| h.number())))
    }

    /// Senders of what should have been in a block by now.
    fn overdue(&self) -> HashSet<Address> {
        let patience =
            Duration::from_millis(u64::from(self.profile.block_ms).saturating_mul(3).clamp(1_500, 30_000));
        let map = self.watched.map();
        let late = map.values().filter(|o| !o.seen && (o.suspect || o.since.elapsed() > patience));
        late.map(|o| o.entry.sender).collect()
    }

    /// How many transactions of each sender are in blocks.
    async fn counts(&self, senders: &HashSet<Address>) -> HashMap<Address, u64> {
        let mut batch = self.rpc.batch();
        let mut slots = Vec::with_capacity(senders.len());
        for sender in senders {
            if let Ok(slot) = batch.add::<_, U64>("eth_getTransactionCount", &(sender, "latest")) {
                slots.push((*sender, slot));
            }
        }
        let mut counts = HashMap::new();
        if batch.send().await.is_ok() {
            for (sender, slot) in slots {
                if let Ok(count) = slot.take().await {
                    counts.insert(sender, count.to());
                }
            }
        }
        counts
    }
}
