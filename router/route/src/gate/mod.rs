//! The selling side: one price in, every rail that is worth offering out; and the payments that come back.
//!
//! An offer is honoured for at least its own `maxTimeoutSeconds` after it was last shown, though price, order or gas
//! have moved since. Honoured offers are in the ledger, so replicas and restarts agree.

mod absent;
mod admit;
mod honour;
mod live;
mod post;

pub use admit::Admitted;
pub use post::{Posted, PostedOffer, Rail, SellerPolicy, Tag, Unprofitable};

use crate::metrics::{self, InFlight, Sold};
use crate::pool::Pool;
use crate::quotes::QuoteBook;
use honour::Honour;
use live::{Holds, Live};
use std::sync::Arc;
use tollway_core::flow::{Delivered, Driver, Handler, SettleOnce, VisitRecord};
use tollway_core::ledger::Scoped;
use tollway_core::{
    Cell, Clock, Code, Error, Kind, Ledger, Next, Receipt, RecordKey, Registry, Requirement, Result, Seller,
    Settler,
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
        let (asked, began) = (admitted.arrival.offer.requirement.clone(), self.clock.now());
        let _in_flight = InFlight::begin();
        let span = tracing::info_span!("visit", payment = admitted.tag(), network = %asked.chain);
        let delivered = self.drive(admitted, handler).instrument(span.clone()).await;
        let took_ms = self.clock.now().ms_since(began);
        metrics::delivered(&self.sold, &self.registry, &asked, &delivered, took_ms);
        span.in_scope(|| {
            tracing::debug!(refused = delivered.as_ref().err().map(|e| e.code.as_str()), "it ended")
        });
        delivered
    }

    async fn drive(&self, admitted: Admitted, handler: &mut dyn Handler) -> Result<Delivered> {
        let seller: Arc<dyn Seller> = admitted.seller;
        let ledger = Holds::new(&self.live, self.ledger.as_ref(), ROOM);
        let once = SettleOnce { ledger: &ledger, ..self.once(admitted.read, admitted.settler.as_ref()) };
        let driver = Driver { once, seller: seller.as_ref() };
        driver.drive(admitted.arrival, handler).await
    }

    /// After a restart: releases what was never sent, settles what was noted as delivered and resumes what was sent. Returns how many visits are still open;
    /// run it again until that is zero. Visits that this gate is driving right now are left alone, and count as open: one
    /// that ends in doubt leaves its record behind. May be dropped and run again.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn recover(&self) -> Result<usize> {
        self.recover_all().await.map(|open| open.len())
    }

    /// The same, and which are still open. Under traffic there is always one, so whoever waits for an end goes on with
    /// these alone ([`Self::recover_these`]).
    ///
    /// # Errors
    /// The ledger's.
    pub async fn recover_all(&self) -> Result<Vec<RecordKey>> {
        let mut open = Vec::new();
        let mut after: Option<RecordKey> = None;
        loop {
            let page = self.ledger.scan(&format!("{ROOM}/"), after.as_ref(), 256).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            let keys = page.into_iter().map(|found| found.key).collect();
            open.extend(self.move_on(keys).await);
        }
        metrics::open(open.len());
        Ok(open)
    }

    /// Recovers these visits and no others, and says which of them are still open. May be dropped and run again.
    pub async fn recover_these(&self, visits: Vec<RecordKey>) -> Vec<RecordKey> {
        let open = self.move_on(visits).await;
        metrics::open(open.len());
        open
    }

    async fn move_on(&self, visits: Vec<RecordKey>) -> Vec<RecordKey> {
        let mut open = Vec::new();
        for key in visits {
            // A visit that cannot be moved now (its chain was taken out of the settings, its record cannot be read)
            // must not keep the ones after it from being moved.
            let over = self.recover_one(key.clone()).await.unwrap_or_else(|error| {
                tracing::warn!(%key, %error, "a journaled visit cannot be moved on");
                false
            });
            if !over {
                open.push(key);
            }
        }
        open
    }

    /// True when the visit is over.
    async fn recover_one(&self, key: RecordKey) -> Result<bool> {
        // Whoever drives it now looks after it. Held from before the look: a visit that begins meanwhile is not moved.
        let Some(_holding) = self.live.hold(&key) else { return Ok(false) };
        // What the page says may be long over: whoever drove this visit then has gone, and it stands as it stands now.
        let Some(found) = self.ledger.load(&key).await? else { return Ok(true) };
        let (version, record) = (found.version, VisitRecord::read(&found.value)?);
        if record.owner != self.owner {
            return Ok(true);
        }
        let cell = self.registry.cell(&record.order.requirement)?;
        let settler = self.settler_or_none(cell, &record.order.requirement).await;
        match self.once(cell.read, settler.as_ref()).recover(key.clone(), version, record).await {
            Ok(receipt) => {
                let receipt: Option<Receipt> = receipt;
                // Settled, or gone: released, with nothing to settle.
                Ok(receipt.is_some() || self.ledger.load(&key).await?.is_none())
            }
            // A payment that is dead or refused has left the journal; what failed by itself (our ledger) has not.
            Err(_) => Ok(self.ledger.load(&key).await?.is_none()),
        }
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
