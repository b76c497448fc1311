//! Numbers from a seed, for as many tasks as want some.

use std::sync::atomic::{AtomicU64, Ordering};

/// SplitMix64. The numbers of a seed are always the same; who draws which depends on the tasks' order.
#[derive(Debug)]
pub struct Seeded {
    seed: u64,
    draws: AtomicU64,
}

impl Seeded {
    /// A sequence of its own for each seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed, draws: AtomicU64::new(0) }
    }

    /// The next number.
    pub fn draw(&self) -> u64 {
        let n = self.draws.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mut z = self.seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number below `n`.
    pub fn below(&self, n: u64) -> u64 {
        self.draw().checked_rem(n).unwrap_or(0)
    }
}

/// The seed of a test: `TOLLWAY_E2E_SEED`, else one from the clock, so that each run tries something new. It is
/// printed, and a failing test shows what was printed.
pub fn seed() -> u64 {
    let named = std::env::var("TOLLWAY_E2E_SEED").ok().and_then(|text| text.parse().ok());
    let seed = named.unwrap_or_else(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::from(since.subsec_nanos()) ^ since.as_secs().wrapping_mul(1_000_003)
    });
    println!("TOLLWAY_E2E_SEED={seed} repeats the dice of this run");
    seed
}
