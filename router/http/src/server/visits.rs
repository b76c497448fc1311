//! Visits under way: counted, bounded, and waited for before a shutdown.

use crate::tasks::Tasks;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

#[derive(Clone)]
pub(super) struct Visits {
    open: Arc<watch::Sender<usize>>,
    stopping: Arc<watch::Sender<bool>>,
    max: usize,
}

/// One visit; it ends when this is dropped.
pub(super) struct Ticket(Arc<watch::Sender<usize>>);

impl Visits {
    pub(super) fn new(max: usize) -> Self {
        let stopping = Arc::new(watch::Sender::new(false));
        Self { open: Arc::new(watch::Sender::new(0)), stopping, max }
    }

    /// Begins a visit, or says that there are too many.
    pub(super) fn enter(&self) -> Option<Ticket> {
        let entered = self.open.send_if_modified(|open| {
            let free = *open < self.max;
            if free {
                *open = open.saturating_add(1);
            }
            free
        });
        entered.then(|| Ticket(Arc::clone(&self.open)))
    }

    /// Tells the streams to end.
    pub(super) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Resolves when the streams have to end.
    pub(super) async fn stopped(&self) {
        // The sender lives as long as `self`.
        let _ = self.stopping.subscribe().wait_for(|stop| *stop).await;
    }

    /// Waits until none is left; returns how many still are when time is up.
    pub(super) async fn drained(&self, tasks: &Tasks, within: Duration) -> usize {
        let mut watching = self.open.subscribe();
        let _ = tasks.timeout(within, watching.wait_for(|open| *open == 0)).await;
        *self.open.borrow()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open = open.saturating_sub(1));
    }
}
