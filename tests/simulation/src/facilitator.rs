//! The side that settles: our own facilitator, behind its own router.

use crate::bug::Bug;
use crate::disk::Disk;
use crate::mistakes::{NewKeys, settled_says_the_liar};
use crate::wire::{Listening, Server};
use crate::world::World;
use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use std::sync::Arc;
use tollway_core::{Clock, Handle, Registry, Result, Role};
use tollway_evm::sim::SimEvm;
use tollway_evm::{Evm, FAMILY};
use tollway_http::Facilitator;
use tollway_http::tasks::Tasks;
use tollway_testkit::sim::SimNode;
use tower::ServiceExt;

/// Under which name the facilitator is known; its process too.
pub(crate) const HOST: &str = "facilitator.example";
/// A facilitator that lies does so in so many of a thousand settlements.
const LIES_PER_MILLE: u16 = 30;
/// The pause between two tries to begin where an earlier life has ended.
const RECOVER_MS: u64 = 1_000;

/// Starts the facilitator's process. It listens until what comes back is dropped.
pub(crate) fn start(world: &Arc<World>) -> Result<Listening> {
    let (clock, spawn) = (world.clock(), world.weave.spawner(HOST));
    if world.has(Bug::FacilitatorForgets) {
        *world.facilitator() = Disk::new(None, world.weave.dice().fork("new disk"));
    }
    let disk = world.facilitator().clone();
    let ledger = world.ledger(&disk);
    let node = world.node(ledger.clone()).sender(world.facilitator_key())?.build();
    let evm: Arc<dyn Evm> = Arc::new(SimEvm::new(node.clone())?);
    let evm: Arc<dyn Evm> = match world.has(Bug::SettlerSendsUnderNewKeys) {
        true => Arc::new(NewKeys::new(evm, clock.clone())),
        false => evm,
    };
    let registry = Registry::builder()
        .family(FAMILY)
        .with(tollway_exact_eip3009::ENTRY)
        .network(Handle::new::<dyn Evm>(evm.clone(), evm))
        .role(Role::Settler)
        .build(ledger.clone(), clock.clone(), world.dice())?;
    let facilitator = Facilitator::builder(HOST, Arc::new(registry), ledger, clock.clone())
        .tasks(Tasks::on(move |job| spawn(job), clock.clone()))
        .build()?;
    world.weave.spawn(HOST, recover(facilitator.clone(), node, clock));
    Ok(world.wire.listen(HOST, serve(world, &facilitator)))
}

async fn recover(facilitator: Facilitator, node: Arc<SimNode>, clock: Arc<dyn Clock>) {
    while node.recover().await.is_err() {
        clock.sleep(RECOVER_MS).await;
    }
    while facilitator.recover().await.is_err() {
        clock.sleep(RECOVER_MS).await;
    }
}

fn serve(world: &Arc<World>, facilitator: &Facilitator) -> Server {
    let (router, world) = (facilitator.router(), world.clone());
    Arc::new(move |request| {
        let (router, world) = (router.clone(), world.clone());
        Box::pin(async move {
            let lies = world.has(Bug::FacilitatorLies) && request.uri().path() == "/settle";
            if lies
                && world.weave.dice().chance(LIES_PER_MILLE)
                && let Some(lie) = settled_says_the_liar(request.body())
            {
                return lie;
            }
            let Ok(answer) = router.oneshot(request.map(Body::from)).await;
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes());
            Response::from_parts(parts, body.unwrap_or_else(|_| Bytes::new()))
        })
    })
}
