//! What is checked before anything is signed, and the way to the 402.
#![cfg(feature = "client")]

mod client_kit;

use bytes::Bytes;
use client_kit::*;
use http_body::{Body, Frame};
use reqwest::Method;
use std::pin::Pin;
use std::task::{Context, Poll};
use tollway_core::Code;
use tollway_http::client::{ClientSettings, PayError, PayingClient, Quoted, Standing, Streaming};

/// A body that can be sent once.
struct Stream(Option<Bytes>);

impl Body for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|b| Ok(Frame::data(b))))
    }
}

fn code(result: &Result<tollway_http::client::PaidResponse, PayError>) -> Option<&Code> {
    result.as_ref().err().map(|e| &e.error().code)
}

#[tokio::test]
async fn a_request_that_pays_already_is_not_sent() {
    for (header, sent) in
        [("payment-signature", 0), ("Payment-Signature", 0), ("x-payment", 0), ("x-other", 2)]
    {
        let server = shop(|_| serves()).await;
        let (client, wallet) = client();
        let request = client.request(Method::GET, server.url()).header(header, "e30=").build().unwrap();
        let result = client.execute(request).await;
        assert_eq!(code(&result) == Some(&Code::AlreadyPaid), sent == 0, "{header}");
        assert_eq!((server.seen().len(), wallet.signatures()), (sent, sent / 2));
    }
}

#[tokio::test]
async fn the_body_goes_twice_or_is_refused() {
    let big = Streaming::Buffer(1_000);
    let small = Streaming::Buffer(2);
    for (streams, how, requests, refused) in [
        (false, Streaming::Refuse, 2, false),
        (true, Streaming::Once, 1, true),
        (true, Streaming::Refuse, 0, true),
        (true, small, 0, true),
        (true, big, 2, false),
    ] {
        let server = shop(|_| serves()).await;
        let (client, wallet) = client_with(ClientSettings { streaming: how, ..settings() });
        let bytes = Bytes::from_static(b"my body");
        let body = match streams {
            true => reqwest::Body::wrap(Stream(Some(bytes.clone()))),
            false => bytes.clone().into(),
        };
        let request = client.request(Method::POST, server.url()).body(body).build().unwrap();
        let result = client.execute(request).await;
        assert_eq!(code(&result) == Some(&Code::BodyNotReplayable), refused, "{streams} {how:?}");
        assert_eq!(result.is_ok(), !refused);
        assert_eq!((server.seen().len(), wallet.signatures()), (requests, usize::from(!refused)));
        if !refused {
            assert!(server.seen().iter().all(|s| s.body == bytes && s.method == "POST"));
        }
    }
}

#[tokio::test]
async fn a_streaming_body_works_where_nothing_is_asked() {
    let server = Server::start(|_, _| Act::new(200).body("free")).await;
    let (client, _) = client();
    let body = reqwest::Body::wrap(Stream(Some(Bytes::from_static(b"once"))));
    let request = client.request(Method::POST, server.url()).body(body).build().unwrap();
    assert_eq!(client.execute(request).await.unwrap().standing, Standing::Free);
}

#[tokio::test]
async fn no_payment_over_plain_http_to_another_machine() {
    for (host, plain_http, paid) in
        [("shop.test", false, false), ("shop.test", true, true), ("localhost", false, true)]
    {
        let server = shop(|_| serves()).await;
        let (router, wallet) = scheme::router();
        let here = ([127, 0, 0, 1], server.port).into();
        let builder = reqwest::Client::builder().resolve("shop.test", here).resolve("localhost", here);
        let client = PayingClient::new(builder, router, ClientSettings { plain_http, ..settings() }).unwrap();
        let result = client.get(format!("http://{host}:{}/thing", server.port)).await;
        assert_eq!(code(&result) == Some(&Code::InsecureTransport), !paid, "{host}");
        assert_eq!((server.payments().len(), wallet.signatures()), (usize::from(paid), usize::from(paid)));
    }
}

#[tokio::test]
async fn redirects_lead_to_the_402_and_never_carry_a_payment() {
    for (status, method, arrives) in [
        (302, "GET", "GET"),
        (307, "POST", "POST"),
        (303, "POST", "GET"),
        (301, "POST", "GET"),
        (308, "PUT", "PUT"),
    ] {
        let shop = shop(|_| serves()).await;
        let to = shop.url();
        let signpost = Server::start(move |seen, _| match seen.path.as_str() {
            "/start" => Act::new(status).header("location", "/next"),
            _ => Act::new(307).header("location", &to),
        })
        .await;
        let (client, wallet) = client();
        let url = format!("http://127.0.0.1:{}/start", signpost.port);
        let request = client
            .request(method.parse().unwrap(), url)
            .bearer_auth("mine")
            .header("x-kept", "yes")
            .body("body")
            .build()
            .unwrap();
        let answer = client.execute(request).await.unwrap();
        assert!(answer.paid().is_some());
        assert_eq!(answer.response.url().as_str(), shop.url());
        assert_eq!(wallet.signatures(), 1);
        assert!(signpost.payments().is_empty());
        assert!(signpost.seen().iter().all(|s| s.header("authorization").is_some()), "one origin");
        for seen in shop.seen() {
            assert_eq!((seen.method.as_str(), seen.header("x-kept")), (arrives, Some("yes")), "{status}");
            assert_eq!(seen.header("authorization"), None, "another origin");
            assert_eq!(seen.body.is_empty(), arrives != method, "{status} {method}");
        }
    }
}

