//! A shop over real sockets, a simulated chain behind it, and somebody who pays.

use crate::tab;
use axum::body::Body;
use bytes::Bytes;
use http_body::Frame;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_http::client::{ClientSettings, PaidResponse, PayingClient, Standing, StreamedPayment};
use tollway_http::codec::{self, Limits};
use tollway_http::server::{Paywall, PaywallBuilder, Priced};
use tollway_route::pool::{Pool, PoolBuilder, PoolSettings, Seat};
use tollway_route::{
    Context, Exchange, Gate, GateBuilder, Policy, QuoteBook, QuoteSettings, Rail, Reply, RouterBuilder,
    SellerPolicy, Tag,
};
use tollway_testkit::sim::{FAMILY, SimChain, SimKey, SimSettings, account};
use tollway_testkit::weave::SeededDice;

/// The price that every route of the shop asks: the most.
pub(crate) const PRICE: u128 = 5_000;

pub(crate) struct Wall;
#[async_trait]
impl Clock for Wall {
    fn now(&self) -> Time {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Time::from_ms(u64::try_from(now.as_millis()).unwrap())
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}
#[async_trait]
impl Oracle for Wall {
    async fn usd(&self, _: &AssetId) -> Result<UsdPrice> {
        Ok(UsdPrice { answer: 100_000_000, answer_decimals: 8, asset_decimals: 6, at: self.now() })
    }
}

struct Counting(AtomicU64);
impl Dice for Counting {
    fn fill(&self, out: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        out.iter_mut().zip(n.iter().cycle()).for_each(|(o, b)| *o = *b);
    }
}

/// What outlives a crash of the shop.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) chain: Arc<SimChain>,
    pub(crate) token: AssetId,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) purse: Arc<dyn Ledger>,
    pub(crate) entry: SchemeEntry,
}

impl World {
    pub(crate) fn new() -> Self {
        let settings = SimSettings { block_ms: 10, finality: 1, ..SimSettings::calm("sim:1").unwrap() };
        let chain = SimChain::new(settings, Arc::new(Wall), &SeededDice::new(7)).unwrap();
        let place = chain.deploy("dollar", Arc::new(tab::Token)).unwrap();
        let token = AssetId::new(chain.id(), place.address()).unwrap();
        let (payer, settler) = (SimKey::named("payer"), SimKey::named("settler"));
        chain.endow(&chain.know(&payer).unwrap(), &token, 100_000_000).unwrap();
        chain.endow(&chain.know(&settler).unwrap(), &chain.coin(), 10u128.pow(24)).unwrap();
        let (ledger, purse) = (Arc::new(MemoryLedger::new()), Arc::new(MemoryLedger::new()));
        Self { chain, token, ledger, purse, entry: tab::ENTRY }
    }

    pub(crate) fn gate(&self) -> Arc<Gate> {
        self.gate_with_patience(10_000)
    }

    pub(crate) fn gate_with_patience(&self, patience_ms: u64) -> Arc<Gate> {
        let (registry, node) = self.registry();
        Arc::new(self.gate_of(registry, node, None, patience_ms).build())
    }

    pub(crate) fn registry(&self) -> (Arc<Registry>, Arc<dyn Network>) {
        let node = self.chain.node(self.ledger.clone()).sender(&SimKey::named("settler")).unwrap().build();
        let registry = Registry::builder()
            .with(self.entry)
            .family(FAMILY)
            .network(node.handle())
            .role(Role::Seller)
            .role(Role::Settler)
            .build(self.ledger.clone(), Arc::new(Wall), Arc::new(Counting(AtomicU64::new(1))))
            .unwrap();
        (Arc::new(registry), node)
    }

    fn gate_of(
        &self,
        registry: Arc<Registry>,
        node: Arc<dyn Network>,
        pool: Option<Arc<Pool>>,
        patience_ms: u64,
    ) -> GateBuilder {
        GateBuilder {
            registry,
            pool,
            quotes: quotes(node),
            ledger: self.ledger.clone(),
            clock: Arc::new(Wall),
            policy: SellerPolicy { settlement_share_bps_max: None, ..SellerPolicy::default() },
            owner: "shop".to_owned(),
            patience_ms,
        }
    }

    /// A gate whose settler answers `why` instead of sending anything, while it is told so.
    pub(crate) fn gate_before(&self, why: Error, told: Arc<AtomicBool>, patience_ms: u64) -> Arc<Gate> {
        self.gate_by(self.unwilling(why, told), patience_ms)
    }

