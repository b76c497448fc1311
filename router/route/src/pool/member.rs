//! One member: its settler, its health, and whether it had to leave.

use super::PoolSettings;
use super::book::Expelled;
use super::probe::{Probe, Seat};
use super::rest::Rest;
use crate::metrics;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::{Dice, Settler, SettlerId, Time};

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
    /// It failed too often. From then on a probe may show that it is back.
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
    pub(super) probe: Option<Arc<dyn Probe>>,
    pub(super) rest: Rest,
    /// What the ledger said last of its having had to leave.
    out: AtomicBool,
    /// Why it has to leave, while the ledger could not be told.
    unwritten: Mutex<Option<Expelled>>,
}

impl Member {
    pub(super) fn new(seat: Seat, settings: &PoolSettings, dice: &Arc<dyn Dice>) -> Self {
        Self {
            id: seat.id,
            settler: seat.settler,
            probe: seat.probe,
            rest: Rest::new(settings, Arc::clone(dice)),
            out: AtomicBool::new(false),
            unwritten: Mutex::default(),
        }
    }

    /// True when it had to leave, as far as this process has heard.
    pub(super) fn is_out(&self) -> bool {
        self.out.load(Ordering::Relaxed)
    }
    pub(super) fn noticed(&self, out: bool) {
        if self.out.swap(out, Ordering::Relaxed) != out {
            self.tell();
        }
    }

    /// It answered a payment, whatever it said.
    pub(super) fn succeeded(&self) {
        if self.rest.succeeded() {
            self.tell();
        }
    }
    /// It did not answer, or not with anything that means something.
    pub(super) fn failed(&self, now: Time) {
        if self.rest.failed(now) {
            self.tell();
        }
    }
    /// It says that it is back.
    pub(super) fn back(&self) {
        self.rest.back();
        self.tell();
    }

    /// Tells the monitor how it is.
    pub(super) fn tell(&self) {
        let state = match (self.is_out(), self.rest.until()) {
            (true, _) => "expelled",
            (false, Some(_)) => "resting",
            (false, None) => "well",
        };
        metrics::standing(&self.id.0, state);
    }

    /// Why it has to leave, where that has still to be written down.
    pub(super) fn unwritten(&self) -> Option<Expelled> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    pub(super) fn write_later(&self, why: Option<Expelled>) {
        *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    pub(super) fn standing(&self) -> Standing {
        self.rest.until().map_or(Standing::Well, |until| Standing::Resting { until })
    }
}
