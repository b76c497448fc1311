//! One member: its settler, its health, and whether it had to leave.

use super::PoolSettings;
use super::book::Expelled;
use super::rest::Rest;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::{Settler, SettlerId, Time};

/// Where a member stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberState {
    /// Which.
    pub id: SettlerId,
    /// How it is.
    pub standing: Standing,
}

/// How a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It is asked.
    Well,
    /// It failed too often, and is asked again from then on.
    Resting {
        /// When its rest is over.
        until: Time,
    },
    /// It took more than it was told to: it gets nothing until somebody takes it back ([`super::Pool::readmit`]).
    Expelled(Expelled),
}

pub(super) struct Member {
    pub(super) id: SettlerId,
    pub(super) settler: Arc<dyn Settler>,
    pub(super) rest: Rest,
    /// What the ledger said last of its having had to leave.
    out: AtomicBool,
    /// Why it has to leave, while the ledger could not be told.
    unwritten: Mutex<Option<Expelled>>,
}

impl Member {
    pub(super) fn new(id: SettlerId, settler: Arc<dyn Settler>, settings: &PoolSettings) -> Self {
        Self {
            id,
            settler,
            rest: Rest::new(settings),
            out: AtomicBool::new(false),
            unwritten: Mutex::default(),
        }
    }

    /// True when it had to leave, as far as this process has heard.
    pub(super) fn is_out(&self) -> bool {
        self.out.load(Ordering::Relaxed)
    }
    pub(super) fn noticed(&self, out: bool) {
        self.out.store(out, Ordering::Relaxed);
    }

    /// Why it has to leave, where that has still to be written down.
    pub(super) fn unwritten(&self) -> Option<Expelled> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    pub(super) fn write_later(&self, why: Option<Expelled>) {
        *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    pub(super) fn standing(&self, now: Time) -> Standing {
        self.rest.until(now).map_or(Standing::Well, |until| Standing::Resting { until })
    }
}
