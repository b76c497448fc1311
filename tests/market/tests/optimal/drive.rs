//! A case through the real router: real networks over scripted nodes, the real scheme, a ledger in memory, a clock that
//! stands still.

use crate::case::{Case, Fixed, HoldOf, ListOf, Node, PolicyOf};
use crate::node::Scripted;
use serde_json::Value;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tollway::core::ledger::MemoryLedger;
use tollway::core::{
    Account, Amount, AssetId, BudgetId, BudgetLine, ChainId, Claim, Clock, Code, Dice, Error, HoldId, Json,
    Ledger, Print, Purpose, Receipt, Record, RecordKey, Registry, ReplayKey, Result, Role, RouteKey, Scorer,
    Spend, Time, Usd, UsdPrice, Write, async_trait, wire,
};
use tollway::evm::{Evm, EvmNetwork, FAMILY, Feed, LocalKey};
use tollway::oracles::ChainOracles;
use tollway::route::quotes::Wants;
use tollway::route::{Budget, Context, List, Policy, QuoteBook, QuoteSettings, Router, RouterBuilder, Scope};
use tollway::system::tokio_spawn;

/// Says what it is told; sleeps in tokio's time, which the tests let jump.
pub(crate) struct Still(AtomicU64);

#[async_trait]
impl Clock for Still {
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

/// Preferences by chain.
struct ByChain {
    penalty: BTreeMap<String, Usd>,
    latency: BTreeMap<String, u64>,
}
impl Scorer for ByChain {
    fn penalty(&self, route: &RouteKey) -> Usd {
        self.penalty.get(route.chain.as_str()).copied().unwrap_or(Usd::ZERO)
    }
    fn latency_ms(&self, route: &RouteKey) -> u64 {
        self.latency.get(route.chain.as_str()).copied().unwrap_or(0)
    }
}

/// A ledger that cannot say what was used.
struct Broken(MemoryLedger);

#[async_trait]
impl Ledger for Broken {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        self.0.reserve(hold, lines, until, now).await
    }
    async fn used(&self, _: &[BudgetLine]) -> Result<Vec<u128>> {
        Err(Error::us(Code::LedgerFailed))
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        self.0.close(hold, spend, now).await
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        self.0.seen(keys, print).await
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        self.0.claim(keys, print, until, now).await
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        self.0.conclude(keys, print, receipt).await
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        self.0.load(key).await
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        self.0.store(writes).await
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.0.scan(prefix, after, limit).await
    }
}

fn chain(text: &str) -> ChainId {
    ChainId::new(text).unwrap()
}
fn asset(text: &str) -> AssetId {
    AssetId::from_str(text).unwrap()
}
fn number(text: &str) -> u128 {
    text.parse().unwrap()
}

/// The key that pays in every case.
pub(crate) fn key() -> LocalKey {
    LocalKey::from_hex(&format!("0x{}", "11".repeat(32))).unwrap()
}

