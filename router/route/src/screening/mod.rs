//! Screening with a time limit, a word on what silence means, and a record of every decision.
//!
//! One [`Screening`] serves both sides: a payer's policy asks it before it signs, a facilitator's guard before it verifies
//! and before it settles. A refusal is remembered as well as a pass, with where the verdict came from.

mod audit;

pub use audit::{Decision, Found, decisions, forget_before};

use futures::future::{Either, join, select};
use std::fmt;
use std::sync::Arc;
use tollway_core::screen::{Screen, Subject, Verdict};
use tollway_core::{Blame, Clock, Code, Error, Ledger, Next, Result};

/// What it means when a source does not answer in time, or fails. There is no default: either is somebody's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Silence {
    /// The payment goes on.
    Open,
    /// The payment is refused, for now.
    Closed,
}

/// A source of verdicts, as it is asked.
pub struct Screening {
    screen: Arc<dyn Screen>,
    silence: Silence,
    limit_ms: u64,
    audit: audit::Audit,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Screening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Screening(by {}, {:?} on silence)", self.screen.source(), self.silence)
    }
}

impl Screening {
    /// Asks `screen`, at most `limit_ms` milliseconds for each subject, and writes every decision into `ledger`.
    pub fn new(
        screen: Arc<dyn Screen>,
        silence: Silence,
        limit_ms: u64,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { screen, silence, limit_ms, audit: audit::Audit::new(ledger), clock }
    }

    /// May it be? The decision is in the ledger before this returns; what cannot be written down is not let pass.
    ///
    /// # Errors
    /// [`Code::Screened`] for a verdict against it, final. [`Code::ScreeningSilent`] when nobody answered and silence is
    /// closed: later may do. The ledger's.
    pub async fn admit(&self, subject: &Subject<'_>) -> Result<()> {
        self.admit_beside(subject, std::future::ready(Ok(()))).await
    }

    /// [`admit`](Self::admit), and what only looks is done while a pass is being written down: neither waits for the other,
    /// and its answer counts once the decision is in the ledger. What is refused is not looked at.
    pub(crate) async fn admit_beside<T>(
        &self,
        subject: &Subject<'_>,
        look: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let (decision, refused) = self.decide(subject).await;
        if let Some(refused) = refused {
            self.audit.write(&decision).await?;
            return Err(refused);
        }
        let (written, seen) = join(self.audit.write(&decision), look).await;
        written?;
        seen
    }

    /// What is found, and the refusal that follows from it.
    async fn decide(&self, subject: &Subject<'_>) -> (Decision, Option<Error>) {
        let (found, why) = match self.ask(subject).await {
            Ok(Verdict::Clear) => (Found::Clear, String::new()),
            Ok(Verdict::Denied(why)) => (Found::Denied, why),
            Err(silent) if self.silence == Silence::Open => (Found::SilentPassed, silent.to_string()),
            Err(silent) => (Found::SilentRefused, silent.to_string()),
        };
        let source = self.screen.source();
        let refused = match found {
            Found::Clear | Found::SilentPassed => None,
            Found::Denied => Some(
                Error::new(Code::Screened, Blame::Payer, Next::Never).detail(format!("by {source}: {why}")),
            ),
            Found::SilentRefused => Some(
                Error::new(Code::ScreeningSilent, Blame::Network, Next::Later)
                    .detail(format!("{source} gave no verdict: {why}")),
            ),
        };
        let r = subject.requirement;
        let decision = Decision {
            at: self.clock.now(),
            step: subject.step,
            payer: subject.payer,
            payee: r.pay_to,
            asset: r.price.asset(),
            atomic: r.price.atomic(),
            host: subject.host.map(|host| host.chars().take(audit::HOST_CHARS).collect()),
            source,
            found,
            why,
        };
        (decision, refused)
    }

    async fn ask(&self, subject: &Subject<'_>) -> Result<Verdict> {
        match select(self.screen.check(subject), self.clock.sleep(self.limit_ms)).await {
            Either::Left((verdict, _)) => verdict,
            Either::Right(_) => {
                Err(Error::network(Code::TimedOut).detail(format!("no verdict within {} ms", self.limit_ms)))
            }
        }
    }
}
