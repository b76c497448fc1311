//! A facilitator of our own: the settlers of a registry behind `/verify`, `/settle`, `/supported` and `/health`.
//!
//! ```no_run
//! # async fn run(registry: std::sync::Arc<tollway_core::Registry>, ledger: std::sync::Arc<dyn tollway_core::Ledger>,
//! #     clock: std::sync::Arc<dyn tollway_core::Clock>) -> Result<(), Box<dyn std::error::Error>> {
//! use tollway_http::Facilitator;
//!
//! let facilitator = Facilitator::builder("eu-1", registry, ledger, clock).build()?;
//! facilitator.recover().await?; // what an earlier life of "eu-1" had not finished
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:4020").await?;
//! facilitator.serve(listener, std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//! * A settlement is a task of its own: a client that hangs up cannot cancel it, and asking again finds its receipt.
//! * The same payment under the same requirements is settled once, however often and by however many it is asked
//!   for at once; all get the same receipt. Under other requirements it is a replay.
//! * Success is said after the settler's finality, never before. An outcome that is not known in time is
//!   `settlement_pending`, with the transaction where one is known, and is followed up in the background until it is
//!   known, across restarts.
//! * A request is bounded in bytes, depth and time; requests and settlements are bounded in number, and for each caller.
//!
//! # Several over one ledger
//! With [`Builder::leases`] any number of facilitators share a ledger and the keys of their networks. A payment whose client asks
//! again at another of them gets the stored receipt, or `settlement_pending` as long as the first works on it. What one leaves
//! when it ends, the others take up.
//!
//! # Who may use it
//! [`Builder::keys`] asks callers for a key, and [`Builder::guard`] bounds what is spent on gas, for whom
//! ([`tollway_route::guard`]). Without them everybody is settled for, at any price. Amounts that are not worth their gas
//! (`amount_below_minimum`, `unprofitable`, `settlement_gas_too_high`) are verdicts about a payment and come under 200:
//! 402 would be taken for a price by clients that pay.
//!
//! # Statuses
//! | status | when | why |
//! |---|---|---|
//! | 200 | every verdict, good or bad | as the reference facilitator does; x402-rs's client drops the body of all but 200, 400 and 412, so a failed settlement must not hide behind a 500 |
//! | 400 | a body that is no facilitator request | still a `VerifyResponse` or `SettleResponse`, with the reason |
//! | 413, 408 | a body that is too large, or too slow | the same |
//! | 401 | no API key, or a wrong one: `unauthorized`, with `WWW-Authenticate` | nothing of the body was read |
//! | 403 | `payee_not_served`, `asset_not_served`, `screening_denied` | not for this merchant, or not for these people, however often |
//! | 429 | `gas_budget_exceeded`, `too_many_failed_settlements`, `too_many_settlements` (requests too), with `Retry-After` | the caller is to slow down; nothing was sent |
//! | 503 | `screening_unavailable` | nobody could look |
//! | 503 | too busy, shutting down; `/verify` that could not look (node or ledger down) | not a verdict about the payment; nothing was sent |

mod adopt;
mod builder;
mod callers;
mod flights;
mod fly;
mod follow;
mod health;
mod keys;
mod pending;
mod places;
mod print;
mod recovery;
mod reply;
mod routes;
mod serve;
mod settings;
mod settle;
mod supported;
mod verify;

pub use builder::Builder;
pub use health::Health;
pub use keys::ApiKeys;
pub use settings::Settings;

use crate::codec;
use crate::tasks::Tasks;
use flights::Flights;
use follow::Follow;
use health::Pulse;
use places::Places;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;
use tollway_core::flow::{self, SettleOnce};
use tollway_core::ledger::Leases;
use tollway_core::wire::{self, FacilitatorRequest};
use tollway_core::{
    Cell, Clock, Code, Error, Ledger, Order, RecordKey, Registry, Requirement, Result, Settler,
};
use tollway_route::{Caller, Guard};

/// Replay claims are kept apart under this name, so that a paywall may share the ledger.
const ROLE: &str = "facilitator";
/// The journal's room.
const ROOM: &str = "visit/facilitator";

/// A facilitator. A clone is the same one.
#[derive(Clone)]
pub struct Facilitator(Arc<Inner>);

struct Inner {
    registry: Arc<Registry>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    /// Who journals: the name, or one life of it where there are leases.
    owner: String,
    name: String,
    leases: Arc<dyn Leases>,
    adopting: Mutex<HashMap<RecordKey, String>>,
    settings: Settings,
    tasks: Tasks,
    guard: Option<Arc<Guard>>,
    keys: Option<ApiKeys>,
    settled_by: Option<Arc<dyn Settler>>,
    requests: Arc<Places>,
    /// The same for those who ask what is supported.
    asked: Arc<Places>,
    flights: Arc<Flights>,
    follow: Follow,
    pulse: Pulse,
    ready: OnceCell<()>,
}

impl fmt::Debug for Facilitator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Facilitator({})", self.0.name)
    }
}

impl Facilitator {
    /// Starts one. `owner` is this process's lasting name: after a restart under the same name it may release what it
    /// had claimed and not sent, so no two processes that are alive may share one.
    pub fn builder(
        owner: impl Into<String>,
        registry: Arc<Registry>,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Builder {
        Builder::new(owner.into(), registry, ledger, clock)
    }

    /// Reads the body of `/verify` or `/settle`.
    ///
    /// # Errors
    /// [`Code::TooLarge`] and the errors of [`wire::read_facilitator_request`].
    pub fn read(&self, body: &[u8]) -> Result<FacilitatorRequest> {
        let settings = &self.0.settings;
        let json = codec::parse(body, settings.body_bytes, settings.depth)?;
        wire::read_facilitator_request(&json, self.0.registry.families())
    }
}

impl Inner {
    /// The cell for a requirement, and who settles it.
    fn cell(&self, requirement: &Requirement) -> Result<(&Cell, &Arc<dyn Settler>)> {
        let cell = self.registry.cell(requirement)?;
        let settler = self.settled_by.as_ref().or(cell.settler.as_ref()).ok_or_else(|| {
            Error::settler(Code::UnsupportedScheme)
                .detail(format!("{} on {} settles nothing here", cell.id, cell.chain))
        })?;
        Ok((cell, settler))
    }

    /// The settling side as `caller` may use it.
    fn settler(&self, caller: &Caller, cell: &Cell, settler: &Arc<dyn Settler>) -> Arc<dyn Settler> {
        match &self.guard {
            Some(guard) => guard.settler(caller.clone(), cell.read, Arc::clone(settler)),
            None => Arc::clone(settler),
        }
    }

    /// The same for what was begun before: the guard's own journal knows for whom.
    fn settler_of_old(&self, cell: &Cell, settler: &Arc<dyn Settler>) -> Arc<dyn Settler> {
        self.settler(&Caller::anyone(), cell, settler)
    }

    /// What the payment is called in logs, on every side of it.
    fn tag(&self, order: &Order) -> String {
        let cell = self.registry.cell(&order.requirement);
        cell.map_or_else(|_| "?".to_owned(), |cell| flow::tag(cell.read, order))
    }

    fn once<'a>(&'a self, cell: &Cell, settler: &'a dyn Settler) -> SettleOnce<'a> {
        SettleOnce {
            read: cell.read,
            settler,
            ledger: &*self.ledger,
            clock: &*self.clock,
            room: ROOM,
            owner: &self.owner,
            patience_ms: self.settings.patience_ms,
        }
    }
}
