//! How far a chain has been seen, over all of its nodes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The newest block or slot that any node of a chain has shown: later answers must know of it, so that whoever has seen a
/// payment land reads a chain on which it has. Several nodes are never equally far, and one may be far behind.
///
/// It reads no clock: every call is told how much time has gone by since whatever moment its owner counts from.
#[derive(Debug, Default)]
pub struct Floor {
    /// The place, and when it was last shown.
    at: Mutex<Option<(u64, Duration)>>,
}

impl Floor {
    /// The place; zero while nothing has been seen.
    pub fn place(&self) -> u64 {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).map_or(0, |(place, _)| place)
    }

    /// Somebody showed this one.
    pub fn raise(&self, place: u64, now: Duration) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.is_none_or(|(floor, _)| place >= floor) {
            *at = Some((place, now));
        }
    }

    /// Nobody who answered knows of it: goes down to the newest that they do know, if nobody has shown it for `grace`.
    /// Then a reorganisation took it back, or only a node that is gone ever had it. True when it went down.
    pub fn lower(&self, to: u64, now: Duration, grace: Duration) -> bool {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = at.is_none_or(|(_, shown)| now.saturating_sub(shown) >= grace);
        if gone {
            *at = Some((to, now));
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_down_only_when_nobody_has_shown_it_for_long() {
        let (floor, grace, at) = (Floor::default(), Duration::from_secs(2), Duration::from_millis);
        assert_eq!(floor.place(), 0);
        floor.raise(10, at(0));
        floor.raise(8, at(0));
        assert_eq!(floor.place(), 10);
        assert!(!floor.lower(7, at(0), grace));
        floor.raise(10, at(1_900));
        assert!(!floor.lower(7, at(3_800), grace), "it was shown again meanwhile");
        assert!(floor.lower(7, at(4_000), grace));
        assert_eq!(floor.place(), 7);
    }
}
