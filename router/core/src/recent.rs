//! A bounded memory of answers that are dear to find and cheap to keep.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 16;

/// Remembers the latest answers, one per slot: a newer key takes an older one's place.
///
/// Keys are compared whole, so a collision costs an answer but never gives a wrong one; the hasher is seeded, so
/// nobody can choose keys that collide. Locks are held for a copy, never across an await.
pub struct Recent<K, V> {
    shards: Box<[Mutex<Shard<K, V>>]>,
    slots: usize,
    hasher: RandomState,
}

type Shard<K, V> = Vec<Option<(K, V)>>;

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    /// Room for about `entries` answers.
    pub fn new(entries: usize) -> Self {
        let slots = entries.div_ceil(SHARDS).max(1);
        let shard = || Mutex::new(std::iter::repeat_with(|| None).take(slots).collect());
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            slots,
            hasher: RandomState::new(),
        }
    }

    /// The answer, unless a newer one took its place.
    pub fn get(&self, key: &K) -> Option<V> {
        let (shard, slot) = self.place(key)?;
        shard.get(slot)?.as_ref().filter(|(k, _)| k == key).map(|(_, v)| v.clone())
    }

    /// Remembers an answer.
    pub fn put(&self, key: K, value: V) {
        if let Some((mut shard, slot)) = self.place(&key)
            && let Some(place) = shard.get_mut(slot)
        {
            *place = Some((key, value));
        }
    }

    fn place(&self, key: &K) -> Option<(MutexGuard<'_, Shard<K, V>>, usize)> {
        let [a, b, c, d, e, f, g, h] = self.hasher.hash_one(key).to_le_bytes();
        let (high, low) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        let within = |n: u32, of: usize| usize::try_from(n).ok()?.checked_rem(of);
        let shard = self.shards.get(within(high, SHARDS)?)?;
        // A slot is replaced whole, so what a panicking thread left behind is still one answer or none.
        Some((shard.lock().unwrap_or_else(PoisonError::into_inner), within(low, self.slots)?))
    }
}

impl<K, V> fmt::Debug for Recent<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_but_never_mixes_up_and_stays_bounded() {
        let recent = Recent::new(64);
        for n in 0..10_000u32 {
            recent.put(n, n.wrapping_mul(7));
        }
        let kept: Vec<u32> = (0..10_000).filter(|n| recent.get(n).is_some()).collect();
        assert!((1..=64).contains(&kept.len()), "{}", kept.len());
        assert!(kept.iter().all(|n| recent.get(n) == Some(n.wrapping_mul(7))));
        assert_eq!(recent.get(&9_999), Some(69_993));
    }
}
