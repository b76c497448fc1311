use super::{Facilitator, Flights, Follow, Inner, ROLE, Settings};
use crate::tasks::Tasks;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{OnceCell, Semaphore};
use tollway_core::ledger::Scoped;
use tollway_core::{Clock, Code, Error, Ledger, Registry, Result};

/// Gathers what a [`Facilitator`] needs.
pub struct Builder {
    owner: String,
    registry: Arc<Registry>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    tasks: Tasks,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Builder({})", self.owner)
    }
}

impl Builder {
    pub(super) fn new(
        owner: String,
        registry: Arc<Registry>,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { owner, registry, ledger, clock, settings: Settings::default(), tasks: Tasks::tokio() }
    }

    /// Replaces the settings.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Runs its tasks and measures its waits elsewhere than in tokio. Serving a listener takes tokio all the same.
    #[must_use]
    pub fn tasks(mut self, tasks: Tasks) -> Self {
        self.tasks = tasks;
        self
    }

    /// Builds it. Nothing is started: [`Facilitator::recover`] does that, or the first settlement.
    ///
    /// # Errors
    /// [`Code::RoleMissing`] when no cell of the registry settles, [`Code::BadSettings`].
    pub fn build(self) -> Result<Facilitator> {
        self.settings.check()?;
        if self.owner.is_empty() {
            return Err(Error::caller(Code::BadSettings).detail("a facilitator needs an owner name"));
        }
        if self.registry.cells().all(|c| c.settler.is_none()) {
            return Err(Error::caller(Code::RoleMissing)
                .detail("no scheme here settles: was Role::Settler asked for, and is there a network?"));
        }
        Ok(Facilitator(Arc::new(Inner {
            ledger: Arc::new(Scoped::new(self.ledger, ROLE)),
            requests: Arc::new(Semaphore::new(self.settings.requests_max)),
            flights: Arc::new(Flights::new(self.settings.settles_max)),
            follow: Follow::default(),
            ready: OnceCell::new(),
            registry: self.registry,
            clock: self.clock,
            owner: self.owner,
            settings: self.settings,
            tasks: self.tasks,
        })))
    }
}
