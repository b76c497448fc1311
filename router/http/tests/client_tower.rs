//! The same rules through any tower service.
#![cfg(feature = "client")]

mod client_kit;

use bytes::Bytes;
use client_kit::*;
use http::{Request, Response};
use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tollway_core::Code;
use tollway_http::client::{ClientSettings, PayError, PayLayer, Standing};
use tower_layer::Layer;
use tower_service::Service;

type Answer = Result<Response<String>, std::io::Error>;

/// Answers from a list, and keeps what it was asked.
#[derive(Clone, Default)]
struct Inner {
    seen: Arc<Mutex<Vec<Request<Bytes>>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    ready: bool,
}

impl Service<Request<Bytes>> for Inner {
    type Response = Response<String>;
    type Error = std::io::Error;
    type Future = Ready<Answer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "polled ready before every call");
        self.seen.lock().unwrap().push(request);
        ready(self.answers.lock().unwrap().pop_front().expect("no answer left"))
    }
}

fn lost() -> Answer {
    Err(std::io::Error::other("hush"))
}
fn four_o_two() -> Answer {
    Ok(Response::builder()
        .status(402)
        .header("payment-required", terms(PRICE, None))
        .body("{}".into())
        .unwrap())
}
fn served() -> Answer {
    let receipt = encoded(&success());
    Ok(Response::builder().header("payment-response", receipt).body("content".into()).unwrap())
}

struct Run {
    result: Result<Response<String>, PayError>,
    seen: Vec<Request<Bytes>>,
    signatures: usize,
}

async fn run(method: &str, uri: &str, settings: ClientSettings, answers: Vec<Answer>) -> Run {
    let (router, wallet) = scheme::router();
    let inner = Inner { answers: Arc::new(Mutex::new(answers.into())), ..Inner::default() };
    let seen = Arc::clone(&inner.seen);
    let mut service = PayLayer::new(router, settings).layer(inner);
    std::future::poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    let request = Request::builder().method(method).uri(uri).header("x-mine", "1");
    let result = service.call(request.body(Bytes::from_static(b"body")).unwrap()).await;
    let result = match result {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            Ok(Response::from_parts(parts, text(body).await))
        }
        Err(e) => Err(e),
    };
    let seen = seen.lock().unwrap().drain(..).collect();
    Run { result, seen, signatures: wallet.signatures() }
}

async fn text(mut body: impl http_body::Body<Data = Bytes> + Unpin) -> String {
    let mut all = Vec::new();
    while let Some(Ok(frame)) = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await
    {
        all.extend_from_slice(frame.data_ref().unwrap());
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn pays_and_says_so_in_the_extensions() {
    let run = run("POST", "https://shop.test/thing", settings(), vec![four_o_two(), served()]).await;
    let response = run.result.unwrap();
    let standing = response.extensions().get::<Standing>().unwrap();
    assert_eq!(standing.paid().unwrap().charged.atomic, PRICE);
    assert_eq!(response.body(), "content");
    assert_eq!((run.seen.len(), run.signatures), (2, 1));
    assert!(run.seen.iter().all(|r| r.body() == "body" && r.headers()["x-mine"] == "1"));
    let payment = &run.seen[1].headers()["payment-signature"];
    assert!(payment.is_sensitive());
    assert!(!format!("{:?}", run.seen[1]).contains(payment.to_str().unwrap()));
}

#[tokio::test]
async fn what_is_free_passes() {
    let free = Ok(Response::new("free".into()));
    let run = run("GET", "/relative", settings(), vec![free]).await;
    let response = run.result.unwrap();
    assert_eq!(response.extensions().get::<Standing>(), Some(&Standing::Free));
    assert_eq!((response.body().as_str(), run.signatures), ("free", 0));
}

#[tokio::test]
async fn a_payment_needs_a_safe_way() {
    for (uri, plain_http, paid) in [
        ("https://shop.test/", false, true),
        ("http://shop.test/", false, false),
        ("http://127.0.0.1/", false, true),
        ("/relative", false, false),
        ("/relative", true, true),
    ] {
        let settings = ClientSettings { plain_http, ..settings() };
        let run = run("GET", uri, settings, vec![four_o_two(), served()]).await;
        assert_eq!(run.result.is_ok(), paid, "{uri}");
        assert_eq!(run.signatures, usize::from(paid));
        if let Err(e) = run.result {
            assert_eq!(e.error().code, Code::InsecureTransport);
        }
    }
}

#[tokio::test]
async fn losses() {
    for (method, answers, sent, paid) in [
        ("GET", vec![four_o_two(), lost(), served()], 3, true),
        ("GET", vec![four_o_two(), lost(), lost(), lost()], 4, false),
        ("POST", vec![four_o_two(), lost()], 2, false),
        ("POST", vec![lost()], 1, false),
    ] {
        let run = run(method, "https://shop.test/", settings(), answers).await;
        assert_eq!(run.seen.len(), sent, "{method}");
        assert_eq!(run.result.is_ok(), paid);
        assert_eq!(run.signatures, usize::from(sent > 1));
        if let Err(e) = run.result {
            assert!(!format!("{e} {e:?}").contains("hush"), "the inner error's words stay in it");
            assert_eq!(e.error().is_unknown_outcome(), sent > 1);
            if sent == 1 {
                assert_eq!(std::error::Error::source(&e).unwrap().to_string(), "hush");
            }
        }
    }
}

#[tokio::test]
async fn redirects_are_the_callers_with_and_without_a_payment() {
    let moved = || {
        Ok(Response::builder().status(302).header("location", "https://b.test/").body(String::new()).unwrap())
    };
    for answers in [vec![moved()], vec![four_o_two(), moved()]] {
        let requests = answers.len();
        let run = run("GET", "https://shop.test/", settings(), answers).await;
        assert_eq!(run.result.unwrap().status(), 302);
        assert_eq!(run.seen.len(), requests);
    }
}
