//! One watcher for all transactions of a chain that are on their way.
//!
//! * **Receipts** are looked for when there is a new block, all of them in one batch. New blocks are pushed over a
//!   WebSocket, or asked for ten times per block time. On a node that mines each transaction at once, a first look
//!   right after sending usually finds the receipt; whether that pays is learned from how often it did lately.
//! * **Doubtful** ones are sent again, in the order of their nonces, at growing intervals.
//! * **Overdue** ones make it compare the chain's nonce with ours: a nonce that has passed without a receipt means
//!   another transaction took it; a nonce that stands below our lowest means a gap.
//!
//! The map's lock is held for a few instructions at a time and never across an await.

use super::engine::Engine;
use super::flight::Flight;
use super::journal::Entry;
use crate::receipt::RawReceipt;
use alloy::primitives::{Address, B256, U64};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};
use tollway_core::{Blame, Code, Error, Next};

/// Receipts asked for in one batch.
const BATCH: usize = 100;
/// Looks that must agree that another transaction took a nonce.
const DISPLACED_LOOKS: u8 = 3;
/// How good the first look's record starts, and how good it can get.
const LUCK_MAX: u8 = 8;
/// Refusals of the lowest open nonce before it is given up: its transaction is not sent again, and if no node knows
/// it, something else takes the nonce, so that it does not block what comes after.
const REFUSALS_MAX: u8 = 6;
/// The shortest and the longest pause between two sendings of the same bytes that found no taker.
const AGAIN_MIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(15);
/// The longest pause on a fast chain, or after a refusal.
const AGAIN_SLOW: Duration = Duration::from_secs(2);

/// A transaction on its way.
pub(super) struct Open {
    pub(super) flight: Arc<Flight>,
    pub(super) entry: Entry,
    /// Look for it at once: it was just sent.
    fresh: bool,
    /// Look for it at once, whatever the first look's record: somebody waits for exactly this.
    urgent: bool,
    /// Its nonce is said to be used up.
    suspect: bool,
    /// Not to be sent again: its time is over, or nobody takes it; and perhaps nobody has it.
    pub(super) silent: bool,
    /// It only uses up a nonce, and is never given up.
    fills: bool,
    /// It is in a block that is not final yet.
    seen: bool,
    since: Instant,
    again_at: Instant,
    pause: Duration,
    sending: bool,
    refusals: u8,
    displaced: u8,
    displaced_at: Option<Instant>,
}

impl Open {
    fn new(flight: Arc<Flight>, entry: Entry) -> Self {
        let (now, fills) = (Instant::now(), super::gap::fills(&flight.key));
        Self {
            flight,
            entry,
            fresh: true,
            urgent: false,
            suspect: false,
            silent: false,
            fills,
            seen: false,
            since: now,
            again_at: now,
            pause: AGAIN_MIN,
            sending: false,
            refusals: 0,
            displaced: 0,
            displaced_at: None,
        }
    }
    /// The node has it.
    pub(super) fn accepted(flight: Arc<Flight>, entry: Entry) -> Self {
        let mut open = Self::new(flight, entry);
        open.pause = AGAIN_MAX;
        open.again_at += AGAIN_MAX;
        open
    }
    /// It may or may not have arrived.
    pub(super) fn doubtful(flight: Arc<Flight>, entry: Entry) -> Self {
        let mut open = Self::new(flight, entry);
        open.urgent = true;
        open.again_at += AGAIN_MIN;
        open
    }
    /// From a journal: not sent by this process yet.
    pub(super) fn found(flight: Arc<Flight>, entry: Entry, silent: bool) -> Self {
        Self { urgent: true, silent, ..Self::new(flight, entry) }
    }
    /// Its nonce is said to be used up.
    pub(super) fn suspect(flight: Arc<Flight>, entry: Entry) -> Self {
        Self { suspect: true, ..Self::doubtful(flight, entry) }
    }
}

