//! The edge of HTTP as a server sees it: HEAD and OPTIONS, caches, sizes, bodies that stream, layers around the paywall.

mod server_common;

use axum::Router;
use axum::routing::{any, get as on_get};
use http::{HeaderMap, Method, StatusCode};
use server_common::*;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollway_core::{Flow, Version};
use tollway_http::codec::{self, Limits};
use tollway_http::server::{
    Methods, Origins, PaywallBuilder, Priced, cors_request_headers, cors_response_headers,
};
use tollway_route::Rail;
use tower::ServiceExt;
use tower_http::cors::{Any, CorsLayer};

fn shop(world: &World, runs: &Arc<Counter>, set: impl FnOnce(PaywallBuilder) -> PaywallBuilder) -> Router {
    let one = || Priced::fixed(cents(1), rails());
    let builder = world.builder().route(Method::GET, "/a", one()).route(Methods::any(), "/all", one());
    let paywall = set(builder.route([Method::GET, Method::HEAD], "/heads", one())).build().unwrap();
    // The worst that can stand behind: it serves every method.
    Router::new().fallback_service(counting(runs, "goods")).layer(paywall)
}

#[tokio::test]
async fn a_head_is_told_the_price_and_options_are_free() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let app = shop(&world, &runs, |set| set);
    // Method, path, paid with a fresh payment; then status, the code in the challenge, runs of the handler, settlements.
    for (method, path, pays, status, code, ran, settled) in [
        ("HEAD", "/a", false, 402, None, 0, 0),
        ("HEAD", "/a", true, 402, Some("head_not_charged"), 0, 0),
        ("head", "/a", true, 402, Some("head_not_charged"), 0, 0),
        ("HEAD", "/all", true, 402, Some("head_not_charged"), 0, 0),
        ("HEAD", "/heads", false, 402, None, 0, 0),
        ("HEAD", "/heads", true, 200, None, 1, 1),
        ("HEAD", "/free", false, 200, None, 1, 0),
        ("OPTIONS", "/all", false, 204, None, 0, 0),
        ("OPTIONS", "/all", true, 204, None, 0, 0),
        ("OPTIONS", "/a", true, 200, None, 1, 0),
        ("OPTIONS", "/free", false, 200, None, 1, 0),
        ("GET", "/a", true, 200, None, 1, 1),
    ] {
        let before = (runs.load(Ordering::SeqCst), world.knobs.settles());
        let priced = if path == "/free" { "/a" } else { path };
        let payment = pay(&get(priced).to(&app).await, 0, &format!("{method}{path}"));
        let ask = get(path).method(Method::from_bytes(method.as_bytes()).unwrap());
        let reply = if pays { ask.pays(&payment) } else { ask }.to(&app).await;
        let row = format!("{method} {path} {pays}");
        assert_eq!(reply.status.as_u16(), status, "{row}");
        assert_eq!(reply.error().map(|c| c.to_string()).as_deref(), code, "{row}");
        let after = (runs.load(Ordering::SeqCst), world.knobs.settles());
        assert_eq!((after.0 - before.0, after.1 - before.1), (ran, settled), "{row}");
        if method.eq_ignore_ascii_case("head") && path != "/free" {
            assert!(reply.body.is_empty(), "{row}");
            let length: usize = reply.header("content-length").unwrap().parse().unwrap();
            let whole = get(priced).to(&app).await.body.len();
            assert!(status == 200 || code.is_some() || length == whole, "{row}: {length} {whole}");
        }
        // What a HEAD brought along was not even looked at: it is still good.
        if code.is_some() {
            let bought = get(path).pays(&payment).to(&app).await;
            assert_eq!(bought.status, StatusCode::OK, "{row}");
        }
    }
}

/// A rail on the chain without a v1 name.
fn only_v2(timeout_s: u64) -> Rail {
    Rail { timeout_s, ..rail(2, Flow::Authorization) }
}

