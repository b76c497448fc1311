//! Payments through all rooms, on real local chains, also when something fails half way.
//!
//! | module | what is there |
//! |---|---|
//! | [`world`] | a devnet, a folder for ledgers, and houses built on them |
//! | [`shop`] | an HTTP server behind a paywall, that counts how often its handler runs and can be restarted |
//! | [`process`] | a facilitator in a process of its own, to be killed and started again |
//! | [`proxy`] | an HTTP proxy that loses answers, is slow, and breaks connections, from a seed |
//! | [`rate`] | what benches measure of facilitators |
//! | [`chain`] | what really happened: every settling transaction of a chain, reverted ones included |
//! | [`header`] | payment headers built by hand, from a really signed authorization |
//! | [`keys`] | a key that counts its signatures |
//! | [`dice`] | numbers from a seed |
//!
//! Each test binary starts its own chains. Nothing waits for a fixed time where a condition can be awaited
//! ([`until`]), and everything is bounded.

pub mod chain;
pub mod dice;
pub mod header;
pub mod keys;
pub mod process;
pub mod proxy;
pub mod rate;
pub mod shop;
pub mod world;

use std::time::Duration;
use tokio::time::Instant;

/// Whatever goes wrong in a test's surroundings.
pub type Anything = Box<dyn std::error::Error + Send + Sync>;

/// The result of setting something up.
pub type Outcome<T = ()> = Result<T, Anything>;

/// Asks again and again, until the answer is there or `within` is over.
///
/// # Errors
/// `what` was not there in time.
pub async fn until<T, F>(what: &str, within: Duration, mut look: impl FnMut() -> F) -> Outcome<T>
where
    F: Future<Output = Outcome<Option<T>>>,
{
    let end = Instant::now() + within;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() >= end {
            return Err(format!("{what}: not within {within:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
