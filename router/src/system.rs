//! The services that a real process hands to the contract: the wall clock, the system's randomness, tokio.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollway_core::{Clock, Dice, Time, async_trait};
use tollway_route::Spawn;

/// The system's wall clock, and tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Time {
        // A clock before 1970 is as good as none; zero makes every window "not yet valid", which is safe.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// The operating system's cryptographically secure generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDice;

impl Dice for OsDice {
    fn fill(&self, out: &mut [u8]) {
        // A nonce that is not random can be taken by somebody else. Without a generator there is no safe way on, and
        // the contract has no way to say so: the process must not continue.
        if getrandom::fill(out).is_err() {
            std::process::abort();
        }
    }
}

/// Runs background work on the tokio runtime that is current when it is called.
pub fn tokio_spawn() -> Spawn {
    Arc::new(|work| {
        tokio::spawn(work);
    })
}
