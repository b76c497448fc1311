//! Answers that do not come: the same bytes again where that is safe, then the chain, never another signature.
#![cfg(feature = "client")]

mod client_kit;

use client_kit::*;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tollway_core::{Code, Next};
use tollway_http::client::{ClientSettings, PaidResponse, PayError, PayingClient};

async fn ask(client: &PayingClient, method: &str, url: String) -> Result<PaidResponse, PayError> {
    let method: Method = method.parse().unwrap();
    client.execute(client.request(method, url).body("b").build().unwrap()).await
}

#[tokio::test]
async fn a_lost_answer() {
    // How often the first payments stay unanswered, and how often the payment is then sent in all.
    for (method, lost, sent, paid) in [
        ("GET", 1, 2, true),
        ("GET", 2, 3, true),
        ("GET", 3, 3, false),
        ("PUT", 1, 2, true),
        ("DELETE", 1, 2, true),
        ("OPTIONS", 1, 2, true),
        ("POST", 0, 1, true),
        ("POST", 1, 1, false),
        ("PATCH", 1, 1, false),
    ] {
        for how in [Act::reset(), Act::hang(), Act::new(503), Act::new(504)] {
            let silent = how.clone();
            let server = shop(move |n| if n < lost { silent.clone() } else { serves() }).await;
            let (client, wallet) = client();
            let result = ask(&client, method, server.url()).await;
            let found = result.as_ref().is_ok_and(|a| a.paid().is_some());
            assert_eq!(found, paid, "{method} {lost}: {result:?}");
            let payments = server.payments();
            assert_eq!(payments.len(), sent, "{method} {lost}");
            assert!(payments.iter().all(|p| *p == payments[0]), "the very same bytes");
            assert_eq!(wallet.signatures(), 1, "never another signature");
        }
    }
}

#[tokio::test]
async fn then_the_chain_is_asked() {
    for (how, error) in [(Act::reset(), Code::Unreachable), (Act::hang(), Code::TimedOut)] {
        for settled in [false, true] {
            let silent = how.clone();
            let server = shop(move |_| silent.clone()).await;
            let (client, wallet) = client();
            if settled {
                wallet.chain_says_settled();
            }
            let e = ask(&client, "POST", server.url()).await.unwrap_err();
            assert_eq!(e.error().code, error);
            assert_eq!(wallet.asked_chain.load(std::sync::atomic::Ordering::SeqCst), 1);
            match (settled, e) {
                (true, PayError::Undelivered(lost)) => {
                    assert_eq!(lost.paid.receipt.transaction().unwrap().0, "from-chain");
                    assert_eq!(lost.paid.charged.atomic, PRICE);
                    assert!(!lost.paid.delivered);
                    assert!(PayError::Undelivered(lost).to_string().contains("do not pay again"));
                }
                (false, PayError::Failed(e)) => assert!(matches!(e.next, Next::Unknown(_))),
                (_, other) => panic!("{other}"),
            }
        }
    }
}

#[tokio::test]
async fn after_a_silence_terms_are_no_correction() {
    for (silent, signatures) in [(0, 2), (1, 1)] {
        let server = shop(move |n| match n {
            n if n < silent => Act::reset(),
            n if n == silent => Act::new(402).header("PAYMENT-REQUIRED", &terms(PRICE + 1, Some("dearer"))),
            _ => {
                let told = tollway_core::wire::SettleResponse { amount: None, ..success() };
                Act::new(200).header("PAYMENT-RESPONSE", &encoded(&told))
            }
        })
        .await;
        let (client, wallet) = client();
        let result = client.get(server.url()).await;
        assert_eq!(wallet.signatures(), signatures);
        match result {
            Ok(answer) => assert!(answer.paid().unwrap().corrected),
            Err(e) => assert!(e.error().is_unknown_outcome() && silent == 1, "{e}"),
        }
    }
}

#[tokio::test]
async fn used_already_after_a_silence_may_mean_by_us() {
    let used = Act::new(402).header("PAYMENT-RESPONSE", &encoded(&failure("insufficient_funds")));
    let server = shop(move |n| if n == 0 { Act::reset() } else { used.clone() }).await;
    let (client, wallet) = client();
    wallet.chain_says_settled();
    assert!(matches!(client.get(server.url()).await, Err(PayError::Undelivered(_))));
}

