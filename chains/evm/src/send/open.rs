//! What is on its way, as the watcher knows it.
//!
//! The map's lock is held for a few instructions at a time and never across an await.

use super::flight::Flight;
use super::journal::Entry;
use alloy::primitives::{Address, B256};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The shortest and the longest pause between two sendings of the same bytes that found no taker.
pub(super) const AGAIN_MIN: Duration = Duration::from_millis(100);
pub(super) const AGAIN_MAX: Duration = Duration::from_secs(15);

/// A transaction on its way: one nonce and one call, under as many hashes as offers were made for it.
pub(super) struct Open {
    pub(super) flight: Arc<Flight>,
    pub(super) entry: Entry,
    /// Look for it at once: it was just sent.
    pub(super) fresh: bool,
    /// Look for it at once, whatever the first look's record: somebody waits for exactly this.
    pub(super) urgent: bool,
    /// Its nonce is said to be used up.
    pub(super) suspect: bool,
    /// Not to be sent again: its time is over, or nobody takes it; and perhaps nobody has it.
    pub(super) silent: bool,
    /// It only uses up a nonce, and is never given up.
    pub(super) fills: bool,
    /// It is in a block that is not final yet.
    pub(super) seen: bool,
    /// A node refused it for its fee.
    pub(super) cheap: bool,
    /// Somebody works on it: it is being sent, or outbid.
    pub(super) busy: bool,
    pub(super) since: Instant,
    /// When its last offer was made, and the newest block then.
    pub(super) bid_at: Instant,
    pub(super) bid_head: Option<u64>,
    pub(super) again_at: Instant,
    pub(super) pause: Duration,
    pub(super) refusals: u8,
    pub(super) displaced: u8,
    pub(super) displaced_at: Option<Instant>,
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
            cheap: false,
            busy: false,
            since: now,
            bid_at: now,
            bid_head: None,
            again_at: now,
            pause: AGAIN_MIN,
            refusals: 0,
            displaced: 0,
            displaced_at: None,
        }
    }
    /// The node has it: sent again only after `pause`, in case it is dropped.
    pub(super) fn accepted(flight: Arc<Flight>, entry: Entry, pause: Duration) -> Self {
        let mut open = Self::new(flight, entry);
        open.pause = pause;
        open.again_at += pause;
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

    /// It is in a block that is not final yet: what it may cost is spent by now.
    pub(super) fn saw(&mut self) {
        if !self.seen {
            self.flight.may_cost(0);
        }
        (self.seen, self.displaced) = (true, 0);
    }

    /// A receipt that was there is gone, or another block is: it is where it was before, and is sent again now.
    pub(super) fn put_back(&mut self) {
        if self.seen {
            self.flight.may_cost(self.entry.may_cost_wei());
            (self.seen, self.urgent, self.displaced) = (false, true, 0);
            (self.pause, self.again_at) = (AGAIN_MIN, Instant::now());
            (self.since, self.bid_at) = (Instant::now(), Instant::now());
        }
    }
}

/// All transactions on their way, by the hash of their first offer.
#[derive(Default)]
pub(super) struct Watched {
    open: Mutex<HashMap<B256, Open>>,
    pub(super) wake: Notify,
    pub(super) filling: Mutex<HashSet<(Address, u64)>>,
}

impl Watched {
    pub(super) fn map(&self) -> MutexGuard<'_, HashMap<B256, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, open: Open) {
        self.map().insert(open.entry.name(), open);
        self.wake.notify_one();
    }

    /// Looks for what has this hash and sends it again now.
    pub(super) fn hurry(&self, hash: &B256) {
        let mut map = self.map();
        let known = map.contains_key(hash);
        let open = match known {
            true => map.get_mut(hash),
            false => map.values_mut().find(|open| open.entry.hash == *hash),
        };
        if let Some(open) = open {
            open.urgent = true;
            open.again_at = Instant::now();
        }
        drop(map);
        self.wake.notify_one();
    }

    /// Lets it be sent again after all.
    pub(super) fn speak(&self, name: &B256) {
        if let Some(open) = self.map().get_mut(name) {
            (open.silent, open.refusals) = (false, 0);
        }
    }

    /// Those to be looked for at once; each is named once.
    pub(super) fn fresh(&self, lucky: bool) -> Vec<B256> {
        let mut fresh = Vec::new();
        for (name, open) in self.map().iter_mut() {
            if open.urgent || (open.fresh && lucky) {
                fresh.push(*name);
            }
            (open.fresh, open.urgent) = (false, false);
        }
        fresh
    }

    /// Those that nobody knows to be in a block, and everything else that is open, with all their hashes.
    pub(super) fn hashes(&self, names: &[B256]) -> Vec<(B256, B256)> {
        let map = self.map();
        let open = names.iter().filter_map(|name| Some((*name, map.get(name)?)));
        open.flat_map(|(name, open)| open.entry.hashes().map(move |hash| (name, hash))).collect()
    }
}
