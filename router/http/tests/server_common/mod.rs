//! A world with a toy scheme on two toy chains, and an axum app to sell.
#![allow(dead_code, reason = "each test takes what it needs")]

use axum::Router;
use axum::body::{Body, Bytes};
use http::{HeaderMap, Method, Request, StatusCode};
use serde::Deserialize;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollway_core::flow::simple;
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_http::codec;
use tollway_http::server::{Paywall, PaywallBuilder};
use tollway_route::{Gate, GateBuilder, QuoteBook, QuoteSettings, Rail, SellerPolicy};
use tower::ServiceExt;

pub(crate) const START_MS: u64 = 1_750_000_000_000;

const NETWORKS: &[KnownNetwork] = &[
    KnownNetwork {
        chain: "sim:1",
        title: "One",
        v1_name: Some("sim-one"),
        coin: "SIM",
        coin_decimals: 18,
        testnet: true,
    },
    KnownNetwork {
        chain: "sim:2",
        title: "Two",
        v1_name: None,
        coin: "SIM",
        coin_decimals: 18,
        testnet: true,
    },
];
const ASSETS: &[KnownAsset] = &[
    KnownAsset { chain: "sim:1", key: "usd", symbol: "USDX", decimals: 6, extra: &[] },
    KnownAsset { chain: "sim:2", key: "usd", symbol: "USDX", decimals: 6, extra: &[] },
];
const FAMILY: Family = Family {
    namespace: "sim",
    address: |a| arrayvec::ArrayString::from(a).map_err(|_| Error::payee(Code::InvalidAddress)),
    display: str::to_owned,
    networks: NETWORKS,
    assets: ASSETS,
};

const ENTRY: SchemeEntry = SchemeEntry::new(
    CellId { scheme: "toy", namespace: "sim", methods: &[""] },
    Capability { metered: true, ..Capability::fixed(&[Flow::Authorization, Flow::Upfront]) },
    read,
)
.seller(|_| Ok(Arc::new(ToySeller)))
.settler(|site| Ok(Arc::new(ToySettler { chain: site.chain, knobs: site.chain::<Knobs>()? })));

#[derive(Deserialize)]
struct Payload {
    from: String,
    nonce: String,
    value: u64,
    to: String,
    until_s: u64,
}

fn read(order: &Order) -> Result<Terms> {
    let p: Payload = order.payment.payload.read()?;
    let chain = order.requirement.chain;
    Ok(Terms {
        payer: Account::new(chain, &p.from).ok(),
        payee: Account::new(chain, &p.to)?,
        ceiling: Ceiling(Amount::new(order.requirement.price.asset(), u128::from(p.value))),
        replay: vec![ReplayKey(format!("toy/{chain}/{}", p.nonce))],
        not_before: Time::ZERO,
        settle_before: Time::from_secs(p.until_s),
    })
}

struct ToySeller;
#[async_trait]
impl Seller for ToySeller {
    fn offer(&self, price: &Price, _kind: &Kind) -> Result<Offer> {
        let extra = match price.flow {
            Flow::Authorization => Extra::default(),
            other => Extra::of_pairs(&[("paymentFlow", other.as_str())]),
        };
        let r = Requirement {
            version: Version::V2,
            scheme: Name::new("toy")?,
            method: None,
            chain: price.chain,
            price: price.ceiling,
            pay_to: price.pay_to,
            timeout_s: price.timeout_s,
            flow: price.flow,
            extra,
            raw: Json::empty(),
        };
        let raw = wire::write_requirement(&r, "", &[FAMILY])?;
        Ok(Offer { requirement: Requirement { raw, ..r }, bound_to: None, volatile: Vec::new() })
    }
    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        simple(visit, &event)
    }
    async fn upkeep(&self, _: Wish, _: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}

/// What the toy chain does.
#[derive(Default)]
pub(crate) struct Knobs {
    pub(crate) verify: Mutex<Option<Error>>,
    pub(crate) settle: Mutex<Option<Error>>,
    pub(crate) resume: Mutex<Option<Fate>>,
    /// What settling costs, in micro-dollars.
    pub(crate) fee: AtomicU64,
    pub(crate) settles: AtomicUsize,
    pub(crate) resumes: AtomicUsize,
    pub(crate) settled: Mutex<Vec<u128>>,
    pub(crate) settle_ms: AtomicU64,
}

impl Knobs {
    pub(crate) fn settles(&self) -> usize {
        self.settles.load(Ordering::SeqCst)
    }
}

struct ToySettler {
    chain: ChainId,
    knobs: Arc<Knobs>,
}