#[tokio::test]
async fn a_redirected_payment_goes_nowhere() {
    let elsewhere = Server::start(|_, _| serves()).await;
    let to = elsewhere.url();
    let server = shop(move |_| Act::new(307).header("location", &to)).await;
    let (client, _) = client();
    let answer = client.get(server.url()).await.unwrap();
    assert!(matches!(answer.standing, Standing::Unsettled(_)));
    assert_eq!((server.payments().len(), elsewhere.seen().len()), (1, 0));
}

#[tokio::test]
async fn redirects_end() {
    for (allowed, requests) in [(3, 4), (0, 1)] {
        let server = Server::start(|_, _| Act::new(302).header("location", "/again")).await;
        let (client, _) = client_with(ClientSettings { redirects: allowed, ..settings() });
        let result = client.get(server.url()).await;
        assert_eq!(code(&result), Some(&Code::InvalidAnswer));
        assert_eq!(server.seen().len(), requests);
    }
    for bad in ["ftp://127.0.0.1/", "javascript:1", "http://"] {
        let server = Server::start(move |_, _| Act::new(302).header("location", bad)).await;
        let (client, _) = client();
        assert_eq!(code(&client.get(server.url()).await), Some(&Code::InvalidAnswer), "{bad}");
    }
}

#[tokio::test]
async fn v1_asks_in_the_body_and_is_paid_in_its_own_header() {
    let entry = accept(PRICE).replace("amount", "maxAmountRequired").replace(CHAIN, "test-one");
    let body = format!(r#"{{"x402Version":1,"accepts":[{entry}]}}"#);
    let server = Server::start(move |seen, _| match seen.header("x-payment") {
        None => Act::new(402).json(&body),
        Some(_) => Act::new(200).header("X-PAYMENT-RESPONSE", &encoded(&success())),
    })
    .await;
    let (client, wallet) = client();
    assert!(client.get(server.url()).await.unwrap().paid().is_some());
    assert_eq!((server.seen().len(), wallet.signatures()), (2, 1));
    assert!(server.seen().iter().all(|s| s.header("payment-signature").is_none()));
}

#[tokio::test]
async fn a_402_of_another_kind_is_an_answer() {
    let long = "x".repeat(300 << 10);
    let page = |body: &str| Act::new(402).header("content-type", "text/html").body(body);
    for (act, free) in [
        (page("pay at the desk"), true),
        (page(&long), true),
        (Act::new(402), true),
        (Act::new(402).json(r#"{"x402Version":2,"accepts":[]}"#), true),
        (Act::new(412), true),
        (Act::new(402).json(&format!("\"{long}\"")), false),
        (Act::new(402).header("PAYMENT-REQUIRED", "%%%"), false),
        (Act::new(402).json(r#"{"x402Version":1}"#), true),
    ] {
        let server = Server::start(move |_, _| act.clone()).await;
        let (client, wallet) = client();
        match client.get(server.url()).await {
            Ok(answer) => {
                assert!(free);
                let length = usize::try_from(answer.response.content_length().unwrap()).unwrap();
                assert_eq!(answer.response.bytes().await.unwrap().len(), length);
            }
            Err(e) => assert!(!free || e.error().code == Code::NoRoute, "{e}"),
        }
        assert_eq!(wallet.signatures(), 0);
    }
}

#[tokio::test]
async fn what_the_policy_forbids_is_not_signed() {
    let server = Server::start(|_, _| asks(1_000_001)).await;
    let (client, wallet) = client();
    assert_eq!(code(&client.get(server.url()).await), Some(&Code::NoRoute));
    assert_eq!((server.seen().len(), wallet.signatures()), (1, 0));
}

#[tokio::test]
async fn a_quote_explains_and_signs_nothing() {
    let server = shop(|_| serves()).await;
    let (client, wallet) = client();
    let request = client.request(Method::POST, server.url()).body("b").build().unwrap();
    let Quoted::Asked(asked) = client.quote(request).await.unwrap() else { panic!("it asks") };
    assert_eq!(asked.explanation.routes[0].amount_atomic, PRICE.to_string());
    assert_eq!((asked.host.as_deref(), asked.challenge.accepts.len()), (Some("127.0.0.1"), 1));
    assert_eq!((server.seen().len(), server.seen()[0].method.as_str()), (1, "POST"));
    assert_eq!(wallet.signatures(), 0);

    let free = Server::start(|_, _| Act::new(204)).await;
    let request = client.request(Method::GET, free.url()).build().unwrap();
    assert!(matches!(client.quote(request).await.unwrap(), Quoted::Free(r) if r.status() == 204));
}
