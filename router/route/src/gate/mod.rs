//! The selling side: one price in, every rail that is worth offering out; and the payments that come back.
//!
//! An offer is honoured for at least its own `maxTimeoutSeconds` after it was last shown, though price, order or gas
//! have moved since. Honoured offers are in the ledger, so replicas and restarts agree.

mod absent;
mod admit;
mod honour;
mod live;
mod post;
mod recover;

pub use admit::Admitted;
pub use post::{Posted, PostedOffer, Rail, SellerPolicy, Tag, Unprofitable};

use crate::metrics::{self, InFlight, Sold};
use crate::pool::Pool;
use crate::quotes::QuoteBook;
use honour::Honour;
use live::{Holds, Live};
use recover::Open;
use std::sync::Arc;
use tollway_core::flow::{Delivered, Driver, Handler, SettleOnce};
use tollway_core::ledger::Scoped;
use tollway_core::{
    Cell, Clock, Code, Error, Kind, Ledger, Next, RecordKey, Registry, Requirement, Result, Seller, Settler,
};
use tracing::Instrument as _;

/// The journal's room for paid requests.
const ROOM: &str = "visit/gate";

/// Where offers are made and payments are admitted, driven and recovered. Cheap to share behind an [`Arc`].
pub struct Gate {
    registry: Arc<Registry>,
    pool: Option<Arc<Pool>>,
    quotes: Arc<QuoteBook>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    policy: SellerPolicy,
    owner: String,
    patience_ms: u64,
    honour: Honour,
    live: Live,
    open: Open,
    sold: Sold,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("policy", &self.policy)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

/// What a [`Gate`] is made of.
pub struct GateBuilder {
    /// Schemes and networks, with the seller's role, and the settler's where this process settles itself.
    pub registry: Arc<Registry>,
    /// Who settles: other people's facilitators, one or several, with our own chain code as a member or without
    /// ([`crate::pool::Own`]). `None` where our own does it all.
    pub pool: Option<Arc<Pool>>,
    /// Live fees and prices.
    pub quotes: Arc<QuoteBook>,
    /// Memory. Gates that are paid on one account share it, replicas and different services alike: what is signed names
    /// payee and amount and not what they buy, so a payment that is shown to two gates at once would be served once for
    /// each ledger. Where they cannot share, each has an account of its own.
    pub ledger: Arc<dyn Ledger>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What is worth offering.
    pub policy: SellerPolicy,
    /// This process's lasting name: after a restart it may release what it had not sent.
    pub owner: String,
    /// How long an unknown settlement is asked after before the client is told so, in milliseconds. 15 s is a
    /// good value: longer than a block everywhere, shorter than most clients wait.
    pub patience_ms: u64,
}

impl std::fmt::Debug for GateBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GateBuilder").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl GateBuilder {
    /// Puts the parts together.
    pub fn build(self) -> Gate {
        Gate {
            registry: self.registry,
            pool: self.pool,
            quotes: self.quotes,
            ledger: Arc::new(Scoped::new(self.ledger, "gate")),
            clock: self.clock,
            policy: self.policy,
            owner: self.owner,
            patience_ms: self.patience_ms,
            honour: Honour::default(),
            live: Live::default(),
            open: Open::default(),
            sold: Sold::default(),
        }
    }
}

impl Gate {
    /// What time it is here.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The schemes and networks of this gate.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Takes an admitted payment through its flow: verify, claim, serve, settle.
    ///
    /// Not cancel safe: run it in a task of its own. Dropped half way, the visit stays in the journal until
    /// [`Self::recover`] moves it on.
    ///
    /// # Errors
    /// Why the payment was refused; an unknown outcome when settling could not be confirmed in time.
    pub async fn serve(&self, admitted: Admitted, handler: &mut dyn Handler) -> Result<Delivered> {
        self.serve_leaving(admitted, handler).await.0
    }

    /// The same, and which visits it leaves in the journal, for [`Self::recover_visit`]: those that ended in doubt, and those
    /// whose end the ledger did not take.
    pub async fn serve_leaving(
        &self,
        admitted: Admitted,
        handler: &mut dyn Handler,
    ) -> (Result<Delivered>, Vec<RecordKey>) {
        let (asked, began) = (admitted.arrival.offer.requirement.clone(), self.clock.now());
        let _in_flight = InFlight::begin();
        let span = tracing::info_span!("visit", payment = admitted.tag(), network = %asked.chain);
        let (delivered, left) = self.drive(admitted, handler).instrument(span.clone()).await;
        let took_ms = self.clock.now().ms_since(began);
        metrics::delivered(&self.sold, &self.registry, &asked, &delivered, took_ms);
        span.in_scope(|| {
            tracing::debug!(refused = delivered.as_ref().err().map(|e| e.code.as_str()), "it ended")
        });
        (delivered, left)
    }

    async fn drive(
        &self,
        admitted: Admitted,
        handler: &mut dyn Handler,
    ) -> (Result<Delivered>, Vec<RecordKey>) {
        let seller: Arc<dyn Seller> = admitted.seller;
        let ledger = Holds::new(&self.live, self.ledger.as_ref(), ROOM);
        let once = SettleOnce { ledger: &ledger, ..self.once(admitted.read, admitted.settler.as_ref()) };
        let driver = Driver { once, seller: seller.as_ref() };
        let delivered = driver.drive(admitted.arrival, handler).await;
        (delivered, ledger.left())
    }

    fn once<'a>(&'a self, read: tollway_core::registry::Read, settler: &'a dyn Settler) -> SettleOnce<'a> {
        SettleOnce {
            read,
            settler,
            ledger: self.ledger.as_ref(),
            clock: self.clock.as_ref(),
            room: ROOM,
            owner: &self.owner,
            patience_ms: self.patience_ms,
        }
    }

    /// Who settles this; while nobody can be found, one that says so whenever it is asked. What the ledger knows by
    /// itself (a receipt, a claim under which nothing was sent) takes no settler.
    async fn settler_or_none(&self, cell: &Cell, r: &Requirement) -> Arc<dyn Settler> {
        if let Some(pool) = &self.pool {
            // It knows who holds what, whether or not anybody would take another now.
            return Arc::<Pool>::clone(pool);
        }
        match self.settler_for(cell, r).await {
            Ok((settler, _)) => settler,
            Err(why) => Arc::new(absent::Absent(why)),
        }
    }

    /// Who settles this: the pool where there is one, else our own cell.
    async fn settler_for(&self, cell: &Cell, r: &Requirement) -> Result<(Arc<dyn Settler>, Kind)> {
        let fits =
            |kind: &&Kind| kind.scheme == r.scheme && kind.chain == r.chain && kind.version == r.version;
        if let Some(pool) = &self.pool {
            // It keeps its members' kinds warm itself.
            let found = pool.kinds().await?.into_iter().find(|kind| fits(&kind));
            let settler: Arc<dyn Settler> = Arc::<Pool>::clone(pool);
            return match found {
                Some(kind) => Ok((settler, kind)),
                None => Err(pool.none_for(r).await),
            };
        }
        if let Some(own) = &cell.settler {
            let kinds = own.kinds().await?;
            if let Some(kind) = kinds.iter().find(fits) {
                return Ok((Arc::clone(own), kind.clone()));
            }
        }
        Err(nobody(r))
    }
}

fn nobody(r: &Requirement) -> Error {
    Error::caller(Code::RoleMissing)
        .next(Next::OtherRoute)
        .detail(format!("nobody here settles {} on {}", r.scheme, r.chain))
}
