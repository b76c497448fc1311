//! Paying over HTTP/2, with a server that resets streams and sends its clients away in the middle of a payment.
#![cfg(feature = "client")]

mod client_kit;

use bytes::Bytes;
use client_kit::*;
use h2::{Reason, server};
use http::{Request, Response, StatusCode};
use reqwest::Method;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tollway_http::client::{ClientSettings, PaidResponse, PayError, PayingClient};

/// What a payment meets.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Served,
    /// The stream is reset.
    Reset(Reason),
    /// The stream is reset when the head, with the receipt, is out.
    HeadAndReset,
    /// The whole connection is given up, with a word of farewell.
    GoAway(Reason),
    /// Without one.
    Gone,
}

type Payments = Arc<Mutex<Vec<String>>>;

/// A server whose payments meet these, then are served; its address, and the payments that it saw.
async fn start(fates: Vec<Fate>, challenge: String) -> (String, Payments) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/thing", listener.local_addr().unwrap());
    let payments = Payments::default();
    let seen = payments.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(talk(socket, fates.clone(), challenge.clone(), seen.clone()));
        }
    });
    (url, payments)
}

async fn talk(socket: TcpStream, fates: Vec<Fate>, challenge: String, seen: Payments) {
    let Ok(mut connection) = server::Builder::new().handshake::<_, Bytes>(socket).await else { return };
    while let Some(Ok((request, mut answer))) = connection.accept().await {
        let fate = match payment(&request) {
            Some(payment) => {
                let mut seen = seen.lock().unwrap();
                seen.push(payment);
                fates.get(seen.len() - 1).copied().unwrap_or(Fate::Served)
            }
            None => {
                let asks = Response::builder().status(402).header("payment-required", &challenge);
                answer.send_response(asks.body(()).unwrap(), true).unwrap();
                continue;
            }
        };
        let paid = Response::builder().status(StatusCode::OK).header("payment-response", encoded(&success()));
        match fate {
            Fate::Served => {
                let mut body = answer.send_response(paid.body(()).unwrap(), false).unwrap();
                body.send_data(Bytes::from_static(b"content"), true).unwrap();
            }
            Fate::Reset(reason) => answer.send_reset(reason),
            Fate::HeadAndReset => {
                let mut body = answer.send_response(paid.body(()).unwrap(), false).unwrap();
                body.send_data(Bytes::from_static(b"con"), false).unwrap();
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    body.send_reset(Reason::INTERNAL_ERROR);
                });
            }
            Fate::GoAway(reason) => connection.abrupt_shutdown(reason),
            Fate::Gone => return,
        }
    }
}

fn payment(request: &Request<h2::RecvStream>) -> Option<String> {
    Some(request.headers().get("payment-signature")?.to_str().unwrap().to_owned())
}

fn over_h2() -> (PayingClient, Arc<Wallet>) {
    let (router, wallet) = scheme::router();
    let settings = ClientSettings { paid_timeout_ms: 5_000, ..settings() };
    let http = reqwest::Client::builder().http2_prior_knowledge();
    (PayingClient::new(http, router, settings).unwrap(), wallet)
}

async fn ask(client: &PayingClient, method: &Method, url: &str) -> Result<PaidResponse, PayError> {
    client.execute(client.request(method.clone(), url).body("b").build().unwrap()).await
}

#[tokio::test]
async fn whatever_a_server_does_in_the_middle_of_a_payment() {
    use Fate::{GoAway, Gone, Reset, Served};
    // What the first payment meets, and whether the call is then served with each method; `None` where that depends on
    // whether the farewell is read before the end of the connection.
    let (yes, no) = (Some(true), Some(false));
    for (fate, get, post) in [
        (Served, yes, yes),
        // These say that nothing was done: the transport itself sends the same bytes again.
        (Reset(Reason::REFUSED_STREAM), yes, yes),
        (GoAway(Reason::NO_ERROR), yes, None),
        (Reset(Reason::INTERNAL_ERROR), yes, no),
        (Reset(Reason::CANCEL), yes, no),
        (Reset(Reason::ENHANCE_YOUR_CALM), yes, no),
        (GoAway(Reason::INTERNAL_ERROR), yes, no),
        (GoAway(Reason::ENHANCE_YOUR_CALM), yes, no),
        (Gone, yes, no),
    ] {
        for (method, served) in [(Method::GET, get), (Method::POST, post)] {
            let (url, payments) = start(vec![fate], terms(PRICE, None)).await;
            let (client, wallet) = over_h2();
            let row = format!("{fate:?} {method}");
            match ask(&client, &method, &url).await {
                Ok(answer) => {
                    assert!(served != no && answer.paid().is_some(), "{row}");
                    assert_eq!(answer.response.version(), http::Version::HTTP_2);
                    assert_eq!(answer.response.text().await.unwrap(), "content", "{row}");
                }
                Err(e) => {
                    assert!(served != yes && e.error().is_unknown_outcome(), "{row}: {e}");
                    // Whoever asks again does not pay again.
                    let again = ask(&client, &method, &url).await.unwrap();
                    assert!(again.paid().is_some(), "{row}");
                }
            }
            let payments = payments.lock().unwrap().clone();
            assert!(payments.iter().all(|p| *p == payments[0]), "{row}: the very same bytes");
            let sent = if matches!(fate, Served) { 1 } else { 2 };
            assert_eq!((payments.len(), wallet.signatures()), (sent, 1), "{row}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_reset_was_paid_for() {
    let (url, payments) = start(vec![Fate::HeadAndReset], terms(PRICE, None)).await;
    let (client, wallet) = over_h2();
    let answer = ask(&client, &Method::GET, &url).await.unwrap();
    assert_eq!(answer.paid().unwrap().charged.atomic, PRICE);
    assert!(answer.response.text().await.is_err(), "the reader is told");
    assert_eq!((payments.lock().unwrap().len(), wallet.signatures()), (1, 1));
}

#[tokio::test]
async fn a_long_challenge_is_read() {
    let long = format!(r#","extensions":{{"schema":"{}"}}"#, "x".repeat(40 << 10));
    let challenge = base64(&format!(
        r#"{{"x402Version":2,"resource":{{"url":"http://x"}},"accepts":[{}]{long}}}"#,
        accept(PRICE)
    ));
    assert!(challenge.len() > 48 << 10, "more than the transport would read by itself");
    let (url, payments) = start(Vec::new(), challenge).await;
    let (client, wallet) = over_h2();
    assert!(ask(&client, &Method::GET, &url).await.unwrap().paid().is_some());
    assert_eq!((payments.lock().unwrap().len(), wallet.signatures()), (1, 1));
}
