//! The time of day, which can be moved on, and one that stands.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollway_core::{Clock, Time, async_trait};

/// Wall-clock time, moved on.
#[derive(Debug, Default)]
pub struct Wall(AtomicU64);

impl Wall {
    /// Moves it on by so many milliseconds.
    pub fn move_on(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for Wall {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
        let ms = u64::try_from(since.as_millis()).expect("a time of 64 bits");
        Time::from_ms(ms).plus_ms(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// A clock that stands where it is put, in seconds. Nobody sleeps by it.
#[derive(Debug)]
pub struct TestClock(pub AtomicU64);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_secs(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, _: u64) {}
}