fn receipt_of(order: &Order, atomic: u128) -> Result<Receipt> {
    let terms = read(order)?;
    Ok(Receipt {
        landed: Landed::OnChain { transaction: TxId("0xfeed".to_owned()) },
        charged: Amount::new(order.requirement.price.asset(), atomic),
        payer: terms.payer,
        chain: order.requirement.chain,
        spent: None,
        extra: Extra::default(),
    })
}

#[async_trait]
impl Settler for ToySettler {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        let kind = |version| Kind {
            version,
            scheme: Name::new("toy").unwrap(),
            chain: self.chain,
            extra: Extra::default(),
            extensions: Vec::new(),
        };
        Ok(vec![kind(Version::V1), kind(Version::V2)])
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        let amount =
            Amount::new(order.requirement.price.asset(), u128::from(self.knobs.fee.load(Ordering::SeqCst)));
        Ok(Effort { works: Few::new(), fees: vec![Fee { bearer: Bearer::Settler, amount, label: "fee" }] })
    }
    async fn verify(&self, _order: &Order) -> Result<Proof> {
        match self.knobs.verify.lock().unwrap().clone() {
            Some(e) => Err(e),
            None => Ok(Proof::default()),
        }
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        self.knobs.settles.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(self.knobs.settle_ms.load(Ordering::SeqCst))).await;
        if let Some(e) = self.knobs.settle.lock().unwrap().clone() {
            return Err(e);
        }
        self.knobs.settled.lock().unwrap().push(due.charge().atomic());
        receipt_of(due.verified().order(), due.charge().atomic())
    }
    async fn resume(&self, _order: &Order, _: Option<Amount>) -> Result<Fate> {
        self.knobs.resumes.fetch_add(1, Ordering::SeqCst);
        Ok(self.knobs.resume.lock().unwrap().clone().unwrap_or(Fate::NotYetKnown { ask_again: Time::ZERO }))
    }
}

struct ToyNetwork(ChainId);
#[async_trait]
impl Network for ToyNetwork {
    fn id(&self) -> ChainId {
        self.0
    }
    fn traits(&self) -> NetworkTraits {
        NetworkTraits { block_ms: 1000, testnet: true }
    }
    async fn tariff(&self, _: Purpose, _: &[Account]) -> Result<Arc<dyn Tariff>> {
        Err(Error::network(Code::NoQuote))
    }
    async fn balances(&self, _: &Account, _: &[AssetId]) -> Result<Vec<Amount>> {
        Ok(Vec::new())
    }
    async fn outcome(&self, _: &TxId) -> Result<Outcome> {
        Ok(Outcome::Unseen)
    }
}

struct ToyOracle;
#[async_trait]
impl Oracle for ToyOracle {
    async fn usd(&self, _: &AssetId) -> Result<UsdPrice> {
        Ok(UsdPrice { answer: 1, answer_decimals: 0, asset_decimals: 6, at: Time::ZERO })
    }
}

