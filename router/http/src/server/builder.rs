use super::answers::Answers;
use super::doubts::Doubts;
use super::paywall::{Paywall, Shared};
use super::price::Priced;
use super::settings::{Origin, Origins, Settings};
use super::table::{Methods, Table};
use super::visits::Visits;
use crate::codec::Limits;
use crate::tasks::Tasks;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Clock, Code, Error, Ledger, Result};
use tollway_route::Gate;

/// The largest body of an answer that is kept, unless set otherwise.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Gathers routes and settings into a [`Paywall`].
#[must_use]
pub struct PaywallBuilder {
    gate: Arc<Gate>,
    routes: Vec<(Methods, String, Priced)>,
    settings: Settings,
    origin: Option<String>,
    answers: Option<(Arc<dyn Ledger>, Arc<dyn Clock>)>,
    answer_bytes_max: usize,
}

impl std::fmt::Debug for PaywallBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PaywallBuilder")
            .field("routes", &self.routes.len())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl PaywallBuilder {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            routes: Vec::new(),
            settings: Settings::default(),
            origin: None,
            answers: None,
            answer_bytes_max: ANSWER_BYTES_MAX,
        }
    }

    /// Puts a price on a path, in axum's spelling: `/premium`, `/items/{id}`, `/files/{*rest}`. The most precise
    /// route wins; `{*rest}` also stands for nothing, and a trailing slash makes no difference.
    pub fn route(mut self, methods: impl Into<Methods>, path: &str, priced: Priced) -> Self {
        self.routes.push((methods.into(), path.to_owned(), priced));
        self
    }
    /// Puts a price on everything that has no route of its own; what a layer on a single route needs.
    pub fn everything(self, priced: Priced) -> Self {
        self.route(Methods::any(), "/{*all}", priced)
    }
    /// The service's lasting name: offers made under one name do not pay under another. Paywalls that share a ledger
    /// and use the same paths for different things need different names (or origins, or mounts).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }
    /// The address under which buyers know the service, like `https://api.example.com`. Without it the `Host` header
    /// is believed: every host is then a service of its own, whose payments pay on no other.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }
    /// The prefix that an outer router has cut off (axum's `nest`), for addresses. Routes are written without it.
    pub fn mounted_at(mut self, prefix: impl Into<String>) -> Self {
        let prefix: String = prefix.into();
        self.settings.mount = prefix.trim_end_matches('/').to_owned();
        self
    }
    /// Keeps each paid answer in `ledger` until the payment's window ends, at most a day, so that a buyer whose first
    /// answer got lost gets it again, also after a restart. What was sold then lies there in the clear.
    pub fn answers(mut self, ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Self {
        self.answers = Some((ledger, clock));
        self
    }
    /// The largest body of an answer that is kept. Default 64 KiB; 0 keeps none.
    pub fn answer_bytes_max(mut self, bytes: usize) -> Self {
        self.answer_bytes_max = bytes;
        self
    }
    /// How much of a payment header is read. A larger one is answered with 431.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }
    /// The longest `PAYMENT-REQUIRED` header, in bytes of base64. Where the offers do not fit, it holds the first of them,
    /// the cheapest to settle, or is left out, and the body carries the rest. Default 6 KiB: proxies and clients commonly
    /// take 8 KiB of headers in all, and answer with an error of their own above that.
    pub fn challenge_header_bytes_max(mut self, bytes: usize) -> Self {
        self.settings.challenge_header_bytes_max = bytes;
        self
    }
    /// The largest request body that can be paid for. Default 1 MiB: it is held in memory and hashed.
    pub fn request_bytes_max(mut self, bytes: usize) -> Self {
        self.settings.request_bytes_max = bytes;
        self
    }
    /// The largest response that can be sold. Default 8 MiB: it is held in memory until it is paid for.
    pub fn response_bytes_max(mut self, bytes: usize) -> Self {
        self.settings.response_bytes_max = bytes;
        self
    }
    /// How long a request's body may take to arrive. Default 30 s.
    pub fn request_timeout(mut self, time: Duration) -> Self {
        self.settings.request_timeout = time;
        self
    }
    /// How long a handler may take; afterwards it is stopped, answered for with 504, and nothing is charged. Default
    /// 60 s. Keep it below the rails' `timeout_s`, or payments expire while handlers work.
    pub fn handler_timeout(mut self, time: Duration) -> Self {
        self.settings.handler_timeout = time;
        self
    }
    /// How long an answer may stream that a meter charges for. Default one hour. It ends earlier where the payment would
    /// not be good any more: ten seconds before, or a quarter of the time that is left where that is less.
    pub fn stream_timeout(mut self, time: Duration) -> Self {
        self.settings.stream_timeout = time;
        self
    }
    /// How often what a stream has delivered is written to the ledger, from nothing to the whole price. A crash costs the
    /// seller at most this part of the price (or one chunk, where that is more); the payer is never charged for more than
    /// went out. Default 8: an eighth of the price, for at most 16 writes. At least 1.
    pub fn stream_notes(mut self, parts: u32) -> Self {
        self.settings.stream_notes = parts;
        self
    }
    /// How many paid requests may be under way at once; more are answered with 503. Default 1024.
    pub fn visits_max(mut self, visits: usize) -> Self {
        self.settings.visits_max = visits;
        self
    }
    /// Answers browsers' preflights for priced routes, and allows these origins to read the answers. Off by default:
    /// `OPTIONS` then goes to the service behind, but for routes where every method has a price. A CORS layer around the
    /// paywall does as well: see [`cors_request_headers`](super::cors_request_headers).
    pub fn allow_origins(mut self, origins: Origins) -> Self {
        self.settings.cors = Some(origins);
        self
    }
    /// Tells `/Premium` from `/premium`. Off by default: what differs from a priced path by case alone is priced too,
    /// because some services behind do not tell them apart.
    pub fn case_sensitive(mut self, yes: bool) -> Self {
        self.settings.case_sensitive = yes;
        self
    }
    /// Runs its tasks and measures its waits elsewhere than in tokio.
    pub fn tasks(mut self, tasks: Tasks) -> Self {
        self.settings.tasks = tasks;
        self
    }

    /// Puts the parts together.
    ///
    /// # Errors
    /// [`Code::BadSettings`] for a path, an origin or a mount that makes no sense, for two prices on one path, for a
    /// price without rails, and for a paywall without routes.
    pub fn build(self) -> Result<Paywall> {
        let mut settings = self.settings;
        if let Some(origin) = &self.origin {
            settings.origin = Some(Origin::parse(origin)?);
        }
        let bad = |words: String| Err(Error::caller(Code::BadSettings).detail(words));
        if !settings.mount.is_empty() && !settings.mount.starts_with('/') {
            return bad(format!("mount {:?} does not start with a slash", settings.mount));
        }
        if self.routes.is_empty() {
            return bad("a paywall without routes protects nothing".to_owned());
        }
        if let Some((_, path, _)) = self.routes.iter().find(|(_, _, priced)| priced.rails.is_empty()) {
            return bad(format!("{path} has a price and no rail to pay it on"));
        }
        let table = Table::new(self.routes, settings.case_sensitive)?;
        let max = self.answer_bytes_max;
        let answers = self.answers.filter(|_| max > 0);
        Ok(Paywall::new(Shared {
            gate: self.gate,
            table,
            visits: Visits::new(settings.visits_max),
            settings,
            doubts: Doubts::new(),
            answers: answers.map(|(ledger, clock)| Arc::new(Answers::new(ledger, clock, max))),
        }))
    }
}
