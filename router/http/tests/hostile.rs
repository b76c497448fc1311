//! What is no facilitator request, and what should not be read at all.

mod common;

use common::chain::{Chain, body};
use common::{Wall, registry, server};
use serde_json::Value;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tollway_core::Role;
use tollway_core::ledger::MemoryLedger;
use tollway_http::Facilitator;
use tollway_http::facilitator::Settings;

async fn house() -> (Arc<Chain>, String) {
    let chain = Chain::new();
    let mut settings = Settings::default();
    settings.body_ms = 200;
    let registry = registry(&chain, &[Role::Settler]);
    let builder = Facilitator::builder("test", registry, Arc::new(MemoryLedger::new()), Arc::new(Wall));
    let facilitator = builder.settings(settings).build().unwrap();
    (chain, server::facilitator(&facilitator).await)
}

async fn ask(address: &str, path: &str, body: String) -> (u16, Value) {
    let sent = reqwest::Client::new().post(format!("{address}{path}")).body(body).send().await.unwrap();
    (sent.status().as_u16(), serde_json::from_str(&sent.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn bad_bodies_get_typed_answers() {
    let (chain, address) = house().await;
    let deep =
        format!(r#"{{"x402Version":2,"paymentPayload":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let wide = " ".repeat(1 << 20);
    let n = body("n");
    let cases: Vec<(String, u16, &str)> = vec![
        (String::new(), 400, "invalid_payload"),
        ("not json".into(), 400, "invalid_payload"),
        ("{}".into(), 400, "invalid_payload"),
        ("[1,2]".into(), 400, "invalid_payload"),
        (deep, 413, "too_large"),
        (wide, 413, "too_large"),
        (n.replace(r#""x402Version":2"#, r#""x402Version":3"#), 200, "invalid_x402_version"),
        (n.replacen(r#""x402Version":2"#, r#""x402Version":1"#, 1), 200, "invalid_x402_version"),
        (n.replacen("eip155:84532", "eip155:1", 1), 200, "invalid_network"),
        (n.replace("eip155:84532", "eip155:1"), 200, "invalid_network"),
        (n.replace(r#""exact""#, r#""upto""#), 200, "unsupported_scheme"),
        (n.replace(r#""amount":"10000""#, r#""amount":"-1""#), 200, "invalid_amount"),
        (
            n.replace(r#""maxTimeoutSeconds":300"#, r#""maxTimeoutSeconds":"x""#),
            400,
            "invalid_payment_requirements",
        ),
    ];
    for (body, status, reason) in cases {
        let shown: String = body.chars().take(60).collect();
        let (got, verdict) = ask(&address, "/verify", body.clone()).await;
        assert_eq!(
            (got, &verdict["isValid"], &verdict["invalidReason"]),
            (status, &false.into(), &reason.into()),
            "{shown}"
        );
        let (got, answer) = ask(&address, "/settle", body).await;
        assert_eq!(
            (got, &answer["success"], &answer["errorReason"]),
            (status, &false.into(), &reason.into()),
            "{shown}"
        );
        assert_eq!(answer["transaction"], "", "{shown}");
        assert!(answer["network"].is_string(), "{shown}");
    }
    assert_eq!((chain.verifies(), chain.settles()), (0, 0));
}

#[tokio::test]
async fn any_content_type_will_do() {
    let (_, address) = house().await;
    for kind in ["", "text/plain", "application/json; charset=utf-8", "application/octet-stream"] {
        let post = reqwest::Client::new().post(format!("{address}/verify")).header("content-type", kind);
        let sent = post.body(body("n")).send().await.unwrap();
        assert_eq!(sent.status(), 200);
        assert!(sent.text().await.unwrap().contains("\"isValid\":true"));
    }
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let (_, address) = house().await;
    let mut socket = tokio::net::TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    socket.write_all(b"POST /settle HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
    let mut read = vec![0; 1024];
    let n = socket.read(&mut read).await.unwrap();
    assert!(String::from_utf8_lossy(&read[..n]).starts_with("HTTP/1.1 408"));
}

#[tokio::test]
async fn other_paths_and_methods_are_not_there() {
    let (_, address) = house().await;
    let http = reqwest::Client::new();
    assert_eq!(http.get(format!("{address}/settle")).send().await.unwrap().status(), 405);
    assert_eq!(http.post(format!("{address}/supported")).send().await.unwrap().status(), 405);
    assert_eq!(http.get(format!("{address}/")).send().await.unwrap().status(), 404);
}

/// What a socket says to these bytes.
async fn wire(address: &str, bytes: &[u8]) -> String {
    let mut socket = tokio::net::TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    // It may have had enough before all of it was sent.
    let _ = socket.write_all(bytes).await;
    let mut text = Vec::new();
    let _ = socket.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn at_the_edge_of_http() {
    let (chain, address) = house().await;
    let honest = body("n");
    let close = "host: x\r\nconnection: close\r\n";
    let (front, back) = honest.split_at(100);
    let chunks = format!("{:x}\r\n{front}\r\n{:x}\r\n{back}\r\n0\r\n\r\n", front.len(), back.len());
    let chunked = format!("{close}transfer-encoding: chunked\r\n");
    for (what, head, headers, body, status) in [
        ("in chunks", "POST /verify", chunked.clone(), chunks.as_str(), 200),
        ("chunks without end", "POST /settle", chunked.clone(), "1\r\n{\r\n", 408),
        ("broken chunks", "POST /settle", chunked.clone(), "1\r\n{xx", 400),
        (
            "a body that says it is too long",
            "POST /settle",
            format!("{close}content-length: 999999\r\n"),
            "{",
            413,
        ),
        ("a huge header", "POST /settle", format!("{close}x: {}\r\n", "y".repeat(1 << 20)), "", 431),
        ("200 headers", "POST /settle", format!("{close}{}", "x: y\r\n".repeat(200)), "", 431),
        ("OPTIONS", "OPTIONS /settle", close.to_owned(), "", 405),
        ("HEAD", "HEAD /settle", close.to_owned(), "", 405),
        ("HEAD of what can be got", "HEAD /supported", close.to_owned(), "", 200),
        ("another spelling", "POST /%73ettle", close.to_owned(), "", 404),
        ("a slash more", "POST //settle", close.to_owned(), "", 404),
    ] {
        let text = wire(&address, format!("{head} HTTP/1.1\r\n{headers}\r\n{body}").as_bytes()).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{what}: {text}");
    }
    assert_eq!((chain.verifies(), chain.settles()), (1, 0));
    // Over HTTP/2, on one connection.
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    for path in ["/verify", "/settle", "/settle"] {
        let answer = client.post(format!("{address}{path}")).body(honest.clone()).send().await.unwrap();
        assert_eq!((answer.version(), answer.status().as_u16()), (http::Version::HTTP_2, 200), "{path}");
        let said: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert!(said["isValid"] == true || said["success"] == true, "{path}: {said}");
    }
    assert_eq!(chain.settles(), 1, "asked twice, settled once");
}
