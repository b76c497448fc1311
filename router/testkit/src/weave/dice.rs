use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use tollway_core::Dice;

const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// A dice that throws the same for the same seed, for simulations only: whoever knows the seed knows every nonce.
///
/// SplitMix64: small, equally spread, and every seed is a good one.
pub struct SeededDice {
    seed: u64,
    state: AtomicU64,
}

impl fmt::Debug for SeededDice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeededDice({})", self.seed)
    }
}

impl SeededDice {
    /// A dice for `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, state: AtomicU64::new(mix(seed)) }
    }
    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }
    /// Another dice, told apart by `label`: what is thrown with one does not disturb the other.
    #[must_use]
    pub fn fork(&self, label: &str) -> Self {
        let hash = label
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |h: u64, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
        Self::new(mix(self.seed.wrapping_add(STRIDE)) ^ hash)
    }
    /// Any number.
    pub fn next_u64(&self) -> u64 {
        mix(self.state.fetch_add(STRIDE, Ordering::Relaxed).wrapping_add(STRIDE))
    }
    /// A number below `bound`; zero when `bound` is zero.
    pub fn below(&self, bound: u64) -> u64 {
        // The high half of a 128-bit product: equally spread to within 2^-64 × bound, which no test can see.
        let wide = u128::from(self.next_u64()).wrapping_mul(u128::from(bound));
        u64::try_from(wide >> 64).unwrap_or(0)
    }
    /// A place in a list of `len`; zero when the list is empty.
    pub fn place(&self, len: usize) -> usize {
        let below = self.below(u64::try_from(len).unwrap_or(u64::MAX));
        usize::try_from(below).unwrap_or(0)
    }
    /// A number from `low` to `high`, both included; `low` when `high` is lower.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        match high.checked_sub(low).map(|span| span.checked_add(1)) {
            None => low,
            Some(None) => self.next_u64(),
            Some(Some(span)) => low.saturating_add(self.below(span)),
        }
    }
    /// True in so many of a thousand throws.
    ///
    /// A chance of zero throws nothing, so that a fault that is switched off leaves all others where they were.
    pub fn chance(&self, per_mille: u16) -> bool {
        per_mille > 0 && self.below(1000) < u64::from(per_mille)
    }
    /// One of a list; `None` when it is empty.
    pub fn pick<'a, T>(&self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.place(list.len()))
    }
    /// Puts a list into any order.
    pub fn shuffle<T>(&self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.place(end.saturating_add(1)));
        }
    }
}

impl Dice for SeededDice {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let bytes = self.next_u64().to_le_bytes();
            chunk.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        }
    }
}

fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