/// All transactions on their way.
#[derive(Default)]
pub(super) struct Watched {
    open: Mutex<HashMap<B256, Open>>,
    wake: Notify,
    pub(super) filling: Mutex<HashSet<(Address, u64)>>,
}

impl Watched {
    pub(super) fn map(&self) -> MutexGuard<'_, HashMap<B256, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, open: Open) {
        self.map().insert(open.entry.hash, open);
        self.wake.notify_one();
    }

    /// Looks for it and sends it again now.
    pub(super) fn hurry(&self, hash: &B256) {
        if let Some(open) = self.map().get_mut(hash) {
            open.urgent = true;
            open.again_at = Instant::now();
        }
        self.wake.notify_one();
    }

    /// Lets it be sent again after all.
    pub(super) fn speak(&self, hash: &B256) {
        if let Some(open) = self.map().get_mut(hash) {
            (open.silent, open.refusals) = (false, 0);
        }
    }

    /// Those to be looked for at once; each is named once.
    fn fresh(&self, lucky: bool) -> Vec<B256> {
        let mut fresh = Vec::new();
        for (hash, open) in self.map().iter_mut() {
            if open.urgent || (open.fresh && lucky) {
                fresh.push(*hash);
            }
            (open.fresh, open.urgent) = (false, false);
        }
        fresh
    }
}

/// What the watcher remembers between rounds.
struct Rounds {
    head: Option<u64>,
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
        let mut rounds = Rounds { head: None, looked_at: now, counted_at: now, luck: LUCK_MAX / 2 };
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

    /// Looks for receipts. `counts` were read before, so a nonce that had passed then and has no receipt now belongs
    /// to another transaction. Returns how many were found.
    async fn look_for(
        self: &Arc<Self>,
        hashes: &[B256],
        counts: &HashMap<Address, u64>,
        done: Option<u64>,
    ) -> usize {
        let mut found = 0usize;
        for chunk in hashes.chunks(BATCH) {
            let mut batch = self.rpc.batch();
            let mut slots = Vec::with_capacity(chunk.len());
            for hash in chunk {
                if let Ok(slot) = batch.add::<_, Option<RawReceipt>>("eth_getTransactionReceipt", &(hash,)) {
                    slots.push((*hash, slot));
                }
            }
            if batch.send().await.is_err() {
                continue; // the next round asks again
            }
            for (hash, slot) in slots {
                match slot.take().await {
                    Ok(Some(receipt)) if receipt.block().is_some() && receipt.transaction_hash == hash => {
                        found = found.saturating_add(1);
                        self.saw(hash, receipt, done).await;
                    }
                    Ok(_) => self.missed(hash, counts).await,
                    Err(_) => {}
                }
            }
        }
        found
    }

    /// A receipt was there.
    async fn saw(&self, hash: B256, receipt: RawReceipt, done: Option<u64>) {
        let block = receipt.block().unwrap_or(u64::MAX);
        let open = {
            let mut map = self.watched.map();
            if self.finality.reached(block, done) {
                map.remove(&hash)
            } else {
                if let Some(open) = map.get_mut(&hash) {
                    (open.seen, open.displaced) = (true, 0);
                }
                None
            }
        };
        if let Some(open) = open {
            self.settle(open.flight, open.entry, receipt).await;
        }
    }

    /// There was no receipt.
    async fn missed(self: &Arc<Self>, hash: B256, counts: &HashMap<Address, u64>) {
        let dead = {
            let mut map = self.watched.map();
            let Some(open) = map.get_mut(&hash) else { return };
            open.seen = false;
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
            self.bury(hash).await;
        }
    }

    /// Counts looks that found the nonce gone and no receipt; true when there were enough of them, far enough apart.
    fn displaced(&self, open: &mut Open) -> bool {
        let apart = Duration::from_millis(u64::from(self.profile.block_ms / 2).clamp(300, 3_000));
        if open.displaced_at.is_none_or(|at| at.elapsed() >= apart) {
            open.displaced = open.displaced.saturating_add(1);
            open.displaced_at = Some(Instant::now());
        }
        open.displaced >= DISPLACED_LOOKS
    }

