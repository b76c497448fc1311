use super::Facilitator;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tollway_core::{RecordKey, Time};

/// A ledger that does not answer within this time counts as unreachable.
const LEDGER_MS: u64 = 2_000;

/// For how long its answer is told without asking it again. Who asks needs no key, and reads stand in line with writes: so
/// however many ask, the ledger hears of one in so much time.
const KEPT_MS: u64 = 1_000;

/// How a facilitator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// True when it can settle: the ledger answers.
    pub ok: bool,
    /// True when the ledger answers.
    pub ledger: bool,
    /// How many schemes on chains settle here.
    pub cells: usize,
    /// Settlements under way.
    pub settling: usize,
    /// Settlements whose outcome is not known yet.
    pub recovering: usize,
}

impl Facilitator {
    /// How it is.
    pub async fn health(&self) -> Health {
        let (source, tasks) = (Arc::clone(&self.0.ledger), self.0.tasks.clone());
        let look = self.0.pulse.look(self.0.clock.now(), || {
            let limit = Duration::from_millis(LEDGER_MS);
            async move {
                let key = RecordKey("health/facilitator".to_owned());
                matches!(tasks.timeout(limit, source.load(&key)).await, Some(Ok(_)))
            }
            .boxed()
        });
        let ledger = look.await;
        Health {
            ok: ledger,
            ledger,
            cells: self.0.registry.cells().filter(|c| c.settler.is_some()).count(),
            settling: self.0.flights.open(),
            recovering: self.0.follow.backlog(),
        }
    }
}

/// A look at the ledger, for everybody who asks meanwhile.
type Look = Shared<BoxFuture<'static, bool>>;

/// The last one, and when it began.
#[derive(Default)]
pub(super) struct Pulse(Mutex<Option<(Time, Look)>>);

impl Pulse {
    /// The last look, while it may be told; else a new one.
    fn look(&self, now: Time, look: impl FnOnce() -> BoxFuture<'static, bool>) -> Look {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            // A clock that has stepped back keeps nothing.
            Some((begun, kept)) if *begun <= now && now.ms_since(*begun) < KEPT_MS => kept.clone(),
            _ => last.insert((now, look().shared())).1.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn told(look: Look) -> bool {
        look.now_or_never().unwrap()
    }

    #[test]
    fn however_many_ask_the_ledger_hears_of_one_in_a_second() {
        let (pulse, looks) = (Pulse::default(), Cell::new(0));
        let ask = |ms, well| {
            pulse.look(Time::from_ms(ms), || {
                looks.set(looks.get() + 1);
                async move { well }.boxed()
            })
        };
        // At once, before any of them has an answer.
        let crowd: Vec<_> = (0..1_000).map(|_| ask(5_000, true)).collect();
        assert!(crowd.into_iter().all(told));
        assert!(told(ask(5_999, false)), "as it was");
        assert_eq!(looks.get(), 1);
        assert!(!told(ask(6_000, false)), "looked at again");
        assert!(told(ask(5_500, true)), "the clock has stepped back");
        assert_eq!(looks.get(), 3);
    }
}
