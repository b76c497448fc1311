//! What is on its way, for those who wait for it.

use crate::Landed;
use std::sync::Arc;
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
    Done(Result<Arc<Landed>>),
}

/// One key's transaction. Any number may wait for it; it ends whether or not anybody does.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) key: RecordKey,
    state: watch::Sender<State>,
}

impl Flight {
    pub(super) fn new(key: RecordKey) -> Arc<Self> {
        Arc::new(Self { key, state: watch::Sender::new(State::Working) })
    }

    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
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
    pub(super) fn done(&self, end: Result<Arc<Landed>>) {
        self.state.send_if_modified(|state| {
            let open = !matches!(state, State::Done(_));
            if open {
                *state = State::Done(end);
            }
            open
        });
    }

    /// Resolves once it is over.
    pub(super) async fn end(&self) -> Result<Arc<Landed>> {
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
