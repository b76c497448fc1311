//! The side that sells: a paywall over a gate, with somebody else's facilitator.

use crate::bug::Bug;
use crate::facilitator;
use crate::wire::{Listening, Server, Wire};
use crate::world::{DEAR, Fixed, WINDOW_S, World};
use bytes::Bytes;
use futures::future::{Either, select};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use tollway_core::{
    Amount, Clock, Code, Flow, Ledger, Name, Network, Registry, Result, Role, Settler, async_trait,
};
use tollway_evm::FAMILY;
use tollway_evm::sim::SimEvm;
use tollway_http::RemoteFacilitator;
use tollway_http::remote::{Answer, Call, Transport, Trouble};
use tollway_http::server::{Paywall, Priced};
use tollway_http::tasks::Tasks;
use tollway_route::gate::GateBuilder;
use tollway_route::pool::{PoolBuilder, PoolSettings};
use tollway_route::{Gate, QuoteBook, QuoteSettings, Rail, SellerPolicy, Tag};
use tower::{Layer, ServiceExt};

/// Under which name the shop is known; its process too.
pub(crate) const HOST: &str = "shop.example";
/// The longest that the shop's own handler takes, in milliseconds.
const HANDLER_MS: u64 = 300;
/// A shop that serves in doubt does so in so many of a thousand refusals.
const DOUBT_PER_MILLE: u16 = 300;

/// Starts the shop's process. It listens until what comes back is dropped.
pub(crate) fn start(world: &Arc<World>) -> Result<Listening> {
    let (clock, spawn) = (world.clock(), world.weave.spawner(HOST));
    let ledger = world.ledger(&world.shop);
    let gate = Arc::new(gate(world, ledger.clone())?);
    let rail = rail(world)?;
    let price = |amount: Amount| Priced::fixed(Tag::Amounts(vec![amount]), vec![rail.clone()]);
    let paywall = Paywall::builder(gate)
        .origin(format!("https://{HOST}"))
        .route(Method::GET, "/things/{id}", price(world.price()))
        .route(Method::GET, "/dear/{id}", price(Amount::new(world.token, DEAR)))
        .answers(ledger, clock.clone())
        .tasks(Tasks::on(move |job| spawn(job), clock))
        .build()?;
    if !world.has(Bug::ShopNeverRecovers) {
        drop(paywall.recover());
    }
    Ok(world.wire.listen(HOST, serve(world, &paywall)))
}

fn gate(world: &Arc<World>, ledger: Arc<dyn Ledger>) -> Result<Gate> {
    let clock = world.clock();
    let registry = Registry::builder()
        .family(FAMILY)
        .with(tollway_exact_eip3009::ENTRY)
        .bare(world.chain.id())
        .role(Role::Seller)
        .build(ledger.clone(), clock.clone(), world.dice())?;
    let registry = Arc::new(registry);
    let transport = Arc::new(OverWire { wire: world.wire.clone(), clock: clock.clone() });
    let address = format!("https://{}", facilitator::HOST);
    let mut remote =
        RemoteFacilitator::builder(&address, registry.clone(), clock.clone()).transport(transport);
    let mut networks: Vec<Arc<dyn Network>> = Vec::new();
    if world.shop_sees() {
        let (settler, network) = eyes(world, ledger.clone())?;
        networks.push(network);
        remote = remote.local(settler);
    }
    let oracle = Arc::new(Fixed(clock.clone()));
    let spawn = world.weave.spawner(HOST);
    let quotes =
        Arc::new(QuoteBook::new(networks, oracle, clock.clone(), spawn.clone(), QuoteSettings::default()));
    let pool = PoolBuilder {
        name: HOST.to_owned(),
        registry: registry.clone(),
        quotes: quotes.clone(),
        ledger: ledger.clone(),
        clock: clock.clone(),
        dice: world.dice(),
        spawn,
        settings: PoolSettings::default(),
    };
    Ok(GateBuilder {
        registry,
        pool: Some(Arc::new(pool.build(vec![remote.build()?.seat()])?)),
        quotes,
        ledger,
        clock,
        policy: SellerPolicy { settlement_share_bps_max: None, ..SellerPolicy::default() },
        owner: HOST.to_owned(),
        patience_ms: 15_000,
    }
    .build())
}

