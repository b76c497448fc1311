//! Who may join a pool, and the cheap question that shows whether somebody who rests is back.

use super::Pool;
use super::member::Member;
use super::verify::within;
use crate::metrics;
use futures::FutureExt;
use std::fmt;
use std::sync::Arc;
use tollway_core::{Result, Settler, SettlerId, async_trait};

/// Asks whether a settler would take payments now, before one is risked on it.
///
/// * Cheap, and moves nothing: it is asked while its settler is thought to be ill. May be dropped at any time.
/// * Wrong: an answer from memory, which says how it was and not how it is.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Whether it would.
    ///
    /// # Errors
    /// Why not.
    async fn alive(&self) -> Result<()>;
}

/// A place in a pool: a settler, its name, and how it shows that it is back.
#[derive(Clone)]
pub struct Seat {
    pub(super) id: SettlerId,
    pub(super) settler: Arc<dyn Settler>,
    pub(super) probe: Option<Arc<dyn Probe>>,
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seat").field(&self.id.0).finish()
    }
}

impl Seat {
    /// A settler that is asked for its kinds ([`Settler::kinds`]) when its rest is over.
    pub fn new(id: SettlerId, settler: Arc<dyn Settler>) -> Self {
        Self { id, settler, probe: None }
    }
    /// Asks `probe` instead.
    #[must_use]
    pub fn probe(self, probe: Arc<dyn Probe>) -> Self {
        Self { probe: Some(probe), ..self }
    }
    /// Its name.
    pub fn id(&self) -> &SettlerId {
        &self.id
    }
}

impl From<(SettlerId, Arc<dyn Settler>)> for Seat {
    fn from((id, settler): (SettlerId, Arc<dyn Settler>)) -> Self {
        Self::new(id, settler)
    }
}

impl Pool {
    /// Asks those whose rest is over whether they are back, in the background: one question for each rest. Nobody is asked
    /// but when somebody wants something of the pool, so an idle one is silent.
    pub(super) fn probe_the_rested(&self) {
        let (now, limit_ms) = (self.clock.now(), self.settings.answer_ms);
        for member in self.members.iter().filter(|member| member.rest.may_probe(now, limit_ms)) {
            let (member, clock) = (Arc::clone(member), Arc::clone(&self.clock));
            let asking = async move {
                let answer = within(&*clock, limit_ms, member.answers()).await;
                metrics::asked(&member.id.0, "probe", answer.as_ref().err());
                match answer {
                    Ok(()) => {
                        tracing::info!(member = %member.id.0, "it is back");
                        member.back();
                    }
                    Err(error) => {
                        tracing::debug!(member = %member.id.0, %error, "it is not back yet");
                        member.failed(clock.now());
                    }
                }
            };
            (self.spawn)(asking.boxed());
        }
    }
}

impl Member {
    async fn answers(&self) -> Result<()> {
        match &self.probe {
            Some(probe) => probe.alive().await,
            None => self.settler.kinds().await.map(drop),
        }
    }
}