#[tokio::test]
async fn a_payment_in_flight_is_waited_for() {
    let words = |status, word: &str| {
        Act::new(status).header("retry-after", "2").json(&format!(r#"{{"error":"{word}"}}"#))
    };
    let told = Act::new(402).header("PAYMENT-RESPONSE", &encoded(&failure("payment_in_flight")));
    for (act, waited) in [
        (words(409, "payment_in_flight"), true),
        (words(425, "payment_in_flight"), true),
        (words(503, "payment_in_flight"), true),
        (words(409, "duplicate_settlement"), true),
        (told, true),
        (words(409, "edit conflict"), false),
    ] {
        for (busy, sent) in [(2, 3), (100, 6)] {
            let again = act.clone();
            let server = shop(move |n| if n < busy { again.clone() } else { serves() }).await;
            let (client, wallet) = client();
            // Whatever the method: the server says itself that it will not do it twice.
            let result = ask(&client, "POST", server.url()).await;
            let sent = if waited { sent } else { 1 };
            assert_eq!((server.payments().len(), wallet.signatures()), (sent, 1));
            match (waited, busy) {
                (true, 2) => assert!(result.unwrap().paid().is_some()),
                (true, _) => {
                    let e = result.unwrap_err();
                    assert_eq!(e.error().code, Code::InFlight);
                    assert!(e.error().is_unknown_outcome());
                }
                (false, _) => assert_eq!(result.unwrap().response.status(), 409),
            }
        }
    }
}

/// Answers one request and stops listening.
async fn once(listener: TcpListener, answer: &str) -> usize {
    let (mut stream, _) = listener.accept().await.unwrap();
    drop(listener);
    let mut buffer = [0u8; 4096];
    let n = stream.read(&mut buffer).await.unwrap();
    stream.write_all(answer.as_bytes()).await.unwrap();
    n
}

#[tokio::test]
async fn what_was_never_sent_is_sent_again_whatever_the_method() {
    for comes_back in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let head = format!("PAYMENT-REQUIRED: {}", terms(PRICE, None));
            once(
                listener,
                &format!("HTTP/1.1 402 X\r\nconnection: close\r\ncontent-length: 0\r\n{head}\r\n\r\n"),
            )
            .await;
            if comes_back {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                let head = format!("PAYMENT-RESPONSE: {}", encoded(&success()));
                let listener = TcpListener::bind(at).await.unwrap();
                once(listener, &format!("HTTP/1.1 200 X\r\ncontent-length: 0\r\n{head}\r\n\r\n")).await;
            }
        });
        let (client, wallet) = client_with(ClientSettings { backoff_ms: 60, ..settings() });
        let request = client.request(Method::POST, format!("http://{at}/")).build().unwrap();
        let result = client.execute(request).await;
        assert_eq!(result.is_ok(), comes_back, "{result:?}");
        if let Err(e) = result {
            // Nobody has the signature, so nothing is unknown and nothing stays reserved.
            assert!(!e.error().is_unknown_outcome(), "{e}");
            let attempts = client.router().attempts().await.unwrap();
            assert!(
                attempts.iter().all(|a| a.stage == tollway_route::pay::AttemptStage::Dead),
                "{attempts:?}"
            );
        }
        assert_eq!(wallet.signatures(), 1);
        server.await.unwrap();
    }
}

#[tokio::test]
async fn the_signatures_window_ends_the_waiting() {
    let server = shop(|_| Act::reset()).await;
    let (client, _) = client_with(ClientSettings { paid_total_ms: 1, backoff_ms: 50, ..settings() });
    client.get(server.url()).await.unwrap_err();
    assert_eq!(server.payments().len(), 1);
}

#[tokio::test]
async fn an_unpaid_request_is_sent_once() {
    for how in [Act::reset(), Act::hang()] {
        let server = Server::start(move |_, _| how.clone()).await;
        let (client, wallet) = client_with(ClientSettings { first_timeout_ms: 200, ..settings() });
        let e = client.get(format!("{}?token=hush", server.url())).await.unwrap_err();
        assert!(matches!(e, PayError::Unanswered(..)));
        let source = std::error::Error::source(&e).unwrap().to_string();
        assert!(!format!("{e} {e:?} {source}").contains("hush"), "no URLs in words");
        assert_eq!((server.seen().len(), wallet.signatures()), (1, 0));
    }
}

#[tokio::test]
async fn secrets_stay_out_of_words() {
    for act in [serves(), Act::new(402), Act::reset(), Act::new(500)] {
        let server = shop(move |_| act.clone()).await;
        let (client, wallet) = client();
        let url = format!("{}?token=hush", server.url());
        let words = format!("{:?} {client:?}", ask(&client, "POST", url).await);
        let payment = server.payments().remove(0);
        assert_eq!(wallet.signatures(), 1);
        assert!(!words.contains("hush") && !words.contains(&payment) && !words.contains(SECRET), "{words}");
    }
}
