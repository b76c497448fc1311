//! The roles of Tollway, put together as a user would.

use crate::bed::Bed;
use crate::deal::Terms;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::BoxFuture;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tollway::core::ledger::MemoryLedger;
use tollway::core::{Amount, ChainId, Clock, Ledger, Name, Role, Usd};
use tollway::evm::permit2::Sponsoring;
use tollway::evm::{EvmNetwork, LocalKey, SendSettings};
use tollway::http::client::{ClientSettings, PayLayer, PayingClient};
use tollway::http::facilitator::Settings;
use tollway::http::server::{PaymentInfo, Paywall, Priced};
use tollway::http::{Facilitator as Ours, RemoteFacilitator};
use tollway::nodes::{Connected, Hands, Keys, Node, connect};
use tollway::route::{Policy, Rail, Router as Brain, SellerPolicy, Tag};
use tollway::system::SystemClock;
use tollway::{House, HouseBuilder};

/// A task that serves, until it is dropped.
#[derive(Debug)]
pub struct Served {
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Served {
    /// Serves on any free port.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start(app: Router) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, task }
    }

    /// Where.
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn ledger() -> Arc<dyn Ledger> {
    Arc::new(MemoryLedger::new())
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// An EVM chain that sends in a way of its own.
async fn sending(
    bed: &Bed,
    id: u64,
    ledger: &Arc<dyn Ledger>,
    key: &str,
    how: SendSettings,
) -> Arc<EvmNetwork> {
    let builder = EvmNetwork::builder(Arc::clone(ledger), clock()).url(bed.chain(id).http_url());
    let builder = builder.sender(Arc::new(LocalKey::from_hex(key).unwrap())).sending(how);
    builder.connect().await.unwrap()
}

/// Settles by Permit2 in these ways for payers who have approved nobody.
fn sponsoring(house: HouseBuilder, how: &[Sponsoring]) -> HouseBuilder {
    let name = |how: &Sponsoring| match how {
        Sponsoring::Eip2612 => "eip2612",
        Sponsoring::Erc20Approval => "erc20_approval",
    };
    let settings = json!({ "gas_sponsoring": how.iter().map(name).collect::<Vec<_>>() });
    house.settings("exact", json!({ "permit2": settings })).settings("upto", settings)
}

/// The chain of a deal, with the keys of a role.
async fn connected(deal: &impl Terms, ledger: &Arc<dyn Ledger>, payers: Keys, senders: Keys) -> Connected {
    let chain = ChainId::new(&deal.network()).unwrap();
    let node = Node { chain: Some(chain), ..Node::new(deal.node_url()) };
    let hands = Hands { payers, senders, ledger: Arc::clone(ledger), leases: None, clock: clock() };
    connect(&node, &hands).await.unwrap()
}

/// A paying side with the deal's key. Keep it: dropping it ends what it does in the background.
#[derive(Debug)]
pub struct Payer {
    _house: House,
    router: Arc<Brain>,
}

impl Payer {
    /// Pays at most a dollar.
    ///
    /// # Panics
    /// When it cannot be built.
    pub async fn of(deal: &impl Terms) -> Self {
        let ledger = ledger();
        let key = Keys::read(&deal.payer_key()).unwrap();
        let chain = connected(deal, &ledger, key, Keys::none()).await;
        let house = House::builder().name("payer").ledger(ledger).connected(chain).role(Role::Payer);
        let house = house.build().unwrap();
        let policy =
            Policy { cap: Some(Usd::parse("$1").unwrap()), allow_mainnet: true, ..Policy::default() };
        Self { router: house.router(policy), _house: house }
    }

    /// The brain, for its journal.
    pub fn router(&self) -> &Arc<Brain> {
        &self.router
    }

    /// The client that most people use.
    ///
    /// # Panics
    /// When it cannot be built.
    pub fn client(&self) -> PayingClient {
        let settings = ClientSettings::default();
        PayingClient::new(reqwest::Client::builder(), Arc::clone(&self.router), settings).unwrap()
    }

    /// The layer, to put over a client that does something else in between.
    pub fn layer(&self) -> PayLayer {
        PayLayer::new(Arc::clone(&self.router), ClientSettings::default())
    }
}

/// Our facilitator behind HTTP, with a count of what it was asked.
#[derive(Debug)]
pub struct Facilitator {
    served: Served,
    _house: House,
    settled: Arc<AtomicUsize>,
}

/// What happens before an answer of `/settle` goes out; told how many there were before.
pub type BeforeAnswer = Arc<dyn Fn(usize) -> BoxFuture<'static, ()> + Send + Sync>;

impl Facilitator {
    /// Settles on these chains with a key of its own.
    pub async fn start(bed: &Bed, chains: &[u64]) -> Self {
        let nothing: BeforeAnswer = Arc::new(|_| Box::pin(async {}));
        Self::patient(bed, chains, Settings::default(), SendSettings::default(), nothing).await
    }

    /// The same, with the patience of a test.
    ///
    /// # Panics
    /// When it cannot be built.
    pub async fn patient(
        bed: &Bed,
        chains: &[u64],
        settings: Settings,
        how: SendSettings,
        before: BeforeAnswer,
    ) -> Self {
        let ledger = ledger();
        let key = bed.settler();
        let mut house = House::builder().name("facilitator").ledger(Arc::clone(&ledger)).role(Role::Settler);
        for id in chains {
            house = house.evm(&sending(bed, *id, &ledger, key.private_key(), how).await);
        }
        Self::serve(house.build().unwrap(), ledger, settings, before).await
    }

    /// Settles where a deal is, with a key of its own, and sponsors in these ways.
    ///
    /// # Panics
    /// When it cannot be built.
    pub async fn sponsoring(bed: &Bed, deal: &impl Terms, how: &[Sponsoring]) -> Self {
        let ledger = ledger();
        let key = Keys::read(&deal.settler_key(bed)).unwrap();
        let chain = connected(deal, &ledger, Keys::none(), key).await;
        let house = House::builder().name("facilitator").ledger(Arc::clone(&ledger)).role(Role::Settler);
        let house = sponsoring(house.connected(chain), how).build().unwrap();
        Self::serve(house, ledger, Settings::default(), Arc::new(|_| Box::pin(async {}))).await
    }

    /// Settles where a deal is, with a key of its own.
    ///
    /// # Panics
    /// When it cannot be built.
    pub async fn of(bed: &Bed, deal: &impl Terms) -> Self {
        Self::sponsoring(bed, deal, &[Sponsoring::Eip2612]).await
    }

    async fn serve(house: House, ledger: Arc<dyn Ledger>, settings: Settings, before: BeforeAnswer) -> Self {
        let registry = Arc::clone(house.registry());
        let facilitator = Ours::builder("facilitator", registry, ledger, clock()).settings(settings);
        let settled = Arc::new(AtomicUsize::new(0));
        let watch = Watch { before, settled: Arc::clone(&settled) };
        let app = facilitator.build().unwrap().router().layer(middleware::from_fn_with_state(watch, watched));
        Self { served: Served::start(app).await, _house: house, settled }
    }

    /// Where it serves.
    pub fn url(&self) -> &str {
        self.served.url()
    }

    /// How often `/settle` was answered.
    pub fn settled(&self) -> usize {
        self.settled.load(Ordering::SeqCst)
    }
}

#[derive(Clone)]
struct Watch {
    before: BeforeAnswer,
    settled: Arc<AtomicUsize>,
}

async fn watched(State(watch): State<Watch>, request: Request, next: Next) -> Response {
    let settles = request.uri().path() == "/settle";
    let answer = next.run(request).await;
    if settles {
        (watch.before)(watch.settled.fetch_add(1, Ordering::SeqCst)).await;
    }
    answer
}

/// Who settles for our server.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// Itself, with a key of its own.
    Itself,
    /// The facilitator at this address.
    Facilitator(&'a str),
}

/// A server of ours behind a paywall: `GET /paid` for the deal's price, and `GET /ruin`, whose handler takes the
/// payer's money away before it serves.
#[derive(Debug)]
pub struct Server {
    served: Served,
    _house: House,
    handled: Arc<AtomicUsize>,
}

impl Server {
    /// Starts one.
    ///
    /// # Panics
    /// When it cannot be built.
    pub async fn start(bed: &'static Bed, deal: &impl Terms, by: By<'_>) -> Self {
        Self::selling(bed, deal, by, ("exact", None), None).await
    }

    /// The same by Permit2. The server offers to have a missing allowance sponsored by an EIP-2612 permit.
    ///
    /// # Panics
    /// When it cannot be built.
    pub async fn by_permit2(bed: &'static Bed, deal: &impl Terms, by: By<'_>) -> Self {
        Self::selling(bed, deal, by, ("exact", Some("permit2")), None).await
    }

    /// The same by `upto`: the price is a ceiling, of which the handler uses `charge`.
    ///
    /// # Panics
    /// When it cannot be built.
    pub async fn metered(bed: &'static Bed, deal: &impl Terms, by: By<'_>, charge: u64) -> Self {
        Self::selling(bed, deal, by, ("upto", None), Some(charge)).await
    }

    async fn selling(
        bed: &'static Bed,
        deal: &impl Terms,
        by: By<'_>,
        (scheme, method): (&str, Option<&str>),
        charge: Option<u64>,
    ) -> Self {
        let ledger = ledger();
        let mut house = House::builder().name("server").ledger(Arc::clone(&ledger)).role(Role::Seller);
        let mut keys = Keys::none();
        if matches!(by, By::Itself) {
            keys = Keys::read(&deal.settler_key(bed)).unwrap();
            house = house.role(Role::Settler);
        }
        let chain = connected(deal, &ledger, Keys::none(), keys).await;
        let house = house.connected(chain).build().unwrap();
        let remotes = match by {
            By::Itself => Vec::new(),
            By::Facilitator(url) => {
                vec![remote(&house, url).seat()]
            }
        };
        let gate = house.gate(SellerPolicy::default(), remotes).unwrap();
        let method = method.map(|name| Name::new(name).unwrap());
        let rail = Rail { method, ..rail(&house, deal, scheme) };
        let price = Amount::new(rail.asset, u128::from(deal.amount()));
        let priced = Priced::fixed(Tag::Amounts(vec![price]), vec![rail]);
        let paywall = Paywall::builder(gate).everything(priced).build().unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let app = Router::new()
            .route("/paid", get(move |handled| paid(handled, charge)))
            .route("/ruin", get(move |request: Request| ruin(bed, request)))
            .with_state(Arc::clone(&handled))
            .layer(paywall);
        Self { served: Served::start(app).await, _house: house, handled }
    }

    /// The address of one of its paths.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.served.url())
    }

    /// How often the handler of `/paid` ran.
    pub fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }
}

