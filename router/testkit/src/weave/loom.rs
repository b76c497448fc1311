use super::ready::{Bell, Ready};
use super::task::{Promise, Task};
use super::{Braid, SeededDice, Stuck, VirtualClock, Why};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use tollway_core::{Clock, Time};

/// Starts a background task; the shape that `tollway-route` and `tollway-http` take.
pub type Spawn = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// Polls that a run may take, unless [`Weave::step_bound`] says otherwise.
const STEPS_MAX: u64 = 5_000_000;
/// The task number of what [`Weave::run`] was given.
const MAIN: u64 = 0;
/// When every weave begins.
const BEGIN: Time = Time::from_secs(1_700_000_000);

/// One poll of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The virtual time.
    pub at: Time,
    /// The task's number, in the order of spawning; 0 is what [`Weave::run`] was given.
    pub task: u64,
    /// The task's process; empty for task 0.
    pub process: Arc<str>,
}

/// A scheduler on one thread that draws every choice from a seed. Cloning it gives another handle to the same weave.
///
/// Tasks may spawn, crash and look at the clock from inside; only `run`, `run_for` and `run_until_idle` belong to the
/// outside, and only one of them at a time.
#[derive(Clone)]
pub struct Weave {
    inner: Arc<Inner>,
}

struct Inner {
    seed: u64,
    clock: Arc<VirtualClock>,
    dice: Arc<SeededDice>,
    choices: SeededDice,
    ready: Arc<Ready>,
    main: Arc<Bell>,
    loom: Mutex<Loom>,
}

#[derive(Default)]
struct Loom {
    tasks: BTreeMap<u64, Thread>,
    spawned: u64,
    braids: u64,
    steps: u64,
    step_bound: u64,
    rush_per_mille: u16,
    polls: BTreeMap<Arc<str>, u64>,
    fuses: BTreeMap<String, u64>,
    crashing: Vec<String>,
    burying: Option<String>,
    crashes: u64,
    inside: bool,
    fingerprint: u64,
    trace: Option<Vec<Step>>,
}

struct Thread {
    process: Arc<str>,
    /// Away while it is polled.
    future: Option<BoxFuture<'static, ()>>,
    bell: Arc<Bell>,
}

impl fmt::Debug for Weave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loom = self.inner.loom();
        write!(f, "Weave(seed {}, {} steps, {} tasks)", self.inner.seed, loom.steps, loom.tasks.len())
    }
}

impl Weave {
    /// A weave whose every choice follows from `seed`.
    pub fn new(seed: u64) -> Self {
        let (ready, dice) = (Arc::new(Ready::default()), SeededDice::new(seed));
        let inner = Inner {
            seed,
            clock: Arc::new(VirtualClock::at(BEGIN)),
            choices: dice.fork("weave"),
            dice: Arc::new(dice),
            main: Bell::new(MAIN, &ready),
            ready,
            loom: Mutex::new(Loom { step_bound: STEPS_MAX, ..Loom::default() }),
        };
        Self { inner: Arc::new(inner) }
    }
    /// Changes how many polls all runs together may take before a [`Why::Livelock`].
    #[must_use]
    pub fn step_bound(self, steps: u64) -> Self {
        self.inner.loom().step_bound = steps;
        self
    }
    /// Lets time run on to the next timer in so many of a thousand steps although somebody is ready: a timeout may
    /// then come before an answer that is there already, as on a slow machine.
    #[must_use]
    pub fn rushing(self, per_mille: u16) -> Self {
        self.inner.loom().rush_per_mille = per_mille;
        self
    }
    /// Keeps every step for [`Self::trace`]; otherwise only their [`Self::fingerprint`] is kept.
    #[must_use]
    pub fn recording(self) -> Self {
        self.inner.loom().trace = Some(Vec::new());
        self
    }

