//! Every rule of the paywall, each refusal beside an accepted twin.

mod server_common;

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use http::{HeaderMap, Method, StatusCode};
use server_common::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tollway_core::{Amount, Blame, Code, Error, Flow, Next, TxId, Version};
use tollway_http::server::{Origins, PaymentInfo, Priced};
use tollway_route::Tag;

fn shop(world: &World, runs: &Arc<Counter>) -> Router {
    let fixed = |n| Priced::fixed(cents(n), rails());
    let paywall = world
        .builder()
        .route([Method::GET, Method::POST], "/a", fixed(1))
        .route([Method::GET, Method::POST], "/b", fixed(1))
        .route(Method::GET, "/dear", fixed(500))
        .build()
        .unwrap();
    let handler = || counting(runs, "goods");
    Router::new().route("/a", handler()).route("/b", handler()).route("/dear", handler()).layer(paywall)
}

#[tokio::test]
async fn one_route_asks_in_both_versions() {
    let (world, runs) = (World::new(), Arc::default());
    let reply = get("/a").to(&shop(&world, &runs)).await;
    assert_eq!(reply.status, StatusCode::PAYMENT_REQUIRED);
    let v2 = reply.challenge().unwrap();
    assert_eq!((v2.version, v2.accepts.len(), v2.error), (Version::V2, 2, None));
    assert_eq!(v2.resource.unwrap().value()["url"], "https://shop.test/a");
    let v1: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((&v1["x402Version"], &v1["accepts"][0]["network"]), (&1.into(), &"sim-one".into()));
    assert_eq!(v1["accepts"][0]["resource"], "https://shop.test/a");
    assert_eq!(v1["accepts"].as_array().unwrap().len(), 1, "the other chain has no v1 name");
    // Where no chain has one, the body is v2's free one.
    let only = Priced::fixed(cents(1), vec![rail(2, Flow::Authorization)]);
    let paywall = world.builder().everything(only).build().unwrap();
    let app = Router::new().fallback_service(counting(&runs, "x")).layer(paywall);
    let reply = get("/").to(&app).await;
    assert_eq!((reply.challenge().unwrap().accepts.len(), reply.text()), (1, "{}"));
}

#[tokio::test]
async fn a_payment_is_answered_in_its_version() {
    let (world, runs) = (World::new(), Arc::default());
    let app = shop(&world, &runs);
    let asked = get("/a").to(&app).await;
    for (at, network) in [(0, "sim:1"), (1, "sim:2")] {
        let paid = get("/a").pays(&pay(&asked, at, &format!("n{at}"))).to(&app).await;
        assert_eq!((paid.status, paid.text()), (StatusCode::OK, "goods"));
        let (version, receipt) = paid.receipt().unwrap();
        assert_eq!((version, receipt.success, receipt.network.as_str()), (Version::V2, true, network));
        assert_eq!((receipt.transaction.as_str(), receipt.amount.as_deref()), ("0xfeed", Some("10000")));
        assert!(paid.header("x-payment-response").is_none());
    }
    let paid = get("/a").with("x-payment", &pay_v1(10_000, "v1")).to(&app).await;
    let (version, receipt) = paid.receipt().unwrap();
    assert_eq!((paid.status, version, receipt.network.as_str()), (StatusCode::OK, Version::V1, "sim-one"));
    assert!(paid.header("payment-response").is_none());
    assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (3, 3));
}

