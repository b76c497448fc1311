//! Counting what goes through.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// What went through a chain's proxy since it started, or since
/// [`Chain::reset_counts`](crate::Chain::reset_counts).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// HTTP requests; a JSON-RPC batch is one.
    pub http_requests: u64,
    /// Messages that clients sent over WebSockets.
    pub ws_messages: u64,
    /// Subscription pushes that went to clients.
    pub ws_pushes: u64,
    /// Faults injected.
    pub faults: u64,
    /// Calls by method; each element of a batch is one.
    pub calls: BTreeMap<String, u64>,
}

impl Counts {
    /// How often `method` was called.
    pub fn of(&self, method: &str) -> u64 {
        self.calls.get(method).copied().unwrap_or_default()
    }

    /// How many calls there were in all.
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// The counters behind [`Counts`].
#[derive(Debug, Default)]
pub(super) struct Counter(Mutex<Counts>);

impl Counter {
    pub(super) fn http_request(&self) {
        self.with(|counts| counts.http_requests += 1);
    }

    pub(super) fn ws_message(&self) {
        self.with(|counts| counts.ws_messages += 1);
    }

    pub(super) fn ws_push(&self) {
        self.with(|counts| counts.ws_pushes += 1);
    }

    pub(super) fn fault(&self) {
        self.with(|counts| counts.faults += 1);
    }

    pub(super) fn call(&self, method: &str) {
        self.with(|counts| match counts.calls.get_mut(method) {
            Some(count) => *count += 1,
            None => drop(counts.calls.insert(method.to_owned(), 1)),
        });
    }

    pub(super) fn read(&self) -> Counts {
        self.with(|counts| counts.clone())
    }

    pub(super) fn reset(&self) {
        self.with(|counts| *counts = Counts::default());
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counts) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
