//! What the members say they can do, kept warm, and what the pool says of itself.

use super::choose::Turn;
use super::{Pool, nobody_answers};
use crate::cache::{Age, Fresh, Lookup, Waited};
use futures::FutureExt;
use futures::future::{BoxFuture, Either, join_all, select};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tollway_core::{Kind, Result};

/// How long an old answer serves while no new one can be had, in milliseconds.
const STALE_MS: u64 = 3_600_000;
/// Kinds that a member said before and does not say any more: offers that carry them may still stand.
const BEFORE_MAX: usize = 64;

/// What one member says it can do.
#[derive(Default)]
pub(super) struct Said {
    pub(super) now: Vec<Kind>,
    /// What it said before, the latest last.
    pub(super) before: Vec<Kind>,
}

impl Said {
    fn after(earlier: Option<&Self>, now: Vec<Kind>) -> Self {
        let mut before: Vec<Kind> = Vec::new();
        if let Some(earlier) = earlier {
            let past = earlier.before.iter().chain(&earlier.now);
            before.extend(past.filter(|kind| !now.contains(kind)).cloned());
            before.drain(..before.len().saturating_sub(BEFORE_MAX));
        }
        Self { now, before }
    }
}

/// One member's kinds, each once: two of its cells may say the same one, and act on different extensions.
fn together<'k>(kinds: impl Iterator<Item = &'k Kind>) -> Vec<Kind> {
    let mut all: Vec<Kind> = Vec::new();
    for kind in kinds {
        let of = |k: &Kind| (k.version, k.scheme, k.chain);
        match all.iter_mut().find(|known| of(known) == of(kind) && known.extra == kind.extra) {
            None => all.push(kind.clone()),
            Some(known) => {
                let new = kind.extensions.iter().filter(|key| !known.extensions.contains(key));
                let new: Vec<_> = new.cloned().collect();
                known.extensions.extend(new);
            }
        }
    }
    all
}

/// A question under way, and whether somebody has waited for it in vain.
type Waiting = (usize, BoxFuture<'static, ()>, Waited);

impl Pool {
    /// What the members say, each at its place; `None` for one that has never answered. What is missing is waited for, all
    /// of it together and not for long, and nobody waits twice for the same silence.
    pub(super) async fn said(&self) -> Vec<Option<Arc<Said>>> {
        self.probe_the_rested();
        let now = self.clock.now();
        let mut waits: Vec<Waiting> = Vec::new();
        for at in 0..self.members.len() {
            match self.said.age(&at, now) {
                Age::Fresh => {}
                // Somebody who rests is not asked, so that what is known of the others is told at once.
                _ if self.rests(at) => {}
                Age::Stale => drop(self.ask(at)),
                Age::Over => waits.extend(self.ask(at)),
            }
        }
        waits.retain(|(_, _, waited)| !waited.load(Ordering::Relaxed));
        if !waits.is_empty() {
            self.wait(waits).await;
        }
        (0..self.members.len()).map(|at| self.known(at)).collect()
    }

    /// What can be settled here: each kind as the member says it that would get the next payment of it.
    pub(super) async fn merged(&self) -> Result<Vec<Kind>> {
        self.hear_of_expulsions().await?;
        let (said, now) = (self.said().await, self.clock.now());
        if said.iter().all(Option::is_none) {
            return Err(nobody_answers());
        }
        let mut all: Vec<(Turn, Kind)> = Vec::new();
        for (at, said) in said.iter().enumerate() {
            let kinds = said.as_ref().map_or(&[][..], |said| &said.now);
            for kind in together(kinds.iter().filter(|kind| self.takes(at, kind, now))) {
                all.push((self.turn(at, &kind.scheme, &kind.chain), kind));
            }
        }
        all.sort_by_key(|(turn, _)| *turn);
        let mut merged: Vec<Kind> = Vec::new();
        for (_, kind) in all {
            let same = |m: &Kind| (m.version, m.scheme, m.chain) == (kind.version, kind.scheme, kind.chain);
            match merged.iter_mut().find(|m| same(m)) {
                None => merged.push(kind),
                // Any of these may get the payment, so only what all of them act on can be promised.
                Some(first) if first.extra == kind.extra => {
                    first.extensions.retain(|key| kind.extensions.contains(key));
                }
                Some(_) => {}
            }
        }
        Ok(merged)
    }

    fn known(&self, at: usize) -> Option<Arc<Said>> {
        match self.said.hold().look(&at, self.clock.now()) {
            Lookup::Fresh(said) | Lookup::Stale(said) => Some(Arc::clone(said)),
            Lookup::Expired | Lookup::Missing(_) => None,
        }
    }

    fn ask(&self, at: usize) -> Option<Waiting> {
        let member = Arc::clone(self.members.get(at)?);
        let (earlier, clock, ttl_ms) = (self.known(at), Arc::clone(&self.clock), self.settings.kinds_ttl_ms);
        let (flight, waited) = self.said.refresh(at, clock.now(), &self.spawn, {
            let clock = Arc::clone(&clock);
            move || {
                async move {
                    // An answer may be from memory, so it is no sign of health; none at all is a sign of the contrary.
                    let kinds = member.settler.kinds().await.inspect_err(|_| member.failed(clock.now()))?;
                    let fresh_until = clock.now().plus_ms(ttl_ms);
                    Ok(Fresh {
                        value: Arc::new(Said::after(earlier.as_deref(), kinds)),
                        fresh_until,
                        usable_until: fresh_until.plus_ms(STALE_MS),
                    })
                }
                .boxed()
            }
        });
        Some((at, flight.map(drop).boxed(), waited))
    }

    async fn wait(&self, waits: Vec<Waiting>) {
        let waited: Vec<_> = waits.iter().map(|(at, _, waited)| (*at, Arc::clone(waited))).collect();
        let all = join_all(waits.into_iter().map(|(_, asking, _)| asking));
        if let Either::Right(_) = select(all, self.clock.sleep(self.settings.answer_ms)).await {
            let now = self.clock.now();
            for (at, waited) in waited {
                waited.store(true, Ordering::Relaxed);
                if let Some(silent) = self.members.get(at).filter(|_| self.said.age(&at, now) == Age::Over) {
                    silent.failed(now);
                }
            }
        }
    }
}
