//! Background work that ends with its owner.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use tokio::task::JoinSet;

/// Tasks that are all aborted by [`Tasks::end`].
#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<Option<JoinSet<()>>>);

impl Tasks {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Some(JoinSet::new())))
    }

    /// Runs `work` in the background; after [`Tasks::end`], not at all.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(set) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // Finished tasks are let go here, so the set stays as small as what runs.
            while set.try_join_next().is_some() {}
            set.spawn(work);
        }
    }

    /// Aborts everything and takes nothing more.
    pub(crate) fn end(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
