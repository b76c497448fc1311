use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A spawned task's end, to be waited for. Dropping it changes nothing: the task goes on.
pub struct Task<T> {
    slot: Arc<Slot<T>>,
}

/// The process that a task belonged to has crashed before the task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crashed;

impl fmt::Display for Crashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its process has crashed")
    }
}
impl std::error::Error for Crashed {}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task(ended: {})", lock(&self.slot.end).result.is_some())
    }
}

struct Slot<T> {
    end: Mutex<End<T>>,
}

struct End<T> {
    result: Option<Result<T, Crashed>>,
    waiting: Option<Waker>,
    over: bool,
}

impl<T> Task<T> {
    /// What it ended with, once; `None` while it runs, and after it was taken.
    pub fn take(&self) -> Option<Result<T, Crashed>> {
        lock(&self.slot.end).result.take()
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, Crashed>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut end = lock(&self.slot.end);
        match end.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                end.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Where a task puts its end; dropped without one, it has crashed.
pub(super) struct Promise<T> {
    slot: Arc<Slot<T>>,
}

impl<T> Promise<T> {
    pub(super) fn pair() -> (Self, Task<T>) {
        let slot = Arc::new(Slot { end: Mutex::new(End { result: None, waiting: None, over: false }) });
        (Self { slot: Arc::clone(&slot) }, Task { slot })
    }
    pub(super) fn keep(self, value: T) {
        self.end(Ok(value));
    }
    fn end(&self, result: Result<T, Crashed>) {
        let mut end = lock(&self.slot.end);
        if std::mem::replace(&mut end.over, true) {
            return;
        }
        end.result = Some(result);
        let waiting = end.waiting.take();
        drop(end);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.end(Err(Crashed));
    }
}

fn lock<T>(end: &Mutex<End<T>>) -> MutexGuard<'_, End<T>> {
    end.lock().unwrap_or_else(PoisonError::into_inner)
}
