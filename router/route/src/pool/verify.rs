//! Verifying with whoever can, and remembering who it was.

use super::learned::After;
use super::{Pool, nobody_answers};
use crate::metrics;
use futures::future::{Either, select};
use sha2::{Digest, Sha256};
use std::pin::pin;
use tollway_core::flow;
use tollway_core::{Blame, Charge, Clock, Code, Due, Error, Next, Order, Proof, Recent, Result};

/// Payments whose verifier is remembered. One that is forgotten is verified anew before it is settled.
const REMEMBERED: usize = 8_192;

/// Who verified what.
pub(super) struct Verifiers(Recent<[u8; 32], usize>);

impl Verifiers {
    pub(super) fn new() -> Self {
        Self(Recent::new(REMEMBERED))
    }
    fn saw(&self, order: &Order, at: usize) {
        self.0.put(digest(order), at);
    }
    pub(super) fn of(&self, order: &Order) -> Option<usize> {
        self.0.get(&digest(order))
    }
}

fn digest(order: &Order) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(order.requirement.raw.as_str().len().to_be_bytes());
    hash.update(order.requirement.raw.as_str());
    hash.update(order.payment.payload.as_str());
    hash.finalize().into()
}

impl Pool {
    /// Asks one after the other until somebody says what it is. Nothing moves here, so whatever went wrong with one, the
    /// next may be asked.
    pub(super) async fn verify_somewhere(&self, order: &Order) -> Result<Proof> {
        let mut line = self.line(order).await?;
        // Those who rest stand last. Nobody waits for them while there is somebody else; where there is not, one of them
        // may as well be tried.
        let awake = line.iter().take_while(|at| !self.rests(**at)).count();
        line.truncate(awake.max(1));
        let mut failed = None;
        for (nth, at) in line.iter().enumerate() {
            let alone = nth.saturating_add(1) == line.len();
            match self.verify_with(*at, order, alone).await {
                Ok(proof) => {
                    self.verifiers.saw(order, *at);
                    return Ok(proof);
                }
                Err(e) if After::of(&e) == After::Verdict => return Err(e),
                Err(e) => failed = Some(e),
            }
        }
        let failed = failed.unwrap_or_else(nobody_answers);
        // Looking moves nothing, whatever a member says.
        Err(if failed.is_unknown_outcome() { failed.next(Next::Later) } else { failed })
    }

    async fn verify_with(&self, at: usize, order: &Order, alone: bool) -> Result<Proof> {
        let member = self.member(at)?;
        let asking = member.settler.verify(order);
        let answer = match alone {
            true => asking.await,
            false => within(&*self.clock, self.settings.verify_ms, asking).await,
        };
        metrics::asked(&member.id.0, "verify", answer.as_ref().err());
        self.note(at, order, answer.as_ref().err());
        answer
    }

    /// The same payment as a right to settle, on the word of this member alone.
    pub(super) async fn verified_anew(&self, at: usize, order: &Order, charge: Charge) -> Result<Due> {
        let read = self.registry.cell(&order.requirement)?.read;
        let asking = flow::verify(read, &*self.member(at)?.settler, order.clone(), &*self.clock);
        let verified = within(&*self.clock, self.settings.verify_ms, asking).await;
        self.note(at, order, verified.as_ref().err());
        verified?.due(charge)
    }

    /// Draws the lessons from what a member said: about its health, and about what it does.
    pub(super) fn note(&self, at: usize, order: &Order, failed: Option<&Error>) {
        let (Some(member), now) = (self.members.get(at), self.clock.now()) else { return };
        match failed.map(After::of) {
            None | Some(After::Verdict) => member.succeeded(),
            Some(After::Unfit | After::Unknown) => member.failed(now),
            Some(After::Unsupported) => {
                member.succeeded();
                let (r, until) = (&order.requirement, now.plus_ms(self.settings.unsupported_ms));
                tracing::warn!(member = %member.id.0, scheme = %r.scheme, chain = %r.chain,
                    "says that it settles this, and refuses it as unsupported");
                self.learned.refused((at, r.version, r.scheme, r.chain), until, now);
            }
        }
    }
}

/// The answer, if it comes within so many milliseconds. Only for what moves nothing.
pub(super) async fn within<T>(
    clock: &dyn Clock,
    ms: u64,
    asking: impl Future<Output = Result<T>>,
) -> Result<T> {
    match select(pin!(asking), clock.sleep(ms)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(Error::new(Code::TimedOut, Blame::Settler, Next::Later)
            .detail(format!("a member of the pool did not answer within {ms} ms"))),
    }
}
