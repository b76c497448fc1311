use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The newest block that any node has shown us: what later answers must know of.
#[derive(Debug)]
pub(super) struct Floor {
    at: Mutex<(u64, Instant)>,
}

impl Default for Floor {
    fn default() -> Self {
        Self { at: Mutex::new((0, Instant::now())) }
    }
}

impl Floor {
    pub(super) fn block(&self) -> u64 {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Somebody showed this block.
    pub(super) fn raise(&self, block: u64) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if block >= at.0 {
            *at = (block, Instant::now());
        }
    }

    /// Nobody who answered knows of it: goes down to the newest that they do know, if nobody has shown it for `grace`.
    /// Then it was taken back, or only a node that is gone ever had it.
    pub(super) fn lower(&self, to: u64, grace: Duration) -> bool {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = at.1.elapsed() >= grace;
        if gone {
            *at = (to, Instant::now());
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_goes_down_only_when_nobody_has_shown_it_for_long() {
        let (floor, grace) = (Floor::default(), Duration::from_secs(2));
        floor.raise(10);
        floor.raise(8);
        assert_eq!(floor.block(), 10);
        assert!(!floor.lower(7, grace));
        tokio::time::advance(Duration::from_millis(1_900)).await;
        floor.raise(10);
        tokio::time::advance(Duration::from_millis(1_900)).await;
        assert!(!floor.lower(7, grace), "it was shown again meanwhile");
        tokio::time::advance(Duration::from_millis(200)).await;
        assert!(floor.lower(7, grace));
        assert_eq!(floor.block(), 7);
    }
}
