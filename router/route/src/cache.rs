//! Values that are kept fresh: time to live, stale-while-revalidate, one request in flight per key.

use crate::quotes::Spawn;
use foldhash::fast::RandomState;
use futures::FutureExt;
use futures::future::{AbortHandle, Abortable, BoxFuture, Shared};
use std::collections::HashMap;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::{Code, Error, Result, Time};

/// After this long a request is given up and another one may begin. Networks bound their own calls, and none waits so
/// long; this keeps one that does not from holding its key for ever.
const FLIGHT_MAX_MS: u64 = 30_000;

type Flight<V> = Shared<BoxFuture<'static, Result<Fresh<V>>>>;

/// A request in flight. Only the one that the slot still names may write its answer down.
struct InFlight<V> {
    flight: Flight<V>,
    began: Time,
    waited: Waited,
    abort: AbortHandle,
    number: u64,
}

/// True when somebody has waited as long as anybody may for this request.
pub(crate) type Waited = Arc<AtomicBool>;

/// A value and how long it may be used.
#[derive(Clone)]
pub(crate) struct Fresh<V> {
    pub(crate) value: V,
    /// Until when it needs no newer one.
    pub(crate) fresh_until: Time,
    /// Until when it may still be used while a newer one is fetched.
    pub(crate) usable_until: Time,
}

impl<V> Fresh<V> {
    fn age(&self, now: Time) -> Age {
        match now {
            _ if now < self.fresh_until => Age::Fresh,
            _ if now < self.usable_until => Age::Stale,
            _ => Age::Over,
        }
    }
}

struct Slot<V> {
    have: Option<Fresh<V>>,
    flight: Option<InFlight<V>>,
    failed: Option<Error>,
    /// How many requests there were.
    flights: u64,
}

impl<V> Default for Slot<V> {
    fn default() -> Self {
        Self { have: None, flight: None, failed: None, flights: 0 }
    }
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

/// How old a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Fresh,
    Stale,
    Over,
}

struct Slots<K, V> {
    by_key: HashMap<K, Slot<V>, RandomState>,
    /// How often anything was written.
    writes: u64,
}

impl<K: Eq + Hash, V> Slots<K, V> {
    /// The slot of a key, to write to.
    fn write(&mut self, key: K) -> &mut Slot<V> {
        self.writes = self.writes.wrapping_add(1);
        self.by_key.entry(key).or_default()
    }
}

pub(crate) struct Cache<K, V> {
    slots: Arc<Mutex<Slots<K, V>>>,
}

/// A cache held still, for many questions in a row.
pub(crate) struct Held<'c, K, V>(MutexGuard<'c, Slots<K, V>>);

impl<K: Eq + Hash, V> Held<'_, K, V> {
    /// A number that changes with every write: as long as it is the same, so is everything else.
    pub(crate) fn writes(&self) -> u64 {
        self.0.writes
    }

    /// Until when what there is for `key` needs no newer one.
    pub(crate) fn fresh_until(&self, key: &K) -> Option<Time> {
        Some(self.0.by_key.get(key)?.have.as_ref()?.fresh_until)
    }

    /// What there is for `key`, and how good it is: the value itself, to be looked at or added to in place.
    pub(crate) fn look(&mut self, key: &K, now: Time) -> Lookup<&mut V> {
        let Some(slot) = self.0.by_key.get_mut(key) else { return Lookup::Missing(None) };
        let age = slot.have.as_ref().map(|have| have.age(now));
        match (&mut slot.have, age) {
            (Some(have), Some(Age::Fresh)) => Lookup::Fresh(&mut have.value),
            (Some(have), Some(Age::Stale)) => Lookup::Stale(&mut have.value),
            (Some(_), _) if slot.failed.is_none() => Lookup::Expired,
            _ => Lookup::Missing(slot.failed.clone()),
        }
    }
}

impl<K: Copy + Eq + Hash + Send + 'static, V: Clone + Send + Sync + 'static> Cache<K, V> {
    pub(crate) fn new() -> Self {
        let slots = Slots { by_key: HashMap::default(), writes: 0 };
        Self { slots: Arc::new(Mutex::new(slots)) }
    }

    /// How good what there is for `key` will be at `when`.
    pub(crate) fn age(&self, key: &K, when: Time) -> Age {
        let slots = lock(&self.slots);
        let have = slots.by_key.get(key).and_then(|slot| slot.have.as_ref());
        have.map_or(Age::Over, |have| have.age(when))
    }

    /// Holds the cache still. Nobody else gets in until the answer is dropped, so it is held for a moment and never
    /// across an await.
    pub(crate) fn hold(&self) -> Held<'_, K, V> {
        Held(lock(&self.slots))
    }

    pub(crate) fn put(&self, key: K, fresh: Fresh<V>) {
        let mut slots = lock(&self.slots);
        let slot = slots.write(key);
        // What is in flight was asked before this was known.
        (slot.have, slot.flight, slot.failed) = (Some(fresh), None, None);
    }

    pub(crate) fn keys(&self) -> Vec<K> {
        lock(&self.slots).by_key.keys().copied().collect()
    }

    /// Joins the request in flight for `key`, or starts `fetch`. The request runs on in the background when the
    /// caller stops waiting. Beside it comes the mark of those who have waited in vain.
    pub(crate) fn refresh<F>(&self, key: K, now: Time, spawn: &Spawn, fetch: F) -> (Flight<V>, Waited)
    where
        F: FnOnce() -> BoxFuture<'static, Result<Fresh<V>>>,
    {
        let mut slots = lock(&self.slots);
        let slot = slots.write(key);
        if let Some(known) = &slot.flight {
            if now.ms_since(known.began) < FLIGHT_MAX_MS {
                return (known.flight.clone(), Arc::clone(&known.waited));
            }
            known.abort.abort();
        }
        slot.flights = slot.flights.wrapping_add(1);
        let (number, home) = (slot.flights, Arc::clone(&self.slots));
        let (abort, registration) = AbortHandle::new_pair();
        let waited = Waited::default();
        // A panic in here would otherwise come out of everybody who ever waits for this key.
        let fetching = Abortable::new(AssertUnwindSafe(fetch()).catch_unwind(), registration);
        let flight = async move {
            let got = match fetching.await {
                Ok(Ok(got)) => got,
                Ok(Err(_)) => Err(Error::us(Code::Internal).detail("the request panicked")),
                Err(_) => Err(Error::network(Code::TimedOut)),
            };
            let mut slots = lock(&home);
            let slot = slots.write(key);
            if slot.flight.as_ref().is_some_and(|f| f.number == number) {
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
        slot.flight =
            Some(InFlight { flight: flight.clone(), began: now, waited: Arc::clone(&waited), abort, number });
        drop(slots);
        spawn(flight.clone().map(drop).boxed());
        (flight, waited)
    }
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}
