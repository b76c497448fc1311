//! Everything a process needs, put together once: chains, prices, memory, time. Each side of a payment is built from
//! the same house.

use crate::oracles::ChainOracles;
use crate::plugins::PLUGINS;
use crate::system::{OsDice, SystemClock, tokio_spawn};
use std::sync::Arc;
use tollway_core::ledger::Leases;
use tollway_core::{
    AssetId, ChainId, Clock, Code, Dice, Error, Handle, Ledger, Oracle, Registry, Result, Role, SchemeEntry,
    Time, UsdPrice, registry,
};
use tollway_route::pool::{Own, Pool, PoolBuilder, PoolSettings, Seat};
use tollway_route::{
    Gate, GateBuilder, MedianSettings, Policy, QuoteBook, QuoteSettings, Router, RouterBuilder, SellerPolicy,
};

/// How often the quote book looks for what will soon be stale, in milliseconds: often enough for chains with blocks
/// of a quarter of a second, and a look at the book costs nothing.
const WARM_EVERY_MS: u64 = 250;

/// How long an unknown settlement is asked after before the client is told so.
const PATIENCE_MS: u64 = 15_000;

/// How often the ledger forgets what can do no more harm: one call marks, a later one forgets, and both are cheap.
const PURGE_EVERY_MS: u64 = 24 * 3_600_000;

/// A ledger that forgets when it is told to.
#[derive(Debug, Clone)]
enum Forgetful {
    Sqlite(Arc<tollway_ledger::SqliteLedger>),
    #[cfg(feature = "postgres")]
    Postgres(Arc<tollway_ledger::PostgresLedger>),
}

impl Forgetful {
    async fn purge(&self, now: Time) -> Result<usize> {
        match self {
            Self::Sqlite(ledger) => ledger.purge(now).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(ledger) => ledger.purge(now).await,
        }
    }
}

async fn purge_daily(ledger: Forgetful, clock: Arc<dyn Clock>) {
    loop {
        match ledger.purge(clock.now()).await {
            Ok(gone) => tracing::debug!(gone, "replay claims forgotten"),
            Err(error) => tracing::warn!(%error, "the ledger could not be purged; tomorrow again"),
        }
        clock.sleep(PURGE_EVERY_MS).await;
    }
}

/// A process's chains, prices and memory. Dropping it ends its background work.
///
/// ```no_run
/// # #[cfg(all(feature = "client", feature = "exact-eip3009"))]
/// # async fn example(key: &str) -> Result<(), Box<dyn std::error::Error>> {
/// use tollway::core::{Role, Usd};
/// use tollway::{House, route::Policy};
///
/// let house = House::builder()
///     .role(Role::Payer)
///     .sqlite("payer.sqlite")? // what was signed must be remembered
///     .payer_key(key)?
///     .rpcs(["https://sepolia.base.example", "https://sepolia.optimism.example"])
///     .connect()
///     .await?;
/// let client = house.client(Policy { cap: Some(Usd::parse("$0.05")?), ..Policy::default() })?;
/// let answer = client.get("https://api.example/report").await?;
/// # Ok(()) }
/// ```
pub struct House {
    registry: Arc<Registry>,
    quotes: Arc<QuoteBook>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
    leases: Option<Arc<dyn Leases>>,
    name: String,
    warm: tokio::task::JoinHandle<()>,
    purging: Option<tokio::task::JoinHandle<()>>,
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House")
            .field("name", &self.name)
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.warm.abort();
        if let Some(purging) = &self.purging {
            purging.abort();
        }
    }
}

impl House {
    /// Starts with every plugin of this build, and no chain.
    pub fn builder() -> HouseBuilder {
        HouseBuilder {
            registry: Registry::builder().plugins(PLUGINS.iter().copied()),
            oracles: ChainOracles::new(Arc::new(SystemClock)),
            networks: Vec::new(),
            ledger: None,
            purged: None,
            quotes: QuoteSettings::default(),
            name: "tollway".to_owned(),
            leases: None,
            rpcs: crate::connect::Rpcs::default(),
        }
    }
    /// Schemes and networks.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
    /// Live fees and prices.
    pub fn quotes(&self) -> &Arc<QuoteBook> {
        &self.quotes
    }
    /// Memory.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }
    /// Time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
    /// Whose each sender's key is, where the keys are shared.
    pub fn leases(&self) -> Option<&Arc<dyn Leases>> {
        self.leases.as_ref()
    }
    /// This process's lasting name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The paying side: ranks and pays within `policy`.
    pub fn router(&self, policy: Policy) -> Arc<Router> {
        let parts = RouterBuilder {
            registry: Arc::clone(&self.registry),
            quotes: Arc::clone(&self.quotes),
            ledger: Arc::clone(&self.ledger),
            clock: Arc::clone(&self.clock),
            dice: Arc::clone(&self.dice),
            policy,
            scorer: None,
        };
        Arc::new(parts.build())
    }

