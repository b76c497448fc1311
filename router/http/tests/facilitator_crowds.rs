//! One caller's crowd at a facilitator, and everybody else.

mod common;

use common::chain::{Chain, Script, body};
use common::{Wall, registry, server};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tollway_core::Role;
use tollway_core::ledger::MemoryLedger;
use tollway_http::Facilitator;
use tollway_http::facilitator::{ApiKeys, Settings};

const SHOP: &str = "authorization: Bearer correct-horse-battery\r\n";
const OTHER: &str = "authorization: Bearer staple-staple-staple\r\n";
const NO_KEY: &str = "";

/// Eight places, two of them for each caller.
async fn facilitator() -> (Arc<Chain>, String) {
    let mut settings = Settings::default();
    (settings.requests_max, settings.body_ms, settings.settle_wait_ms) = (8, 600_000, 600_000);
    let (chain, ledger) = (Chain::new(), Arc::new(MemoryLedger::new()));
    let keys = ApiKeys::new().with("shop", "correct-horse-battery").unwrap();
    let keys = keys.with("other", "staple-staple-staple").unwrap().or_anyone();
    let builder = Facilitator::builder("test", registry(&chain, &[Role::Settler]), ledger, Arc::new(Wall));
    let address = server::facilitator(&builder.settings(settings).keys(keys).build().unwrap()).await;
    (chain, address)
}

/// A request of which only the head and so much of its body ever come.
async fn send(address: &str, path: &str, key: &str, body: &str, length: usize) -> TcpStream {
    let mut socket = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{key}content-length: {length}\r\n\r\n{body}");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

async fn verify(address: &str, key: &str, nonce: &str) -> (u16, Value) {
    let mut request = reqwest::Client::new().post(format!("{address}/verify")).body(body(nonce));
    if let Some((name, value)) = key.trim_end().split_once(": ") {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

/// Asks until this caller is told that it has too many under way: its crowd has arrived.
async fn until_too_many(address: &str, key: &str) {
    for n in 0..4_000 {
        let (status, answer) = verify(address, key, &format!("try-{n}")).await;
        if status == 429 {
            assert_eq!(answer["invalidReason"], "too_many_settlements", "{answer}");
            return;
        }
        assert_eq!(status, 200, "{answer}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it may have as many as it likes");
}

async fn everybody_else_is_answered(address: &str, crowd: &str) {
    for key in [SHOP, OTHER, NO_KEY].into_iter().filter(|key| *key != crowd) {
        let (status, answer) = verify(address, key, "other").await;
        assert_eq!((status, &answer["isValid"]), (200, &Value::from(true)), "{answer}");
    }
    let supported = reqwest::get(format!("{address}/supported")).await.unwrap();
    assert_eq!(supported.status(), 200);
}

#[tokio::test]
async fn bodies_that_never_come_keep_nobody_else_out() {
    for crowd in [SHOP, NO_KEY] {
        let (_, address) = facilitator().await;
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(send(&address, "/verify", crowd, "{", 100).await);
        }
        until_too_many(&address, crowd).await;
        everybody_else_is_answered(&address, crowd).await;
    }
}

#[tokio::test]
async fn a_settlement_that_is_asked_for_again_and_again_keeps_nobody_else_out() {
    let (chain, address) = facilitator().await;
    chain.script(Script::Slow(600_000));
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(send(&address, "/settle", SHOP, &body("same"), body("same").len()).await);
    }
    until_too_many(&address, SHOP).await;
    assert!(chain.settles() <= 1, "the second has joined the first");
    everybody_else_is_answered(&address, SHOP).await;
}

#[tokio::test]
async fn a_place_is_free_again_when_its_request_is_gone() {
    let (_, address) = facilitator().await;
    let held =
        [send(&address, "/verify", SHOP, "{", 100).await, send(&address, "/verify", SHOP, "{", 100).await];
    until_too_many(&address, SHOP).await;
    drop(held);
    for n in 0..4_000 {
        if verify(&address, SHOP, &format!("again-{n}")).await.0 == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("its places stay taken");
}
