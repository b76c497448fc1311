//! Time and randomness, handed in. Nothing else in the contract reads a clock or a random source.

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

impl Time {
    /// The epoch itself; earlier than any real moment.
    pub const ZERO: Self = Self(0);
    /// Later than any real moment.
    pub const FAR: Self = Self(u64::MAX);

    /// From milliseconds since the epoch.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }
    /// From whole seconds since the epoch, as chains and x402 windows count; saturates.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }
    /// Milliseconds since the epoch.
    pub const fn ms(self) -> u64 {
        self.0
    }
    /// Whole seconds since the epoch, rounded down.
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }
    /// Later by `ms`; saturates.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
    /// Earlier by `ms`; saturates at the epoch.
    #[must_use]
    pub const fn minus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }
    /// Milliseconds from `earlier` to here; zero if `earlier` is later.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The only source of time.
///
/// * `now` is wall-clock time and may step; code must tolerate that.
/// * `sleep` resolves after about `ms`; dropping it cancels it. A virtual clock may resolve it at once and move
///   its own `now`.
#[crate::async_trait]
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Time;
    /// Resolves after `ms` milliseconds of this clock. Cancel safe.
    async fn sleep(&self, ms: u64);
}

/// The only source of randomness.
///
/// Nonces come from here, so a production implementation must be a cryptographically secure generator of the
/// operating system; a seeded one is for simulations only.
pub trait Dice: Send + Sync {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}