    /// The selling side: makes offers and takes payments, settled here, or by the cheapest of `remotes` that is well and
    /// does it. With remotes it is a [`Self::pooled_gate`] whose first member is this house.
    ///
    /// # Errors
    /// [`Code::BadSettings`] when two remotes have one name.
    pub fn gate(&self, policy: SellerPolicy, remotes: Vec<Seat>) -> Result<Arc<Gate>> {
        if remotes.is_empty() {
            return Ok(Arc::new(self.gate_parts(policy, None).build()));
        }
        let mut members = vec![self.own()];
        members.extend(remotes);
        Ok(self.pooled_gate(policy, self.pool_of(members)?))
    }

    /// The selling side, settled by whichever member of a pool is well and cheapest.
    pub fn pooled_gate(&self, policy: SellerPolicy, pool: Arc<Pool>) -> Arc<Gate> {
        Arc::new(self.gate_parts(policy, Some(pool)).build())
    }

    /// Other people's facilitators, and the senders of this house where it has any, behind one settler; in this order
    /// where nothing else decides. It is lasting under the name of the house: see [`tollway_route::pool`].
    ///
    /// # Errors
    /// [`Code::BadSettings`] when two have one name, or there is nobody.
    pub fn pool(&self, remotes: Vec<Seat>) -> Result<Arc<Pool>> {
        let mut members = remotes;
        members.push(self.own());
        self.pool_of(members)
    }

    fn own(&self) -> Seat {
        Own::seat(Arc::clone(&self.registry))
    }

    fn pool_of(&self, members: Vec<Seat>) -> Result<Arc<Pool>> {
        let parts = PoolBuilder {
            name: self.name.clone(),
            registry: Arc::clone(&self.registry),
            quotes: Arc::clone(&self.quotes),
            ledger: Arc::clone(&self.ledger),
            clock: Arc::clone(&self.clock),
            dice: Arc::clone(&self.dice),
            spawn: tokio_spawn(),
            settings: PoolSettings::default(),
        };
        Ok(Arc::new(parts.build(members)?))
    }

    fn gate_parts(&self, policy: SellerPolicy, pool: Option<Arc<Pool>>) -> GateBuilder {
        GateBuilder {
            registry: Arc::clone(&self.registry),
            pool,
            quotes: Arc::clone(&self.quotes),
            ledger: Arc::clone(&self.ledger),
            clock: Arc::clone(&self.clock),
            policy,
            owner: self.name.clone(),
            patience_ms: PATIENCE_MS,
        }
    }
}

/// What a [`House`] is made of.
#[derive(Debug)]
pub struct HouseBuilder {
    registry: registry::Builder,
    oracles: ChainOracles,
    networks: Vec<Handle>,
    ledger: Option<LedgerChoice>,
    purged: Option<Forgetful>,
    quotes: QuoteSettings,
    name: String,
    pub(crate) leases: Option<Shared>,
    pub(crate) rpcs: crate::connect::Rpcs,
}

struct LedgerChoice(Arc<dyn Ledger>);

#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<dyn Leases>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Leases({})", self.0.incarnation())
    }
}

impl std::fmt::Debug for LedgerChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger")
    }
}