pub(crate) struct ToyClock(AtomicU64);
impl ToyClock {
    pub(crate) fn forward(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}
#[async_trait]
impl Clock for ToyClock {
    fn now(&self) -> Time {
        Time::from_ms(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

struct NoDice;
impl Dice for NoDice {
    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

/// What outlives a restart.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<ToyClock>,
    pub(crate) knobs: Arc<Knobs>,
    pub(crate) patience_ms: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            ledger: Arc::new(MemoryLedger::new()),
            clock: Arc::new(ToyClock(AtomicU64::new(START_MS))),
            knobs: Arc::default(),
            patience_ms: 3_000,
        }
    }

    pub(crate) fn gate(&self) -> Arc<Gate> {
        let chains = [chain(1), chain(2)];
        let mut builder =
            Registry::builder().with(ENTRY).family(FAMILY).role(Role::Seller).role(Role::Settler);
        let mut networks: Vec<Arc<dyn Network>> = Vec::new();
        for chain in chains {
            let network: Arc<dyn Network> = Arc::new(ToyNetwork(chain));
            networks.push(network.clone());
            builder = builder.network(Handle::new(network, self.knobs.clone()));
        }
        let registry =
            Arc::new(builder.build(self.ledger.clone(), self.clock.clone(), Arc::new(NoDice)).unwrap());
        let spawn: tollway_route::Spawn = Arc::new(|work| drop(tokio::spawn(work)));
        let quotes = Arc::new(QuoteBook::new(
            networks,
            Arc::new(ToyOracle),
            self.clock.clone(),
            spawn,
            QuoteSettings::default(),
        ));
        Arc::new(
            GateBuilder {
                registry,
                pool: None,
                quotes,
                ledger: self.ledger.clone(),
                clock: self.clock.clone(),
                policy: SellerPolicy::default(),
                owner: "test".to_owned(),
                patience_ms: self.patience_ms,
            }
            .build(),
        )
    }

    pub(crate) fn builder(&self) -> PaywallBuilder {
        Paywall::builder(self.gate()).answers(self.ledger.clone(), self.clock.clone())
    }
}

pub(crate) fn chain(n: u8) -> ChainId {
    ChainId::new(&format!("sim:{n}")).unwrap()
}

pub(crate) fn rail(n: u8, flow: Flow) -> Rail {
    Rail {
        scheme: Name::new("toy").unwrap(),
        method: None,
        asset: AssetId::new(chain(n), "usd").unwrap(),
        pay_to: Account::new(chain(n), "shop").unwrap(),
        flow,
        timeout_s: 120,
    }
}

pub(crate) fn rails() -> Vec<Rail> {
    vec![rail(1, Flow::Authorization), rail(2, Flow::Authorization)]
}

pub(crate) fn cents(n: u64) -> tollway_route::Tag {
    tollway_route::Tag::Usd(Usd::from_micros(n * 10_000))
}

/// A response, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }
    pub(crate) fn challenge(&self) -> Option<Challenge> {
        let v2 = self.header("payment-required")?;
        let json = codec::decode(v2.as_bytes(), 1 << 20, 64).unwrap();
        Some(wire::read_challenge(&json, &[FAMILY]).unwrap())
    }
    pub(crate) fn error(&self) -> Option<Code> {
        self.challenge()?.error
    }
    pub(crate) fn receipt(&self) -> Option<(Version, wire::SettleResponse)> {
        codec::read_receipt(&self.headers, &codec::Limits::default()).unwrap()
    }
    /// Served without having been paid for.
    pub(crate) fn is_free_pass(&self) -> bool {
        self.status.is_success() && self.receipt().is_none_or(|(_, r)| !r.success)
    }
}

/// A request to be sent.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) uri: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

pub(crate) fn get(uri: &str) -> Ask {
    Ask { method: Method::GET, uri: uri.to_owned(), headers: Vec::new(), body: String::new() }
}

impl Ask {
    pub(crate) fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
    pub(crate) fn body(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self }
    }
    pub(crate) fn pays(self, payment: &str) -> Self {
        self.with("payment-signature", payment)
    }
    pub(crate) fn request(self) -> Request<Body> {
        let mut request = Request::builder().method(self.method).uri(self.uri);
        if !self.headers.iter().any(|(n, _)| n == "host") {
            request = request.header("host", "shop.test");
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Body::from(self.body)).unwrap()
    }
    pub(crate) async fn to(self, app: &Router) -> Reply {
        reply(app.clone().oneshot(self.request()).await.unwrap()).await
    }
}

pub(crate) async fn reply(response: axum::response::Response) -> Reply {
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Reply { status: parts.status, headers: parts.headers, body }
}

/// A payload that fulfils an entry, under a nonce.
pub(crate) fn payload(value: u64, nonce: &str) -> serde_json::Value {
    let until_s = START_MS / 1000 + 120;
    serde_json::json!({ "from": "alice", "nonce": nonce, "value": value, "to": "shop", "until_s": until_s })
}

fn encoded(value: &serde_json::Value) -> String {
    codec::encode(&Json::of(value))
}

/// A v2 payment for one entry of a 402.
pub(crate) fn pay(reply: &Reply, at: usize, nonce: &str) -> String {
    let challenge = reply.challenge().expect("a challenge");
    let raw = challenge.accepts[at].raw.value();
    let value: u64 = raw["amount"].as_str().unwrap().parse().unwrap();
    encoded(&serde_json::json!({ "x402Version": 2, "accepted": raw, "payload": payload(value, nonce) }))
}

/// A v1 payment.
pub(crate) fn pay_v1(value: u64, nonce: &str) -> String {
    encoded(&serde_json::json!({
        "x402Version": 1, "scheme": "toy", "network": "sim-one", "payload": payload(value, nonce),
    }))
}

pub(crate) use std::sync::atomic::AtomicUsize as Counter;

/// An app whose routes count how often they ran.
pub(crate) fn counting(runs: &Arc<Counter>, body: &'static str) -> axum::routing::MethodRouter {
    let runs = runs.clone();
    axum::routing::any(move || {
        let runs = runs.clone();
        async move {
            runs.fetch_add(1, Ordering::SeqCst);
            body
        }
    })
}
