//! Watching what is on its way until its end is known.

use super::engine::Engine;
use super::flight::Flight;
use super::journal::{End, Entry};
use crate::base64;
use crate::fault::Fault;
use crate::read::{RawStatus, STATUSES_MAX, statuses};
use crate::rpc::notices::{Heard, Notice, Notices};
use crate::svm::{Landed, Status};
use solana_signature::Signature;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Slots between two questions where ends are pushed.
const SLOTS_PUSHED: u32 = 5;
/// Slots before the same bytes are sent again, at first and at most.
const AGAIN_MIN: u32 = 4;
const AGAIN_MAX: u32 = 16;
/// Slots between two looks at how high the chain is, at most: local chains make blocks faster than the clock says.
pub(super) const SLOTS_ASLEEP: u64 = 10;
/// First looks right after sending that may fail in a row before they are given up: a chain that makes a block for
/// each transaction has the answer at once, a real one never does.
const LUCK_MAX: u8 = 4;

/// One transaction on its way.
pub(super) struct Open {
    pub(super) flight: Arc<Flight>,
    pub(super) entry: Entry,
    /// Its first submission has not been answered yet.
    launching: bool,
    /// Never sent again by this process: it was to go out earlier.
    silent: bool,
    /// Journaled before, perhaps by another process that may take it back: to be taken up before it is sent.
    taking_up: bool,
    /// It is in a block that is not final yet.
    seen: bool,
    sending: bool,
    attempts: usize,
    /// To be asked for next, sent again next, found expired next.
    ask_at: Instant,
    again_at: Instant,
    pub(super) expire_at: Instant,
    /// Looks that found it expired.
    pub(super) expired_looks: u8,
    /// The next look at its status is the first, right after it was sent.
    lucky: bool,
}

impl Open {
    fn new(flight: Arc<Flight>, entry: Entry) -> Self {
        let now = Instant::now();
        Self {
            flight,
            entry,
            launching: false,
            silent: false,
            taking_up: false,
            seen: false,
            sending: false,
            attempts: 0,
            ask_at: now,
            again_at: now,
            expire_at: now,
            expired_looks: 0,
            lucky: false,
        }
    }
    /// About to be sent for the first time.
    pub(super) fn launching(flight: Arc<Flight>, entry: Entry) -> Self {
        Self { launching: true, ..Self::new(flight, entry) }
    }
    /// From a journal: not sent by this process yet, nor before `wait` is over.
    pub(super) fn found(flight: Arc<Flight>, entry: Entry, silent: bool, wait: Duration) -> Self {
        let (taking_up, again_at) = (!entry.taken_up, Instant::now() + wait);
        Self { silent, taking_up, again_at, ..Self::new(flight, entry) }
    }
    /// Whoever journaled it may take it back yet.
    pub(super) fn may_be_withdrawn(&self) -> bool {
        self.taking_up
    }
    /// Nobody can take it back any more. Past its time it is only waited for.
    pub(super) fn taken_up(&mut self, entry: Entry, silent: bool) {
        (self.entry, self.taking_up, self.silent) = (entry, false, silent);
    }
    /// True once it was sent, or was found in a journal.
    pub(super) fn may_expire(&self) -> bool {
        !self.launching
    }
    /// To be sent again at this time.
    fn sends_at(&self) -> Option<Instant> {
        let sends = !self.launching && !self.silent && !self.seen && !self.sending;
        sends.then_some(self.again_at)
    }
}

/// All transactions on their way.
#[derive(Default)]
pub(super) struct Watched {
    open: Mutex<HashMap<Signature, Open>>,
    wake: Notify,
    /// A question for statuses is under way: what becomes due meanwhile is in the next.
    asking: AtomicBool,
    /// A look for expired ones is under way.
    pub(super) expiring: AtomicBool,
    luck: AtomicU8,
}

impl Watched {
    pub(super) fn map(&self) -> MutexGuard<'_, HashMap<Signature, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, signature: Signature, open: Open) {
        self.map().insert(signature, open);
        self.wake.notify_one();
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) fn take(&self, signature: &Signature) -> Option<Open> {
        self.map().remove(signature)
    }

    /// Looks for it and sends it again now, unless it is another's to send yet.
    pub(super) fn hurry(&self, signature: &Signature) {
        if let Some(open) = self.map().get_mut(signature) {
            open.ask_at = Instant::now();
            if !open.taking_up {
                open.again_at = open.ask_at;
            }
        }
        self.wake.notify_one();
    }
}

impl Engine {
    /// The first submission was answered: it arrived, or it may have.
    pub(super) fn launched(&self, signature: &Signature, accepted: bool) {
        let lucky = !self.pushed() && self.watched.luck.load(Ordering::Relaxed) < LUCK_MAX;
        if let Some(open) = self.watched.map().get_mut(signature) {
            let now = Instant::now();
            open.launching = false;
            open.lucky = lucky;
            open.ask_at = if lucky { now } else { now + self.pause() };
            open.again_at = now + if accepted { self.slot * AGAIN_MIN } else { self.slot };
            open.expire_at = now + self.until(open.entry.last_valid);
        }
        self.watched.wake();
    }

