//! A circuit breaker: who fails again and again rests, and is asked for nothing until a probe shows that it is back.

use super::PoolSettings;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::{Dice, Time};

/// A rest is longer by up to one part in so many, so that a fleet does not come back to one facilitator in step.
const JITTER: u64 = 4;

/// Until when a member rests, and why.
pub(super) struct Rest {
    failures_max: u32,
    rest_ms: u64,
    rest_ms_max: u64,
    dice: Arc<dyn Dice>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In a row.
    failures: u32,
    until: Option<Time>,
    /// Until when the probe under way may take. One that never ended counts as over then.
    probing: Option<Time>,
}

impl Rest {
    pub(super) fn new(settings: &PoolSettings, dice: Arc<dyn Dice>) -> Self {
        Self {
            failures_max: settings.failures_max.max(1),
            rest_ms: settings.rest_ms,
            rest_ms_max: settings.rest_ms_max.max(settings.rest_ms),
            dice,
            state: Mutex::default(),
        }
    }

    /// Since when nobody asks it, and until when at least: from the failure that was one too many until it has shown that
    /// it is back.
    pub(super) fn until(&self) -> Option<Time> {
        self.state().until
    }

    /// True for the one who may ask now whether it is back: its rest is over, and nobody else is asking.
    pub(super) fn may_probe(&self, now: Time, limit_ms: u64) -> bool {
        let mut state = self.state();
        let due = state.until.is_some_and(|until| until <= now);
        if !due || state.probing.is_some_and(|over| now < over) {
            return false;
        }
        state.probing = Some(now.plus_ms(limit_ms.saturating_mul(2)));
        true
    }

    /// A probe says that it is back. What it says of itself is no payment yet, so one more failure is a rest again, and a
    /// longer one.
    pub(super) fn back(&self) {
        let mut state = self.state();
        (state.until, state.probing) = (None, None);
    }

    /// It answered a payment, whatever it said. True when it rested.
    pub(super) fn succeeded(&self) -> bool {
        std::mem::take(&mut *self.state()).until.is_some()
    }

    /// It did not answer, or not with anything that means something. True when it begins to rest.
    pub(super) fn failed(&self, now: Time) -> bool {
        let mut state = self.state();
        // What was under way when it began to rest says nothing new.
        if state.until.is_some_and(|until| now < until) {
            return false;
        }
        state.failures = state.failures.saturating_add(1);
        state.probing = None;
        let Some(beyond) = state.failures.checked_sub(self.failures_max) else { return false };
        let rest_ms = self.rest_ms.saturating_mul(2u64.saturating_pow(beyond.min(32))).min(self.rest_ms_max);
        state.until = Some(now.plus_ms(rest_ms.saturating_add(self.jitter_ms(rest_ms))));
        true
    }

    fn jitter_ms(&self, rest_ms: u64) -> u64 {
        let mut bytes = [0; 2];
        self.dice.fill(&mut bytes);
        let part = u64::from(u16::from_be_bytes(bytes));
        (rest_ms / JITTER).saturating_mul(part) >> 16
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

    /// Always the same byte.
    struct Loaded(u8);

    impl Dice for Loaded {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    fn rest(byte: u8) -> Rest {
        Rest::new(&PoolSettings::default(), Arc::new(Loaded(byte)))
    }

    #[test]
    fn three_failures_in_a_row_are_a_rest_and_two_are_none() {
        let rest = rest(0);
        rest.failed(at(0));
        rest.failed(at(1));
        assert_eq!(rest.until(), None);
        rest.succeeded();
        rest.failed(at(3));
        rest.failed(at(4));
        assert_eq!(rest.until(), None);
        rest.failed(at(5));
        assert_eq!(rest.until(), Some(at(5_005)));
    }

    #[test]
    fn after_a_rest_one_probe_at_a_time_shows_whether_it_is_back() {
        let rest = rest(0);
        assert!(!rest.may_probe(at(0), 2_000), "it is well");
        for n in 0..3 {
            rest.failed(at(n));
        }
        assert!(!rest.may_probe(at(5_001), 2_000), "it rests");
        assert!(rest.may_probe(at(5_002), 2_000));
        assert!(!rest.may_probe(at(5_003), 2_000), "somebody is asking");
        assert!(rest.until().is_some(), "until it has answered it is not back");
        // A probe that never ended is not waited for without end.
        assert!(rest.may_probe(at(9_002), 2_000));
        rest.back();
        assert_eq!(rest.until(), None);
        // Its word was worth nothing: no three chances again, and a longer rest.
        rest.failed(at(10_000));
        assert_eq!(rest.until(), Some(at(20_000)));
        rest.back();
        rest.succeeded();
        for _ in 0..2 {
            rest.failed(at(30_000));
        }
        assert_eq!(rest.until(), None, "a payment that it answered is");
    }

    #[test]
    fn each_rest_is_twice_as_long_up_to_a_minute() {
        let rest = rest(0);
        for _ in 0..2 {
            rest.failed(at(0));
        }
        let (mut now, mut lengths) = (0, Vec::new());
        for _ in 0..6 {
            rest.failed(at(now));
            // Late news of calls that were under way make no rest longer.
            assert!((0..5).all(|_| !rest.failed(at(now + 1))));
            let until = rest.until().unwrap().ms() - at(0).ms();
            lengths.push(until - now);
            now = until;
        }
        assert_eq!(lengths, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    }

    #[test]
    fn rests_differ_by_up_to_a_quarter() {
        let length = |byte| {
            let rest = rest(byte);
            assert_eq!([0; 3].map(|ms| rest.failed(at(ms))), [false, false, true]);
            rest.until().unwrap().ms_since(at(0))
        };
        assert_eq!([length(0), length(0x80), length(0xff)], [5_000, 5_627, 6_249]);
    }
}