#[tokio::test]
async fn a_challenge_too_long_for_a_header_is_in_the_body() {
    let world = World::new();
    let both = || vec![only_v2(60), only_v2(120)];
    let long = format!("/a?q={}", "x".repeat(7_000));
    let app_of = |rails: Vec<Rail>, max: usize| {
        let builder = world.builder().challenge_header_bytes_max(max);
        let paywall = builder.everything(Priced::fixed(cents(1), rails)).build().unwrap();
        Router::new().fallback(any(|| async { "goods" })).layer(paywall)
    };
    let (all, most, none) = (6 << 10, usize::MAX, 0);
    // Rails, address, budget (`most`: a byte less than all of them take); then entries in the header, and version and
    // entries of the body.
    for (rails, uri, max, in_header, body) in [
        (rails(), "/a", all, Some(2), Some((Version::V1, 1))),
        (rails(), "/a", most, Some(1), Some((Version::V1, 1))),
        (rails(), "/a", none, None, Some((Version::V1, 1))),
        (rails(), &long, all, None, Some((Version::V1, 1))),
        (both(), "/a", all, Some(2), None),
        (both(), "/a", most, Some(1), Some((Version::V2, 2))),
        (both(), "/a", none, None, Some((Version::V2, 2))),
        (both(), &long, all, None, Some((Version::V2, 2))),
    ] {
        let whole = get(uri).to(&app_of(rails.clone(), usize::MAX)).await;
        let whole = whole.header("payment-required").unwrap().len();
        let max = if max == most { whole - 1 } else { max };
        let app = app_of(rails, max);
        let reply = get(uri).to(&app).await;
        let row = format!("{max} {:.9} {in_header:?} {body:?}", uri);
        assert_eq!(reply.status, StatusCode::PAYMENT_REQUIRED, "{row}");
        assert_eq!(reply.challenge().map(|c| c.accepts.len()), in_header, "{row}");
        let header = reply.header("payment-required").unwrap_or("");
        assert!(header.len() <= max, "{row}: {}", header.len());
        let families = world.gate().registry().families().to_vec();
        let read = |headers: &HeaderMap| {
            codec::read_challenge(headers, &reply.body, &families, &Limits::DEFAULT).unwrap()
        };
        // Without the header the body speaks, also to our own client.
        let told = read(&HeaderMap::new()).map(|c| (c.version, c.accepts.len()));
        assert_eq!(told, body, "{row}: {}", reply.text());
        let entries = read(&reply.headers).unwrap().accepts.len();
        assert_eq!(entries, in_header.or(body.map(|b| b.1)).unwrap(), "{row}");
        if let Some((Version::V2, _)) = body {
            // What stands only in the body is honoured too.
            let raw = read(&HeaderMap::new()).unwrap().accepts[1].raw.value();
            let payment = serde_json::json!({
                "x402Version": 2, "accepted": raw, "payload": payload(10_000, &row),
            });
            let payment = codec::encode(&tollway_core::Json::of(&payment));
            assert_eq!(get(uri).pays(&payment).to(&app).await.text(), "goods", "{row}");
        }
    }
}

#[tokio::test]
async fn no_shared_cache_keeps_an_answer() {
    let world = World::new();
    let public = || async {
        let headers = [
            ("cache-control", "public, max-age=600, s-maxage=600"),
            ("cdn-cache-control", "max-age=600"),
            ("cloudflare-cdn-cache-control", "public, max-age=600"),
            ("surrogate-control", "max-age=600"),
            ("x-accel-expires", "600"),
        ];
        (headers, "goods")
    };
    let failing =
        || async { (StatusCode::NOT_FOUND, [("cache-control", "public"), ("cdn-cache-control", "a")]) };
    let one = || Priced::fixed(cents(1), rails());
    let paywall = world.builder().route(Method::GET, "/a", one()).route(Method::GET, "/none", one());
    let app = Router::new()
        .route("/a", on_get(public))
        .route("/none", on_get(failing))
        .route("/free", on_get(public))
        .layer(paywall.build().unwrap());
    let asked = get("/a").to(&app).await;
    let good = pay(&asked, 0, "n");
    let rows = [
        ("asked", asked.clone(), 402, "no-store"),
        ("refused", get("/a").pays("junk").to(&app).await, 402, "no-store"),
        ("too large", get("/a").pays(&"A".repeat(70_000)).to(&app).await, 431, "no-store"),
        ("ambiguous", get("/a;x").to(&app).await, 400, "no-store"),
        ("moved", get("//a").pays(&good).to(&app).await, 308, "no-store"),
        ("head", get("/a").method(Method::HEAD).to(&app).await, 402, "no-store"),
        ("failed", get("/none").pays(&pay(&asked, 0, "f")).to(&app).await, 404, "private"),
        ("paid", get("/a").pays(&good).to(&app).await, 200, "private, max-age=600"),
        ("paid before", get("/a").pays(&good).to(&app).await, 200, "private, max-age=600"),
    ];
    for (what, reply, status, cache) in rows {
        assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (status, Some(cache)), "{what}");
        let vary = reply.header("vary").unwrap();
        assert!(vary.contains("PAYMENT-SIGNATURE") && vary.contains("X-PAYMENT"), "{what}: {vary}");
        for name in
            ["cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "x-accel-expires"]
        {
            assert_eq!(reply.header(name), None, "{what}");
        }
    }
    let free = get("/free").to(&app).await;
    assert_eq!(free.header("surrogate-control"), Some("max-age=600"), "what is free is the service's own");
    assert_eq!(free.header("vary"), None);
}