    /// Watches until the engine ends.
    pub(super) async fn watch(self: Arc<Self>, mut heard: Option<Heard>) {
        loop {
            let next = self.next_due();
            let rest = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let pushed = async {
                match heard.as_mut() {
                    Some(heard) => heard.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.watched.wake.notified() => {}
                () = rest => {}
                notice = pushed => match notice {
                    Some(notice) => self.noticed(notice).await,
                    None => heard = None,
                },
            }
            self.ask_due();
            self.send_due();
            self.expire_due();
        }
    }

    /// True while ends are pushed.
    fn pushed(&self) -> bool {
        self.notices.as_ref().is_some_and(Notices::healthy)
    }

    /// Between two questions.
    fn pause(&self) -> Duration {
        if self.pushed() { self.slot * SLOTS_PUSHED } else { self.slot }
    }

    /// How long to wait before it makes sense to look whether the chain is beyond a height.
    pub(super) fn until(&self, last_valid: u64) -> Duration {
        let blocks = self.heights.newest().map_or(1, |newest| last_valid.saturating_sub(newest.blocks));
        self.slot * u32::try_from(blocks.saturating_add(1).min(SLOTS_ASLEEP)).unwrap_or(1)
    }

    fn next_due(&self) -> Option<Instant> {
        let asking = self.watched.asking.load(Ordering::Acquire);
        let expiring = self.watched.expiring.load(Ordering::Acquire);
        let map = self.watched.map();
        let due = map.values().filter(|open| !open.launching).flat_map(|open| {
            let ask = (!asking).then_some(open.ask_at);
            let expire = (!expiring).then_some(open.expire_at);
            [ask, expire, open.sends_at()].into_iter().flatten()
        });
        due.min()
    }

    /// An end was pushed.
    async fn noticed(&self, notice: Notice) {
        let Some(open) = self.watched.take(&notice.signature) else { return };
        self.landed(open, notice.slot, notice.fault).await;
    }

    async fn landed(&self, open: Open, slot: u64, fault: Option<Fault>) {
        self.rpc.reached(self.finality.level(), slot);
        let (tx, fee_lamports) = (open.entry.tx.clone(), open.entry.fee_lamports);
        let landed = Landed { tx, slot, fault, fee_lamports };
        self.conclude(open.flight, open.entry, End::Landed(landed)).await;
    }

    /// A status was there, or none. Returns whether it was.
    pub(super) async fn saw(&self, signature: &Signature, status: Option<&RawStatus>) -> bool {
        let Some(status) = status else {
            if let Some(open) = self.watched.map().get_mut(signature)
                && open.seen
            {
                // Its block was dropped with its fork.
                (open.seen, open.again_at) = (false, Instant::now());
            }
            return false;
        };
        let Status { slot, fault, done } = status.status(self.finality);
        if !done {
            if let Some(open) = self.watched.map().get_mut(signature) {
                (open.seen, open.expired_looks) = (true, 0);
            }
            return true;
        }
        if let Some(open) = self.watched.take(signature) {
            self.landed(open, slot, fault).await;
        }
        true
    }

    /// Asks for the statuses of what is due, all in one question.
    fn ask_due(self: &Arc<Self>) {
        if self.watched.asking.load(Ordering::Acquire) {
            return;
        }
        let (now, pause) = (Instant::now(), self.pause());
        let (mut due, mut lucky) = (Vec::new(), false);
        for (signature, open) in self.watched.map().iter_mut() {
            if open.ask_at <= now && !open.launching && due.len() < STATUSES_MAX {
                open.ask_at = now + pause;
                lucky |= std::mem::take(&mut open.lucky);
                due.push(*signature);
            }
        }
        if due.is_empty() {
            return;
        }
        self.watched.asking.store(true, Ordering::Release);
        let engine = self.clone();
        self.tasks.spawn(async move {
            let mut found = false;
            // An answer that does not come is asked for again a slot later.
            if let Ok((_, seen)) = statuses(&engine.watch_rpc, &due, false).await {
                for (signature, status) in due.iter().zip(seen) {
                    found |= engine.saw(signature, status.as_ref()).await;
                }
            }
            if lucky {
                let tried = engine.watched.luck.load(Ordering::Relaxed);
                let tried = if found { 0 } else { tried.saturating_add(1) };
                engine.watched.luck.store(tried, Ordering::Relaxed);
            }
            engine.watched.asking.store(false, Ordering::Release);
            engine.watched.wake();
        });
    }

    /// Sends again what is due.
    fn send_due(self: &Arc<Self>) {
        let now = Instant::now();
        let mut due = Vec::new();
        for (signature, open) in self.watched.map().iter_mut() {
            if open.sends_at().is_some_and(|at| at <= now) {
                open.sending = true;
                due.push((*signature, open.entry.wire.clone(), open.attempts));
            }
        }
        if due.is_empty() {
            return;
        }
        let engine = self.clone();
        self.tasks.spawn(async move {
            use futures::StreamExt;
            let again = due.into_iter().map(|(signature, wire, attempt)| {
                let engine = engine.clone();
                async move { engine.send_again(&signature, &wire, attempt).await }
            });
            futures::stream::iter(again).buffer_unordered(8).collect::<Vec<()>>().await;
        });
    }

    async fn send_again(&self, signature: &Signature, wire: &str, attempt: usize) {
        let sent = match base64::decode(wire) {
            _ if !self.taken_up(signature).await => Ok(()),
            Ok(wire) => self.submit_again(&wire, attempt).await,
            Err(_) => Ok(()), // a journal that cannot be read sends nothing; the chain will tell its end
        };
        if let Err(fault) = sent {
            let error = fault.error("sendTransaction", "one of the nodes");
            tracing::debug!(target: "tollway_solana", %error, tx = %signature, "sent again, and not taken");
        }
        if let Some(open) = self.watched.map().get_mut(signature) {
            open.sending = false;
            open.attempts = open.attempts.saturating_add(1);
            let slots = AGAIN_MIN.saturating_mul(u32::try_from(open.attempts).unwrap_or(AGAIN_MAX));
            open.again_at = Instant::now() + self.slot * slots.min(AGAIN_MAX);
        }
        self.watched.wake();
    }
}
