use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use tollway_core::{Cell, Order, Replay};

/// The most charges that are kept.
const MAX: usize = 4096;

type Key = [u8; 32];

/// The charges of settlements with an unknown outcome: `resume` is only told the order, and a metered one must not be
/// repeated for another amount.
#[derive(Default)]
pub(super) struct Repeats {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    charges: HashMap<Key, u128>,
    oldest_first: VecDeque<Key>,
}

impl Repeats {
    pub(super) fn remember(&self, order: &Order, charge_atomic: u128) {
        let key = key(order);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.charges.insert(key, charge_atomic).is_some() {
            return;
        }
        state.oldest_first.push_back(key);
        if state.oldest_first.len() > MAX
            && let Some(oldest) = state.oldest_first.pop_front()
        {
            state.charges.remove(&oldest);
        }
    }

    /// What to repeat the settlement with; `None` when it must not be repeated. After a restart the charge of a
    /// metered scheme is not known here, and a scheme whose replays only a ledger refuses could be taken twice by a
    /// facilitator that has lost its own.
    pub(super) fn charge(&self, order: &Order, cell: Option<&Cell>) -> Option<u128> {
        let capability = cell?.capability;
        if capability.replay != Replay::OnChain {
            return None;
        }
        let known =
            self.state.lock().unwrap_or_else(PoisonError::into_inner).charges.get(&key(order)).copied();
        known.or_else(|| (!capability.metered).then(|| order.requirement.price.atomic()))
    }
}

fn key(order: &Order) -> Key {
    let mut hash = Sha256::new();
    hash.update(order.requirement.raw.as_str().len().to_be_bytes());
    hash.update(order.requirement.raw.as_str());
    hash.update(order.payment.payload.as_str());
    hash.finalize().into()
}
