//! Nonces of one sender, given out here and nowhere else.
//!
//! The lock is held for a few instructions and never across an await. What is given out is a [`Ticket`]: dropped, it
//! puts its nonce back; spent, the nonce is gone for good. So an error or a panic on the way to the journal cannot
//! leave a gap.

use super::purse::Purse;
use alloy::network::TxSigner;
use alloy::primitives::{Address, Signature};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A signer that can sign transactions.
pub(crate) type SenderKey = Arc<dyn TxSigner<Signature> + Send + Sync>;

/// One sender.
pub(crate) struct Lane {
    pub(super) signer: SenderKey,
    pub(super) address: Address,
    nonces: Mutex<Nonces>,
    purse: Mutex<Purse>,
    /// Told when it becomes idle while it is closed.
    idle: Arc<Notify>,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lane({})", self.address)
    }
}

/// A place on a lane: one transaction on its way, and what is set aside for it. Dropped, it is given up.
#[derive(Debug)]
pub(super) struct Berth {
    lane: Arc<Lane>,
    aside_wei: u128,
}

#[derive(Debug, Default)]
struct Nonces {
    /// The next that was never given out; `None` before the chain was asked.
    next: Option<u64>,
    /// Given out and put back.
    free: BTreeSet<u64>,
}

/// A nonce that is ours until it is put back.
pub(super) struct Ticket<'a> {
    lane: &'a Lane,
    nonce: u64,
    spent: bool,
}

impl Lane {
    pub(crate) fn new(signer: SenderKey) -> Self {
        let address = signer.address();
        Self { signer, address, nonces: Mutex::default(), purse: Mutex::default(), idle: Arc::default() }
    }

    /// Of a key that other processes have too: closed until its lease is ours.
    pub(super) fn shared(mut self, shared: bool, idle: Arc<Notify>) -> Self {
        self.purse().open(!shared);
        self.idle = idle;
        self
    }

    /// True while something new may be begun on it.
    pub(super) fn is_open(&self) -> bool {
        self.purse().is_open()
    }
    pub(super) fn open(&self) {
        self.purse().open(true);
    }
    pub(super) fn close(&self) {
        self.purse().open(false);
    }
    /// True when nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.purse().is_idle()
    }
    /// Its nonces are another's to give out: before it opens again, the chain is asked.
    pub(super) fn forget(&self) {
        *self.nonces() = Nonces::default();
    }

    fn nonces(&self) -> MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True once the chain was asked.
    pub(super) fn synced(&self) -> bool {
        self.nonces().next.is_some()
    }

    /// Goes on from `at`, unless it is further already. Nonces below `mined` that were put back are used up.
    pub(super) fn raise(&self, at: u64, mined: u64) {
        let mut nonces = self.nonces();
        nonces.next = Some(nonces.next.unwrap_or(0).max(at));
        nonces.free = nonces.free.split_off(&mined);
    }

    /// The lowest nonce that nobody has; `None` before the chain was asked.
    pub(super) fn take(&self) -> Option<Ticket<'_>> {
        let mut nonces = self.nonces();
        let nonce = match nonces.free.pop_first() {
            Some(nonce) => nonce,
            None => {
                let nonce = nonces.next?;
                nonces.next = Some(nonce.saturating_add(1));
                nonce
            }
        };
        drop(nonces);
        Some(Ticket { lane: self, nonce, spent: false })
    }

    /// Puts a nonce back. True when higher ones are out, so that it is a gap until somebody takes it.
    pub(super) fn put_back(&self, nonce: u64) -> bool {
        let mut nonces = self.nonces();
        nonces.free.insert(nonce);
        // The highest ones may simply count as never given out.
        while let (Some(next), Some(last)) = (nonces.next, nonces.free.last().copied()) {
            if last.checked_add(1) != Some(next) {
                break;
            }
            nonces.free.remove(&last);
            nonces.next = Some(last);
        }
        nonces.free.contains(&nonce)
    }

    /// Takes this very nonce, if it was put back.
    pub(super) fn claim(&self, nonce: u64) -> Option<Ticket<'_>> {
        let ours = self.nonces().free.remove(&nonce);
        // Made only when it is ours: a ticket that is dropped puts its nonce back.
        ours.then(|| Ticket { lane: self, nonce, spent: false })
    }

    /// What this sender has, and what is on its way.
    pub(super) fn purse(&self) -> MutexGuard<'_, Purse> {
        self.purse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new transaction; `None` when it is closed.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Berth> {
        let mut purse = self.purse();
        let open = purse.is_open();
        if open {
            purse.enter();
        }
        drop(purse);
        // Made only when it was entered: a berth that is dropped leaves.
        open.then(|| Berth { lane: self.clone(), aside_wei: 0 })
    }

    /// A place for one more transaction that is on its way already.
    pub(super) fn berth(self: &Arc<Self>) -> Berth {
        self.purse().enter();
        Berth { lane: self.clone(), aside_wei: 0 }
    }
}

