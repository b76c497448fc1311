//! Whose turn it is.

use super::{Pool, binding, nobody};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tollway_core::{ChainId, Kind, Name, Order, Result, Time, Usd};

/// The most prices that are remembered.
const PRICES_MAX: usize = 4_096;
/// For how long nobody asks the ledger again who had to leave; before a settlement it is always asked.
const HEARD_MS: u64 = 5_000;

/// The lesser is asked first: who does not rest, whose price is known, who is cheaper, who was named earlier.
pub(super) type Turn = (bool, bool, Usd, usize);

/// What settling with each member cost at the last look, and when the ledger was last asked who had to leave.
#[derive(Default)]
pub(super) struct Prices {
    known: Mutex<HashMap<(usize, Name, ChainId), Usd>>,
    heard: Mutex<Option<Time>>,
}

impl Prices {
    pub(super) fn put(&self, at: usize, scheme: Name, chain: ChainId, price: Usd) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PRICES_MAX {
            known.clear();
        }
        known.insert((at, scheme, chain), price);
    }

    fn get(&self, at: usize, scheme: &Name, chain: &ChainId) -> Option<Usd> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(at, *scheme, *chain)).copied()
    }
}

impl Pool {
    pub(super) fn turn(&self, at: usize, scheme: &Name, chain: &ChainId) -> Turn {
        let price = self.prices.get(at, scheme, chain);
        (self.rests(at), price.is_none(), price.unwrap_or(Usd::ZERO), at)
    }

    /// True while nobody asks this member anything, unless there is nobody else.
    pub(super) fn rests(&self, at: usize) -> bool {
        self.members.get(at).is_none_or(|member| member.rest.until().is_some())
    }

    /// Would this member get anything of the kind, were it its turn?
    pub(super) fn takes(&self, at: usize, kind: &Kind, now: Time) -> bool {
        let lesson = (at, kind.version, kind.scheme, kind.chain);
        self.members.get(at).is_some_and(|member| !member.is_out()) && !self.learned.refuses(&lesson, now)
    }

    /// Everybody who may settle this order, whose turn it is first.
    ///
    /// # Errors
    /// When there is nobody, with the reason; the ledger's.
    pub(super) async fn line(&self, order: &Order) -> Result<Vec<usize>> {
        self.hear_of_expulsions().await?;
        let (r, said, now) = (&order.requirement, self.said().await, self.clock.now());
        let allowed = binding::allowed(r, &said);
        if allowed.is_empty() {
            return Err(nobody(r, "no member says that it does, or the offer is bound to somebody else"));
        }
        let takes = |at: &usize| {
            let lesson = (*at, r.version, r.scheme, r.chain);
            self.members.get(*at).is_some_and(|m| !m.is_out()) && !self.learned.refuses(&lesson, now)
        };
        let mut line: Vec<usize> = allowed.into_iter().filter(takes).collect();
        if line.is_empty() {
            return Err(nobody(r, "who could had to leave, or has refused it as unsupported"));
        }
        line.sort_by_key(|at| self.turn(*at, &r.scheme, &r.chain));
        Ok(line)
    }

    /// Asks the ledger now and then who had to leave: another process may have found out, or somebody was taken back.
    pub(super) async fn hear_of_expulsions(&self) -> Result<()> {
        let now = self.clock.now();
        let heard = *self.prices.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.is_some_and(|at| now.ms_since(at) < HEARD_MS) {
            return Ok(());
        }
        for member in &self.members {
            member.noticed(self.expelled(member).await?.is_some());
        }
        *self.prices.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }
}
