use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The tasks that may be polled next, each once; in the order of their numbers, so that a run does not depend on the
/// order in which somebody else's channel wakes those who wait for it (tokio's draws it at random).
#[derive(Default)]
pub(super) struct Ready {
    queue: Mutex<Vec<u64>>,
}

impl Ready {
    pub(super) fn len(&self) -> usize {
        self.queue().len()
    }
    /// Takes out the one at `place`.
    pub(super) fn take(&self, place: usize) -> Option<u64> {
        let mut queue = self.queue();
        (place < queue.len()).then(|| queue.remove(place))
    }
    fn add(&self, task: u64) {
        let mut queue = self.queue();
        let place = queue.partition_point(|known| *known < task);
        queue.insert(place, task);
    }
    fn queue(&self) -> MutexGuard<'_, Vec<u64>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts one task into the queue, unless it is there already; tells whoever waits for the queue.
pub(super) struct Bell {
    task: u64,
    ready: Arc<Ready>,
    rung: AtomicBool,
    above: Mutex<Option<Waker>>,
}

impl Bell {
    /// A bell that has not been rung.
    pub(super) fn new(task: u64, ready: &Arc<Ready>) -> Arc<Self> {
        let (rung, above) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Self { task, ready: Arc::clone(ready), rung, above })
    }
    /// Said when the task is about to be polled: from now on it can be rung again.
    pub(super) fn hush(&self) {
        self.rung.store(false, Ordering::Relaxed);
    }
    /// Who is to be woken besides.
    pub(super) fn tell(&self, waker: &Waker) {
        *self.above.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if !self.rung.swap(true, Ordering::Relaxed) {
            self.ready.add(self.task);
        }
        let above = self.above.lock().unwrap_or_else(PoisonError::into_inner).clone();
        above.into_iter().for_each(Waker::wake);
    }
}
