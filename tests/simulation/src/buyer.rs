//! The side that pays: a router with its journal, policy and ledger, behind the paying tower layer.

use crate::bug::Bug;
use crate::log::End;
use crate::shop::HOST;
use crate::wire::Broken;
use crate::world::{Buyer, Fixed, World};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use http_body_util::Full;
use std::sync::Arc;
use tollway_core::{Clock, Code, Error, Registry, Result, Role, Usd};
use tollway_evm::FAMILY;
use tollway_evm::sim::SimEvm;
use tollway_http::client::{AnswerBody, ClientSettings, PayError, PayLayer, Standing};
use tollway_http::tasks::Tasks;
use tollway_route::{Budget, Policy, QuoteBook, QuoteSettings, Router, RouterBuilder, Scope};
use tower::{Layer, Service};

/// How many things a buyer buys at once.
const LANES: usize = 2;
/// The longest pause between two purchases, and between two looks at what was left open.
const PAUSE_MS: u64 = 4_000;
const SETTLE_UP_MS: u64 = 20_000;

/// The answer to a purchase.
type Bought = Result<Response<AnswerBody<Full<Bytes>>>, PayError>;
/// Buys one thing.
type Buy = Arc<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Bought> + Send + Sync>;

/// The most that a buyer may spend on its whole list; a little less than it all costs.
pub(crate) fn budget(buyer: &Buyer) -> Usd {
    // In millionths of a dollar, as the token counts.
    let most = buyer.had / 3;
    Usd::from_micros(u64::try_from(most).unwrap_or(u64::MAX))
}

/// Starts a buyer's process.
pub(crate) fn start(world: &Arc<World>, n: usize) -> Result<()> {
    let nobody = || Error::us(Code::Internal).detail("no such buyer");
    let buyer = world.buyers.get(n).ok_or_else(nobody)?;
    let router = Arc::new(router(world, buyer)?);
    let (clock, spawn) = (world.clock(), world.weave.spawner(&buyer.name));
    let tasks = Tasks::on(move |job| spawn(job), clock.clone());
    let layer = PayLayer::new(router.clone(), ClientSettings::default()).tasks(tasks);
    let wire = world.wire.clone();
    let service = layer.layer(tower::service_fn(move |request: Request<Bytes>| {
        let wire = wire.clone();
        async move { Ok::<_, Broken>(wire.send(HOST, request).await?.map(Full::new)) }
    }));
    let buy: Buy = Arc::new(move |request| {
        let mut service = service.clone();
        Box::pin(async move { service.call(request).await })
    });
    for _ in 0..LANES {
        world.weave.spawn(&buyer.name, lane(world.clone(), n, buy.clone()));
    }
    if !world.has(Bug::PayerNeverSettlesUp) {
        world.weave.spawn(&buyer.name, settle_up(router, clock));
    }
    Ok(())
}

fn router(world: &Arc<World>, buyer: &Buyer) -> Result<Router> {
    let (ledger, clock) = (world.ledger(&buyer.disk), world.clock());
    let evm = SimEvm::new(world.node(ledger.clone()).build())?.payer(buyer.key.clone());
    let handle = Arc::new(evm).handle();
    let registry = Registry::builder()
        .family(FAMILY)
        .with(tollway_exact_eip3009::ENTRY)
        .network(handle.clone())
        .role(Role::Payer)
        .build(ledger.clone(), clock.clone(), world.dice())?;
    let oracle = Arc::new(Fixed(clock.clone()));
    let spawn = world.weave.spawner(&buyer.name);
    let quotes = QuoteBook::new([handle.network], oracle, clock.clone(), spawn, QuoteSettings::default());
    let all = Budget { id: "all".into(), scope: Scope::All, limit: budget(buyer), window_ms: u64::MAX };
    let policy = Policy { cap: Some(Usd::parse("$0.02")?), budgets: vec![all], ..Policy::default() };
    Ok(RouterBuilder {
        registry: Arc::new(registry),
        quotes: Arc::new(quotes),
        ledger,
        clock,
        dice: world.dice(),
        policy,
        scorer: None,
    }
    .build())
}

/// Asks after everything that was left open, now and then.
async fn settle_up(router: Arc<Router>, clock: Arc<dyn Clock>) {
    loop {
        // What fails now is asked again.
        let _ = router.settle_up().await;
        clock.sleep(SETTLE_UP_MS).await;
    }
}

/// Buys one thing after the other.
async fn lane(world: Arc<World>, n: usize, buy: Buy) {
    let Some(buyer) = world.buyers.get(n) else { return };
    while let Some((path, _busy)) = buyer.next() {
        world.log.begun();
        let mut end = purchase(&buy, &path).await;
        if world.has(Bug::ClientSignsAgain) && matches!(end, End::Unknown | End::Undelivered) {
            end = purchase(&buy, &path).await;
        }
        world.log.ended(end);
        world.clock().sleep(world.weave.dice().below(PAUSE_MS)).await;
    }
}

async fn purchase(buy: &Buy, path: &str) -> End {
    let request = Request::builder().method(Method::GET).uri(format!("https://{HOST}{path}"));
    let Ok(request) = request.body(Bytes::new()) else { return End::Failed };
    let unknown = |e: &Error| if e.is_unknown_outcome() { End::Unknown } else { End::Failed };
    match buy(request).await {
        Ok(answer) => match answer.extensions().get::<Standing>() {
            Some(Standing::Paid(_)) if answer.status().is_success() => End::Served,
            Some(Standing::Paid(_)) => End::Undelivered,
            Some(Standing::Unsettled(e)) => unknown(e),
            _ => End::Failed,
        },
        Err(PayError::Undelivered(_)) => End::Undelivered,
        Err(e) => unknown(e.error()),
    }
}
