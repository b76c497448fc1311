//! What is on its way, for those who wait for it.

use super::lane::Berth;
use crate::Mined;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tollway_core::{RecordKey, Result, TxId};

/// Where a key's transaction is.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// Not journaled yet: there may come to be none.
    Working,
    /// Journaled; it may be anywhere.
    Pending(TxId),
    /// Over.
    Done(Result<Arc<Mined>>),
}

/// One key's transaction. Any number may wait for it; it ends whether or not anybody does.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) key: RecordKey,
    state: watch::Sender<State>,
    /// Its place on a lane, from its start to its end.
    berth: Mutex<Option<Berth>>,
}

impl Flight {
    pub(super) fn new(key: RecordKey) -> Arc<Self> {
        Arc::new(Self { key, state: watch::Sender::new(State::Working), berth: Mutex::default() })
    }

    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Takes a place on a lane; the one it had is let go.
    pub(super) fn board(&self, berth: Berth) {
        *self.berth.lock().unwrap_or_else(PoisonError::into_inner) = Some(berth);
    }

    /// Sets aside what it may cost at most.
    pub(super) fn may_cost(&self, wei: u128) {
        if let Some(berth) = self.berth.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            berth.set_aside(wei);
        }
    }

    /// It is journaled, with this hash. A transaction that was refused for certain may be followed by another.
    pub(super) fn pending(&self, tx: TxId) {
        self.state.send_if_modified(|state| {
            let open = !matches!(state, State::Done(_));
            if open {
                *state = State::Pending(tx);
            }
            open
        });
    }

    /// Ends it; the first end counts.
    pub(super) fn done(&self, end: Result<Arc<Mined>>) {
        if let Some(berth) = self.berth.lock().unwrap_or_else(PoisonError::into_inner).take() {
            berth.leave(end.as_ref().map_or(0, |mined| mined.cost_wei));
        }
        self.state.send_if_modified(|state| {
            let open = !matches!(state, State::Done(_));
            if open {
                *state = State::Done(end);
            }
            open
        });
    }

    /// Resolves once it is over.
    pub(super) async fn end(&self) -> Result<Arc<Mined>> {
        let mut seen = self.state.subscribe();
        loop {
            if let State::Done(end) = &*seen.borrow_and_update() {
                return end.clone();
            }
            if seen.changed().await.is_err() {
                return Err(tollway_core::Error::us(tollway_core::Code::Internal).detail("a flight was lost"));
            }
        }
    }

    /// Resolves once it is known whether there is a transaction at all.
    pub(super) async fn decided(&self) -> State {
        let mut seen = self.state.subscribe();
        loop {
            let state = seen.borrow_and_update().clone();
            if !matches!(state, State::Working) || seen.changed().await.is_err() {
                return state;
            }
        }
    }
}