/// Repeats whatever it is given, so often.
#[derive(Clone)]
struct Again(usize);
impl tower::retry::Policy<Ask, Reply, Infallible> for Again {
    type Future = Ready<()>;
    fn retry(&mut self, _: &mut Ask, _: &mut Result<Reply, Infallible>) -> Option<Ready<()>> {
        self.0 = self.0.checked_sub(1)?;
        Some(ready(()))
    }
    fn clone_request(&mut self, ask: &Ask) -> Option<Ask> {
        Some(ask.clone())
    }
}

#[tokio::test]
async fn a_layer_in_front_that_repeats_is_served_once() {
    let world = World::new();
    let runs = Arc::<Counter>::default();
    let one = || Priced::fixed(cents(1), rails());
    let paywall = world.builder().everything(one()).build().unwrap();
    let count = runs.clone();
    let sometimes = move |uri: http::Uri| {
        let n = count.fetch_add(1, Ordering::SeqCst);
        let fails = uri.path() == "/first-fails" && n == 0;
        async move { if fails { (StatusCode::BAD_GATEWAY, "") } else { (StatusCode::OK, "goods") } }
    };
    let app = Router::new().fallback(any(sometimes)).layer(paywall);
    for (path, method, ran) in
        [("/good", Method::GET, 1), ("/good", Method::POST, 1), ("/first-fails", Method::POST, 2)]
    {
        runs.store(0, Ordering::SeqCst);
        let before = world.knobs.settles();
        let good = pay(&get(path).to(&app).await, 0, &format!("{path}{method}"));
        let inner = tower::service_fn(|ask: Ask| {
            let app = app.clone();
            async move { Ok::<_, Infallible>(ask.to(&app).await) }
        });
        let ask = get(path).method(method).body("b").pays(&good);
        let reply = tower::retry::Retry::new(Again(4), inner).oneshot(ask).await.unwrap();
        assert_eq!((reply.status, reply.text()), (StatusCode::OK, "goods"), "{path}");
        assert!(reply.receipt().unwrap().1.success);
        assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles() - before), (ran, 1), "{path}");
    }
}

#[tokio::test]
async fn a_cors_layer_around_us_is_the_operators_word() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let bare = || CorsLayer::new().allow_origin(Any).allow_headers(cors_request_headers());
    // Whose word it is; then what a page of another origin is told.
    let rows = [
        ("nobody's", shop(&world, &runs, |set| set), None, None),
        (
            "ours",
            shop(&world, &runs, |set| set.allow_origins(Origins::Any)),
            Some("*"),
            Some("payment-signature"),
        ),
        ("theirs", shop(&world, &runs, |set| set).layer(bare()), Some("*"), Some("payment-signature")),
        (
            "theirs, exposing",
            shop(&world, &runs, |set| set).layer(bare().expose_headers(cors_response_headers())),
            Some("*"),
            Some("payment-signature"),
        ),
        (
            "both",
            shop(&world, &runs, |set| set.allow_origins(Origins::Any)).layer(bare()),
            Some("*"),
            Some("payment-signature"),
        ),
    ];
    for (whose, app, origin, allowed) in rows {
        let page = |ask: Ask| ask.with("origin", "https://app.test");
        let preflight = page(get("/a").method(Method::OPTIONS))
            .with("access-control-request-method", "GET")
            .with("access-control-request-headers", "payment-signature");
        let told = preflight.to(&app).await;
        let names = told.header("access-control-allow-headers").map(str::to_ascii_lowercase);
        assert_eq!(told.header("access-control-allow-origin"), origin, "{whose}");
        assert_eq!(names.is_some_and(|n| n.contains("payment-signature")), allowed.is_some(), "{whose}");
        let asked = page(get("/a")).to(&app).await;
        let paid = page(get("/a")).pays(&pay(&asked, 0, whose)).to(&app).await;
        for (reply, status) in [(asked, 402), (paid, 200)] {
            assert_eq!(reply.status.as_u16(), status, "{whose}");
            assert_eq!(reply.header("access-control-allow-origin"), origin, "{whose}");
            let exposed = reply.header("access-control-expose-headers").unwrap().to_ascii_lowercase();
            for name in ["payment-required", "payment-response", "x-payment-response"] {
                assert!(exposed.split(',').any(|n| n.trim() == name), "{whose}: {exposed}");
            }
        }
    }
}