    /// The seed, to be named by whoever reports a failure.
    pub fn seed(&self) -> u64 {
        self.inner.seed
    }
    /// The clock of this weave; it begins on 14 November 2023.
    pub fn clock(&self) -> Arc<VirtualClock> {
        Arc::clone(&self.inner.clock)
    }
    /// The dice of this weave. Throwing it does not change the order of tasks.
    pub fn dice(&self) -> Arc<SeededDice> {
        Arc::clone(&self.inner.dice)
    }
    /// Polls so far.
    pub fn steps(&self) -> u64 {
        self.inner.loom().steps
    }
    /// Polls of the tasks of one process so far: the places where it can crash.
    pub fn polls(&self, process: &str) -> u64 {
        self.inner.loom().polls.get(process).copied().unwrap_or(0)
    }
    /// How many processes have crashed so far.
    pub fn crashes(&self) -> u64 {
        self.inner.loom().crashes
    }
    /// A hash of all steps: two runs that differ in it took another way.
    pub fn fingerprint(&self) -> u64 {
        self.inner.loom().fingerprint
    }
    /// All steps since [`Self::recording`]; empty without it.
    pub fn trace(&self) -> Vec<Step> {
        self.inner.loom().trace.clone().unwrap_or_default()
    }

    /// Starts a task of a process. It is polled when the weave runs, whether or not anybody waits for it.
    pub fn spawn<T: Send + 'static>(
        &self,
        process: &str,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let (promise, task) = Promise::pair();
        self.inner.spawn(process, future.map(|value| promise.keep(value)).boxed());
        task
    }
    /// What starts background tasks of a process. Holding it does not keep the weave alive.
    pub fn spawner(&self, process: &str) -> Spawn {
        let (inner, process): (Weak<Inner>, String) = (Arc::downgrade(&self.inner), process.to_owned());
        Arc::new(move |future| {
            if let Some(inner) = inner.upgrade() {
                inner.spawn(&process, future);
            }
        })
    }
    /// Joins futures, which may borrow, into one that polls them in an order drawn from the seed, one per step.
    pub fn braid<'a, T>(&self, futures: impl IntoIterator<Item = BoxFuture<'a, T>>) -> Braid<'a, T> {
        let mut loom = self.inner.loom();
        loom.braids = loom.braids.saturating_add(1);
        Braid::new(futures, self.inner.choices.fork(&format!("braid {}", loom.braids)))
    }

    /// Ends a process where it stands: all its tasks are dropped between two polls. What it spawns while it is
    /// dropped is dropped too; what is spawned under its name afterwards is the process after a restart.
    pub fn crash(&self, process: &str) {
        let mut loom = self.inner.loom();
        loom.crashing.push(process.to_owned());
        let inside = loom.inside;
        drop(loom);
        if !inside {
            self.inner.bury();
        }
    }
    /// Crashes a process after so many more polls of its tasks; with 0, before the next. A later call replaces an
    /// earlier one.
    pub fn crash_after(&self, process: &str, polls: u64) {
        self.inner.loom().fuses.insert(process.to_owned(), polls);
    }

    /// Runs everything until `future` is done. It takes part as task 0, and may borrow.
    ///
    /// # Errors
    /// [`Stuck`] when it cannot be done, or the step bound is reached.
    pub fn run<F: Future>(&self, future: F) -> Result<F::Output, Stuck> {
        let mut main = pin!(future);
        let waker = Waker::from(Arc::clone(&self.inner.main));
        waker.wake_by_ref();
        let _named = Named(self.inner.seed);
        loop {
            match self.inner.next()? {
                Some(MAIN) => {
                    self.inner.main.hush();
                    if let Poll::Ready(done) = main.as_mut().poll(&mut Context::from_waker(&waker)) {
                        return Ok(done);
                    }
                }
                Some(task) => self.inner.poll(task),
                None => return Err(self.inner.stuck(Why::Deadlock)),
            }
        }
    }
    /// Runs everything for `ms` of virtual time.
    ///
    /// # Errors
    /// [`Stuck`] when the step bound is reached.
    pub fn run_for(&self, ms: u64) -> Result<(), Stuck> {
        let clock = self.clock();
        self.run(clock.sleep(ms))
    }
    /// Runs everything, and time with it, until nobody is ready and nobody sleeps. Tasks may still wait for each other.
    ///
    /// # Errors
    /// [`Stuck`] when the step bound is reached; a task that sleeps in a loop never lets it end otherwise.
    pub fn run_until_idle(&self) -> Result<(), Stuck> {
        let _named = Named(self.inner.seed);
        while let Some(task) = self.inner.next()? {
            self.inner.poll(task);
        }
        Ok(())
    }
}

