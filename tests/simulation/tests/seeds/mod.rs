//! Which seeds are run, and on how many threads.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tollway_simulation::{Plan, Report, Storm, run};

/// What each of the four buyers of a run is to buy.
pub(crate) const PURCHASES: u64 = 30;

/// The seed that was asked for.
pub(crate) fn one() -> Option<u64> {
    let seed = std::env::var("TOLLWAY_SEED").ok()?;
    Some(seed.parse().unwrap_or_else(|_| panic!("TOLLWAY_SEED is a number, not {seed:?}")))
}

/// A seed that nobody has seen: the only thing here that is not the same each time.
pub(crate) fn new_seed() -> u64 {
    getrandom::u64().expect("the system has no randomness")
}

/// One seed, nobody making a mistake.
pub(crate) fn bug_free(seed: u64) -> Report {
    run(seed, Plan::new(Storm::ROUGH, PURCHASES)).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Many seeds, each of them whole on one of as many threads as there are cores. Panics with every failure.
pub(crate) fn many(seeds: Range<u64>) -> Report {
    let (next, end) = (AtomicU64::new(seeds.start), seeds.end);
    let (all, failures) = (Mutex::new(Report::default()), Mutex::new(Vec::new()));
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        match run(seed, Plan::new(Storm::ROUGH, PURCHASES)) {
            Ok(report) => *all.lock().unwrap() += report,
            Err(failure) => failures.lock().unwrap().push(failure.to_string()),
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    all.into_inner().unwrap()
}
