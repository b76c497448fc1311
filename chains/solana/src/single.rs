//! Single flight: many ask, one goes.

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use std::future::Future;
use std::sync::{Mutex, PoisonError};

/// At most one fetch at a time; whoever asks meanwhile gets the same answer. Driven by whoever waits, so a caller
/// that goes away does not stop it for the others.
pub(crate) struct Single<T: Clone>(Mutex<Option<Shared<BoxFuture<'static, T>>>>);

impl<T: Clone> Default for Single<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone + Send + Sync + 'static> Single<T> {
    /// Joins the fetch that is under way, or starts one.
    pub(crate) fn join<F>(&self, fetch: impl FnOnce() -> F) -> Shared<BoxFuture<'static, T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.as_ref() {
            // One that has its answer already is history: the next asker wants a newer one.
            Some(running) if running.peek().is_none() => running.clone(),
            _ => slot.insert(fetch().boxed().shared()).clone(),
        }
    }
}

impl<T: Clone> Single<T> {
    /// True while a fetch is under way.
    pub(crate) fn busy(&self) -> bool {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().is_some_and(|running| running.peek().is_none())
    }
}
