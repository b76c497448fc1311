//! What members turned out not to do although they say they do.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tollway_core::{Blame, ChainId, Code, Error, Name, Time, Version};

/// The most refusals that are remembered; beyond it the oldest lessons are learned again.
const MAX: usize = 4_096;

type Lesson = (usize, Version, Name, ChainId);

#[derive(Default)]
pub(super) struct Learned(Mutex<HashMap<Lesson, Time>>);

impl Learned {
    /// Until then nothing of this kind goes to this member.
    pub(super) fn refused(&self, lesson: Lesson, until: Time, now: Time) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX {
            known.retain(|_, until| now < *until);
        }
        if known.len() < MAX {
            known.insert(lesson, until);
        }
    }

    pub(super) fn refuses(&self, lesson: &Lesson, now: Time) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(lesson).is_some_and(|until| now < *until)
    }
}

/// What an error means for the other members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// A verdict: nobody would say otherwise.
    Verdict,
    /// This one cannot, and another may. Nothing moved.
    Unfit,
    /// It does not do this at all.
    Unsupported,
    /// Money may have moved.
    Unknown,
}

impl After {
    pub(super) fn of(e: &Error) -> Self {
        if e.is_unknown_outcome() {
            return Self::Unknown;
        }
        // Whoever has broadcast something has had its turn.
        if matches!(e.blame, Blame::Payer | Blame::Payee) || e.transaction.is_some() {
            return Self::Verdict;
        }
        let unsupported = matches!(
            e.code,
            Code::UnsupportedScheme
                | Code::UnsupportedMethod
                | Code::UnsupportedFlow
                | Code::InvalidNetwork
                | Code::InvalidX402Version
                | Code::RoleMissing
                | Code::NetworkMissing
        );
        if unsupported { Self::Unsupported } else { Self::Unfit }
    }
}
