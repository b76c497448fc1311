//! How a stream ends, and where its receipt is.

use crate::world::*;
use crate::{shelf, tab};
use axum::Router;
use axum::extract::Extension;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tollway_http::client::Standing;
use tollway_http::codec;
use tollway_http::meter::Meter;
use tollway_route::pay::AttemptStage;

fn app(world: &World, handler: axum::routing::MethodRouter) -> Router {
    Router::new().route("/a", handler).layer(world.paywall(|set| set))
}

/// What is still held of the purse, and how the only attempt stands.
async fn books(client: &tollway_http::client::PayingClient) -> (AttemptStage, Option<u128>) {
    let attempts = client.router().attempts().await.unwrap();
    assert_eq!(attempts.len(), 1);
    (attempts[0].stage, attempts[0].receipt.as_ref().map(|r| r.charged.atomic))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_event_is_the_receipt() {
    let (world, runs) = (World::new(), Arc::new(AtomicUsize::new(0)));
    let counted = runs.clone();
    let story = move |Extension(meter): Extension<Meter>| async move {
        counted.fetch_add(1, Ordering::SeqCst);
        shelf::events(shelf::chunks(&meter, 7, 100))
    };
    let (at, _) = serve(app(&world, get(story))).await;
    let client = world.client();
    let mut reading = Reader::new(client.get(format!("http://{at}/a")).await.unwrap());
    assert_eq!(reading.answer.response.headers()["trailer"], "payment-response");
    assert_eq!(reading.rest().await, (7, true));
    // Read to the end, it is closed: nothing was asked for it.
    assert_eq!(books(&client).await, (AttemptStage::Settled, Some(700)));
    assert_eq!(reading.payment.paid().await.unwrap().charged.atomic, 700);
    assert_eq!((world.taken(), runs.load(Ordering::SeqCst)), (vec![700], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trailer_is_the_receipt() {
    let world = World::new();
    let bytes = |Extension(meter): Extension<Meter>| async move {
        axum::body::Body::new(shelf::chunks(&meter, 3, 100)).into_response()
    };
    let (at, _) = serve(app(&world, get(bytes))).await;
    let client = world.client();
    let answer = client.get(format!("http://{at}/a")).await.unwrap();
    assert!(matches!(answer.standing, Standing::Streams(_)));
    assert_eq!(answer.response.text().await.unwrap().matches("chunk").count(), 3);
    assert_eq!(books(&client).await, (AttemptStage::Settled, Some(300)));
}

/// Sends a payment by hand, so that what goes over the wire is seen.
async fn by_hand(at: std::net::SocketAddr, payment: (&str, &str), more: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(at).await.unwrap();
    let (name, value) = payment;
    let request =
        format!("GET /a HTTP/1.1\r\nHost: {at}\r\n{name}: {value}\r\n{more}Connection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_wire() {
    let world = World::new();
    let bytes = |Extension(meter): Extension<Meter>| async move {
        let body = axum::body::Body::new(shelf::chunks(&meter, 2, 100));
        let trailers = ("trailer", "Settlement-Overrides, x-checksum");
        ([("content-length", "36"), ("cache-control", "public"), trailers], body).into_response()
    };
    let (at, _) = serve(app(&world, get(bytes))).await;
    let client = world.client();
    for (te, v1) in [(true, false), (true, true), (false, false)] {
        let payment = world.slip(&client, at, v1).await;
        let name = if v1 { "x-payment" } else { "payment-signature" };
        let text = by_hand(at, (name, &payment), if te { "TE: trailers\r\n" } else { "" }).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let receipt = if v1 { "x-payment-response" } else { "payment-response" };
        assert!(head.starts_with("HTTP/1.1 200"), "{text}");
        assert!(head.contains(&format!("trailer: x-checksum, {receipt}\r\n")), "{head}");
        assert!(head.contains("private"), "{head}");
        assert!(!head.contains("content-length") && !head.contains("public"), "{head}");
        assert!(!head.contains(&format!("\r\n{receipt}:")), "the head cannot know");
        let (_, trailers) = body.split_once("\r\n0\r\n").unwrap();
        assert_eq!(trailers.contains(&format!("{receipt}: ")), te, "{trailers:?}");
        // The same payment again: the receipt, and nothing is counted again.
        let again = by_hand(at, (name, &payment), "").await;
        assert!(again.starts_with("HTTP/1.1 200") && again.contains(r#""replayed":true"#), "{again}");
        let line = again.lines().find_map(|l| l.strip_prefix(&format!("{receipt}: "))).unwrap();
        let told = codec::decode(line.as_bytes(), 1 << 16, 16).unwrap();
        let told = codec::settle_response(&told).unwrap();
        assert!(told.success && (v1 || told.amount.as_deref() == Some("200")), "{told:?}");
        if te {
            assert!(trailers.contains(line), "the very same receipt");
        }
    }
    assert_eq!(world.taken(), [200, 200, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_price_is_gathered_and_settled_first() {
    let world = World { entry: tab::FIXED, ..World::new() };
    let app = Router::new()
        .route(
            "/whole",
            get(|Extension(m): Extension<Meter>| async move {
                assert!(!m.is_metered());
                shelf::events(shelf::chunks(&m, 5, 100))
            }),
        )
        .route(
            "/broken",
            get(|Extension(m): Extension<Meter>| async move { shelf::events(shelf::broken(&m, 5, 100)) }),
        )
        .layer(world.paywall(|set| set));
    let (at, handed) = serve(app).await;
    let client = world.client();
    let answer = client.get(format!("http://{at}/whole")).await.unwrap();
    assert_eq!(answer.paid().unwrap().charged.atomic, PRICE, "the whole price, whatever was counted");
    assert!(answer.response.headers().contains_key("payment-response"));
    assert_eq!(answer.response.text().await.unwrap().matches("chunk").count(), 5);
    let taken = world.taken();
    let answer = client.get(format!("http://{at}/broken")).await.unwrap();
    assert_eq!((answer.response.status().as_u16(), world.taken()), (500, taken), "nothing was taken");
    assert_eq!(handed.chunks(), 1, "one answer, of one piece");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paywall_that_is_told_to_end_its_streams_settles_them() {
    let world = World::new();
    let endless = |Extension(meter): Extension<Meter>| async move {
        let some = stream::iter(0..3).map(|n| Ok::<_, std::io::Error>((chunk(n), 100)));
        shelf::events(meter.stream(some.chain(stream::pending())))
    };
    let paywall = world.paywall(|set| set);
    let (at, _) = serve(Router::new().route("/a", get(endless)).layer(paywall.clone())).await;
    let client = world.client();
    let mut reading = Reader::new(client.get(format!("http://{at}/a")).await.unwrap());
    for _ in 0..3 {
        assert!(reading.next().await.unwrap().is_some());
    }
    assert_eq!(paywall.drain(Duration::from_secs(20)).await, 0);
    assert_eq!(reading.rest().await, (0, true), "a clean end");
    assert_eq!(books(&client).await, (AttemptStage::Settled, Some(300)), "and the receipt");
    assert_eq!(world.taken(), [300]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_while_its_payment_is_good() {
    let world = World::new();
    let endless = |Extension(meter): Extension<Meter>| async move {
        let some = stream::iter(0..2).map(|n| Ok::<_, std::io::Error>((chunk(n), 100)));
        shelf::events(meter.stream(some.chain(stream::pending())))
    };
    let paywall = world.paywall(|set| set.stream_timeout(Duration::from_millis(200)));
    let (at, _) = serve(Router::new().route("/a", get(endless)).layer(paywall)).await;
    let client = world.client();
    let mut reading = Reader::new(client.get(format!("http://{at}/a")).await.unwrap());
    assert_eq!(reading.rest().await, (2, true));
    assert_eq!((reading.payment.paid().await.unwrap().charged.atomic, world.taken()), (200, vec![200]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_reader_is_not_run_ahead_of() {
    let world = World::new();
    let made = Arc::new(AtomicUsize::new(0));
    let counted = made.clone();
    let flood = move |Extension(meter): Extension<Meter>| async move {
        let big = Bytes::from(vec![b'x'; 64 << 10]);
        let endless = stream::iter(0..).map(move |_: usize| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok::<_, std::io::Error>((big.clone(), 1))
        });
        axum::body::Body::new(meter.stream(endless)).into_response()
    };
    let paywall = world.paywall(|set| set.stream_timeout(Duration::from_secs(2)));
    let (at, _) = serve(Router::new().route("/a", get(flood)).layer(paywall)).await;
    let client = world.client();
    let answer = client.get(format!("http://{at}/a")).await.unwrap();
    let Standing::Streams(payment) = answer.standing.clone() else { panic!("it streams") };
    // Not read at all: what fits into sockets and buffers goes out, and no more; then time is up.
    let charged = payment.paid().await.unwrap().charged.atomic;
    let made = atomic(made.load(Ordering::SeqCst));
    assert!(charged < PRICE && charged <= made && made <= charged + 1, "{charged} of {made}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_streams_the_same_payment_has_to_wait() {
    let world = World { ..World::new() };
    let (go, gone) = tokio::sync::watch::channel(false);
    let slow = move |Extension(meter): Extension<Meter>| async move {
        let mut gone = gone.clone();
        let first = stream::iter([Ok::<_, std::io::Error>((chunk(0), 100))]);
        let second = stream::once(async move {
            gone.wait_for(|go| *go).await.unwrap();
            Ok((chunk(1), 100))
        });
        shelf::events(meter.stream(first.chain(second)))
    };
    let gate = world.gate_with_patience(50);
    let paywall = world.paywall_at(gate, |set| set);
    let (at, _) = serve(Router::new().route("/a", get(slow)).layer(paywall)).await;
    let client = world.client();
    let payment = world.slip(&client, at, false).await;
    let first = tokio::spawn({
        let payment = payment.clone();
        async move { by_hand(at, ("payment-signature", &payment), "TE: trailers\r\n").await }
    });
    // As soon as it streams: before, there is no visit to collide with.
    until(async || world.open_visits().await == 1).await;
    let beside = by_hand(at, ("payment-signature", &payment), "").await;
    assert!(beside.starts_with("HTTP/1.1 409") && beside.contains("retry-after"), "{beside}");
    go.send(true).unwrap();
    assert!(first.await.unwrap().contains("chunk 0001"));
    assert_eq!(world.taken(), [200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_client_under_the_layer_closes_what_streamed() {
    use http_body_util::{BodyExt, Full};
    use tower::{Layer, ServiceExt};
    let world = World::new();
    let story = get(|Extension(m): Extension<Meter>| async move { shelf::events(shelf::chunks(&m, 6, 100)) });
    let app = app(&world, story);
    let inner = tower::service_fn(move |request: http::Request<Full<Bytes>>| {
        app.clone().oneshot(request.map(axum::body::Body::new))
    });
    let router = world.client().router().clone();
    let paying = tollway_http::client::PayLayer::new(router.clone(), Default::default()).layer(inner);
    let ask = || {
        let request = http::Request::get("http://127.0.0.1/a").header("host", "127.0.0.1");
        request.body(Full::new(Bytes::new())).unwrap()
    };
    // Read to its end.
    let answer = paying.clone().oneshot(ask()).await.unwrap();
    let Some(Standing::Streams(payment)) = answer.extensions().get().cloned() else { panic!("it streams") };
    let body = answer.into_body().collect().await.unwrap();
    assert!(body.trailers().unwrap().contains_key("payment-response"));
    assert_eq!(router.attempts().await.unwrap()[0].stage, AttemptStage::Settled);
    assert_eq!(payment.paid().await.unwrap().charged.atomic, 600);
    // Not wanted any more after two chunks: fetched.
    let mut answer = paying.oneshot(ask()).await.unwrap();
    let Some(Standing::Streams(payment)) = answer.extensions().get().cloned() else { panic!("it streams") };
    for _ in 0..2 {
        answer.body_mut().frame().await.unwrap().unwrap();
    }
    drop(answer);
    assert_eq!(payment.paid().await.unwrap().charged.atomic, 200);
    assert_eq!(world.taken(), [600, 200]);
}
