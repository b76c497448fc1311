//! Reverse proxies that send a request more than once, before two servers that share a ledger: paid once, served once.

use axum::Router;
use axum::extract::State;
use axum::routing::any;
use http::{Method, Uri};
use std::sync::Arc;
use tollway::core::{Role, Usd};
use tollway::evm::LocalKey;
use tollway::http::client::{ClientSettings, PayingClient};
use tollway::http::server::Methods;
use tollway::route::Policy;
use tollway_e2e::Outcome;
use tollway_e2e::shop::Runs;
use tollway_e2e::world::HouseKeys;
use tollway_edge::scene::Scene;
use tollway_edge::serve;
use tollway_edge::twice::{Habit, Twice};

async fn handle(State(runs): State<Runs>, method: Method, uri: Uri) -> String {
    format!("run {}", runs.count(&method, &uri))
}

/// A server, under a name of its own, over the ledger that all of them share.
async fn replica(scene: &Scene, name: &str, runs: &Runs) -> Outcome<String> {
    let house = scene.seller(name, "shops").await?;
    let paywall = scene.counter(&house)?.route(Methods::any(), "/{*all}", scene.cent()?).build()?;
    serve(Router::new().fallback(any(handle)).with_state(runs.clone()).layer(paywall)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_that_repeat_neither_pay_nor_serve_twice() -> Outcome {
    let (scene, runs) = (Scene::set().await?, Runs::default());
    let shops = [replica(&scene, "one", &runs).await?, replica(&scene, "two", &runs).await?];
    let key = Arc::new(LocalKey::from_hex(scene.payer())?);
    let keys = HouseKeys { payer: Some(key), ..HouseKeys::default() };
    let purse = scene.world.house("purse", Role::Payer, &keys).await?;
    let router =
        purse.router(Policy { cap: Some(Usd::parse("0.05")?), allow_mainnet: true, ..Policy::default() });
    let client = |http| PayingClient::new(http, router.clone(), ClientSettings::default());
    let one = client(reqwest::Client::builder())?;
    let two = client(reqwest::Client::builder().http2_prior_knowledge())?;
    let mut bought = 0;
    for habit in [Habit::Mirrors, Habit::NextUpstream, Habit::SameAgain, Habit::Compares] {
        let proxy = Twice::start([&shops[0], &shops[1]], habit).await?;
        for (n, method) in [Method::GET, Method::POST, Method::GET, Method::PUT].into_iter().enumerate() {
            let path = format!("/{habit:?}?n={n}");
            let client = if n % 2 == 0 { &one } else { &two };
            let request = client.request(method.clone(), format!("{}{path}", proxy.url)).body("b").build()?;
            let answer = client.execute(request).await?;
            assert!(answer.paid().is_some(), "{habit:?} {method}: {:?}", answer.standing);
            assert_eq!(answer.response.text().await?, "run 1", "{habit:?} {method}");
            bought += 1;
            assert_eq!(runs.of(&format!("{method} {path}")), 1, "{habit:?} {method}");
            assert_eq!((runs.total(), scene.settled().await?), (bought, bought), "{habit:?} {method}");
        }
        // Twice for the price, twice for the payment, and again where it was still in flight.
        assert!(proxy.sent() >= 4 * 4, "{habit:?}: it repeated nothing");
    }
    let books = router.attempts().await?;
    assert_eq!(books.len(), bought, "one signature for each");
    Ok(())
}
