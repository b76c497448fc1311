use std::fmt;

/// A weave that came to no end. Run again with the same seed, it comes to none at the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stuck {
    /// The seed of the run.
    pub seed: u64,
    /// Polls made until then.
    pub steps: u64,
    /// Why.
    pub why: Why,
    /// The processes that still had tasks, with their number.
    pub unfinished: Vec<(String, usize)>,
}

/// Why a weave came to no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Nobody is ready, and nobody sleeps: all wait for each other, or for something that nobody will do.
    Deadlock,
    /// As many polls as the step bound allows: somebody runs in a circle.
    Livelock,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} after {} steps with seed {}", self.why, self.steps, self.seed)?;
        for (at, (process, tasks)) in self.unfinished.iter().enumerate() {
            write!(f, "{}{process} ({tasks})", if at == 0 { "; unfinished: " } else { ", " })?;
        }
        Ok(())
    }
}
impl std::error::Error for Stuck {}
