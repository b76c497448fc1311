//! Timing by turns: every call gets its turn in every round, so that whatever slows the machine slows all alike.
//!
//! Turns should take a tenth of a millisecond or so: long enough for the clock, and so short that on a machine with
//! other work most of them end before the scheduler takes the processor away. Then the median is of undisturbed turns.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// One thing to time.
pub struct Turn<'a> {
    call: Box<dyn FnMut() + 'a>,
    times: Vec<Duration>,
}

impl std::fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Turn({} times)", self.times.len())
    }
}

impl<'a> Turn<'a> {
    /// Times `call`; what it returns is kept from being optimised away.
    pub fn new<T>(mut call: impl FnMut() -> T + 'a) -> Self {
        Self {
            call: Box::new(move || {
                black_box(call());
            }),
            times: Vec::new(),
        }
    }
}

/// Medians in nanoseconds per call, in the order given: `rounds` rounds of `calls` calls each.
pub fn medians<const N: usize>(rounds: u32, calls: u32, mut turns: [Turn<'_>; N]) -> [f64; N] {
    for round in 0..rounds.saturating_add(rounds / 10) {
        for turn in &mut turns {
            // Untimed: whoever had the turn before has left the caches to its liking.
            (turn.call)();
            let start = Instant::now();
            for _ in 0..calls {
                (turn.call)();
            }
            let took = start.elapsed();
            // The first tenth warms up.
            if round >= rounds / 10 {
                turn.times.push(took);
            }
        }
    }
    turns.map(|mut turn| {
        turn.times.sort_unstable();
        let middle = turn.times.get(turn.times.len() / 2).copied().unwrap_or_default();
        middle.as_secs_f64() * 1e9 / f64::from(calls)
    })
}
