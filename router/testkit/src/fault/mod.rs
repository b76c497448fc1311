//! Wrappers that make any implementation of core's traits slow, flaky, stale, repetitive or lying, from a seed.
//!
//! Each wraps an `Arc` of anything that implements the trait, `Arc<dyn …>` included, real networks as well as simulated
//! ones, and is such a thing itself. What fails is drawn from the seed of its [`Faults`]: the same seed and the same calls
//! give the same faults. A wrapper keeps every promise of its trait, and says so, except where [`FaultPlan::lying_per_mille`] asks for
//! a lie.
//!
//! ```
//! use std::sync::Arc;
//! use tollway_core::ledger::MemoryLedger;
//! use tollway_core::{Code, Ledger};
//! use tollway_testkit::fault::{FaultPlan, Faults, FaultyLedger};
//! use tollway_testkit::weave::Weave;
//!
//! let weave = Weave::new(1);
//! let plan = FaultPlan { before_per_mille: 500, ..FaultPlan::NONE };
//! let faults = Faults::new(plan, weave.clock(), 1);
//! let ledger = FaultyLedger::new(Arc::new(MemoryLedger::new()) as Arc<dyn Ledger>, &faults);
//! let failed = weave.run(async {
//!     let mut failed = 0;
//!     for _ in 0..100 {
//!         failed += u64::from(ledger.load(&"a".into()).await.is_err_and(|e| e.code == Code::LedgerFailed));
//!     }
//!     failed
//! })?;
//! assert_eq!(failed, faults.injected().before);
//! assert!((30..70).contains(&failed));
//! # Ok::<(), tollway_testkit::weave::Stuck>(())
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod ledger;
mod network;
mod oracle;
mod passing;
mod payer;
mod plan;
mod settler;
mod sim;

pub use ledger::FaultyLedger;
pub use network::FaultyNetwork;
pub use oracle::FaultyOracle;
pub use passing::{PassesOn, Passing};
pub use payer::FaultyPayer;
pub use plan::{FaultPlan, Faults, Injected, Remembered, Trouble};
pub use settler::FaultySettler;

/// One call of a read-only method, which may be made twice, and whose answer may be lost or come from before. `$key` is
/// the question, `$stale` remembers answers.
macro_rules! ask {
    ($faults:expr, $stale:expr, $key:expr, $error:expr, $call:expr) => {{
        if $faults.before().await {
            return Err($error);
        }
        let key = $key;
        if let Some(old) = $stale.recall(&$faults, &key) {
            return Ok(old);
        }
        if $faults.twice() {
            let _ = $call.await;
        }
        let answer = $call.await;
        if let Ok(answer) = &answer {
            $stale.remember(key, answer);
        }
        if $faults.after().await {
            return Err($error);
        }
        answer
    }};
}
pub(crate) use ask;
