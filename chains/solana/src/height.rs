//! How high the chain is, from whatever was asked last, and until when a blockhash can be built on.

use crate::rpc::Level;
use crate::{BLOCKHASH_BLOCKS, FORK_BLOCKS_MAX, SLOT_MS_MIN};
use solana_hash::Hash;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::{Clock, Time};

/// Blockhashes that this process gave out, remembered to know exactly when they end. One every second or two, for
/// longer than they live.
const GIVEN_MAX: usize = 256;
/// A look older than this says nothing useful any more: the bound that follows from it would be far too late.
const USABLE_MS: u64 = 30_000;

/// What was seen last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Height {
    pub(crate) blocks: u64,
    pub(crate) slot: u64,
    pub(crate) as_of: Time,
}

/// Where a chain is.
pub(crate) struct Heights {
    clock: Arc<dyn Clock>,
    newest: Mutex<Option<Height>>,
    given: Mutex<VecDeque<(Hash, u64)>>,
}

impl std::fmt::Debug for Heights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Heights({:?})", *lock(&self.newest))
    }
}

impl Heights {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, newest: Mutex::default(), given: Mutex::default() })
    }

    /// An answer told a height. A finalized one lags too far behind to bound anything by, and so does that of a node
    /// that is behind another: the highest counts while it is of use.
    pub(crate) fn saw(&self, blocks: u64, slot: u64, level: Level) {
        if level == Level::Finalized {
            return;
        }
        let as_of = self.clock.now();
        let mut newest = lock(&self.newest);
        let higher = newest.is_some_and(|h| h.blocks > blocks && as_of.ms_since(h.as_of) < USABLE_MS);
        if !higher {
            *newest = Some(Height { blocks, slot, as_of });
        }
    }

    /// A blockhash was given out.
    pub(crate) fn gave(&self, hash: Hash, last_valid: u64) {
        let mut given = lock(&self.given);
        if given.iter().any(|(known, _)| *known == hash) {
            return;
        }
        if given.len() >= GIVEN_MAX {
            given.pop_front();
        }
        given.push_back((hash, last_valid));
    }

    /// The newest sight, while it is of any use.
    pub(crate) fn newest(&self) -> Option<Height> {
        let now = self.clock.now();
        let newest = *lock(&self.newest);
        newest.filter(|height| now.ms_since(height.as_of) < USABLE_MS)
    }

    /// The last height at which a transaction on `hash` can be in a block: exact for a hash given out here, else what
    /// any hash can live at most from now on, the newest one included.
    pub(crate) fn last_valid(&self, hash: &Hash, newest: &Height) -> u64 {
        let known = lock(&self.given).iter().find(|(given, _)| given == hash).map(|(_, last)| *last);
        known.unwrap_or_else(|| bound(newest.blocks, self.clock.now().ms_since(newest.as_of)))
    }
}

/// See [`crate::Blockhash::bound`].
fn bound(blocks: u64, ms_since: u64) -> u64 {
    let more = BLOCKHASH_BLOCKS.saturating_add(ms_since / SLOT_MS_MIN).saturating_add(FORK_BLOCKS_MAX);
    blocks.saturating_add(more)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
