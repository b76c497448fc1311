//! Read your writes over several nodes: what one has shown, another must have reached before it is believed.
//!
//! Each level of finality has a floor of its own, because a node's finalized state is always behind its newest. Nodes refuse
//! by themselves what is asked about a slot that they have not reached (`minContextSlot`), so this costs no question.

use super::ask::{Ask, Level};
use super::{Answer, RpcFault};
use serde::Deserialize;
use std::time::{Duration, Instant};
use tollway_core::Floor;

/// How long nobody must have shown a floor before it goes down.
const GRACE: Duration = Duration::from_secs(2);

const LEVELS: [Level; 3] = [Level::Processed, Level::Confirmed, Level::Finalized];

#[derive(Debug)]
pub(super) struct Floors {
    each: [Floor; 3],
    since: Instant,
}

impl Default for Floors {
    fn default() -> Self {
        Self { each: Default::default(), since: Instant::now() }
    }
}

/// The slot that an answer is about, where it says one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(default)]
    context: Option<Context>,
    /// In what `getEpochInfo` answers.
    #[serde(default)]
    absolute_slot: Option<u64>,
}

#[derive(Deserialize)]
struct Context {
    slot: u64,
}

impl Floors {
    /// The same questions, to be refused by whoever is behind.
    pub(super) fn over(&self, asks: &[Ask]) -> Vec<Ask> {
        asks.iter().map(|ask| ask.not_before(|level| self.at(level).place())).collect()
    }

    /// Learns from answers how far the chain is.
    pub(super) fn learn(&self, asks: &[Ask], answers: &[Answer]) {
        for (ask, answer) in asks.iter().zip(answers) {
            let (Some(level), Ok(Some(body))) = (ask.level, &answer.body) else { continue };
            let Ok(shown) = serde_json::from_str::<Shown>(body.get()) else { continue };
            if let Some(slot) = shown.context.map(|context| context.slot).or(shown.absolute_slot) {
                self.raise(level, slot);
            }
        }
    }

    /// A slot is there, as firm as this, and so at every lower level.
    pub(super) fn raise(&self, level: Level, slot: u64) {
        let now = self.since.elapsed();
        for below in LEVELS.into_iter().filter(|below| *below <= level) {
            self.at(below).raise(slot, now);
        }
    }

    /// Nobody who answered has reached the floor, but this slot at most. True when a question is worth asking again.
    pub(super) fn lower(&self, reached: u64) -> bool {
        let now = self.since.elapsed();
        let high = LEVELS.into_iter().map(|level| self.at(level)).filter(|floor| floor.place() > reached);
        // All of them, so no short cut.
        high.map(|floor| floor.lower(reached, now, GRACE)).fold(false, |any, down| any | down)
    }

    fn at(&self, level: Level) -> &Floor {
        let [processed, confirmed, finalized] = &self.each;
        match level {
            Level::Processed => processed,
            Level::Confirmed => confirmed,
            Level::Finalized => finalized,
        }
    }
}

/// How far a node is that says that it has not reached what it was asked for.
pub(super) fn behind(fault: &RpcFault) -> Option<u64> {
    match fault {
        RpcFault::Refused(no) if no.code == NOT_REACHED => Some(no.slot.unwrap_or(0)),
        _ => None,
    }
}

/// "Minimum context slot has not been reached".
const NOT_REACHED: i64 = -32016;
