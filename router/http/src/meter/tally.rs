//! What a meter has counted, shared by the handler, the answer's body and the visit that settles.

use futures::task::AtomicWaker;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::Notify;
use tollway_core::Ceiling;

/// The running sum. Every change is one step under the lock, so that what is counted and what is handed on cannot differ.
pub(crate) struct Tally {
    ceiling: Ceiling,
    metered: bool,
    state: Mutex<State>,
    /// Whoever hands chunks on, where it waits for a note. Not always the task below: a handler may count in one of its own.
    chunks: AtomicWaker,
    /// The answer's body, which has to hear that the counting has ended.
    end: AtomicWaker,
    /// The visit, which writes the notes.
    note: Notify,
}

#[derive(Default)]
struct State {
    counted: u128,
    used: bool,
    streams: bool,
    closed: bool,
    /// What the journal knows of, while the answer streams.
    noted: Option<Noted>,
}

struct Noted {
    atomic: u128,
    /// The most that may be handed on beyond it: what a crash would cost.
    risk: u128,
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// It is counted, and to be handed on.
    Yes,
    /// The price does not cover it, or the counting has ended: nothing more may be handed on.
    No,
}

impl Tally {
    pub(super) fn new(ceiling: Ceiling, metered: bool) -> Self {
        let (chunks, end) = (AtomicWaker::new(), AtomicWaker::new());
        Self { ceiling, metered, state: Mutex::default(), chunks, end, note: Notify::new() }
    }

    pub(super) fn ceiling(&self) -> &Ceiling {
        &self.ceiling
    }
    pub(super) fn is_metered(&self) -> bool {
        self.metered
    }
    pub(crate) fn counted(&self) -> u128 {
        self.state().counted
    }
    pub(super) fn left(&self) -> u128 {
        let state = self.state();
        if state.closed { 0 } else { self.ceiling.atomic().saturating_sub(state.counted) }
    }

    /// Counts at once; what is left, when that is not enough.
    pub(super) fn count(&self, atomic: u128) -> Result<(), u128> {
        let mut state = self.state();
        state.used = true;
        let left = if state.closed { 0 } else { self.ceiling.atomic().saturating_sub(state.counted) };
        if state.closed || atomic > left {
            return Err(left);
        }
        state.counted = state.counted.saturating_add(atomic);
        self.ask_for_a_note(&state);
        Ok(())
    }

    /// Counts a chunk that is handed on now; not before the journal knows enough of what went before.
    pub(super) fn hand_on(&self, atomic: u128, cx: &mut Context<'_>) -> Poll<Counted> {
        // Before the look, so that a note that is written meanwhile is not missed.
        self.chunks.register(cx.waker());
        let mut state = self.state();
        let after = match state.counted.checked_add(atomic) {
            Some(after) if after <= self.ceiling.atomic() && !state.closed => after,
            _ => return Poll::Ready(Counted::No),
        };
        let risky = |n: &Noted| after.saturating_sub(n.atomic) > n.risk && state.counted > n.atomic;
        if state.noted.as_ref().is_some_and(risky) {
            self.note.notify_one();
            return Poll::Pending;
        }
        state.counted = after;
        self.ask_for_a_note(&state);
        Poll::Ready(Counted::Yes)
    }

    fn ask_for_a_note(&self, state: &State) {
        let due = |n: &Noted| state.counted.saturating_sub(n.atomic) >= n.risk.div_ceil(2).max(1);
        if state.noted.as_ref().is_some_and(due) {
            self.note.notify_one();
        }
    }

    /// The handler has made a body that streams.
    pub(super) fn will_stream(&self) {
        let mut state = self.state();
        (state.streams, state.used) = (true, true);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    pub(crate) fn streams(&self) -> bool {
        self.state().streams
    }
    /// True when the handler has used the meter at all.
    pub(crate) fn used(&self) -> bool {
        self.state().used
    }
    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// From now on what is handed on may be ahead of the notes by `risk` and one chunk.
    pub(crate) fn open(&self, risk: u128) {
        let mut state = self.state();
        state.noted = Some(Noted { atomic: 0, risk });
        self.ask_for_a_note(&state);
    }
    /// Resolves when a note should be written. Cancel safe.
    pub(crate) async fn note_due(&self) {
        self.note.notified().await;
    }
    /// The journal knows of this much.
    pub(crate) fn noted(&self, atomic: u128) {
        if let Some(noted) = self.state().noted.as_mut() {
            noted.atomic = noted.atomic.max(atomic);
        }
        self.chunks.wake();
    }

    /// Wakes this task when the counting ends.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.end.register(cx.waker());
    }
    /// Ends the counting, and says what was counted.
    pub(crate) fn close(&self) -> u128 {
        let counted = {
            let mut state = self.state();
            state.closed = true;
            state.counted
        };
        self.chunks.wake();
        self.end.wake();
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};
    use tollway_core::{Amount, AssetId, ChainId};

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A handler may count in a task of its own, beside the one that sends the answer.
    #[test]
    fn two_tasks_that_wait_are_both_woken() {
        let coin = AssetId::native(ChainId::new("test:1").unwrap());
        let tally = Tally::new(Ceiling(Amount::new(coin, 100)), true);
        let (chunks, end) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
        let wakers = (Waker::from(chunks.clone()), Waker::from(end.clone()));
        let woken = || (chunks.0.load(Ordering::SeqCst), end.0.load(Ordering::SeqCst));
        tally.open(10);
        let hand_on = || tally.hand_on(10, &mut Context::from_waker(&wakers.0));
        assert_eq!(hand_on(), Poll::Ready(Counted::Yes));
        assert_eq!(hand_on(), Poll::Pending);
        tally.register(&Context::from_waker(&wakers.1));
        tally.noted(10);
        assert_eq!(woken(), (1, 0));
        assert_eq!(hand_on(), Poll::Ready(Counted::Yes));
        assert_eq!(hand_on(), Poll::Pending);
        tally.register(&Context::from_waker(&wakers.1));
        tally.close();
        assert_eq!(woken(), (2, 1));
    }
}