    /// Another transaction has its nonce: it never will be mined.
    async fn bury(&self, hash: B256) {
        let Some(open) = self.watched.map().remove(&hash) else { return };
        if self.journal.forget(&open.flight.key, &open.entry).await.is_err() {
            self.watched.map().insert(hash, open); // the next round tries again
            return;
        }
        if let Some(lane) = self.lanes.iter().find(|lane| lane.address == open.entry.sender)
            && let Err(error) = self.sync_lane(lane).await
        {
            tracing::debug!(target: "tollway_evm", %error, "a lane was not synced");
        }
        let words = format!(
            "another transaction of {} used nonce {}, and this one never will be mined",
            open.entry.sender, open.entry.nonce
        );
        self.fail(&open.flight, Error::new(Code::Conflict, Blame::Us, Next::Later).detail(words));
    }

    /// Sends again what is due, in the order of nonces.
    fn send_due(self: &Arc<Self>) {
        let now = Instant::now();
        let mut due: Vec<(Address, u64, B256, alloy::primitives::Bytes)> = Vec::new();
        for (hash, open) in self.watched.map().iter_mut() {
            if open.again_at <= now && !open.sending && !open.silent && !open.seen {
                open.sending = true;
                due.push((open.entry.sender, open.entry.nonce, *hash, open.entry.raw.clone()));
            }
        }
        if due.is_empty() {
            return;
        }
        due.sort_unstable_by_key(|(sender, nonce, ..)| (*sender, *nonce));
        let engine = self.clone();
        self.tasks.spawn(async move {
            use futures::StreamExt;
            let again = due.into_iter().map(|(_, _, hash, raw)| {
                let engine = engine.clone();
                async move { engine.send_again(hash, raw).await }
            });
            futures::stream::iter(again).buffered(8).collect::<Vec<()>>().await;
        });
    }

    async fn send_again(&self, hash: B256, raw: alloy::primitives::Bytes) {
        use super::verdict::Verdict;
        let verdict = self.submitter.again(&hash, &raw).await;
        if let Verdict::Refused(error) | Verdict::Strange(error) = &verdict {
            tracing::warn!(target: "tollway_evm", %error, tx = %hash, "a journaled transaction finds no taker yet");
        }
        let mut map = self.watched.map();
        let of = map.get(&hash).map(|open| (open.entry.sender, open.entry.nonce));
        let lowest = of.is_some_and(|(sender, nonce)| {
            map.values().all(|other| other.entry.sender != sender || other.entry.nonce >= nonce)
        });
        let Some(open) = map.get_mut(&hash) else { return };
        open.sending = false;
        let most = Duration::from_millis(u64::from(self.profile.block_ms).saturating_mul(2))
            .clamp(AGAIN_SLOW, AGAIN_MAX);
        open.pause = open.pause.saturating_mul(2).min(most);
        match verdict {
            Verdict::Accepted | Verdict::Mined(_) => {
                (open.pause, open.fresh, open.refusals) = (AGAIN_MAX, true, 0);
            }
            Verdict::NonceTooLow => (open.suspect, open.urgent) = (true, true),
            Verdict::Refused(_) | Verdict::Strange(_) | Verdict::Taken if lowest && !open.fills => {
                // A refusal is a quick answer of a node that is well: no reason to keep away from it for long.
                open.pause = open.pause.min(AGAIN_SLOW);
                open.refusals = open.refusals.saturating_add(1);
                open.silent |= open.refusals >= REFUSALS_MAX;
                open.suspect |= open.silent;
            }
            _ => {}
        }
        open.again_at = Instant::now() + open.pause;
        drop(map);
        self.watched.wake.notify_one();
    }
}