async fn paid(State(handled): State<Arc<AtomicUsize>>, charge: Option<u64>) -> Response {
    handled.fetch_add(1, Ordering::SeqCst);
    let mut response = Json(json!({ "sold": "/paid" })).into_response();
    if let Some(charge) = charge {
        let said = json!({ "amount": charge.to_string() }).to_string();
        response.headers_mut().insert("settlement-overrides", said.parse().unwrap());
    }
    response
}

async fn ruin(bed: &'static Bed, request: Request) -> Json<serde_json::Value> {
    let info = request.extensions().get::<PaymentInfo>().copied().unwrap();
    let payer = info.payer.unwrap();
    let id: u64 = info.network.reference().parse().unwrap();
    bed.chain(id).set_usdc_balance(payer.address(), 0).await.unwrap();
    Json(json!({ "sold": "/ruin" }))
}

/// What a handler of theirs can call to take a payer's money away: `POST /<payer>`.
pub async fn ruiner(bed: &'static Bed, chain: u64) -> Served {
    let ruin = move |Path(payer): Path<String>| async move {
        bed.chain(chain).set_usdc_balance(&payer, 0).await.unwrap();
    };
    Served::start(Router::new().route("/{payer}", post(ruin))).await
}

/// Somebody's facilitator as our settler.
///
/// # Panics
/// When the address makes no sense.
pub fn remote(house: &House, url: &str) -> RemoteFacilitator {
    let builder = RemoteFacilitator::builder(url, Arc::clone(house.registry()), clock());
    builder.settle_timeout(Duration::from_secs(20)).build().unwrap()
}

/// A house that only reads: it sells on the deal's chain and settles nothing.
///
/// # Panics
/// When it cannot be built.
pub async fn seller(deal: &impl Terms) -> House {
    let ledger = ledger();
    let chain = connected(deal, &ledger, Keys::none(), Keys::none()).await;
    House::builder().name("seller").ledger(ledger).connected(chain).role(Role::Seller).build().unwrap()
}

fn rail(house: &House, deal: &impl Terms, scheme: &str) -> Rail {
    let rails = house.rails(scheme, "USDC", deal.pay_to()).unwrap();
    let rail = rails.into_iter().find(|rail| rail.asset.key().eq_ignore_ascii_case(deal.asset())).unwrap();
    Rail { timeout_s: 300, ..rail }
}