impl Inner {
    fn loom(&self) -> MutexGuard<'_, Loom> {
        self.loom.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, process: &str, future: BoxFuture<'static, ()>) {
        let mut loom = self.loom();
        if loom.burying.as_deref() == Some(process) {
            drop(loom); // before the future, which may spawn in its turn
            return;
        }
        loom.spawned = loom.spawned.saturating_add(1);
        let id = loom.spawned;
        let bell = Bell::new(id, &self.ready);
        let waker = Waker::from(Arc::clone(&bell));
        loom.tasks.insert(id, Thread { process: process.into(), future: Some(future), bell });
        drop(loom);
        waker.wake();
    }

    /// The next task to poll; moves time when nobody is ready. `None`: there is nothing to wait for.
    fn next(&self) -> Result<Option<u64>, Stuck> {
        loop {
            self.bury();
            let (steps, bound, rush) = {
                let loom = self.loom();
                (loom.steps, loom.step_bound, loom.rush_per_mille)
            };
            if steps >= bound {
                return Err(self.stuck(Why::Livelock));
            }
            let waiting = self.ready.len();
            let timer = self.clock.next_timer();
            if let Some(at) = timer.filter(|_| waiting == 0 || self.choices.chance(rush)) {
                self.clock.move_to(at);
                continue;
            }
            let Some(task) = self.ready.take(self.choices.place(waiting)) else { return Ok(None) };
            if self.note(task) {
                return Ok(Some(task));
            }
        }
    }

    /// Counts a step; false when the task is gone, or goes now because its process was to crash here.
    fn note(&self, task: u64) -> bool {
        let at = self.clock.now();
        let mut loom = self.loom();
        let Some(process) = (match task {
            MAIN => Some(Arc::from("")),
            _ => loom.tasks.get(&task).map(|t| Arc::clone(&t.process)),
        }) else {
            return false;
        };
        match loom.fuses.get_mut(&*process).filter(|_| task != MAIN) {
            Some(0) => {
                loom.fuses.remove(&*process);
                loom.crashing.push(process.to_string());
                return false;
            }
            Some(left) => *left = left.saturating_sub(1),
            None => {}
        }
        loom.steps = loom.steps.saturating_add(1);
        for word in [task, at.ms()] {
            loom.fingerprint =
                (loom.fingerprint.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95).wrapping_add(1);
        }
        let polls = loom.polls.entry(Arc::clone(&process)).or_default();
        *polls = polls.saturating_add(1);
        if let Some(trace) = &mut loom.trace {
            trace.push(Step { at, task, process });
        }
        true
    }

    fn poll(&self, task: u64) {
        let mut loom = self.loom();
        let Some(thread) = loom.tasks.get_mut(&task) else { return };
        let (future, bell) = (thread.future.take(), Arc::clone(&thread.bell));
        loom.inside = true;
        drop(loom);
        let Some(mut future) = future else { return };
        bell.hush();
        let waker = Waker::from(bell);
        let done = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut loom = self.loom();
        loom.inside = false;
        if done {
            let gone = loom.tasks.remove(&task);
            drop(loom);
            drop((gone, future)); // outside of the lock: what they hold may wake, spawn or crash
        } else if let Some(thread) = loom.tasks.get_mut(&task) {
            thread.future = Some(future);
        }
    }

    /// Drops the tasks of every process that has crashed.
    fn bury(&self) {
        loop {
            let mut loom = self.loom();
            let Some(process) = loom.crashing.pop() else { return };
            let dead: Vec<u64> =
                loom.tasks.iter().filter(|(_, t)| *t.process == *process).map(|(id, _)| *id).collect();
            let dead: Vec<Thread> = dead.iter().filter_map(|id| loom.tasks.remove(id)).collect();
            loom.crashes = loom.crashes.saturating_add(1);
            loom.burying = Some(process);
            drop(loom);
            drop(dead); // outside of the lock: what they hold may wake or spawn
            self.loom().burying = None;
        }
    }

    fn stuck(&self, why: Why) -> Stuck {
        let loom = self.loom();
        let mut unfinished: BTreeMap<String, usize> = BTreeMap::new();
        for thread in loom.tasks.values() {
            let count = unfinished.entry(thread.process.to_string()).or_default();
            *count = count.saturating_add(1);
        }
        Stuck { seed: self.seed, steps: loom.steps, why, unfinished: unfinished.into_iter().collect() }
    }
}

/// Says the seed when a task panics, since the panic itself does not know it.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the weave's seed was {}", self.0);
        }
    }
}