/// Serves it on loopback.
async fn serve(app: Router) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

/// What a socket says to these bytes.
async fn wire(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // The server may have had enough before all of it was sent.
    let _ = socket.write_all(bytes).await;
    let mut text = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut text)).await;
    String::from_utf8_lossy(&text).into_owned()
}

fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n{headers}\r\n{body}").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_stream_are_bounded() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let set = |set: PaywallBuilder| set.request_bytes_max(64).request_timeout(Duration::from_millis(500));
    let app = shop(&world, &runs, set);
    let good = pay(&get("/all").to(&app).await, 0, "n");
    let at = serve(app).await;
    let chunked = "Transfer-Encoding: chunked\r\n";
    let pays = format!("{chunked}Payment-Signature: {good}\r\n");
    let long = format!("40\r\n{}\r\n1\r\nx\r\n0\r\n\r\n", "x".repeat(64));
    // Headers, body; then the status: nothing but the last row may claim, run or settle anything.
    for (what, headers, body, status) in [
        ("unpaid, endless", chunked.to_owned(), "5\r\nhello\r\n", 402),
        ("paid, too long", pays.clone(), &long, 413),
        ("paid, said to be too long", pays.replace(chunked, "Content-Length: 65\r\n"), "", 413),
        ("paid, never ending", pays.clone(), "5\r\nhello\r\n", 408),
        ("paid, broken", pays.clone(), "5\r\nhelloXX", 400),
        ("paid, whole", pays.clone(), "5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", 200),
    ] {
        let text = wire(at, &request("POST /all", &headers, body)).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{what}: {text}");
        let done = usize::from(status == 200);
        assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (done, done), "{what}");
    }
    // In other pieces it is the same request, and another body is another one.
    let again = wire(at, &request("POST /all", &pays, "a\r\nhelloworld\r\n0\r\n\r\n")).await;
    assert!(again.starts_with("HTTP/1.1 200"), "{again}");
    let other = wire(at, &request("POST /all", &pays, "5\r\nhello\r\n0\r\n\r\n")).await;
    assert!(other.starts_with("HTTP/1.1 402"), "{other}");
    assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_without_payment_hears_the_price() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let at = serve(shop(&world, &runs, |set| set)).await;
    for (bytes, status) in [(10, 402), (100 << 10, 402), (1 << 20, 402)] {
        for _ in 0..5 {
            let body = vec![b'x'; bytes];
            let answer = reqwest::Client::new().post(format!("http://{at}/all")).body(body).send().await;
            assert_eq!(answer.unwrap().status().as_u16(), status, "{bytes}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_too_large_are_not_read() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let app = shop(&world, &runs, |set| set);
    let good = pay(&get("/a").to(&app).await, 0, "n");
    let at = serve(app).await;
    let lines = |n: usize| (0..n).map(|i| format!("X-{i}: y\r\n")).collect::<String>();
    for (what, headers, status) in [
        ("a payment above our limit", format!("Payment-Signature: {}\r\n", "A".repeat(65 << 10)), 431),
        ("its twin of v1", format!("X-Payment: {}\r\n", "A".repeat(65 << 10)), 431),
        ("more than the transport reads", format!("Payment-Signature: {}\r\n", "A".repeat(1 << 20)), 431),
        ("too many of them", format!("{}Payment-Signature: {good}\r\n", lines(200)), 431),
        ("below our limit", format!("Payment-Signature: {}\r\n", "A".repeat(60 << 10)), 402),
        ("an honest one among many", format!("{}Payment-Signature: {good}\r\n", lines(50)), 200),
    ] {
        let text = wire(at, &request("GET /a", &headers, "")).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{what}: {:.200}", text);
        let done = usize::from(status == 200);
        assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (done, done), "{what}");
    }
    // Over HTTP/2 the transport's own bound is 16 KiB.
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    for (bytes, status) in [(8 << 10, 402), (32 << 10, 431)] {
        let ask = client.get(format!("http://{at}/a")).header("payment-signature", "A".repeat(bytes));
        assert_eq!(ask.send().await.unwrap().status().as_u16(), status, "{bytes}");
    }
}