    /// What settles on the chain, and answers `why` instead while it is told so.
    pub(crate) fn unwilling(&self, why: Error, told: Arc<AtomicBool>) -> Arc<dyn Settler> {
        let inner = self.registry().0.cells().find_map(|cell| cell.settler.clone()).unwrap();
        Arc::new(Unwilling { inner, why, told })
    }

    /// A gate that has somebody else settle.
    pub(crate) fn gate_by(&self, settler: Arc<dyn Settler>, patience_ms: u64) -> Arc<Gate> {
        let (registry, node) = World { entry: tab::SELLS, ..self.clone() }.registry();
        let pool = PoolBuilder {
            name: "shop".to_owned(),
            registry: registry.clone(),
            quotes: quotes(node.clone()),
            ledger: self.ledger.clone(),
            clock: Arc::new(Wall),
            dice: Arc::new(Counting(AtomicU64::new(1))),
            spawn: Arc::new(|work| drop(tokio::spawn(work))),
            settings: PoolSettings::default(),
        };
        let pool = pool.build(vec![Seat::new(SettlerId("unwilling".to_owned()), settler)]).unwrap();
        Arc::new(self.gate_of(registry, node, Some(Arc::new(pool)), patience_ms).build())
    }

    /// Everything below `/` at the one price.
    pub(crate) fn paywall(&self, set: impl FnOnce(PaywallBuilder) -> PaywallBuilder) -> Paywall {
        self.paywall_at(self.gate(), set)
    }

    pub(crate) fn paywall_at(
        &self,
        gate: Arc<Gate>,
        set: impl FnOnce(PaywallBuilder) -> PaywallBuilder,
    ) -> Paywall {
        let rail = Rail {
            scheme: Name::new("tab").unwrap(),
            method: None,
            asset: self.token,
            pay_to: self.shop(),
            flow: Flow::Authorization,
            timeout_s: 60,
        };
        let price = Tag::Amounts(vec![Amount::new(self.token, PRICE)]);
        set(Paywall::builder(gate).everything(Priced::fixed(price, vec![rail]))).build().unwrap()
    }

    pub(crate) fn client(&self) -> PayingClient {
        self.client_over(reqwest::Client::builder())
    }

    pub(crate) fn client_over(&self, http: reqwest::ClientBuilder) -> PayingClient {
        let node = self.chain.node(self.purse.clone()).signer(SimKey::named("payer")).unwrap().build();
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let dice = Arc::new(Counting(AtomicU64::new(u64::try_from(seed).unwrap())));
        let registry = Registry::builder()
            .with(self.entry)
            .family(FAMILY)
            .network(node.handle())
            .role(Role::Payer)
            .build(self.purse.clone(), Arc::new(Wall), dice.clone())
            .unwrap();
        let router = RouterBuilder {
            registry: Arc::new(registry),
            quotes: quotes(node),
            ledger: self.purse.clone(),
            clock: Arc::new(Wall),
            dice,
            policy: Policy { cap: Some(Usd::ONE), ..Policy::default() },
            scorer: None,
        };
        let settings = ClientSettings { backoff_ms: 20, ..ClientSettings::default() };
        PayingClient::new(http, Arc::new(router.build()), settings).unwrap()
    }

    /// A signed payment for `/a`, as a header's value, that nobody has sent yet.
    pub(crate) async fn slip(&self, client: &PayingClient, at: SocketAddr, v1: bool) -> String {
        struct Caught(Option<String>, bool);
        #[async_trait]
        impl Exchange for Caught {
            async fn send(&mut self, payment: &Payment) -> Reply {
                let mut payment = payment.clone();
                if self.1 {
                    payment.accepted.version = Version::V1;
                }
                let json = wire::write_payment(&payment, &[FAMILY]).unwrap();
                self.0 = Some(codec::encode(&json));
                Reply::Streams
            }
        }
        let response = reqwest::get(format!("http://{at}/a")).await.unwrap();
        let challenge =
            codec::read_challenge(response.headers(), &[], &[FAMILY], &Limits::DEFAULT).unwrap().unwrap();
        let mut caught = Caught(None, v1);
        client.router().begin(&challenge, Context::default(), &mut caught).await.unwrap();
        caught.0.unwrap()
    }

