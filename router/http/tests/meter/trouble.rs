//! Crashes, a ledger and a chain that fail, and what a handler may say beside its meter.

use crate::frail::Frail;
use crate::shelf;
use crate::world::*;
use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::StreamBody;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tollway_core::*;
use tollway_http::client::Standing;
use tollway_http::codec;
use tollway_http::meter::Meter;
use tollway_route::pay::AttemptStage;

/// So many chunks, then nothing more, and no end.
fn stalls(meter: &Meter, count: usize, each: u128) -> Response {
    let some = stream::iter(0..count).map(move |n| Ok::<_, std::io::Error>((chunk(n), each)));
    shelf::events(meter.stream(some.chain(stream::pending())))
}

/// A shop in a runtime of its own, that dies with it.
fn shop_that_dies(
    world: &World,
    count: usize,
    each: u128,
) -> (tokio::runtime::Runtime, std::net::SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = world.clone();
    let at = runtime.block_on(async move {
        let handler = get(move |Extension(m): Extension<Meter>| async move { stalls(&m, count, each) });
        serve(Router::new().route("/a", handler).layer(world.paywall(|set| set))).await.0
    });
    (runtime, at)
}

#[test]
fn a_crash_in_the_middle_costs_the_seller_an_eighth_and_the_payer_nothing() {
    let world = World::new();
    let payer = tokio::runtime::Runtime::new().unwrap();
    let client = payer.block_on(async { world.client() });
    let (mut delivered, mut noted) = (0, 0);
    for count in [0usize, 1, 3, 4, 10, 25, 49] {
        let frail = Frail::new(world.ledger.clone());
        let mortal = World { ledger: frail.clone(), ..world.clone() };
        let (shop, at) = shop_that_dies(&mortal, count, 100);
        let before = world.takings();
        let payment = payer.block_on(async {
            let mut reading = Reader::new(client.get(format!("http://{at}/a")).await.unwrap());
            for _ in 0..count {
                assert!(reading.next().await.unwrap().is_some());
            }
            // What is due to be noted is noted behind the chunk.
            let owed = atomic(count) * 100;
            until(async || owed < world.noted().await + PRICE / 8).await;
            reading.payment
        });
        frail.dead.store(true, Ordering::SeqCst);
        shop.shutdown_background();
        // The next life of the shop looks after what is open.
        payer.block_on(async {
            let paywall = world.paywall(|set| set);
            tokio::time::timeout(Duration::from_secs(20), paywall.recover()).await.unwrap();
            assert_eq!(world.open_visits().await, 0);
        });
        let (out, took) = (atomic(count) * 100, world.takings() - before);
        assert!(took <= out && out < took + PRICE / 8 + 100, "{took} of {out}");
        // Nobody is at the old address: the payer finds it on the chain, or nothing at all.
        let paid = payer.block_on(payment.paid());
        match took {
            0 => assert!(paid.unwrap_err().error().is_unknown_outcome()),
            _ => assert_eq!(paid.unwrap().charged.atomic, took),
        }
        (delivered, noted) = (delivered + out, noted + took);
    }
    assert!(noted > delivered / 2, "{noted} of {delivered}: nothing was ever noted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_written_down_ends() {
    let world = World::new();
    let full = Frail::new(world.ledger.clone());
    full.full.store(true, Ordering::SeqCst);
    let shop = World { ledger: full.clone(), ..world.clone() };
    let handler =
        get(|Extension(m): Extension<Meter>| async move { shelf::events(shelf::chunks(&m, 50, 100)) });
    let (at, handed) = serve(Router::new().route("/a", handler).layer(shop.paywall(|set| set))).await;
    let client = world.client();
    let mut reading = Reader::new(client.get(format!("http://{at}/a")).await.unwrap());
    let (chunks, clean) = reading.rest().await;
    // No more than may be lost went out, and that is charged: settling needs no note.
    assert!(clean && chunks > 0 && atomic(chunks) * 100 <= PRICE / 8, "{chunks}");
    assert_eq!(reading.payment.paid().await.unwrap().charged.atomic, atomic(chunks) * 100);
    assert_eq!((world.taken(), handed.chunks()), (vec![atomic(chunks) * 100], chunks));
    full.full.store(false, Ordering::SeqCst);
    let mut reading = Reader::new(client.get(format!("http://{at}/a")).await.unwrap());
    assert_eq!(reading.rest().await, (50, true));
}

type Frames = Vec<Result<Frame<Bytes>, std::io::Error>>;

/// A body with an override in its trailers, as a service behind a proxy may send it.
fn trailing(says: &'static str) -> StreamBody<stream::Iter<<Frames as IntoIterator>::IntoIter>> {
    let data = (0..5).map(|n| Frame::data(chunk(n)));
    let mut trailers = HeaderMap::new();
    trailers.insert("settlement-overrides", HeaderValue::from_static(says));
    trailers.insert("payment-response", HeaderValue::from_static("forged"));
    trailers.insert("x-checksum", HeaderValue::from_static("abc"));
    let frames: Frames = data.chain([Frame::trailers(trailers)]).map(Ok).collect();
    StreamBody::new(stream::iter(frames))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_lowers_what_was_counted_and_never_raises_it() {
    let rows = [
        (r#"{"amount":"300"}"#, 300),
        (r#"{"amount":"0"}"#, 0),
        (r#"{"amount":"5%"}"#, 250),
        (r#"{"amount":"501"}"#, 500),
        (r#"{"amount":"5000"}"#, 500),
        (r#"{"amount":"5001"}"#, 500),
        ("nonsense", 500),
    ];
    for (says, want) in rows {
        let world = World::new();
        let app = Router::new()
            .route(
                "/trailer",
                get(move |Extension(m): Extension<Meter>| async move {
                    Body::new(m.body(trailing(says), |_| 100)).into_response()
                }),
            )
            .route(
                "/head",
                get(move |Extension(m): Extension<Meter>| async move {
                    ([("settlement-overrides", says)], Body::new(shelf::chunks(&m, 5, 100))).into_response()
                }),
            )
            .layer(world.paywall(|set| set));
        let (at, _) = serve(app).await;
        let client = world.client();
        for path in ["trailer", "head"] {
            let answer = client.get(format!("http://{at}/{path}")).await.unwrap();
            let Standing::Streams(payment) = answer.standing.clone() else { panic!("{answer:?}") };
            assert!(!answer.response.headers().contains_key("settlement-overrides"));
            let (body, trailers) = whole(answer.response).await;
            assert!(body.ends_with("chunk 0004\n\n"), "{body}");
            assert!(!trailers.contains_key("settlement-overrides"), "stripped");
            assert_ne!(trailers["payment-response"], "forged");
            assert_eq!(payment.paid().await.unwrap().charged.atomic, want, "{path}: {says}");
        }
    }
}

/// Text and trailers.
async fn whole(response: reqwest::Response) -> (String, HeaderMap) {
    use http_body_util::BodyExt;
    let body = http::Response::from(response).into_body().collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    (String::from_utf8(body.to_bytes().to_vec()).unwrap(), trailers)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_stream_is_charged_by_its_meter_too() {
    let world = World::new();
    let app = Router::new()
        .route(
            "/counted",
            get(|Extension(m): Extension<Meter>| async move {
                let word = m.parts(50).unwrap();
                word.charge(7).unwrap();
                let e = word.charge(44).unwrap_err();
                assert_eq!((e.code, e.blame), (Code::ChargeExceedsCeiling, Blame::Caller));
                assert!(e.detail.contains("4300 are left"), "{}", e.detail);
                assert_eq!((m.counted().atomic, m.left().atomic), (700, PRICE - 700));
                "seven words"
            }),
        )
        .route("/whole", get(|| async { "no meter" }))
        .route(
            "/failed",
            get(|Extension(m): Extension<Meter>| async move {
                m.charge(100).unwrap();
                http::StatusCode::IM_A_TEAPOT
            }),
        )
        .layer(world.paywall(|set| set));
    let (at, _) = serve(app).await;
    let client = world.client();
    for (path, want) in [("counted", Some(700)), ("whole", Some(PRICE)), ("failed", None)] {
        let answer = client.get(format!("http://{at}/{path}")).await.unwrap();
        assert_eq!(answer.paid().map(|paid| paid.charged.atomic), want, "{path}");
    }
    assert_eq!(world.taken(), [700, PRICE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_would_not_take_at_first_is_settled_later() {
    let world = World::new();
    let deaf = Arc::new(AtomicBool::new(true));
    let gate = world.gate_before(Error::network(Code::Unreachable), deaf.clone(), 100);
    let handler =
        get(|Extension(m): Extension<Meter>| async move { shelf::events(shelf::chunks(&m, 9, 100)) });
    let paywall = world.paywall_at(gate, |set| set);
    let (at, _) = serve(Router::new().route("/a", handler).layer(paywall)).await;
    let client = world.client();
    let mut reading = Reader::new(client.get(format!("http://{at}/a")).await.unwrap());
    assert_eq!(reading.rest().await, (9, true));
    // While it is tried once more, it is noted as being settled.
    until(async || world.noted().await == 900).await;
    assert_eq!(world.takings(), 0, "owed");
    deaf.store(false, Ordering::SeqCst);
    until(async || world.takings() == 900).await;
    until(async || world.open_visits().await == 0).await;
    assert_eq!(reading.payment.paid().await.unwrap().charged.atomic, 900);
}

/// Nobody comes back for it, so it must neither be missed nor wait for another whose look takes long.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_in_doubt_while_others_are_looked_after_is_looked_after_too() {
    let world = World::new();
    let frail = Frail::new(world.ledger.clone());
    let shop = World { ledger: frail.clone(), ..world.clone() };
    let deaf = Arc::new(AtomicBool::new(true));
    let gate = shop.gate_before(Error::caller(Code::BadSettings), deaf.clone(), 100);
    let handler =
        get(|Extension(m): Extension<Meter>| async move { shelf::events(shelf::chunks(&m, 9, 100)) });
    let paywall = shop.paywall_at(gate, |set| set);
    let (at, _) = serve(Router::new().route("/a", handler).layer(paywall)).await;
    let client = world.client();
    let visit = async || Reader::new(client.get(format!("http://{at}/a")).await.unwrap()).rest().await;
    assert_eq!(visit().await, (9, true));
    frail.slow.store(true, Ordering::SeqCst);
    until(async || frail.looked.get().is_some()).await;
    assert_eq!(visit().await, (9, true));
    assert_eq!((world.takings(), world.noted().await), (0, 1_800), "owed");
    deaf.store(false, Ordering::SeqCst);
    until(async || world.open_visits().await == 1).await;
    assert_eq!(world.takings(), 900, "the look at the first is not over");
    frail.slow.store(false, Ordering::SeqCst);
    until(async || world.takings() == 1_800).await;
    until(async || world.open_visits().await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_settled_is_said_at_the_end_and_proves_nothing() {
    let world = World::new();
    let refusing = Arc::new(AtomicBool::new(true));
    let gate = world.gate_before(Error::payer(Code::InsufficientFunds), refusing, 100);
    let handler =
        get(|Extension(m): Extension<Meter>| async move { shelf::events(shelf::chunks(&m, 3, 100)) });
    let paywall = world.paywall_at(gate, |set| set);
    let (at, _) = serve(Router::new().route("/a", handler).layer(paywall)).await;
    let client = world.client();
    let answer = client.get(format!("http://{at}/a")).await.unwrap();
    let Standing::Streams(payment) = answer.standing.clone() else { panic!("{answer:?}") };
    let (body, trailers) = whole(answer.response).await;
    let told = body.rsplit_once("event: payment-response\ndata: ").unwrap().1.trim_end();
    assert_eq!(trailers["payment-response"], told);
    let told = codec::settle_response(&codec::decode(told.as_bytes(), 1 << 16, 16).unwrap()).unwrap();
    assert_eq!((told.success, told.error_reason), (false, Some(Code::InsufficientFunds)));
    // The signature is out, whatever a server says of it.
    let e = payment.paid().await.unwrap_err();
    assert_eq!(e.error().code, Code::InsufficientFunds);
    assert!(e.error().is_unknown_outcome());
    assert_eq!(client.router().attempts().await.unwrap()[0].stage, AttemptStage::Signed);
    assert_eq!((world.takings(), world.open_visits().await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_in_the_trailers_of_a_whole_answer_is_heard() {
    let rows = [
        (r#"{"amount":"300"}"#, Some(300)),
        (r#"{"amount":"5%"}"#, Some(250)),
        (r#"{"amount":"5000"}"#, Some(PRICE)),
        (r#"{"amount":"5001"}"#, None),
        ("nonsense", None),
    ];
    for (says, want) in rows {
        let world = World::new();
        let handler = get(move || async move {
            ([("trailer", "settlement-overrides")], Body::new(trailing(says))).into_response()
        });
        let (at, _) = serve(Router::new().route("/a", handler).layer(world.paywall(|set| set))).await;
        let answer = world.client().get(format!("http://{at}/a")).await.unwrap();
        assert_eq!(answer.paid().map(|paid| paid.charged.atomic), want, "{says}");
        assert_eq!(answer.response.status().is_success(), want.is_some());
        assert!(!answer.response.headers().contains_key("trailer"), "it has none");
        assert_eq!(world.takings(), want.unwrap_or(0));
    }
}
