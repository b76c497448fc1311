//! Where tasks run, and what waits are measured by: tokio, unless an application hands in something of its own.
//!
//! What is measured here is how long somebody is waited for. What time it *is* (windows, records) comes from the
//! [`Clock`] that each room is built with.
//!
//! ```
//! # fn example(start: impl Fn(tollway_http::tasks::Job) + Send + Sync + 'static, clock: std::sync::Arc<dyn tollway_core::Clock>) {
//! use tollway_http::tasks::Tasks;
//!
//! let tasks = Tasks::on(start, clock); // for `Facilitator::builder(…).tasks(tasks)`, `PaywallBuilder::tasks`, …
//! # }
//! ```

use futures::future::{Either, select};
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "client")]
use tokio::time::Instant;
use tollway_core::Clock;
#[cfg(feature = "client")]
use tollway_core::Time;

/// A task without a result.
pub type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts tasks and measures waits. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tasks(Option<Given>);

#[derive(Clone)]
struct Given {
    #[cfg_attr(not(any(feature = "server", feature = "facilitator")), allow(dead_code))]
    spawn: Arc<dyn Fn(Job) + Send + Sync>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Tasks(given)" } else { "Tasks(tokio)" })
    }
}

impl Tasks {
    /// The tokio runtime that the caller runs in. The default.
    pub fn tokio() -> Self {
        Self(None)
    }

    /// Tasks are started by `spawn`, and waits are slept on `clock`. A task must go on although nobody waits for it; one
    /// that panics must not take others with it.
    pub fn on(spawn: impl Fn(Job) + Send + Sync + 'static, clock: Arc<dyn Clock>) -> Self {
        Self(Some(Given { spawn: Arc::new(spawn), clock }))
    }

    /// Resolves after `time`.
    #[cfg(any(feature = "client", feature = "server"))]
    pub(crate) async fn sleep(&self, time: Duration) {
        match &self.0 {
            None => tokio::time::sleep(time).await,
            Some(given) => given.clock.sleep(ms(time)).await,
        }
    }

    /// What the future ends with; `None` when that takes longer than `limit`.
    pub(crate) async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        match &self.0 {
            None => tokio::time::timeout(limit, future).await.ok(),
            Some(given) => match select(pin!(future), pin!(given.clock.sleep(ms(limit)))).await {
                Either::Left((output, _)) => Some(output),
                Either::Right(_) => None,
            },
        }
    }

    /// Begins to measure.
    #[cfg(feature = "client")]
    pub(crate) fn watch(&self) -> Watch {
        match &self.0 {
            None => Watch::Tokio(Instant::now()),
            Some(given) => Watch::Given(given.clock.now(), Arc::clone(&given.clock)),
        }
    }
}

/// Measures how long something has taken.
#[cfg(feature = "client")]
pub(crate) enum Watch {
    Tokio(Instant),
    Given(Time, Arc<dyn Clock>),
}

#[cfg(feature = "client")]
impl Watch {
    /// Milliseconds since it was begun.
    pub(crate) fn ms(&self) -> u64 {
        match self {
            Self::Tokio(since) => ms(since.elapsed()),
            Self::Given(since, clock) => clock.now().ms_since(*since),
        }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(any(feature = "server", feature = "facilitator"))]
pub use running::Running;

#[cfg(any(feature = "server", feature = "facilitator"))]
mod running {
    use super::{Future, Pin, Tasks};
    use futures::channel::oneshot;
    use futures::future::{AbortHandle, abortable};
    use std::task::{Context, Poll};

    /// A task's end, to be waited for: what it ended with, or `None` when it panicked or was stopped. Dropping it changes
    /// nothing: the task goes on.
    #[derive(Debug)]
    pub struct Running<T> {
        stop: AbortHandle,
        end: oneshot::Receiver<T>,
    }

    impl Tasks {
        /// Starts a task.
        pub(crate) fn spawn<T: Send + 'static>(
            &self,
            future: impl Future<Output = T> + Send + 'static,
        ) -> Running<T> {
            let (tell, end) = oneshot::channel();
            let (future, stop) = abortable(future);
            let job = async move {
                if let Ok(output) = future.await {
                    // Whoever started it may not wait for it.
                    let _ = tell.send(output);
                }
            };
            match &self.0 {
                None => drop(tokio::spawn(job)),
                Some(given) => (given.spawn)(Box::pin(job)),
            }
            Running { stop, end }
        }
    }

    impl<T> Running<T> {
        /// Stops the task where it stands.
        pub fn abort(&self) {
            self.stop.abort();
        }
    }

    impl<T> Future for Running<T> {
        type Output = Option<T>;
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
            Pin::new(&mut self.end).poll(cx).map(Result::ok)
        }
    }
}