impl HouseBuilder {
    /// Names this process. After a restart it may release what it had not sent under the same name, so two processes
    /// over one ledger need two names.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
    /// Adds a live chain.
    #[must_use]
    pub fn network(mut self, handle: Handle) -> Self {
        self.networks.push(handle.clone());
        self.registry = self.registry.network(handle);
        self
    }
    /// Adds a live EVM chain with its own price feeds.
    #[cfg(feature = "evm")]
    #[must_use]
    pub fn evm(self, network: &Arc<tollway_evm::EvmNetwork>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let chain = tollway_core::Network::id(network.as_ref());
        self.network(network.handle()).oracle(chain, Arc::new(network.oracle(clock)))
    }
    /// Adds a chain without a node, to be settled by somebody's facilitator.
    #[must_use]
    pub fn bare(mut self, chain: ChainId) -> Self {
        self.registry = self.registry.bare(chain);
        self
    }
    /// Adds price feeds of a chain.
    #[must_use]
    pub fn oracle(mut self, chain: ChainId, oracle: Arc<dyn Oracle>) -> Self {
        self.oracles.chain(chain, oracle);
        self
    }
    /// Sets a price that never changes.
    #[must_use]
    pub fn fixed_price(mut self, asset: AssetId, price: UsdPrice) -> Self {
        self.oracles.fix(asset, price);
        self
    }
    /// Adds a source of prices that is asked for every asset, beside the feeds of the chains: they have to agree. The name
    /// is for people.
    #[must_use]
    pub fn price_source(mut self, name: &str, oracle: Arc<dyn Oracle>) -> Self {
        self.oracles.everywhere(name, oracle);
        self
    }
    /// How far sources of a price may be apart, and how many must agree.
    #[must_use]
    pub fn price_agreement(mut self, settings: MedianSettings) -> Self {
        self.oracles.agreement(settings);
        self
    }
    /// Sets the memory. There is no default: a process that forgets what it signed can pay twice.
    #[must_use]
    pub fn ledger(mut self, ledger: Arc<dyn Ledger>) -> Self {
        self.ledger = Some(LedgerChoice(ledger));
        self
    }
    /// [`Self::ledger`] with an embedded SQLite file, which is made where there is none.
    ///
    /// # Errors
    /// [`Code::LedgerFailed`] when it cannot be opened.
    pub fn sqlite(self, path: impl AsRef<std::path::Path>) -> Result<Self> {
        Ok(self.sqlite_ledger(Arc::new(tollway_ledger::SqliteLedger::open(path)?)))
    }
    /// [`Self::ledger`] with a SQLite ledger that is open already. Once a day the house has it forget the replay claims
    /// that can do no more harm.
    #[must_use]
    pub fn sqlite_ledger(mut self, ledger: Arc<tollway_ledger::SqliteLedger>) -> Self {
        self.purged = Some(Forgetful::Sqlite(Arc::clone(&ledger)));
        self.ledger(ledger)
    }
    /// [`Self::ledger`] with a PostgreSQL ledger, which any number of processes share. Once a day the house has it forget
    /// the replay claims that can do no more harm.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres_ledger(mut self, ledger: Arc<tollway_ledger::PostgresLedger>) -> Self {
        self.purged = Some(Forgetful::Postgres(Arc::clone(&ledger)));
        self.ledger(ledger)
    }
    /// Shares the keys of the networks with other processes over the ledger, by its leases: see
    /// [`tollway_core::ledger::Leases`]. Without, all of them are this process's alone.
    #[must_use]
    pub fn leases(mut self, leases: Arc<dyn Leases>) -> Self {
        self.leases = Some(Shared(leases));
        self
    }
    /// Asks for a part in payments; a part that nobody asks for is not built.
    ///
    /// Who sells gets the settling side too: it prices settlements and finds out what became of one that a facilitator
    /// left open. Without a sender's key it settles nothing itself.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.registry = self.registry.role(role);
        if role == Role::Seller {
            self.registry = self.registry.role(Role::Settler);
        }
        self
    }
    /// Adds a scheme that this build does not carry.
    #[must_use]
    pub fn scheme(mut self, entry: SchemeEntry) -> Self {
        self.registry = self.registry.with(entry);
        self
    }
    /// Settings for a scheme.
    #[must_use]
    pub fn settings(mut self, scheme: &str, value: serde_json::Value) -> Self {
        self.registry = self.registry.settings(scheme, value);
        self
    }
    /// How long quotes live.
    #[must_use]
    pub fn quotes(mut self, settings: QuoteSettings) -> Self {
        self.quotes = settings;
        self
    }

    /// Builds every plugin and starts keeping quotes warm. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Code::BadSettings`] without a ledger, or with nodes that only `connect` reaches; whatever the registry says.
    pub fn build(self) -> Result<House> {
        let ledger = self.memory()?;
        if !self.rpcs.nodes.is_empty() {
            return Err(Error::caller(Code::BadSettings).detail("rpcs needs connect().await, not build()"));
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dice: Arc<dyn Dice> = Arc::new(OsDice);
        let registry = self.registry.build(Arc::clone(&ledger), Arc::clone(&clock), Arc::clone(&dice))?;
        let quotes = Arc::new(QuoteBook::new(
            self.networks.into_iter().map(|h| h.network),
            Arc::new(self.oracles),
            Arc::clone(&clock),
            tokio_spawn(),
            self.quotes,
        ));
        let warm = tokio::spawn(Arc::clone(&quotes).keep_warm(WARM_EVERY_MS));
        let purging = self.purged.map(|ledger| tokio::spawn(purge_daily(ledger, Arc::clone(&clock))));
        let registry = Arc::new(registry);
        Ok(House {
            registry,
            quotes,
            ledger,
            clock,
            dice,
            name: self.name,
            leases: self.leases.map(|shared| shared.0),
            warm,
            purging,
        })
    }

    pub(crate) fn memory(&self) -> Result<Arc<dyn Ledger>> {
        let chosen = self.ledger.as_ref().map(|choice| Arc::clone(&choice.0));
        chosen.ok_or_else(|| {
            Error::caller(Code::BadSettings)
                .detail("a house needs a ledger: what was signed must be remembered")
        })
    }
}
