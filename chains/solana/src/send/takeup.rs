//! Taking up what may be another process's.
//!
//! Whoever journals a transaction takes its record back when every node refuses it. So nobody else sends it before the
//! record says so: then the launcher, which compares, leaves it and does not speak of a refusal.

use super::engine::Engine;
use super::flight::State;
use super::journal::Entry;
use crate::address;
use solana_signature::Signature;
use std::time::Duration;
use tollway_core::{Code, Error, Next, RecordKey, Result};

/// The longest that a launcher is waited for: well within the life of a blockhash, which is a minute or more.
const WAIT_MAX: Duration = Duration::from_secs(20);

impl Engine {
    /// How much longer the first submission of an entry may take. Only for manners: clocks may differ, and it is the
    /// record that keeps two processes apart.
    pub(super) fn launcher_may_ask(&self, entry: &Entry) -> Duration {
        if entry.taken_up {
            return Duration::ZERO;
        }
        let age = Duration::from_millis(self.clock.now().ms_since(entry.at));
        self.rpc.all_in_turn().min(WAIT_MAX).saturating_sub(age)
    }

    /// True when this process may send a transaction: it launched it, or has taken it up.
    pub(super) async fn taken_up(&self, signature: &Signature) -> bool {
        let found = {
            let map = self.watched.map();
            let Some(open) = map.get(signature) else { return false };
            if !open.may_be_withdrawn() {
                return true;
            }
            (open.flight.key.clone(), open.entry.clone())
        };
        let (key, entry) = found;
        let found = match self.journal.take_up(&key, &entry).await {
            Ok(found) => found,
            Err(error) => {
                tracing::debug!(target: "tollway_solana", %error, tx = %signature, "not taken up yet");
                return false; // tried again when it would be sent next
            }
        };
        match found {
            Some(found) if found.tx == entry.tx && found.end.is_none() => {
                let silent = self.in_time(found.not_after).is_err();
                if let Some(open) = self.watched.map().get_mut(signature) {
                    open.taken_up(found, silent);
                }
                !silent
            }
            moved => {
                self.moved(signature, moved);
                false
            }
        }
    }

    /// Looks whether the transaction under a key was taken back, where it may have been.
    pub(super) async fn heed(&self, key: &RecordKey) -> Result<()> {
        let Some(State::Pending(tx)) = self.find(key).map(|flight| flight.state()) else { return Ok(()) };
        let signature = address::signature(&tx)?;
        if !self.watched.map().get(&signature).is_some_and(super::watch::Open::may_be_withdrawn) {
            return Ok(());
        }
        let found = self.journal.load(key).await?;
        if found.as_ref().is_none_or(|found| found.tx != tx || found.end.is_some()) {
            self.moved(&signature, found);
        }
        Ok(())
    }

    /// The journal has something else now: an end, another transaction, or nothing.
    fn moved(&self, signature: &Signature, found: Option<Entry>) {
        let Some(open) = self.watched.take(signature) else { return };
        match found {
            Some(found) => self.follow(&open.flight, found),
            None => self.fail(
                &open.flight,
                Error::us(Code::Conflict)
                    .next(Next::Later)
                    .detail("whoever was to send it was refused, and has taken it back; nothing was sent"),
            ),
        }
    }
}