impl Berth {
    /// Sets aside what the transaction may cost at most, in place of what was before.
    pub(super) fn set_aside(&mut self, wei: u128) {
        self.lane.purse().set_aside(self.aside_wei, wei);
        self.aside_wei = wei;
    }
    /// The transaction is over, and cost this.
    pub(super) fn leave(self, cost_wei: u128) {
        self.lane.purse().spend(cost_wei);
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        let mut purse = self.lane.purse();
        purse.set_aside(self.aside_wei, 0);
        purse.exit();
        if purse.is_idle() && !purse.is_open() {
            self.lane.idle.notify_one();
        }
    }
}

impl Ticket<'_> {
    pub(super) fn nonce(&self) -> u64 {
        self.nonce
    }
    /// Keeps the nonce from ever being given out again by this process.
    pub(super) fn spend(mut self) {
        self.spent = true;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.spent {
            self.lane.put_back(self.nonce);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::LocalKey;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn lane() -> Lane {
        Lane::new(Arc::new(LocalKey::from_bytes(&[1; 32]).unwrap()))
    }

    #[test]
    fn before_the_chain_was_asked_there_is_none() {
        assert!(lane().take().is_none());
    }

    #[derive(Debug, Clone)]
    enum Step {
        Take,
        Spend(usize),
        Drop(usize),
        Raise(u64),
        Claim(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Take),
            3 => (0usize..8).prop_map(Step::Spend),
            2 => (0usize..8).prop_map(Step::Drop),
            1 => (0u64..40).prop_map(Step::Raise),
            1 => (0u64..60).prop_map(Step::Claim),
        ]
    }

    proptest! {
        #[test]
        fn no_nonce_is_given_out_twice_and_none_is_lost(steps in proptest::collection::vec(step(), 0..300)) {
            let lane = lane();
            lane.raise(10, 10);
            let (mut out, mut spent) = (Vec::new(), HashSet::new());
            let mut raised = 10;
            for step in steps {
                match step {
                    Step::Take => {
                        let ticket = lane.take().unwrap();
                        prop_assert!(!spent.contains(&ticket.nonce()));
                        prop_assert!(out.iter().all(|t: &Ticket<'_>| t.nonce() != ticket.nonce()));
                        out.push(ticket);
                    }
                    Step::Spend(i) if !out.is_empty() => {
                        let ticket = out.swap_remove(i % out.len());
                        spent.insert(ticket.nonce());
                        ticket.spend();
                    }
                    Step::Drop(i) if !out.is_empty() => drop(out.swap_remove(i % out.len())),
                    Step::Raise(to) => {
                        lane.raise(to, 10);
                        raised = raised.max(to);
                    }
                    Step::Claim(nonce) => {
                        if let Some(ticket) = lane.claim(nonce) {
                            prop_assert!(!spent.contains(&nonce));
                            prop_assert!(out.iter().all(|t: &Ticket<'_>| t.nonce() != nonce));
                            out.push(ticket);
                        }
                    }
                    _ => {}
                }
            }
            drop(out);
            // Everything below the highest spent nonce is either spent, skipped by a raise, or free to be taken.
            let nonces = lane.nonces();
            let next = nonces.next.unwrap();
            for nonce in raised.max(10)..next {
                prop_assert!(spent.contains(&nonce) || nonces.free.contains(&nonce), "{} is lost", nonce);
            }
        }
    }
}
