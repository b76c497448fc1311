//! A circuit breaker: who fails again and again rests, and then shows on one call that it is back.

use super::PoolSettings;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tollway_core::Time;

/// Until when a member rests, and why.
pub(super) struct Rest {
    failures_max: u32,
    rest_ms: u64,
    rest_ms_max: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In a row.
    failures: u32,
    until: Option<Time>,
    /// The one call after a rest, which others wait for. A trial that never ended counts as over after another rest.
    trial: Option<Time>,
}

/// What a member may be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fitness {
    /// Anything.
    Well,
    /// Its rest is over: one call shows whether it is back.
    Trial,
    /// Nothing, while somebody else can be asked.
    Resting,
}

impl Rest {
    pub(super) fn new(settings: &PoolSettings) -> Self {
        Self {
            failures_max: settings.failures_max.max(1),
            rest_ms: settings.rest_ms,
            rest_ms_max: settings.rest_ms_max.max(settings.rest_ms),
            state: Mutex::default(),
        }
    }

    pub(super) fn fitness(&self, now: Time) -> Fitness {
        let state = self.state();
        match (state.until, state.trial) {
            (None, _) => Fitness::Well,
            (Some(until), _) if now < until => Fitness::Resting,
            (Some(_), Some(over)) if now < over => Fitness::Resting,
            _ => Fitness::Trial,
        }
    }

    /// When its rest is over, while it rests.
    pub(super) fn until(&self, now: Time) -> Option<Time> {
        self.state().until.filter(|until| now < *until)
    }

    /// It is asked now. After a rest this is the trial, and whoever comes beside it finds it still resting.
    pub(super) fn asked(&self, now: Time) {
        let over = now.plus_ms(self.rest_ms);
        let mut state = self.state();
        if state.until.is_some_and(|until| until <= now) {
            state.trial = Some(over);
        }
    }

    /// It answered, whatever it said.
    pub(super) fn succeeded(&self) {
        *self.state() = State::default();
    }

    /// It did not answer, or not with anything that means something.
    pub(super) fn failed(&self, now: Time) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.trial = None;
        let Some(beyond) = state.failures.checked_sub(self.failures_max) else { return };
        // What was under way when it began to rest says nothing new.
        if state.until.is_some_and(|until| now < until) {
            state.failures = state.failures.saturating_sub(1);
            return;
        }
        let rest_ms = self.rest_ms.saturating_mul(2u64.saturating_pow(beyond.min(32))).min(self.rest_ms_max);
        state.until = Some(now.plus_ms(rest_ms));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_ms(1_000_000 + ms)
    }

    fn rest() -> Rest {
        Rest::new(&PoolSettings::default())
    }

    #[test]
    fn three_failures_in_a_row_are_a_rest_and_two_are_none() {
        let rest = rest();
        rest.failed(at(0));
        rest.failed(at(1));
        assert_eq!(rest.fitness(at(2)), Fitness::Well);
        rest.succeeded();
        rest.failed(at(3));
        rest.failed(at(4));
        assert_eq!(rest.fitness(at(5)), Fitness::Well);
        rest.failed(at(5));
        assert_eq!((rest.fitness(at(6)), rest.until(at(6))), (Fitness::Resting, Some(at(5_005))));
    }

    #[test]
    fn after_a_rest_one_call_at_a_time_shows_whether_it_is_back() {
        let rest = rest();
        (0..3).for_each(|n| rest.failed(at(n)));
        assert_eq!(rest.fitness(at(5_001)), Fitness::Resting);
        assert_eq!(rest.fitness(at(5_002)), Fitness::Trial);
        rest.asked(at(5_002));
        assert_eq!(rest.fitness(at(5_003)), Fitness::Resting, "somebody is trying");
        rest.succeeded();
        assert_eq!(rest.fitness(at(5_004)), Fitness::Well);
        // A trial whose caller went away is not waited for without end.
        (0..3).for_each(|n| rest.failed(at(6_000 + n)));
        rest.asked(at(11_002));
        assert_eq!(rest.fitness(at(16_001)), Fitness::Resting);
        assert_eq!(rest.fitness(at(16_002)), Fitness::Trial);
    }

    #[test]
    fn each_rest_is_twice_as_long_up_to_a_minute() {
        let rest = rest();
        (0..2).for_each(|_| rest.failed(at(0)));
        let (mut now, mut lengths) = (0, Vec::new());
        for _ in 0..6 {
            rest.asked(at(now));
            rest.failed(at(now));
            // Late news of calls that were under way make no rest longer.
            (0..5).for_each(|_| rest.failed(at(now + 1)));
            let until = rest.until(at(now)).unwrap().ms() - at(0).ms();
            lengths.push(until - now);
            now = until;
        }
        assert_eq!(lengths, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    }
}
