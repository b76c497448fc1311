//! Many tasks on one thread, woven in an order that follows from a seed: the same seed gives the same run.
//!
//! A [`Weave`] polls one ready task at a time and draws which one from its seed, so over many seeds all orders of
//! await points are seen. Time is virtual: when nobody is ready it jumps to the next timer. A process is a name under
//! which tasks are spawned; [`Weave::crash`] drops all of them between two polls, as a crash would.
//!
//! ```
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use std::sync::Arc;
//! use tollway_core::Clock;
//! use tollway_testkit::weave::{Weave, give_way};
//!
//! // Two tasks read, give way and write: some orders lose an update.
//! let finals = (0..20).map(|seed| {
//!     let weave = Weave::new(seed);
//!     let count = Arc::new(AtomicU64::new(0));
//!     for _ in 0..2 {
//!         let count = Arc::clone(&count);
//!         weave.spawn("counter", async move {
//!             let seen = count.load(Ordering::Relaxed);
//!             give_way().await;
//!             count.store(seen + 1, Ordering::Relaxed);
//!         });
//!     }
//!     weave.run_until_idle()?;
//!     Ok(count.load(Ordering::Relaxed))
//! });
//! let finals: std::collections::BTreeSet<u64> = finals.collect::<Result<_, _>>()?;
//! assert_eq!(finals, [1, 2].into());
//!
//! // An hour passes at once.
//! let weave = Weave::new(7);
//! let clock = weave.clock();
//! let before = clock.now();
//! weave.run(clock.sleep(3_600_000))?;
//! assert_eq!(clock.now().ms_since(before), 3_600_000);
//! # Ok::<(), tollway_testkit::weave::Stuck>(())
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod braid;
mod clock;
mod dice;
mod loom;
mod ready;
mod stuck;
mod task;

pub use braid::Braid;
pub use clock::VirtualClock;
pub use dice::SeededDice;
pub use loom::{Spawn, Step, Weave};
pub use stuck::{Stuck, Why};
pub use task::{Crashed, Task};

use std::task::Poll;

/// Pending once: a place where others may come in between, or a crash.
pub async fn give_way() {
    let mut waited = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
