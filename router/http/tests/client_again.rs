//! The same request again, by a layer above that retries or gives up waiting, by hand, or by reqwest below: one signature.
#![cfg(feature = "client")]

mod client_kit;

use bytes::Bytes;
use client_kit::*;
use http::{Request, Response};
use reqwest::{Body, Method};
use std::future::{Ready, ready};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tollway_core::Code;
use tollway_http::client::{AnswerBody, ClientSettings, PayError, PayLayer, PayingClient, Standing};
use tower::retry::{Policy, Retry};
use tower::timeout::Timeout;
use tower::{BoxError, Layer, ServiceExt};

/// Tries again after every error, and every answer of 500 and above.
#[derive(Clone)]
struct Stubborn(usize);

impl Policy<Request<Bytes>, Response<AnswerBody<Body>>, BoxError> for Stubborn {
    type Future = Ready<()>;
    fn retry(
        &mut self,
        _: &mut Request<Bytes>,
        result: &mut Result<Response<AnswerBody<Body>>, BoxError>,
    ) -> Option<Ready<()>> {
        let good = result.as_ref().is_ok_and(|answer| answer.status().as_u16() < 500);
        self.0 = self.0.checked_sub(1).filter(|_| !good)?;
        Some(ready(()))
    }
    fn clone_request(&mut self, request: &Request<Bytes>) -> Option<Request<Bytes>> {
        Some(request.clone())
    }
}

/// reqwest as a tower service.
async fn over_reqwest(client: reqwest::Client, request: Request<Bytes>) -> Result<Response<Body>, BoxError> {
    Ok(client.execute(request.try_into()?).await?.into())
}

fn impatient() -> ClientSettings {
    ClientSettings { resends: 0, in_flight_waits: 0, ..settings() }
}

#[tokio::test]
async fn a_layer_that_retries_pays_once() {
    let broken = || Act::new(500).header("PAYMENT-RESPONSE", &encoded(&success()));
    // What the first payments meet, and how often the payment goes out until it is served.
    for (what, method, bad, sent) in [
        ("lost", "POST", vec![Act::reset()], 2),
        ("lost thrice", "GET", vec![Act::reset(), Act::reset(), Act::reset()], 4),
        ("the handler failed", "POST", vec![Act::new(500)], 2),
        ("a proxy in between", "PUT", vec![Act::new(503), Act::new(502)], 3),
        ("nobody waited", "POST", vec![Act::hang()], 2),
        ("nobody waited", "GET", vec![Act::hang(), Act::hang()], 3),
        ("paid for an error", "POST", vec![broken()], 2),
        ("all of it", "GET", vec![Act::reset(), Act::new(500), Act::hang(), broken()], 5),
    ] {
        let script = bad.clone();
        let server = shop(move |n| script.get(n).cloned().unwrap_or_else(serves)).await;
        let (router, wallet) = scheme::router();
        let inner = reqwest::Client::new();
        let inner = tower::service_fn(move |request| over_reqwest(inner.clone(), request));
        // The client itself would wait for longer.
        let patient = ClientSettings { paid_timeout_ms: 60_000, ..impatient() };
        let paying = PayLayer::new(router, patient).layer(inner);
        let limited = Timeout::new(paying.map_err(BoxError::from), Duration::from_secs(3));
        let service = Retry::new(Stubborn(8), limited);
        let request = Request::builder().method(method).uri(server.url()).body(Bytes::from("b")).unwrap();
        let answer = service.oneshot(request).await.unwrap();
        let standing = answer.extensions().get::<Standing>().unwrap();
        assert!(standing.paid().is_some(), "{what}: {standing:?}");
        let payments = server.payments();
        assert_eq!((payments.len(), wallet.signatures()), (sent, 1), "{what}");
        assert!(payments.iter().all(|p| *p == payments[0]), "{what}: the very same bytes");
    }
}

async fn post(client: &PayingClient, url: String, body: &'static str) -> Result<Standing, PayError> {
    let request = client.request(Method::POST, url).body(body).build().unwrap();
    client.execute(request).await.map(|answer| answer.standing)
}

#[tokio::test]
async fn by_hand() {
    // What the first payment meets, and how many signatures there are once the same was asked again.
    for (what, first, signatures) in [
        ("lost", Act::reset(), 1),
        ("an error", Act::new(500), 1),
        ("not found", Act::new(404), 1),
        (
            "settled, and nobody knows how",
            Act::new(402).header("PAYMENT-RESPONSE", &encoded(&failure("settlement_pending"))),
            1,
        ),
        (
            "its facilitator's key is away",
            Act::new(402).header("PAYMENT-RESPONSE", &encoded(&failure("no_signer"))),
            1,
        ),
        (
            "its facilitator will have none of it",
            Act::new(402).header("PAYMENT-RESPONSE", &encoded(&failure("insufficient_funds"))),
            2,
        ),
        ("served", serves(), 2),
        ("served, without a receipt", Act::new(200), 2),
        (
            "refused for good",
            Act::new(402).header("PAYMENT-REQUIRED", &terms(PRICE, Some("insufficient_funds"))),
            2,
        ),
    ] {
        let server = shop(move |n| if n == 0 { first.clone() } else { serves() }).await;
        let (client, wallet) = client_with(impatient());
        let _ = post(&client, server.url(), "b").await;
        let again = post(&client, server.url(), "b").await.unwrap();
        assert!(again.paid().is_some(), "{what}: {again:?}");
        assert_eq!(wallet.signatures(), signatures, "{what}");
        let payments = server.payments();
        assert_eq!(payments[0] == payments[1], signatures == 1, "{what}");
        // What was brought is bought anew.
        post(&client.clone(), server.url(), "b").await.unwrap();
        assert_eq!(wallet.signatures(), signatures + 1, "{what}");
        let books = client.router().attempts().await.unwrap();
        assert_eq!(books.len(), signatures + 1, "{what}");
    }
}

