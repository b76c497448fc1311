use super::callers::Callers;
use super::reply;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tollway_core::Result;
use tollway_route::Caller;

/// The most that one caller may have of them all, where nothing else is set: one part in so many.
const SHARE: usize = 4;

/// Places for requests, each held until its answer is ready. Whoever sends slowly, or waits for a settlement, holds one all
/// that time, so nobody gets them all.
pub(super) struct Places {
    all: Arc<Semaphore>,
    each_max: usize,
    taken: Mutex<Callers>,
}

/// One of them.
pub(super) struct Place {
    places: Arc<Places>,
    caller: Caller,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// `each_max` for each caller; a share of all of them without it. Where callers are not told apart, all of them.
    pub(super) fn new(max: usize, each_max: Option<usize>, told_apart: bool) -> Self {
        let share = if told_apart { max.div_ceil(SHARE) } else { max };
        Self {
            all: Arc::new(Semaphore::new(max)),
            each_max: each_max.unwrap_or(share),
            taken: Mutex::default(),
        }
    }

    /// A place for a request of this caller's.
    ///
    /// # Errors
    /// Too many of this caller's, or too busy: nothing of the request was read.
    pub(super) fn take(self: &Arc<Self>, caller: &Caller) -> Result<Place> {
        let Ok(permit) = Arc::clone(&self.all).try_acquire_owned() else {
            return Err(reply::busy("too many requests at once"));
        };
        if !self.taken().enter(caller, self.each_max) {
            return Err(reply::too_many(self.each_max, "requests"));
        }
        Ok(Place { places: Arc::clone(self), caller: caller.clone(), _permit: permit })
    }

    fn taken(&self) -> MutexGuard<'_, Callers> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().leave(&self.caller);
    }
}
