use super::health::Pulse;
use super::places::Places;
use super::{ApiKeys, Facilitator, Flights, Follow, Inner, ROLE, Settings};
use crate::tasks::Tasks;
use std::fmt;
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;
use tollway_core::ledger::{Alone, Leases, Scoped};
use tollway_core::{Clock, Code, Error, Ledger, Registry, Result, Settler};
use tollway_route::Guard;

/// How many may ask at once what is supported. They need no key, so they have places of their own.
const ASKED_MAX: usize = 64;

/// Gathers what a [`Facilitator`] needs.
pub struct Builder {
    owner: String,
    registry: Arc<Registry>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    tasks: Tasks,
    guard: Option<Arc<Guard>>,
    keys: Option<ApiKeys>,
    settled_by: Option<Arc<dyn Settler>>,
    leases: Option<Arc<dyn Leases>>,
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
        let (settings, tasks) = (Settings::default(), Tasks::tokio());
        Self {
            owner,
            registry,
            ledger,
            clock,
            settings,
            tasks,
            guard: None,
            keys: None,
            settled_by: None,
            leases: None,
        }
    }

    /// Replaces the settings.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Bounds what is spent on gas, on what and for whom. Without one, everything is settled that holds.
    #[must_use]
    pub fn guard(mut self, guard: Arc<Guard>) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Has this one verify and settle instead of the registry's own settlers: a [`tollway_route::pool::Pool`] of other
    /// people's facilitators, in which our own are a member or not.
    #[must_use]
    pub fn settled_by(mut self, settler: Arc<dyn Settler>) -> Self {
        self.settled_by = Some(settler);
        self
    }

    /// Asks callers of `/verify` and `/settle` for a key. Without this, everybody is served, as one caller.
    #[must_use]
    pub fn keys(mut self, keys: ApiKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Shares the ledger, and the keys of its networks, with other facilitators. It then journals under the name of its
    /// incarnation, takes up what others leave when they end, and stops settling when it is taken over from.
    #[must_use]
    pub fn leases(mut self, leases: Arc<dyn Leases>) -> Self {
        self.leases = Some(leases);
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
        if self.settled_by.is_none() && self.registry.cells().all(|c| c.settler.is_none()) {
            return Err(Error::caller(Code::RoleMissing)
                .detail("no scheme here settles: was Role::Settler asked for, and is there a network?"));
        }
        Ok(Facilitator(Arc::new(Inner {
            ledger: Arc::new(Scoped::new(self.ledger, ROLE)),
            requests: Arc::new(Places::new(
                self.settings.requests_max,
                self.settings.requests_per_caller_max,
                self.keys.is_some(),
            )),
            asked: Arc::new(Places::new(ASKED_MAX, None, false)),
            flights: Arc::new(Flights::new(self.settings.settles_max, self.settings.settles_per_caller_max)),
            follow: Follow::default(),
            pulse: Pulse::default(),
            ready: OnceCell::new(),
            registry: self.registry,
            clock: self.clock,
            owner: self.leases.as_ref().map_or_else(|| self.owner.clone(), |l| l.incarnation().to_owned()),
            name: self.owner,
            leases: self.leases.unwrap_or_else(|| Arc::new(Alone)),
            adopting: Mutex::default(),
            settings: self.settings,
            tasks: self.tasks,
            guard: self.guard,
            keys: self.keys,
            settled_by: self.settled_by,
        })))
    }
}