/// A cell that looks at the chain and sends nothing.
fn eyes(world: &Arc<World>, ledger: Arc<dyn Ledger>) -> Result<(Arc<dyn Settler>, Arc<dyn Network>)> {
    let handle = Arc::new(SimEvm::new(world.node(ledger.clone()).build())?).handle();
    let registry = Registry::builder()
        .family(FAMILY)
        .with(tollway_exact_eip3009::ENTRY)
        .network(handle.clone())
        .role(Role::Settler)
        .build(ledger, world.clock(), world.dice())?;
    let settler = registry.cells().find_map(|cell| cell.settler.clone());
    let settler = settler.ok_or_else(|| tollway_core::Error::caller(Code::RoleMissing))?;
    Ok((settler, handle.network))
}

fn rail(world: &World) -> Result<Rail> {
    Ok(Rail {
        scheme: Name::new("exact")?,
        method: None,
        asset: world.token,
        pay_to: world.payee,
        flow: Flow::Authorization,
        timeout_s: WINDOW_S,
    })
}

fn serve(world: &Arc<World>, paywall: &Paywall) -> Server {
    let (behind, doubting) = (world.clone(), world.clone());
    let service = paywall.layer(tower::service_fn(move |_: Request<Full<Bytes>>| handle(behind.clone())));
    Arc::new(move |request| {
        let (service, world) = (service.clone(), doubting.clone());
        Box::pin(async move {
            let Ok(answer) = service.oneshot(request.map(Full::new)).await;
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let doubt = world.has(Bug::ShopServesInDoubt) && parts.status == StatusCode::BAD_GATEWAY;
            if doubt && world.weave.dice().chance(DOUBT_PER_MILLE) {
                let Ok(answer) = handle(world).await;
                return Response::new(
                    answer.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default(),
                );
            }
            Response::from_parts(parts, body)
        })
    })
}

/// What is sold: an answer that says which run of the handler it is from.
async fn handle(world: Arc<World>) -> Result<Response<Full<Bytes>>, Infallible> {
    let run = world.log.run();
    world.clock().sleep(world.weave.dice().between(1, HANDLER_MS)).await;
    let mut answer = Response::new(Full::new(Bytes::from(format!("run {run}"))));
    if !world.is_calm() && world.weave.dice().chance(world.storm.handler_fails_per_mille) {
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(answer)
}

/// The shop's way to its facilitator.
struct OverWire {
    wire: Arc<Wire>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Transport for OverWire {
    async fn call(&self, call: Call) -> Result<Answer, Trouble> {
        let body = call.body.as_ref().map_or_else(Bytes::new, |json| Bytes::from(json.as_str().to_owned()));
        let mut request = Request::new(body);
        *request.method_mut() = call.method;
        let uri = call.url.as_str().parse();
        *request.uri_mut() = uri.map_err(|_| Trouble::before("no address"))?;
        *request.headers_mut() = call.headers;
        let limit = u64::try_from(call.limit.as_millis()).unwrap_or(u64::MAX);
        let sent = pin!(self.wire.send(facilitator::HOST, request));
        match select(sent, pin!(self.clock.sleep(limit))).await {
            Either::Left((Ok(answer), _)) => {
                let status = answer.status();
                Ok(Answer { status, body: answer.into_body().to_vec(), retry_after: None })
            }
            Either::Left((Err(broken), _)) if broken.sent => {
                Err(Trouble::after(Code::Unreachable, "the connection broke"))
            }
            Either::Left(_) => Err(Trouble::before("no connection")),
            Either::Right(_) => Err(Trouble::after(Code::TimedOut, "no answer in time")),
        }
    }
}
