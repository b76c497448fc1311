//! Visits that ended in doubt: each is looked after by itself, so that none waits for another that stays open for long.

use super::paywall::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tollway_core::RecordKey;

/// How many are looked after; the others are in the journal, for the next start.
const MAX: usize = 10_000;
/// How many are looked at at once.
const AT_ONCE: usize = 8;
/// Looks a minute apart, about an hour of them. What is open still is looked at once an hour.
const LOOKS_OFTEN: u32 = 66;

pub(super) struct Doubts {
    places: Arc<Semaphore>,
    turns: Semaphore,
}

impl Doubts {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(MAX)), turns: Semaphore::new(AT_ONCE) }
    }
}

/// Looks after a visit in the background until it is over: nobody comes back for what was delivered and could not be settled
/// yet.
pub(super) fn look_after(shared: &Arc<Shared>, visit: RecordKey) {
    let Ok(place) = Arc::clone(&shared.doubts.places).try_acquire_owned() else {
        tracing::warn!(%visit, "too many visits are in doubt; this one is looked after at the next start");
        return;
    };
    let shared = Arc::clone(shared);
    let tasks = shared.settings.tasks.clone();
    drop(tasks.spawn(async move {
        let _place = place;
        let mut looks = 0u32;
        while !is_over(&shared, &visit).await {
            shared.settings.tasks.sleep(pause_after(looks)).await;
            looks = looks.saturating_add(1);
        }
    }));
}

async fn is_over(shared: &Shared, visit: &RecordKey) -> bool {
    // Nobody closes it.
    let _turn = shared.doubts.turns.acquire().await;
    shared.gate.recover_visit(visit).await
}

/// A second, doubling to a minute; in the end an hour.
fn pause_after(looks: u32) -> Duration {
    Duration::from_secs(match looks {
        0..=5 => 1 << looks,
        6..LOOKS_OFTEN => 60,
        _ => 3_600,
    })
}
