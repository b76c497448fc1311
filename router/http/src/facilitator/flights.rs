use super::callers::Callers;
use super::reply;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tollway_core::{Print, Receipt, Result};
use tollway_route::Caller;

/// What becomes of a settlement, for everybody who waits for it.
pub(super) type Answer = watch::Receiver<Option<Result<Receipt>>>;

/// The settlements under way in this process, each once. Callers come and go; a flight lands on its own.
pub(super) struct Flights {
    max: usize,
    max_each: usize,
    state: Mutex<State>,
    count: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    open: HashMap<Print, Answer>,
    by_caller: Callers,
    closed: bool,
}

/// Whoever holds it flies. Dropping it, also by a panic, ends the flight.
pub(super) struct Ticket {
    flights: Arc<Flights>,
    print: Print,
    caller: Caller,
    answer: watch::Sender<Option<Result<Receipt>>>,
}

impl Flights {
    pub(super) fn new(max: usize, max_each: usize) -> Self {
        Self { max, max_each, state: Mutex::default(), count: watch::channel(0).0 }
    }

    /// Joins the flight of that print; with a ticket when it is a new one. Joining one that is open counts for nobody
    /// here: whoever waits for it holds a place.
    ///
    /// # Errors
    /// Too busy, too many of this caller's, or shutting down: nothing was started.
    pub(super) fn board(
        self: &Arc<Self>,
        print: &Print,
        caller: &Caller,
    ) -> Result<(Option<Ticket>, Answer)> {
        let mut state = self.state();
        if let Some(answer) = state.open.get(print) {
            return Ok((None, answer.clone()));
        }
        if state.closed {
            return Err(reply::busy("shutting down"));
        }
        if state.open.len() >= self.max {
            return Err(reply::busy("too many settlements under way"));
        }
        if !state.by_caller.enter(caller, self.max_each) {
            return Err(reply::too_many(self.max_each, "settlements"));
        }
        let (sender, answer) = watch::channel(None);
        state.open.insert(print.clone(), answer.clone());
        self.count.send_replace(state.open.len());
        let ticket =
            Ticket { flights: self.clone(), print: print.clone(), caller: caller.clone(), answer: sender };
        Ok((Some(ticket), answer))
    }

    /// How many are under way.
    pub(super) fn open(&self) -> usize {
        self.state().open.len()
    }

    /// Lets nobody new on, and waits until all have landed.
    pub(super) async fn close(&self) {
        self.state().closed = true;
        let mut count = self.count.subscribe();
        // The sender is ours, so waiting cannot fail.
        let _ = count.wait_for(|open| *open == 0).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Tells everybody who waits.
    pub(super) fn land(self, answer: Result<Receipt>) {
        self.answer.send_replace(Some(answer));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.flights.state();
        state.open.remove(&self.print);
        state.by_caller.leave(&self.caller);
        self.flights.count.send_replace(state.open.len());
    }
}