#[tokio::test]
async fn what_nobody_takes_any_more_is_asked_of_the_chain() {
    for (what, settled, dead, signatures) in
        [("nobody knows", false, false, 1), ("it was taken", true, false, 1), ("it is dead", false, true, 2)]
    {
        let refuses = || Act::new(402).header("PAYMENT-REQUIRED", &terms(PRICE, Some("payment_replayed")));
        let server = shop(move |n| match n {
            0 => Act::reset(),
            1 => refuses(),
            _ => serves(),
        })
        .await;
        let (client, wallet) = client_with(impatient());
        assert!(post(&client, server.url(), "b").await.unwrap_err().error().is_unknown_outcome());
        if settled {
            wallet.chain_says_settled();
        }
        wallet.dead.store(dead, Ordering::SeqCst);
        match post(&client, server.url(), "b").await {
            Ok(standing) => assert!(dead && standing.paid().is_some(), "{what}"),
            Err(PayError::Undelivered(lost)) => assert!(settled && lost.paid.charged.atomic == PRICE),
            Err(e) => assert!(!settled && !dead && e.error().is_unknown_outcome(), "{what}: {e}"),
        }
        assert_eq!(wallet.signatures(), signatures, "{what}");
    }
}

#[tokio::test]
async fn another_request_is_another_purchase() {
    type Change = fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder;
    let rows: [(&str, Change, usize); 5] = [
        ("the same", |r| r, 1),
        ("another trace", |r| r.header("traceparent", "00-1"), 1),
        ("another body", |r| r.body("c"), 2),
        ("another key", |r| r.header("idempotency-key", "2"), 2),
        ("another buyer", |r| r.bearer_auth("you"), 2),
    ];
    for (what, change, signatures) in rows {
        let server = shop(|n| if n == 0 { Act::reset() } else { serves() }).await;
        let (client, wallet) = client_with(impatient());
        let ask = || client.request(Method::POST, server.url()).body("b");
        assert!(client.execute(ask().build().unwrap()).await.is_err());
        assert!(client.execute(change(ask()).build().unwrap()).await.is_ok(), "{what}");
        assert_eq!(wallet.signatures(), signatures, "{what}");
    }
    let server = shop(|n| if n == 0 { Act::reset() } else { serves() }).await;
    let (client, wallet) = client_with(ClientSettings { resume: false, ..impatient() });
    assert!(post(&client, server.url(), "b").await.is_err());
    assert!(post(&client, server.url(), "b").await.is_ok());
    assert_eq!(wallet.signatures(), 2, "it was told so");
}

#[tokio::test]
async fn a_client_below_that_retries_sends_the_same_bytes() {
    let server = shop(|n| if n < 2 { Act::new(503) } else { serves() }).await;
    let again = reqwest::retry::for_host("127.0.0.1").max_retries_per_request(3).classify_fn(|tried| {
        match tried.status() {
            Some(status) if status.is_server_error() => tried.retryable(),
            _ => tried.success(),
        }
    });
    let (router, wallet) = scheme::router();
    let client = PayingClient::new(reqwest::Client::builder().retry(again), router, impatient()).unwrap();
    let answer = client.get(server.url()).await.unwrap();
    assert!(answer.paid().is_some());
    let payments = server.payments();
    assert_eq!((payments.len(), wallet.signatures()), (3, 1));
    assert!(payments.iter().all(|p| *p == payments[0]));
}

#[tokio::test]
async fn a_head_is_told_the_price_and_not_paid() {
    let server = shop(|_| serves()).await;
    let (client, wallet) = client();
    let head = || client.request(Method::HEAD, server.url()).build().unwrap();
    let answer = client.execute(head()).await.unwrap();
    assert_eq!((answer.response.status().as_u16(), &answer.standing), (402, &Standing::Free));
    assert!(answer.response.headers().contains_key("payment-required"));
    let tollway_http::client::Quoted::Asked(asked) = client.quote(head()).await.unwrap() else { panic!() };
    assert_eq!(asked.challenge.accepts.len(), 1);
    assert_eq!((wallet.signatures(), server.payments().len()), (0, 0));
}

#[tokio::test]
async fn an_answer_with_too_large_a_head_has_a_name() {
    let huge = || Act::new(402).header("PAYMENT-REQUIRED", &"A".repeat(1 << 20));
    let server = Server::start(move |_, _| huge()).await;
    let (client, wallet) = client();
    let e = client.get(server.url()).await.unwrap_err();
    assert_eq!((&e.error().code, e.error().blame), (&Code::TooLarge, tollway_core::Blame::Payee), "{e}");
    // Within what the transport reads, and above what we do.
    let large = || Act::new(402).header("PAYMENT-REQUIRED", &"A".repeat(300 << 10));
    let server = Server::start(move |_, _| large()).await;
    let e = client.get(server.url()).await.unwrap_err();
    assert_eq!((&e.error().code, e.error().blame), (&Code::TooLarge, tollway_core::Blame::Payee), "{e}");
    assert_eq!(wallet.signatures(), 0);
}
