//! Keys that are shared with other processes, used only while they are ours.
//!
//! A lane is *open* while new transactions may be begun on it. It opens once its lease is ours, the chain and the journal were
//! asked where its nonces stand, and what the journal has of it is looked after, whoever began it. It closes when another
//! waits for it, and its lease is given back once nothing is on its way.
//!
//! Whether a key is ours *now* is asked before every signature, and again right before bytes go out. What is journaled and may
//! not be sent any more is left to the next holder; one nonce never carries two payments, because the journal is the arbiter
//! of nonces and refuses what a process writes that has been taken over from.

use super::engine::Engine;
use super::lane::{Berth, Lane};
use alloy::primitives::Address;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::ledger::Tenure;
use tollway_core::{Account, Blame, Code, Error, Next, Result};

/// How long a new transaction waits for a key, while others hold them all.
const WAIT: Duration = Duration::from_secs(10);
/// Between two tries to open a lane whose node or ledger does not answer.
const AGAIN: Duration = Duration::from_millis(500);
/// Times that a lane may close between being chosen and being entered.
const TRIES: u32 = 8;

impl Engine {
    /// True while the key of this sender is surely ours.
    pub(super) fn ours(&self, sender: &Address) -> bool {
        // A sender that this process has no key of is another's, where others have any.
        !self.shared || self.accounts.get(sender).is_some_and(|key| self.leases.tenure(key) != Tenure::Away)
    }

    /// # Errors
    /// [`Code::NoSigner`], to be tried later.
    pub(super) fn check_ours(&self, sender: &Address) -> Result<()> {
        if self.ours(sender) {
            return Ok(());
        }
        Err(away(&format!("the key of {sender} is another process's now, or may be")))
    }

    /// A lane for a new transaction, and a place on it.
    pub(super) async fn place(
        &self,
        sender: Option<Address>,
        may_cost_wei: u128,
    ) -> Result<(Arc<Lane>, Berth)> {
        for _ in 0..TRIES {
            self.some_open(sender).await?;
            let lane = self.lane(sender, may_cost_wei).await?;
            if let Some(berth) = lane.enter() {
                return Ok((lane, berth));
            }
        }
        Err(away("keys change hands faster than they can be used"))
    }

    /// Waits until a lane is open that may be used.
    async fn some_open(&self, sender: Option<Address>) -> Result<()> {
        let mut opened = self.opened.subscribe();
        let open = opened.wait_for(|_| {
            let mut asked =
                self.lanes.iter().filter(|lane| sender.is_none_or(|sender| lane.address == sender));
            // Where there is no such lane at all, waiting does not help: the choice says so.
            let mut any = asked.clone().peekable();
            any.peek().is_none() || asked.any(|lane| self.usable(lane))
        });
        match tokio::time::timeout(WAIT, open).await {
            Ok(_) => Ok(()),
            Err(_) => Err(away(&sender.map_or_else(
                || format!("other processes hold all of {} keys", self.lanes.len()),
                |sender| format!("another process holds the key of {sender}"),
            ))),
        }
    }

    /// True when something new may be begun on this lane.
    pub(super) fn usable(&self, lane: &Lane) -> bool {
        lane.is_open() && self.ours(&lane.address)
    }

    /// Opens and closes lanes as their leases come and go. Ends when this process's life is over.
    pub(super) async fn mind_leases(self: Arc<Self>) {
        loop {
            let seen = self.leases.revision();
            let mut well = true;
            for lane in &self.lanes {
                if let Err(error) = self.mind_lane(lane).await {
                    tracing::warn!(target: "tollway_evm", %error, sender = %lane.address, "a leased key is not in use yet");
                    well = false;
                }
            }
            // Whoever waits for a key looks again.
            self.opened.send_modify(|count| *count = count.saturating_add(1));
            if self.leases.is_over() {
                return;
            }
            let again = async {
                match well {
                    true => std::future::pending().await,
                    false => tokio::time::sleep(AGAIN).await,
                }
            };
            tokio::select! {
                () = self.leases.changed(seen) => {}
                () = self.idle.notified() => {}
                () = again => {}
            }
        }
    }

    async fn mind_lane(self: &Arc<Self>, lane: &Arc<Lane>) -> Result<()> {
        let Some(account) = self.accounts.get(&lane.address) else { return Ok(()) };
        match self.leases.tenure(account) {
            Tenure::Held { .. } if !lane.is_open() => {
                self.take_over(lane).await?;
                lane.open();
            }
            Tenure::Held { .. } => {}
            Tenure::Leaving => {
                lane.close();
                if lane.is_idle() && self.leases.give_back(account) {
                    lane.forget();
                }
            }
            // Not surely ours, and perhaps ours again soon.
            _ => lane.close(),
        }
        Ok(())
    }

    /// Goes on where the last holder of a key stopped, whoever it was.
    async fn take_over(self: &Arc<Self>, lane: &Lane) -> Result<()> {
        self.sync_lane(lane).await?;
        let now = self.clock.now();
        for (key, entry) in self.journal.unfinished(Some(&lane.address)).await? {
            let (name, in_time) = (entry.name(), now <= entry.not_after);
            self.look_after(&key, entry)?;
            if in_time {
                // It was only looked for as long as the key was another's.
                self.watched.speak(&name);
            }
        }
        Ok(())
    }

    /// Takes part in sharing the keys of all lanes.
    pub(super) fn share_keys(self: &Arc<Self>) {
        let accounts: Vec<Account> = self.accounts.values().copied().collect();
        self.leases.want(&accounts);
        self.tasks.spawn(self.clone().mind_leases());
    }
}

fn away(words: &str) -> Error {
    Error::new(Code::NoSigner, Blame::Settler, Next::Later).detail(words)
}
