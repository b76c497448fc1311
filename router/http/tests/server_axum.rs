//! Odd ways to write a request's target, as bytes on a socket, with axum's own router below: none gets around the price.

mod server_common;

use axum::Router;
use axum::extract::Path;
use axum::routing::get as on_get;
use http::Method;
use server_common::*;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollway_http::server::Priced;

/// What is sold says so; what is free says that.
async fn shop(world: &World, runs: &Arc<Counter>) -> SocketAddr {
    let one = || Priced::fixed(cents(1), rails());
    let paywall = world
        .builder()
        .route(Method::GET, "/weather", one())
        .route(Method::GET, "/items/{id}", one())
        .route(Method::GET, "/files/secret/{*rest}", one())
        .route(Method::GET, "/v1/report", one())
        .build()
        .unwrap();
    let sold = || counting(runs, "goods");
    let named = |Path(name): Path<String>| async move {
        let secret = name.starts_with("secret/");
        if secret { format!("goods {name}") } else { "free".to_owned() }
    };
    let app = Router::new()
        .route("/weather", sold())
        .route("/items/{id}", sold())
        .route("/files/{*rest}", on_get(named))
        .nest("/v1", Router::new().route("/report", sold()).route("/about", on_get(|| async { "free" })))
        .route("/free", on_get(|| async { "free" }))
        .layer(paywall);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

async fn ask(at: SocketAddr, target: &str, host: &str, payment: Option<&str>) -> (u16, String) {
    let mut socket = TcpStream::connect(at).await.unwrap();
    let pays = payment.map(|p| format!("Payment-Signature: {p}\r\n")).unwrap_or_default();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{pays}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    let _ = socket.read_to_end(&mut text).await;
    let text = String::from_utf8_lossy(&text).into_owned();
    (text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_target_gets_around_the_price() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let at = shop(&world, &runs).await;
    let price = |n: u64| pay_of(at, n);
    // A target; its answer without a payment, and with one that is good for `/weather`.
    for (n, (target, unpaid, paid)) in (0u64..).zip([
        ("/%77eather", 402, 308),
        ("/%57eather", 402, 308),
        ("/%77%65%61%74%68%65%72", 402, 308),
        ("/%2577eather", 400, 400),
        ("//weather", 402, 308),
        ("///weather", 402, 308),
        ("/./weather", 402, 308),
        ("/%2e/weather", 402, 308),
        ("/free/../weather", 402, 308),
        ("/free/%2e%2e/weather", 402, 308),
        ("/free/.%2e/weather", 402, 308),
        ("/../weather", 402, 308),
        ("/weather/../free", 404, 404),
        ("/weather/.", 402, 308),
        ("/weather/..", 404, 404),
        ("/weather//", 402, 308),
        ("/weather;v=1", 400, 400),
        ("/weather;", 400, 400),
        ("/;/weather", 400, 400),
        ("/free/..;/weather", 400, 400),
        ("/weather%2f", 400, 400),
        ("/weather%2F..%2Ffree", 400, 400),
        ("/free%2f..%2fweather", 400, 400),
        ("/weather%5c", 400, 400),
        ("/weather%00", 400, 400),
        ("/weather%20", 404, 404),
        ("/weather.json", 404, 404),
        // Another spelling that the paywall takes for the same: axum has no such route, so nothing is charged.
        ("/weather/", 402, 404),
        ("/WEATHER", 402, 404),
        ("/Weather", 402, 404),
        ("/v1//report", 402, 308),
        ("/v1/about/../report", 402, 308),
        ("//v1/report", 402, 308),
        ("/V1/report", 402, 404),
        ("/items/%2e%2e/weather", 402, 308),
        ("/items//x", 402, 308),
        ("/items/x%2fy", 400, 400),
        ("/files/secret%2f1", 400, 400),
        ("/files/x/../secret/1", 402, 308),
        ("/files/%73ecret/1", 402, 308),
        ("/files//secret/1", 402, 308),
        ("/files/secret/../secret/1", 402, 308),
        ("http://shop.test/%77eather", 402, 308),
        ("http://shop.test//weather", 402, 308),
        ("http://shop.test/free/../weather", 402, 308),
        ("http://other.test/weather", 400, 400),
        ("http://me@shop.test/weather", 400, 400),
        ("HTTP://SHOP.TEST:80//weather", 402, 308),
        ("http://shop.test/weather;a", 400, 400),
        ("*", 404, 404),
        ("weather", 404, 404),
        ("shop.test/weather", 400, 400),
    ]) {
        let payment = price(n).await;
        for (payment, status) in [(None, unpaid), (Some(payment.as_str()), paid)] {
            let (found, text) = ask(at, target, "shop.test", payment).await;
            assert!(!text.contains("goods"), "{target}: {text}");
            assert_eq!(found, status, "{target} {}: {text}", payment.is_some());
        }
        assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (0, 0), "{target}");
    }
}

/// A payment for the plain path, under a nonce of its own.
async fn pay_of(at: SocketAddr, n: u64) -> String {
    let (_, text) = ask(at, "/weather", "shop.test", None).await;
    let line = text.lines().find_map(|l| l.strip_prefix("payment-required: ")).unwrap();
    let headers = http::HeaderMap::from_iter([(
        http::HeaderName::from_static("payment-required"),
        http::HeaderValue::from_str(line).unwrap(),
    )]);
    let reply = Reply { status: http::StatusCode::PAYMENT_REQUIRED, headers, body: Default::default() };
    pay(&reply, 0, &format!("n{n}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_write_it_that_is_served_is_paid_once() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let at = shop(&world, &runs).await;
    // A target that is served, and another that is the same request or another one.
    for (n, (first, second, same)) in (0u64..).zip([
        ("/weather", "http://shop.test/weather", true),
        ("http://shop.test:80/weather", "/weather", true),
        ("HTTP://SHOP.TEST./weather", "/weather", true),
        ("/weather?a=1&b=2", "http://shop.test/weather?a=1&b=2", true),
        ("/weather#x", "/weather", true),
        ("/weather?a=1&b=2", "/weather?b=2&a=1", false),
        ("/weather?a=1", "/weather?%61=1", false),
        ("/weather", "/weather?", false),
        ("/weather?x=/../free", "/weather?x=", false),
        ("/items/1", "/items/2", false),
        ("/items/caf%C3%A9", "/items/cafe", false),
    ]) {
        let payment = pay_of(at, n).await;
        let (status, text) = ask(at, first, "shop.test", Some(&payment)).await;
        assert!(status == 200 && text.ends_with("goods"), "{first}: {text}");
        let before = (runs.load(Ordering::SeqCst), world.knobs.settles());
        let (status, text) = ask(at, second, "shop.test", Some(&payment)).await;
        assert_eq!(
            (status, text.ends_with("goods")),
            if same { (200, true) } else { (402, false) },
            "{second}: {text}"
        );
        assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), before, "{second}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_2_it_is_the_same() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let at = shop(&world, &runs).await;
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    // reqwest resolves dots itself, so these are what is left to be tried.
    for (target, status) in [
        ("/weather", 402),
        ("/%77eather", 402),
        ("//weather", 402),
        ("/weather;a", 400),
        ("/weather%2f", 400),
        ("/WEATHER", 402),
        ("/free", 200),
    ] {
        let answer = client.get(format!("http://{at}{target}")).send().await.unwrap();
        assert_eq!((answer.version(), answer.status().as_u16()), (http::Version::HTTP_2, status), "{target}");
        assert!(!answer.text().await.unwrap().contains("goods"), "{target}");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}
