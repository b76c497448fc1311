//! Several futures at once, polled in an order drawn from a seed: every order of await points can be reached.
//!
//! [`Turns`] is a future itself, so it runs on whatever the stand runs futures on: a virtual clock, or a real runtime.

use crate::weave::SeededDice;
use futures::future::BoxFuture;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Polls several futures in a drawn order. Resolves to what each said, `None` for one that was dropped before its end.
pub struct Turns<'a, T> {
    players: Vec<Player<'a, T>>,
    dice: SeededDice,
}

struct Player<'a, T> {
    future: Option<BoxFuture<'a, T>>,
    said: Option<T>,
    polls_left: usize,
    bell: Arc<Bell>,
}

/// Remembers that a player was called, and calls the table.
#[derive(Default)]
struct Bell {
    rung: AtomicBool,
    table: Mutex<Option<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        if let Some(table) = self.table.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            table.wake_by_ref();
        }
    }
}

impl<T> std::fmt::Debug for Turns<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Turns({} players)", self.players.len())
    }
}

impl<'a, T> Turns<'a, T> {
    /// A table without players.
    pub fn new(seed: u64) -> Self {
        Self { players: Vec::new(), dice: SeededDice::new(seed) }
    }

    /// Adds a future that runs to its end.
    #[must_use]
    pub fn with(self, future: BoxFuture<'a, T>) -> Self {
        self.with_mortal(future, usize::MAX)
    }

    /// Adds a future that is dropped after so many polls, if it has not ended by then.
    #[must_use]
    pub fn with_mortal(mut self, future: BoxFuture<'a, T>, polls: usize) -> Self {
        let bell = Arc::new(Bell::default());
        bell.rung.store(true, Ordering::SeqCst);
        let future = (polls > 0).then_some(future);
        self.players.push(Player { future, said: None, polls_left: polls, bell });
        self
    }
}

impl<T> Player<'_, T> {
    fn poll(&mut self) {
        self.bell.rung.store(false, Ordering::SeqCst);
        let waker = Waker::from(self.bell.clone());
        let Some(future) = self.future.as_mut() else { return };
        self.polls_left = self.polls_left.saturating_sub(1);
        if let Poll::Ready(said) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.said = Some(said);
            self.future = None;
        } else if self.polls_left == 0 {
            self.future = None;
        }
    }
}

impl<T: Unpin> Future for Turns<'_, T> {
    type Output = Vec<Option<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { players, dice } = &mut *self;
        for player in players.iter() {
            *player.bell.table.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        }
        loop {
            if players.iter().all(|p| p.future.is_none()) {
                return Poll::Ready(players.iter_mut().map(|p| p.said.take()).collect());
            }
            let ready = |p: &Player<'_, T>| p.future.is_some() && p.bell.rung.load(Ordering::SeqCst);
            let places: Vec<usize> =
                players.iter().enumerate().filter(|(_, p)| ready(p)).map(|(at, _)| at).collect();
            let Some(player) = places.get(dice.place(places.len())).and_then(|at| players.get_mut(*at))
            else {
                return Poll::Pending;
            };
            player.poll();
            // Now and then the world around has its turn: blocks, timers, a mempool.
            if dice.below(4) == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }
}

/// Runs a future to its end on this thread, parking it while there is nothing to do: enough wherever others (a ledger's
/// own thread) do the waking.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Thread(std::thread::Thread);
    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Thread(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weave::give_way;
    use std::collections::BTreeSet;

    fn order(seed: u64, lives: usize) -> (Vec<usize>, Vec<Option<usize>>) {
        let seen = Mutex::new(Vec::new());
        let player = |n: usize| -> BoxFuture<'_, usize> {
            let seen = &seen;
            Box::pin(async move {
                for _ in 0..2 {
                    seen.lock().unwrap().push(n);
                    give_way().await;
                }
                n
            })
        };
        let said = block_on(Turns::new(seed).with(player(0)).with_mortal(player(1), lives));
        (seen.into_inner().unwrap(), said)
    }

    #[test]
    fn seeds_reach_every_order_and_repeat_it() {
        let orders: BTreeSet<_> = (0..200).map(|seed| order(seed, 9).0).collect();
        assert_eq!(orders.len(), 6, "{orders:?}");
        assert_eq!(order(7, 9), order(7, 9));
    }

    #[test]
    fn a_mortal_says_nothing() {
        assert_eq!(order(1, 2).1, [Some(0), None]);
        assert_eq!(order(1, 0).1, [Some(0), None]);
        assert_eq!(order(1, 3).1, [Some(0), Some(1)]);
    }
}
