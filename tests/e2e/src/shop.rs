//! An HTTP server behind a paywall.

use crate::Outcome;
use crate::world::{HouseKeys, World};
use axum::Router;
use axum::extract::State;
use axum::routing::any;
use http::{Method, Uri};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tollway::House;
use tollway::core::{Role, Usd};
use tollway::http::RemoteFacilitator;
use tollway::http::server::{Methods, Paywall, Priced};
use tollway::route::pool::{Pool, Seat};
use tollway::route::{Gate, GateBuilder, SellerPolicy, Tag};

/// How often the handler ran, by method and address.
#[derive(Debug, Clone, Default)]
pub struct Runs(Arc<Mutex<HashMap<String, usize>>>);

impl Runs {
    /// How often it ran for this method and address (`GET /a?n=1`).
    pub fn of(&self, what: &str) -> usize {
        self.all().get(what).copied().unwrap_or(0)
    }
    /// How often it ran at all.
    pub fn total(&self) -> usize {
        self.all().values().sum()
    }
    /// All of them.
    pub fn all(&self) -> HashMap<String, usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// Counts one more run, and says how many there are of it now.
    pub fn count(&self, method: &Method, uri: &Uri) -> usize {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n = runs.entry(format!("{method} {uri}")).or_default();
        *n = n.saturating_add(1);
        *n
    }
}

/// What a handler does before it answers.
#[derive(Debug, Clone)]
struct Counter {
    runs: Runs,
    open: watch::Receiver<bool>,
}

/// How a shop is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Its name, and its ledger's.
    pub name: String,
    /// The facilitator's address.
    pub facilitator: String,
    /// Further ones; with them, all of them are a pool.
    pub others: Vec<String>,
    /// How long the facilitator's `/settle` may take.
    pub settle_within: Duration,
    /// Whether paid answers are kept.
    pub keeps_answers: bool,
    /// How long an unknown settlement is asked after, in milliseconds.
    pub patience_ms: u64,
    /// Whether it has nodes of its own to look at the chains with.
    pub sees_chains: bool,
}

impl Setup {
    /// A shop of this name that is settled for at this address.
    pub fn new(name: &str, facilitator: &str) -> Self {
        Self {
            name: name.to_owned(),
            facilitator: facilitator.to_owned(),
            others: Vec::new(),
            settle_within: Duration::from_secs(30),
            keeps_answers: true,
            patience_ms: 15_000,
            sees_chains: true,
        }
    }
}

impl Setup {
    fn remote(&self, house: &House, url: &str) -> Outcome<Seat> {
        let remote = RemoteFacilitator::builder(url, Arc::clone(house.registry()), Arc::clone(house.clock()))
            .settle_timeout(self.settle_within)
            .verify_timeout(Duration::from_secs(10));
        Ok(remote.build()?.seat())
    }

    fn pool(&self, house: &House) -> Outcome<Arc<Pool>> {
        let urls = std::iter::once(&self.facilitator).chain(&self.others);
        let remotes = urls.map(|url| self.remote(house, url)).collect::<Outcome<Vec<_>>>()?;
        Ok(house.pool(remotes)?)
    }
}

/// A server that sells. Each chain has its own paths below its id: `/8453/a`, `/8453/b`, … for any method; a cent each.
#[derive(Debug)]
pub struct Shop {
    /// Its address.
    pub url: String,
    /// Its gate, to recover what was left open.
    pub gate: Arc<Gate>,
    /// Its paywall, to wait for what is under way.
    pub paywall: Paywall,
    /// How often its handler ran.
    pub runs: Runs,
    /// Its house.
    pub house: House,
    door: watch::Sender<bool>,
    server: JoinHandle<()>,
    /// Its SQLite file.
    pub file: PathBuf,
}

impl Shop {
    /// Opens it. A second one of the same name over the same world is the first one, restarted.
    ///
    /// # Errors
    /// Whatever the parts say.
    pub async fn open(world: &World, setup: &Setup) -> Outcome<Self> {
        let house = match setup.sees_chains {
            true => world.house(&setup.name, Role::Seller, &HouseKeys::default()).await?,
            false => world.bare_house(&setup.name)?,
        };
        let policy = SellerPolicy { settlement_share_bps_max: None, ..SellerPolicy::default() };
        let gate = GateBuilder {
            registry: Arc::clone(house.registry()),
            pool: Some(setup.pool(&house)?),
            quotes: Arc::clone(house.quotes()),
            ledger: Arc::clone(house.ledger()),
            clock: Arc::clone(house.clock()),
            policy,
            owner: house.name().to_owned(),
            patience_ms: setup.patience_ms,
        };
        let gate = Arc::new(gate.build());
        let mut builder = Paywall::builder(Arc::clone(&gate));
        if setup.keeps_answers {
            builder = builder.answers(Arc::clone(house.ledger()), Arc::clone(house.clock()));
        }
        let price = Usd::parse("0.01")?;
        for chain in world.devnet.chains() {
            let rails = vec![world.rail(chain)?];
            for path in ["a", "b"] {
                let path = format!("/{}/{path}", chain.id());
                builder = builder.route(Methods::any(), &path, Priced::fixed(Tag::Usd(price), rails.clone()));
            }
        }
        let paywall = builder.build()?;
        let (door, open) = watch::channel(true);
        let runs = Runs::default();
        let counter = Counter { runs: runs.clone(), open };
        let app = Router::new().fallback(any(handle)).with_state(counter).layer(paywall.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { url, gate, paywall, runs, house, door, server, file: world.ledger(&setup.name) })
    }

    /// Holds handlers at their start (`false`), or lets them go on.
    pub fn let_handlers(&self, run: bool) {
        self.door.send_replace(run);
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn handle(State(counter): State<Counter>, method: Method, uri: Uri) -> String {
    let n = counter.runs.count(&method, &uri);
    let mut open = counter.open.clone();
    // The door goes with the shop; then there is nobody left to answer.
    let _ = open.wait_for(|open| *open).await;
    format!("run {n} of {method} {uri}")
}