#[tokio::test]
async fn what_cannot_be_read_is_asked_again() {
    let (world, runs) = (World::new(), Arc::default());
    let app = shop(&world, &runs);
    let good = pay(&get("/a").to(&app).await, 0, "n");
    let rows = [
        (get("/a").pays("%%%"), 402, Some("invalid_payload")),
        (get("/a").pays(""), 402, Some("invalid_payload")),
        (get("/a").pays("e30="), 402, Some("invalid_payload")),
        (get("/a").pays(&good).pays(&good), 402, Some("invalid_payload")),
        (get("/a").pays(&good).with("x-payment", &good), 402, Some("invalid_payload")),
        (get("/a").with("x-payment", &good), 402, Some("invalid_x402_version")),
        (get("/a").pays(&pay_v1(10_000, "x")), 402, Some("invalid_x402_version")),
        (
            get("/a").with("x-payment", &pay_v1(9_999, "x")),
            402,
            Some("invalid_exact_evm_payload_authorization_value_mismatch"),
        ),
        (get("/dear").pays(&good), 402, Some("no_matching_requirements")),
        (get("/a").pays(&"A".repeat(64 * 1024 + 1)), 431, None),
        (get("/a").pays(&good).with("host", "a b"), 400, None),
        (get("/a").pays(&good).with("host", "x").with("host", "y"), 400, None),
    ];
    for (n, (ask, status, code)) in rows.into_iter().enumerate() {
        let reply = ask.to(&app).await;
        assert_eq!(reply.status.as_u16(), status, "row {n}: {}", reply.text());
        assert_eq!(reply.error().map(|c| c.to_string()).as_deref(), code, "row {n}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "row {n}");
    }
    assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (0, 0));
    assert_eq!(get("/a").pays(&good).to(&app).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_verifying_says() {
    let (world, runs) = (World::new(), Arc::default());
    let app = shop(&world, &runs);
    let good = pay(&get("/a").to(&app).await, 0, "n");
    let rows = [
        (Error::payer(Code::InsufficientFunds), 402, Some(Code::InsufficientFunds)),
        (Error::payer(Code::AllowanceRequired), 412, Some(Code::AllowanceRequired)),
        (
            Error::new(Code::Other("own".into()), Blame::Payer, Next::Never),
            402,
            Some(Code::Other("own".into())),
        ),
        (Error::network(Code::Unreachable).detail("https://key@node"), 502, None),
        (Error::settler(Code::InvalidAnswer), 502, None),
        (Error::us(Code::LedgerFailed), 500, None),
    ];
    for (error, status, code) in rows {
        *world.knobs.verify.lock().unwrap() = Some(error.clone());
        let reply = get("/a").pays(&good).to(&app).await;
        assert_eq!((reply.status.as_u16(), reply.error()), (status, code), "{error:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(!reply.text().contains("key@node") && reply.receipt().is_none());
    }
    *world.knobs.verify.lock().unwrap() = None;
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    assert_eq!(get("/a").pays(&good).to(&app).await.status, StatusCode::OK, "nothing was burnt");
}

#[tokio::test]
async fn what_settling_says() {
    let world = World { patience_ms: 50, ..World::new() };
    let runs = Arc::default();
    let app = shop(&world, &runs);
    let asked = get("/a").to(&app).await;
    let pending = Error::unknown(Code::TimedOut, Some(TxId("0xabc".to_owned())));
    let rows = [
        (Error::payer(Code::NonceUsed), 402, Code::NonceUsed, ""),
        (Error::network(Code::TransactionFailed).next(Next::Never), 402, Code::TransactionFailed, ""),
        (Error::network(Code::Unreachable), 502, Code::Unreachable, ""),
        (pending, 402, Code::SettlementPending, "0xabc"),
    ];
    for (n, (error, status, code, tx)) in rows.into_iter().enumerate() {
        *world.knobs.settle.lock().unwrap() = Some(error.clone());
        let good = pay(&asked, 0, &format!("n{n}"));
        let reply = get("/a").pays(&good).to(&app).await;
        let (_, receipt) = reply.receipt().unwrap();
        assert_eq!((reply.status.as_u16(), receipt.success), (status, false), "{error:?}");
        assert_eq!((receipt.error_reason, receipt.transaction.as_str()), (Some(code), tx));
        assert!(reply.challenge().is_none(), "whoever is told to wait must not sign again");
        assert!(!reply.text().contains("goods"));
        *world.knobs.settle.lock().unwrap() = None;
        let retry = get("/a").pays(&good).to(&app).await;
        let settled = if tx.is_empty() { 200 } else { 409 };
        assert_eq!(retry.status.as_u16(), settled, "a claim is released only when nothing was sent");
        assert_eq!(retry.header("retry-after").is_some(), settled == 409);
    }
}

#[tokio::test]
async fn a_header_is_for_one_request() {
    let (world, runs) = (World::new(), Arc::default());
    let app = shop(&world, &runs);
    let good = pay(&get("/a").to(&app).await, 0, "n");
    let post = || get("/a").method(Method::POST).body("body").pays(&good);
    let replays = [
        ("path", post_at("/b", "body")),
        ("method", get("/a").body("body")),
        ("query", post_at("/a?x", "body")),
        ("trailing slash", post_at("/a/", "body")),
        ("body", post_at("/a", "bodY")),
        ("host", post_at("/a", "body").with("host", "other.test")),
    ];
    assert_eq!(post().to(&app).await.status, StatusCode::OK);
    for (what, ask) in replays {
        let reply = ask.pays(&good).to(&app).await;
        assert_eq!(reply.error(), Some(Code::ReplayedPayment), "another {what}: {}", reply.status);
        assert_eq!(reply.status, StatusCode::PAYMENT_REQUIRED);
    }
    for host in ["shop.test", "SHOP.test:443", "shop.test."] {
        let again = post_at("/a", "body").with("host", host).pays(&good).to(&app).await;
        assert_eq!((again.status, again.text()), (StatusCode::OK, "goods"), "{host}");
    }
    assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (1, 1));
}

fn post_at(uri: &str, body: &str) -> Ask {
    get(uri).method(Method::POST).body(body)
}

/// What a handler does, by path.
fn misbehaving(world: &World) -> Router {
    let paywall = world
        .builder()
        .response_bytes_max(1000)
        .handler_timeout(Duration::from_millis(200))
        .everything(Priced::fixed(cents(1), rails()))
        .build()
        .unwrap();
    let broken = || {
        let parts = [Ok(axum::body::Bytes::from("half")), Err(std::io::Error::other("gone"))];
        Body::from_stream(futures::stream::iter(parts))
    };
    Router::new()
        .route("/good", on_get(|| async { "x".repeat(1000) }))
        .route("/large", on_get(|| async { "x".repeat(1001) }))
        .route("/moved", on_get(|| async { (StatusCode::FOUND, [("location", "/x")], "") }))
        .route("/missing", on_get(|| async { (StatusCode::NOT_FOUND, "none") }))
        .route(
            "/failing",
            on_get(|| async { (StatusCode::BAD_GATEWAY, [("payment-response", "e30=")], "own") }),
        )
        .route(
            "/panic",
            on_get(|| async {
                if true {
                    panic!("oh")
                }
            }),
        )
        .route("/slow", on_get(std::future::pending::<()>))
        .route("/broken", on_get(move || async move { broken() }))
        .layer(paywall)
}

#[tokio::test]
async fn only_what_is_served_is_charged() {
    let world = World::new();
    let app = misbehaving(&world);
    let asked = get("/good").to(&app).await;
    let rows = [
        ("/good", 200, true),
        ("/moved", 302, true),
        ("/large", 500, false),
        ("/missing", 404, false),
        ("/failing", 502, false),
        ("/panic", 500, false),
        ("/slow", 504, false),
        ("/broken", 500, false),
    ];
    for (path, status, charged) in rows {
        let before = world.knobs.settles();
        let good = pay(&asked, 0, path);
        let reply = get(path).pays(&good).to(&app).await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.text());
        assert_eq!(reply.receipt().is_some(), charged, "{path}");
        assert_eq!(world.knobs.settles() - before, usize::from(charged), "{path}");
        assert!(reply.header("cache-control").unwrap().contains("private"), "{path}");
        if !charged {
            let retry = get("/good").pays(&good).to(&app).await;
            assert_eq!(
                retry.status,
                StatusCode::OK,
                "{path}: the claim was released, for another request too"
            );
        }
    }
}

#[tokio::test]
async fn upfront_pays_first() {
    let world = World::new();
    let priced = Priced::fixed(cents(1), vec![rail(1, Flow::Upfront)]);
    let paywall = world.builder().everything(priced).build().unwrap();
    let app = Router::new()
        .route("/good", on_get(|| async { "goods" }))
        .route("/missing", on_get(|| async { (StatusCode::NOT_FOUND, "none") }))
        .layer(paywall);
    let asked = get("/good").to(&app).await;
    for (path, status, text) in [("/good", 200, "goods"), ("/missing", 404, "none")] {
        let good = pay(&asked, 0, path);
        for _ in 0..2 {
            let reply = get(path).pays(&good).to(&app).await;
            assert_eq!((reply.status.as_u16(), reply.text()), (status, text));
            assert!(reply.receipt().unwrap().1.success, "paid in any case");
        }
    }
    assert_eq!(world.knobs.settles(), 2);
    *world.knobs.settle.lock().unwrap() = Some(Error::network(Code::TransactionFailed).next(Next::Never));
    let reply = get("/good").pays(&pay(&asked, 0, "n3")).to(&app).await;
    assert_eq!((reply.status.as_u16(), reply.receipt().unwrap().1.success), (402, false));
}

#[tokio::test]
async fn handlers_see_the_payment_and_no_secret() {
    let world = World::new();
    let paywall = world.builder().everything(Priced::fixed(cents(2), rails())).build().unwrap();
    let handler = |headers: HeaderMap, axum::Extension(paid): axum::Extension<PaymentInfo>| async move {
        for name in ["payment-signature", "x-payment", "settlement-overrides"] {
            assert!(!headers.contains_key(name));
        }
        let over = [("settlement-overrides", r#"{"amount":"25%"}"#), ("extension-responses", "e30=")];
        (over, format!("{:?} {:?} {:?} {:?}", paid.payer, paid.amount, paid.requirement, paid.version))
    };
    let app = Router::new().route("/", on_get(handler)).layer(paywall);
    let asked = get("/").to(&app).await;
    let ask = get("/").pays(&pay(&asked, 1, "n")).with("settlement-overrides", r#"{"amount":"0"}"#);
    let reply = ask.to(&app).await;
    assert_eq!(reply.text(), "Some(sim:2:alice) 20000 of sim:2/usd Some(1) V2");
    assert!(reply.header("settlement-overrides").is_none() && reply.header("extension-responses").is_none());
    assert_eq!(*world.knobs.settled.lock().unwrap(), [5_000], "a metered handler took a quarter");
    assert_eq!(reply.receipt().unwrap().1.amount.as_deref(), Some("5000"));
}

#[tokio::test]
async fn no_rail_is_no_free_pass() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let app = shop(&world, &runs);
    let good = pay(&get("/a").to(&app).await, 0, "n");
    world.knobs.fee.store(6_000, Ordering::SeqCst);
    let reply = get("/a").to(&app).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        body["reasons"][0],
        serde_json::json!({"scheme": "toy", "network": "sim:1", "reason": "unprofitable"})
    );
    assert_eq!(reply.header("retry-after"), Some("2"));
    assert_eq!(get("/dear").to(&app).await.status, StatusCode::PAYMENT_REQUIRED, "a dear one is worth it");
    assert_eq!(get("/a").pays("junk").to(&app).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    assert_eq!(get("/a").pays(&good).to(&app).await.status, StatusCode::OK, "what was offered still stands");
}

#[tokio::test]
async fn a_cheap_request_does_not_pay_a_dear_one() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let price = |q: &tollway_http::server::Question| {
        let n: u64 =
            q.param("n").unwrap_or_default().parse().map_err(|_| Error::payer(Code::InvalidAmount))?;
        assert!(!q.headers.contains_key("payment-signature"));
        Ok(cents(n + u64::try_from(q.body.len()).unwrap()))
    };
    let slow = |_| async { Ok(Tag::Amounts(vec![Amount::new(rail(2, Flow::Upfront).asset, 77)])) };
    let paywall = world
        .builder()
        .route([Method::GET, Method::POST], "/n/{n}", Priced::by(rails(), price))
        .route(Method::GET, "/slow", Priced::by_async(rails(), slow))
        .build()
        .unwrap();
    let app = Router::new().fallback_service(counting(&runs, "goods")).layer(paywall);
    let cheap = pay(&get("/n/1").to(&app).await, 0, "n1");
    let refused = get("/n/500").pays(&cheap).to(&app).await;
    assert_eq!(refused.error(), Some(Code::NoMatchingOffer));
    let refused = get("/n/1").method(Method::POST).body("longer").pays(&cheap).to(&app).await;
    assert_eq!(refused.error(), Some(Code::NoMatchingOffer));
    assert_eq!(get("/n/1").pays(&cheap).to(&app).await.status, StatusCode::OK);
    let asked = get("/n/1").method(Method::POST).body("longer").to(&app).await;
    let dear = pay(&asked, 0, "n2");
    let paid = get("/n/1").method(Method::POST).body("longer").pays(&dear).to(&app).await;
    assert_eq!((paid.status, paid.receipt().unwrap().1.amount.as_deref()), (StatusCode::OK, Some("70000")));
    assert_eq!(get("/n/x").to(&app).await.status, StatusCode::BAD_REQUEST);
    let asked = get("/slow").to(&app).await.challenge().unwrap();
    assert_eq!(asked.accepts.len(), 1);
    assert_eq!(asked.accepts[0].raw.value()["amount"], "77");
}

#[tokio::test]
async fn bounds() {
    let (world, runs) = (World::new(), Arc::<Counter>::default());
    let priced = Priced::fixed(cents(1), rails());
    let paywall = world.builder().request_bytes_max(10).visits_max(0).everything(priced).build().unwrap();
    let app = Router::new().fallback_service(counting(&runs, "goods")).layer(paywall);
    let good = pay(&get("/").to(&app).await, 0, "n");
    let post = |body| get("/").method(Method::POST).body(body);
    assert_eq!(post("elevenbytes").to(&app).await.status.as_u16(), 402, "unpaid: the body is not read");
    assert_eq!(post("elevenbytes").pays(&good).to(&app).await.status.as_u16(), 413);
    assert_eq!(
        post("ten bytes.").pays(&good).to(&app).await.status.as_u16(),
        503,
        "no visit is allowed here"
    );
    assert_eq!((runs.load(Ordering::SeqCst), world.knobs.settles()), (0, 0));
}

#[tokio::test]
async fn browsers_and_caches() {
    let world = World::new();
    let priced = || Priced::fixed(cents(1), rails());
    let cached = || async {
        let headers = [
            ("cache-control", "public, max-age=9"),
            ("vary", "accept"),
            ("access-control-expose-headers", "x-own"),
        ];
        (headers, "goods")
    };
    let app_with = |origins: Option<Origins>| {
        let mut builder = world.builder().route(Method::GET, "/a", priced());
        if let Some(origins) = origins {
            builder = builder.allow_origins(origins);
        }
        Router::new().route("/a", on_get(cached).options(|| async { "own" })).layer(builder.build().unwrap())
    };
    let app = app_with(None);
    let plain = get("/a").to(&app).await;
    assert_eq!(plain.header("vary"), Some("PAYMENT-SIGNATURE, X-PAYMENT, Origin"));
    assert!(plain.header("access-control-expose-headers").is_none());
    let asked = get("/a").with("origin", "https://app.test").to(&app).await;
    let exposed = "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE";
    assert_eq!(asked.header("access-control-expose-headers"), Some(exposed));
    assert!(asked.header("access-control-allow-origin").is_none());
    let paid = get("/a").with("origin", "https://app.test").pays(&pay(&asked, 0, "n")).to(&app).await;
    assert_eq!(paid.header("cache-control"), Some("private, max-age=9"));
    assert_eq!(paid.header("vary"), Some("accept, PAYMENT-SIGNATURE, X-PAYMENT, Origin"));
    assert_eq!(paid.header("access-control-expose-headers"), Some(format!("x-own, {exposed}").as_str()));

    let preflight = |origin| {
        get("/a").method(Method::OPTIONS).with("origin", origin).with("access-control-request-method", "GET")
    };
    assert_eq!(preflight("https://app.test").to(&app).await.text(), "own");
    let app = app_with(Some(Origins::Only(vec!["https://app.test".to_owned()])));
    let answer = preflight("https://app.test").to(&app).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.test"));
    for name in ["PAYMENT-SIGNATURE", "X-PAYMENT", "Access-Control-Expose-Headers", "Content-Type"] {
        assert!(answer.header("access-control-allow-headers").unwrap().contains(name));
    }
    assert_eq!(preflight("https://evil.test").to(&app).await.text(), "own", "not ours to answer");
    assert_eq!(get("/a").method(Method::OPTIONS).to(&app).await.text(), "own", "no preflight");
    for (origin, want) in [("https://app.test", Some("https://app.test")), ("https://evil.test", None)] {
        let reply = get("/a").with("origin", origin).to(&app).await;
        assert_eq!(reply.header("access-control-allow-origin"), want);
    }
    let any = get("/a").with("origin", "https://x.test").to(&app_with(Some(Origins::Any))).await;
    assert_eq!(any.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn a_single_route_a_nest_and_any_tower_service() {
    use axum::body::Bytes;
    use http_body_util::{BodyExt, Full};
    use tower::{Layer, ServiceExt};

    let world = World::new();
    let paywall =
        || world.builder().everything(Priced::fixed(cents(1), rails())).mounted_at("/v1").build().unwrap();
    let inner = Router::new().route("/x/{id}", on_get(|| async { "goods" }).layer(paywall()));
    let app = Router::new().nest("/v1", inner).route("/free", on_get(|| async { "free" }));
    assert_eq!(get("/free").to(&app).await.text(), "free");
    let asked = get("/v1/x/1").to(&app).await;
    assert_eq!(get("/v1/x/1").pays(&pay(&asked, 0, "n1")).to(&app).await.text(), "goods");

    let echo = tower::service_fn(|request: http::Request<Full<Bytes>>| async move {
        let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
        if body.is_empty() {
            Err(std::io::Error::other("empty"))
        } else {
            Ok(http::Response::new(Full::new(body)))
        }
    });
    let service = paywall().layer(echo);
    let send = |body: &'static str, payment: String| {
        let request =
            http::Request::post("/y").header("host", "shop.test").header("payment-signature", payment);
        service.clone().oneshot(request.body(Full::from(body)).unwrap())
    };
    let good = pay(&asked, 0, "n2");
    assert!(send("", good.clone()).await.is_err(), "a service's own error is passed on, and costs nothing");
    let paid = send("echo", good).await.unwrap();
    assert!(paid.headers().contains_key("payment-response"));
    assert_eq!(paid.into_body().collect().await.unwrap().to_bytes(), "echo");
    assert_eq!(world.knobs.settles(), 2);
}
