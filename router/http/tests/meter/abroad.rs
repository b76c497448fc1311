//! A shop that has somebody else's facilitator settle, over HTTP.

use crate::world::*;
use crate::{shelf, tab};
use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_http::meter::Meter;
use tollway_http::{Facilitator, RemoteFacilitator};

/// A facilitator with books of its own, which answers `why` while it is told so; its address.
async fn facilitator(world: &World, why: Error, told: Arc<AtomicBool>) -> String {
    let theirs = World { ledger: Arc::new(MemoryLedger::new()), ..world.clone() };
    let (registry, _) = theirs.registry();
    let builder = Facilitator::builder("theirs", registry, theirs.ledger.clone(), Arc::new(Wall));
    let facilitator = builder.settled_by(theirs.unwilling(why, told)).build().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { facilitator.serve(listener, std::future::pending()).await });
    address
}

/// Its key is with another process just then, its purse is empty, its own rules forbid it: it comes back.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_is_settled_once_a_facilitator_is_over_its_own_trouble() {
    for why in [
        Error::new(Code::NoSigner, Blame::Settler, Next::Later),
        Error::new(Code::InsufficientFunds, Blame::Settler, Next::Later),
        Error::caller(Code::PolicyDenied),
        Error::payer(Code::Other("somebodys_own_word".into())),
    ] {
        let (world, told) = (World::new(), Arc::new(AtomicBool::new(true)));
        let base = facilitator(&world, why.clone(), told.clone()).await;
        let (sells, _) = World { entry: tab::SELLS, ..world.clone() }.registry();
        let remote = RemoteFacilitator::builder(&base, sells, Arc::new(Wall)).build().unwrap();
        let paywall = world.paywall_at(world.gate_by(Arc::new(remote), 100), |set| set);
        let handler =
            get(|Extension(m): Extension<Meter>| async move { shelf::events(shelf::chunks(&m, 9, 100)) });
        let (at, _) = serve(Router::new().route("/a", handler).layer(paywall)).await;
        let client = world.client();
        let mut reading = Reader::new(client.get(format!("http://{at}/a")).await.unwrap());
        assert_eq!(reading.rest().await, (9, true), "{why}");
        // It is tried again all the while, so it stands as owed between two tries.
        assert_eq!((world.takings(), world.open_visits().await), (0, 1), "{why}: let go");
        until(async || world.noted().await == 900).await;
        told.store(false, Ordering::SeqCst);
        until(async || world.takings() == 900).await;
        until(async || world.open_visits().await == 0).await;
        assert_eq!(reading.payment.paid().await.unwrap().charged.atomic, 900);
    }
}
