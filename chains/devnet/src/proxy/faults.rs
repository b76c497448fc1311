//! Faults on request: what networks do to those who depend on them, from a seed, so that a run can be repeated.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What may go wrong on the way to a node, switched on with [`Chain::set_faults`](crate::Chain::set_faults).
///
/// ```
/// use tollway_devnet::{Fault, FaultKind, Faults};
///
/// let faults = Faults::seeded(7)
///     .with(Fault::new(FaultKind::HangUp, 100).only(["eth_sendRawTransaction"]))
///     .with(Fault::new(FaultKind::Http(429), 50));
/// assert_eq!(faults.rules().len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    seed: u64,
    rules: Vec<Fault>,
}

impl Faults {
    /// No faults at all.
    pub const fn none() -> Self {
        Self { seed: 0, rules: Vec::new() }
    }

    /// No faults yet; those added are drawn from this seed.
    pub const fn seeded(seed: u64) -> Self {
        Self { seed, rules: Vec::new() }
    }

    /// Adds a rule. The first rule that strikes a call wins.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Self {
        self.rules.push(fault);
        self
    }

    /// The rules, in the order in which they are tried.
    pub fn rules(&self) -> &[Fault] {
        &self.rules
    }
}

/// One thing that goes wrong, how often, and for which methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    per_mille: u16,
    methods: Vec<String>,
}

impl Fault {
    /// Goes wrong `per_mille` times in a thousand calls, for every method.
    pub const fn new(kind: FaultKind, per_mille: u16) -> Self {
        Self { kind, per_mille, methods: Vec::new() }
    }

    /// For these methods only. Subscription pushes count as `eth_subscription`; on Solana by their own method, such as
    /// `signatureNotification`.
    #[must_use]
    pub fn only<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    fn concerns(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|name| name == method)
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The node gets the request and acts on it, then the connection is closed without an answer.
    HangUp,
    /// The node gets the request and acts on it, and no answer ever comes.
    Silence,
    /// The answer comes, this much later.
    Delay(Duration),
    /// The node never sees the request; the answer is this JSON-RPC error.
    Rpc {
        /// The JSON-RPC error code, such as -32005.
        code: i64,
        /// The message.
        message: String,
    },
    /// The node never sees the request; the answer is this HTTP status, such as 429 or 500. Over a WebSocket,
    /// where there is no status, it is a JSON-RPC error that names it.
    Http(u16),
    /// The answer is the one that the same call got before, as from a replica that lags. A call that was not made
    /// before is answered as usual.
    Stale,
    /// The node gets the request twice, as from a middlebox that retries; the second answer comes back.
    Duplicate,
    /// A transaction is answered as if it had been taken, and never reaches the node, as one that is lost on its way to
    /// who makes the blocks. Calls that bring no signed transaction go through; a push is lost.
    Dropped,
}

/// The faults in force, and where their dice stand.
#[derive(Debug, Default)]
pub(super) struct Dice {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    draws: u64,
    remembers: bool,
    answers: HashMap<String, String>,
}

impl Dice {
    pub(super) fn set(&self, faults: Faults) {
        let remembers = faults.rules.iter().any(|rule| rule.kind == FaultKind::Stale);
        *self.state() = State { faults, draws: 0, remembers, answers: HashMap::new() };
    }

    /// What strikes this call, if anything.
    pub(super) fn roll(&self, method: &str) -> Option<FaultKind> {
        let mut state = self.state();
        let State { faults, draws, .. } = &mut *state;
        let seed = faults.seed;
        let strikes = |rule: &&Fault| {
            if !rule.concerns(method) {
                return false;
            }
            *draws += 1;
            draw(seed, *draws) % 1000 < u64::from(rule.per_mille)
        };
        faults.rules.iter().find(strikes).map(|rule| rule.kind.clone())
    }

    /// Keeps an answer for later staleness; free unless some rule wants it.
    pub(super) fn remember(&self, method: &str, params: &str, result: &str) {
        let mut state = self.state();
        if state.remembers {
            state.answers.insert(format!("{method}{params}"), result.to_owned());
        }
    }

    /// The answer that this call got before.
    pub(super) fn stale(&self, method: &str, params: &str) -> Option<String> {
        self.state().answers.get(&format!("{method}{params}")).cloned()
    }

    /// Whether nothing can go wrong.
    pub(super) fn idle(&self) -> bool {
        self.state().faults.rules.is_empty()
    }

    pub(super) fn wants_memory(&self) -> bool {
        self.state().remembers
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SplitMix64: the `n`th number of the seed.
fn draw(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_rates_are_kept() {
        let run = |seed| {
            let dice = Dice::default();
            dice.set(Faults::seeded(seed).with(Fault::new(FaultKind::HangUp, 200).only(["a"])));
            (0..5_000).map(|_| dice.roll("a").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let struck = run(1).iter().filter(|struck| **struck).count();
        assert!((900..1_100).contains(&struck), "{struck}");
    }

    #[test]
    fn other_methods_are_left_alone() {
        let dice = Dice::default();
        dice.set(Faults::seeded(1).with(Fault::new(FaultKind::HangUp, 1000).only(["a"])));
        assert_eq!(dice.roll("b"), None);
        assert_eq!(dice.roll("a"), Some(FaultKind::HangUp));
    }
}