    pub(crate) fn shop(&self) -> Account {
        account(self.chain.id(), "shop").unwrap()
    }
    /// What the shop has got.
    pub(crate) fn takings(&self) -> u128 {
        self.chain.balance(&self.shop(), &self.token)
    }
    /// What each settlement on the chain took, in their order.
    pub(crate) fn taken(&self) -> Vec<u128> {
        let paid = |e: &tollway_testkit::sim::SimEvent| e.topic.starts_with("paid/");
        let amount = |data: &[u8]| Amount::parse_atomic(std::str::from_utf8(data).unwrap()).unwrap();
        self.chain.events().iter().filter(|e| paid(e)).map(|e| amount(&e.data)).collect()
    }
    /// What the shop's journal says is owed.
    pub(crate) async fn noted(&self) -> u128 {
        let found = self.ledger.scan("visit/", None, 100).await.unwrap();
        let records = found.iter().map(|r| flow::VisitRecord::read(&r.value).unwrap());
        records.filter(|r| r.stage == flow::Stage::Serving).map(|r| r.charge_atomic).sum()
    }
    /// What is left in the shop's journal.
    pub(crate) async fn open_visits(&self) -> usize {
        self.ledger.scan("visit/", None, 100).await.unwrap().len()
    }
}

/// Somebody else's settler, which does not always send.
struct Unwilling {
    inner: Arc<dyn Settler>,
    why: Error,
    told: Arc<AtomicBool>,
}
#[async_trait]
impl Settler for Unwilling {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.inner.kinds().await
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.inner.effort(order).await
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.inner.verify(order).await
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        if self.told.load(Ordering::SeqCst) {
            return Err(self.why.clone());
        }
        self.inner.settle(due).await
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        self.inner.resume(order, charge).await
    }
}

fn quotes(node: Arc<dyn Network>) -> Arc<QuoteBook> {
    let spawn: tollway_route::Spawn = Arc::new(|work| drop(tokio::spawn(work)));
    Arc::new(QuoteBook::new([node], Arc::new(Wall), Arc::new(Wall), spawn, QuoteSettings::default()))
}

/// Serves an app on loopback until the runtime ends. Counts the chunks that the transport takes.
pub(crate) async fn serve(app: axum::Router) -> (SocketAddr, Arc<Handed>) {
    let handed = Arc::<Handed>::default();
    let count = handed.clone();
    let app = app.layer(axum::middleware::map_response(move |response: axum::response::Response| {
        let count = count.clone();
        async move { response.map(|body| Body::new(Counted { body, count })) }
    }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    (address, handed)
}

/// How many chunks the transport has taken, but for receipts.
#[derive(Default)]
pub(crate) struct Handed(AtomicUsize);
impl Handed {
    pub(crate) fn chunks(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

struct Counted {
    body: Body,
    count: Arc<Handed>,
}
impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let next = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &next
            && frame.data_ref().is_some_and(|data| data.starts_with(b"data: chunk"))
        {
            self.count.0.fetch_add(1, Ordering::SeqCst);
        }
        next
    }
}

/// A count as money.
pub(crate) fn atomic(count: usize) -> u128 {
    u128::try_from(count).unwrap()
}

/// One chunk, which is a whole event.
pub(crate) fn chunk(n: usize) -> Bytes {
    Bytes::from(format!("data: chunk {n:04}\n\n"))
}

/// Reads an answer chunk by chunk, as they were cut by the handler.
pub(crate) struct Reader {
    pub(crate) answer: PaidResponse,
    pub(crate) payment: StreamedPayment,
    text: String,
    lines: VecDeque<String>,
}

impl Reader {
    pub(crate) fn new(answer: PaidResponse) -> Self {
        let Standing::Streams(payment) = answer.standing.clone() else { panic!("{answer:?}") };
        Self { answer, payment, text: String::new(), lines: VecDeque::new() }
    }
    /// The next chunk's event; receipts are left out.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, reqwest::Error> {
        loop {
            while let Some(event) = self.lines.pop_front() {
                if event.starts_with("data: chunk") {
                    return Ok(Some(event));
                }
            }
            let Some(more) = self.answer.response.chunk().await? else { return Ok(None) };
            self.text.push_str(std::str::from_utf8(&more).unwrap());
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                self.lines.push_back(event.to_owned());
                self.text = rest.to_owned();
            }
        }
    }
    /// How many chunks come until the end, and whether that is a clean one.
    pub(crate) async fn rest(&mut self) -> (usize, bool) {
        let mut chunks = 0;
        loop {
            match self.next().await {
                Ok(Some(_)) => chunks += 1,
                Ok(None) => return (chunks, true),
                Err(_) => return (chunks, false),
            }
        }
    }
}

/// Waits for something that another task is about to do.
pub(crate) async fn until(mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never happened");
}
