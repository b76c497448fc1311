use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tollway_core::{Clock, Time, async_trait};

/// A clock that stands still until everybody waits for it.
///
/// [`super::Weave`] moves it to the next timer when nobody is ready; a test moves it with [`Self::advance`]. Without
/// either, a `sleep` never ends.
pub struct VirtualClock {
    state: Arc<Mutex<State>>,
}

struct State {
    now: Time,
    next_timer: u64,
    /// `None`: nobody has polled it yet.
    timers: BTreeMap<(Time, u64), Option<Waker>>,
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        write!(f, "VirtualClock({} ms, {} timers)", state.now.ms(), state.timers.len())
    }
}

impl VirtualClock {
    /// A clock that shows `now`.
    pub fn at(now: Time) -> Self {
        Self { state: Arc::new(Mutex::new(State { now, next_timer: 0, timers: BTreeMap::new() })) }
    }
    /// Moves time on by `ms` and ends what has slept until then.
    pub fn advance(&self, ms: u64) {
        let to = self.now().plus_ms(ms);
        self.move_to(to);
    }
    /// Moves time on to `to` and ends what has slept until then; never back.
    pub fn move_to(&self, to: Time) {
        let mut state = lock(&self.state);
        state.now = state.now.max(to);
        let after = (state.now.plus_ms(1), 0);
        let later = state.timers.split_off(&after);
        let due = std::mem::replace(&mut state.timers, later);
        drop(state);
        // Woken outside of the lock: a waker is somebody else's code.
        due.into_values().flatten().for_each(Waker::wake);
    }
    /// When the next sleeper wakes; `None` when nobody sleeps.
    pub fn next_timer(&self) -> Option<Time> {
        lock(&self.state).timers.keys().next().map(|(at, _)| *at)
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Time {
        lock(&self.state).now
    }
    async fn sleep(&self, ms: u64) {
        if ms == 0 {
            return super::give_way().await;
        }
        let key = {
            let mut state = lock(&self.state);
            state.next_timer = state.next_timer.saturating_add(1);
            let key = (state.now.plus_ms(ms), state.next_timer);
            state.timers.insert(key, None);
            key
        };
        Sleep { state: Arc::clone(&self.state), key }.await;
    }
}

/// Ends when its timer is gone; dropping it takes the timer away.
struct Sleep {
    state: Arc<Mutex<State>>,
    key: (Time, u64),
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match lock(&self.state).timers.get_mut(&self.key) {
            Some(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let gone = lock(&self.state).timers.remove(&self.key);
        drop(gone);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
