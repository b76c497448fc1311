//! Visits that ended in doubt: each is looked after by itself, so that none waits for another that stays open for long.

use super::paywall::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tollway_core::RecordKey;

/// How many are looked after often, and as many again rarely; the others are in the journal, for the next start.
const MAX: usize = 10_000;
/// How many are looked at at once.
const AT_ONCE: usize = 8;
/// How long after its payment's end a visit is still looked at often, in milliseconds.
const LATE_MS: u64 = 900_000;

pub(super) struct Doubts {
    often: Arc<Semaphore>,
    rarely: Arc<Semaphore>,
    turns: Semaphore,
}

impl Doubts {
    pub(super) fn new() -> Self {
        let places = || Arc::new(Semaphore::new(MAX));
        Self { often: places(), rarely: places(), turns: Semaphore::new(AT_ONCE) }
    }
}

/// Looks after a visit in the background until it is over: nobody comes back for what was delivered and could not be settled
/// yet. Those whose payment's end is long over, some of which nobody can ever find out about, take no place from the others.
pub(super) fn look_after(shared: &Arc<Shared>, visit: RecordKey) {
    let place = |of: &Arc<Semaphore>, visit: &RecordKey| {
        let place = Arc::clone(of).try_acquire_owned().ok();
        if place.is_none() {
            tracing::warn!(%visit, "too many visits are in doubt; this one is looked after at the next start");
        }
        place
    };
    let Some(often) = place(&shared.doubts.often, &visit) else { return };
    let shared = Arc::clone(shared);
    let tasks = shared.settings.tasks.clone();
    drop(tasks.spawn(async move {
        let (mut held, mut moved, mut looks) = (often, false, 0u32);
        while !is_over(&shared, &visit).await {
            let late = shared.gate.is_late(&visit, LATE_MS).await;
            if late && !moved {
                let Some(rarely) = place(&shared.doubts.rarely, &visit) else { return };
                (held, moved) = (rarely, true);
            }
            shared.settings.tasks.sleep(pause_after(looks, late)).await;
            looks = looks.saturating_add(1);
        }
        drop(held);
    }));
}

async fn is_over(shared: &Shared, visit: &RecordKey) -> bool {
    // Nobody closes it.
    let _turn = shared.doubts.turns.acquire().await;
    shared.gate.recover_visit(visit).await
}

/// A second, doubling to a minute, as long as the payment may be settled; then an hour.
fn pause_after(looks: u32, late: bool) -> Duration {
    Duration::from_secs(match (late, looks) {
        (true, _) => 3_600,
        (false, 0..=5) => 1 << looks,
        (false, _) => 60,
    })
}
