use crate::weave::{SeededDice, give_way};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::Clock;

/// Answers that one wrapper remembers, to give them again later.
const REMEMBERED_MAX: usize = 1_024;

/// Which faults are made, each in so many of a thousand calls where it is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultPlan {
    /// The call takes up to [`Self::slow_ms`] longer.
    pub slow_per_mille: u16,
    /// The longest delay, in milliseconds.
    pub slow_ms: u64,
    /// It fails and has not happened.
    pub before_per_mille: u16,
    /// It happened, and the answer is lost.
    pub after_per_mille: u16,
    /// The last answer to the same question is given once more.
    pub stale_per_mille: u16,
    /// It is made twice, where the contract allows it to be retried.
    pub duplicate_per_mille: u16,
    /// A wrong value, where one is meaningful: a price, a tariff, a settler's word. Breaks the trait's promises.
    pub lying_per_mille: u16,
}

impl FaultPlan {
    /// No faults: the wrapper gives way at each call and changes nothing else.
    pub const NONE: Self = Self {
        slow_per_mille: 0,
        slow_ms: 0,
        before_per_mille: 0,
        after_per_mille: 0,
        stale_per_mille: 0,
        duplicate_per_mille: 0,
        lying_per_mille: 0,
    };
    /// Every fault that an honest service can have, each in 5% of the calls; delays up to five seconds.
    pub const ROUGH: Self = Self {
        slow_per_mille: 50,
        slow_ms: 5_000,
        before_per_mille: 50,
        after_per_mille: 50,
        stale_per_mille: 50,
        duplicate_per_mille: 50,
        lying_per_mille: 0,
    };
    /// [`Self::ROUGH`], and a lie in 5% of the answers.
    pub const LYING: Self = Self { lying_per_mille: 50, ..Self::ROUGH };
}

/// Trouble with a node, to be made for once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The settler's next transaction is refused before anything is done with it.
    Refused,
    /// The settler's next transaction is taken, and the answer is lost.
    AnswerLost,
}

/// How many faults were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Injected {
    /// Calls that took longer.
    pub slow: u64,
    /// Calls that failed and did not happen.
    pub before: u64,
    /// Calls that happened and whose answer was lost.
    pub after: u64,
    /// Old answers.
    pub stale: u64,
    /// Calls that were made twice.
    pub duplicate: u64,
    /// Lies.
    pub lies: u64,
}

/// A plan with its dice: shared by the wrappers of one process, or one for each.
#[derive(Debug)]
pub struct Faults {
    plan: FaultPlan,
    dice: SeededDice,
    clock: Shown,
    over: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
    slow: AtomicU64,
    before: AtomicU64,
    after: AtomicU64,
    stale: AtomicU64,
    duplicate: AtomicU64,
    lies: AtomicU64,
}

struct Shown(Arc<dyn Clock>);
impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Faults {
    /// Faults of `plan`, drawn from `seed`; delays are slept on `clock`.
    pub fn new(plan: FaultPlan, clock: Arc<dyn Clock>, seed: u64) -> Arc<Self> {
        let count = AtomicU64::default;
        Arc::new(Self {
            plan,
            dice: SeededDice::new(seed).fork("faults"),
            clock: Shown(clock),
            over: AtomicBool::new(false),
            trouble: Mutex::default(),
            slow: count(),
            before: count(),
            after: count(),
            stale: count(),
            duplicate: count(),
            lies: count(),
        })
    }
    /// Ends the storm: from now on nothing fails any more.
    pub fn cease(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
    /// Makes trouble with the next transaction, once, whatever the plan says.
    pub fn trouble_next_send(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
    }
    /// The trouble that was asked for, to be made now.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
    /// What has been done so far, so that a test knows that it tested something.
    pub fn injected(&self) -> Injected {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Injected {
            slow: read(&self.slow),
            before: read(&self.before),
            after: read(&self.after),
            stale: read(&self.stale),
            duplicate: read(&self.duplicate),
            lies: read(&self.lies),
        }
    }

    /// At the begin of every call: gives way, takes its time. True: fail, before anything is done.
    pub async fn before(&self) -> bool {
        give_way().await;
        if self.strikes(self.plan.slow_per_mille, &self.slow) {
            self.clock.0.sleep(self.dice.between(1, self.plan.slow_ms)).await;
        }
        self.strikes(self.plan.before_per_mille, &self.before)
    }
    /// At the end of every call. True: the answer is lost.
    pub async fn after(&self) -> bool {
        give_way().await;
        self.strikes(self.plan.after_per_mille, &self.after)
    }
    /// True: make the call twice, where its contract allows that.
    pub fn twice(&self) -> bool {
        self.strikes(self.plan.duplicate_per_mille, &self.duplicate)
    }
    /// True: say something that is not so.
    pub fn lies(&self) -> bool {
        self.strikes(self.plan.lying_per_mille, &self.lies)
    }
    /// For what has no remembered answer, but can say that it does not know.
    pub fn stale(&self) -> bool {
        self.strikes(self.plan.stale_per_mille, &self.stale)
    }
    /// What faults are drawn from.
    pub fn dice(&self) -> &SeededDice {
        &self.dice
    }
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock.0
    }
    fn strikes(&self, per_mille: u16, count: &AtomicU64) -> bool {
        let strikes = !self.over.load(Ordering::Relaxed) && self.dice.chance(per_mille);
        if strikes {
            count.fetch_add(1, Ordering::Relaxed);
        }
        strikes
    }
}

/// The last answer to each question, for wrappers of a chain's own typed trait.
#[derive(Debug)]
pub struct Remembered<K, V> {
    answers: Mutex<BTreeMap<K, V>>,
}

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self { answers: Mutex::new(BTreeMap::new()) }
    }
}

impl<K: Ord, V: Clone> Remembered<K, V> {
    /// The last answer, when the dice wants it once more.
    pub fn recall(&self, faults: &Faults, key: &K) -> Option<V> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let old = answers.get(key)?;
        faults.stale().then(|| old.clone())
    }
    /// Remembers an answer; at most 1,024 questions.
    pub fn remember(&self, key: K, answer: &V) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < REMEMBERED_MAX || answers.contains_key(&key) {
            answers.insert(key, answer.clone());
        }
    }
}
