//! Values that are kept fresh: time to live, stale-while-revalidate, one request in flight per key.

use crate::quotes::Spawn;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::{Error, Result, Time};

type Flight<V> = Shared<BoxFuture<'static, Result<Fresh<V>>>>;

/// A value and how long it may be used.
#[derive(Clone)]
pub(crate) struct Fresh<V> {
    pub(crate) value: V,
    /// Until when it needs no newer one.
    pub(crate) fresh_until: Time,
    /// Until when it may still be used while a newer one is fetched.
    pub(crate) usable_until: Time,
}

struct Slot<V> {
    have: Option<Fresh<V>>,
    flight: Option<Flight<V>>,
    failed: Option<Error>,
}

/// What the cache has for a key, without any I/O.
pub(crate) enum Lookup<V> {
    Fresh(V),
    /// Usable, but a newer one should be fetched.
    Stale(V),
    /// Too old to use.
    Expired,
    /// Never fetched, or the fetch failed with this.
    Missing(Option<Error>),
}

pub(crate) struct Cache<K, V> {
    slots: Arc<Mutex<HashMap<K, Slot<V>>>>,
}

impl<K: Copy + Eq + Hash + Send + 'static, V: Clone + Send + Sync + 'static> Cache<K, V> {
    pub(crate) fn new() -> Self {
        Self { slots: Arc::new(Mutex::new(HashMap::new())) }
    }

    pub(crate) fn look(&self, key: &K, now: Time) -> Lookup<V> {
        let slots = lock(&self.slots);
        let Some(slot) = slots.get(key) else { return Lookup::Missing(None) };
        match &slot.have {
            Some(have) if now < have.fresh_until => Lookup::Fresh(have.value.clone()),
            Some(have) if now < have.usable_until => Lookup::Stale(have.value.clone()),
            Some(_) if slot.failed.is_none() => Lookup::Expired,
            _ => Lookup::Missing(slot.failed.clone()),
        }
    }

    pub(crate) fn put(&self, key: K, fresh: Fresh<V>) {
        let mut slots = lock(&self.slots);
        slots.insert(key, Slot { have: Some(fresh), flight: None, failed: None });
    }

    pub(crate) fn keys(&self) -> Vec<K> {
        lock(&self.slots).keys().copied().collect()
    }

    /// Joins the request in flight for `key`, or starts `fetch`. The request runs on in the background when the
    /// caller stops waiting.
    pub(crate) fn refresh<F>(&self, key: K, spawn: &Spawn, fetch: F) -> Flight<V>
    where
        F: FnOnce() -> BoxFuture<'static, Result<Fresh<V>>>,
    {
        let mut slots = lock(&self.slots);
        let slot = slots.entry(key).or_insert_with(|| Slot { have: None, flight: None, failed: None });
        if let Some(flight) = &slot.flight {
            return flight.clone();
        }
        let (fetching, home) = (fetch(), Arc::clone(&self.slots));
        let flight = async move {
            let got = fetching.await;
            if let Some(slot) = lock(&home).get_mut(&key) {
                slot.flight = None;
                match &got {
                    Ok(fresh) => {
                        slot.have = Some(fresh.clone());
                        slot.failed = None;
                    }
                    Err(e) => slot.failed = Some(e.clone()),
                }
            }
            got
        }
        .boxed()
        .shared();
        slot.flight = Some(flight.clone());
        drop(slots);
        spawn(flight.clone().map(drop).boxed());
        flight
    }
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}