/// What the router answers: its own explanation, as a program reads it.
pub(crate) async fn answer(case: &Case) -> Value {
    let clock = Arc::new(Still(AtomicU64::new(case.now_ms)));
    let ledger = ledger(case).await;
    let (mut scripts, mut networks) = (BTreeMap::new(), Vec::new());
    let mut oracles = ChainOracles::new(clock.clone());
    for place in &case.networks {
        let id = chain(&place.chain);
        let script = Scripted::new(id.reference().parse().unwrap(), case.nodes[&place.chain].clone());
        let mut builder = EvmNetwork::builder(Arc::clone(&ledger), clock.clone())
            .client(script.client())
            .chain(&id)
            .unwrap();
        if place.signer {
            builder = builder.payer(Arc::new(key()));
        }
        let network = builder.connect().await.unwrap();
        let mut oracle = network.oracle(clock.clone());
        for feed in &place.feeds {
            let of = asset(&format!("{}/{}", place.chain, feed.key));
            let at = Feed { address: feed.address.parse().unwrap(), max_age_secs: feed.max_age_s };
            oracle = oracle.with(of, feed.decimals, at).unwrap();
        }
        oracles.chain(id, Arc::new(oracle));
        scripts.insert(place.chain.clone(), script);
        networks.push(network);
    }
    for price in &case.fixed {
        oracles.fix(asset(&price.asset), fixed(price));
    }
    let registry = registry(case, &networks, &ledger, &clock);
    let settings = QuoteSettings {
        price_ttl_ms: case.price_ttl_ms,
        stale_ms: case.stale_ms,
        ..QuoteSettings::default()
    };
    let handles = networks.iter().map(|n| n.handle().network);
    let quotes = QuoteBook::new(handles, Arc::new(oracles), clock.clone(), tokio_spawn(), settings);
    for step in &case.steps {
        play(&scripts, &step.nodes);
        clock.0.store(case.now_ms - step.age_ms, Ordering::SeqCst);
        let wants = Wants {
            tariffs: step.tariffs.iter().map(|c| (chain(c), Purpose::Interactive)).collect(),
            prices: step.prices.iter().map(|a| asset(a)).collect(),
        };
        quotes.gather(&wants).await;
        // What goes on in the background ends before the next look.
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    play(&scripts, &case.nodes);
    clock.0.store(case.now_ms, Ordering::SeqCst);
    let router = router(case, registry, quotes, ledger, clock);
    let raw = Json::parse(case.challenge.as_str()).unwrap();
    let challenge = wire::read_challenge(&raw, router.registry().families()).unwrap();
    let considered = router.consider(&challenge, Context { host: case.host.as_deref() }).await;
    serde_json::to_value(considered.explain(router.registry())).unwrap()
}

fn play(scripts: &BTreeMap<String, Scripted>, nodes: &BTreeMap<String, Node>) {
    for (chain, node) in nodes {
        scripts[chain].now(node);
    }
}

fn registry(
    case: &Case,
    networks: &[Arc<EvmNetwork>],
    ledger: &Arc<dyn Ledger>,
    clock: &Arc<Still>,
) -> Registry {
    let mut builder =
        Registry::builder().with(tollway::exact_eip3009::ENTRY).family(FAMILY).role(Role::Payer);
    builder = builder.settings("exact", case.exact.clone());
    for network in networks {
        let typed: Arc<dyn Evm> = network.clone();
        builder = builder.network(tollway::core::Handle::new::<dyn Evm>(network.clone(), typed));
    }
    for bare in &case.bare {
        builder = builder.bare(chain(bare));
    }
    builder.build(Arc::clone(ledger), clock.clone(), Arc::new(NoDice)).unwrap()
}

fn router(
    case: &Case,
    registry: Registry,
    quotes: QuoteBook,
    ledger: Arc<dyn Ledger>,
    clock: Arc<Still>,
) -> Router {
    let scorer = case.scorer.as_ref().map(|s| {
        let penalty = s.penalty.iter().map(|(c, p)| (c.clone(), Usd::from_e18(number(p)))).collect();
        let scorer: Arc<dyn Scorer> = Arc::new(ByChain { penalty, latency: s.latency.clone() });
        scorer
    });
    let parts = RouterBuilder {
        registry: Arc::new(registry),
        quotes: Arc::new(quotes),
        ledger,
        clock,
        dice: Arc::new(NoDice),
        policy: policy(&case.policy),
        scorer,
    };
    parts.build()
}

fn fixed(price: &Fixed) -> UsdPrice {
    UsdPrice {
        answer: number(&price.answer),
        answer_decimals: price.answer_decimals,
        asset_decimals: price.asset_decimals,
        at: Time::ZERO,
    }
}

fn list<T>(of: &ListOf, read: impl Fn(&str) -> T) -> List<T> {
    let all: Vec<T> = of.of.iter().map(|text| read(text)).collect();
    match of.mode.as_str() {
        "only" => List::Only(all),
        "except" => List::Except(all),
        _ => List::Any,
    }
}

fn account(text: &str) -> Account {
    Account::from_str(text).unwrap()
}

fn policy(of: &PolicyOf) -> Policy {
    let budget = |b: &crate::case::BudgetOf| Budget {
        id: BudgetId(b.id.clone()),
        scope: match b.scope.0.as_str() {
            "all" => Scope::All,
            "host" => Scope::Host(b.scope.1.clone()),
            "asset" => Scope::Asset(asset(&b.scope.1)),
            _ => Scope::Payee(account(&b.scope.1)),
        },
        limit: Usd::from_e18(number(&b.limit)),
        window_ms: b.window_ms,
    };
    Policy {
        networks: list(&of.networks, chain),
        assets: list(&of.assets, asset),
        payees: list(&of.payees, account),
        hosts: list(&of.hosts, str::to_owned),
        cap: of.cap.as_deref().map(|cap| Usd::from_e18(number(cap))),
        caps: of.caps.iter().map(|(a, n)| Amount::new(asset(a), number(n))).collect(),
        budgets: of.budgets.iter().map(budget).collect(),
        allow_mainnet: of.allow_mainnet,
        timeout_s_max: of.timeout_s_max,
        ..Policy::default()
    }
}

async fn ledger(case: &Case) -> Arc<dyn Ledger> {
    let memory = MemoryLedger::new();
    for (n, hold) in case.ledger.holds.iter().enumerate() {
        keep(&memory, HoldId(format!("hold/{n}")), hold).await;
    }
    for place in &case.networks {
        let key = RecordKey(format!("evm/{}/gas", place.chain));
        let value = Some(serde_json::to_string(&place.learned).unwrap());
        memory.store(&[Write { key, expect: None, value }]).await.unwrap();
    }
    if case.ledger.broken { Arc::new(Broken(memory)) } else { Arc::new(memory) }
}

async fn keep(memory: &MemoryLedger, id: HoldId, hold: &HoldOf) {
    // A limit that nothing passes, so that what the case says is there gets there; sums above 128 bits do not.
    let line = |(budget, amount): &(String, String)| BudgetLine {
        budget: BudgetId(budget.clone()),
        amount: number(amount),
        limit: u128::MAX,
        since: Time::FAR,
    };
    let lines: Vec<BudgetLine> = hold.lines.iter().map(line).collect();
    memory.reserve(&id, &lines, Time::FAR, Time::ZERO).await.unwrap();
    if let Some((at, taken, of)) = &hold.closed {
        let spend = match number(taken) {
            0 => Spend::Nothing,
            11 => Spend::All,
            taken => Spend::Part { taken, of: number(of) },
        };
        memory.close(&id, spend, Time::from_ms(*at)).await.unwrap();
    }
}
