//! Our facilitator over real loopback connections.

mod common;

use common::chain::{Chain, PAYER, Script, body, body_for};
use common::{Wall, registry, server};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Code, Role};
use tollway_http::Facilitator;
use tollway_http::facilitator::Settings;

struct House {
    chain: Arc<Chain>,
    facilitator: Facilitator,
    address: String,
    http: reqwest::Client,
}

impl House {
    async fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let chain = Chain::new();
        let mut settings = Settings::default();
        settings.patience_ms = 200;
        change(&mut settings);
        let registry = registry(&chain, &[Role::Settler]);
        let builder = Facilitator::builder("test", registry, Arc::new(MemoryLedger::new()), Arc::new(Wall));
        let facilitator = builder.settings(settings).build().unwrap();
        let address = server::facilitator(&facilitator).await;
        Self { chain, facilitator, address, http: reqwest::Client::new() }
    }
    async fn post(&self, path: &str, body: String) -> (u16, Value) {
        let sent = self.http.post(format!("{}{path}", self.address)).body(body).send().await.unwrap();
        (sent.status().as_u16(), serde_json::from_str(&sent.text().await.unwrap()).unwrap())
    }
    async fn get(&self, path: &str) -> Value {
        let sent = self.http.get(format!("{}{path}", self.address)).send().await.unwrap();
        assert_eq!(sent.headers()["content-type"], "application/json");
        serde_json::from_str(&sent.text().await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn a_good_payment_is_verified_and_settled() {
    let house = House::new(|_| {}).await;
    let (status, verdict) = house.post("/verify", body("n1")).await;
    assert_eq!((status, &verdict["isValid"], &verdict["payer"]), (200, &true.into(), &PAYER.into()));
    assert_eq!((house.chain.verifies(), house.chain.settles()), (1, 0));
    let (status, receipt) = house.post("/settle", body("n1")).await;
    assert_eq!((status, &receipt["success"]), (200, &true.into()));
    assert_eq!(receipt["transaction"], "0xn1");
    assert_eq!(receipt["network"], "eip155:84532");
    assert_eq!(receipt["amount"], "10000");
    assert_eq!(receipt["payer"], PAYER);
    assert_eq!((house.chain.verifies(), house.chain.settles()), (2, 1));
}

#[tokio::test]
async fn a_refusal_is_a_verdict_and_blindness_is_none() {
    let house = House::new(|_| {}).await;
    let (status, verdict) = house.post("/verify", body("poor")).await;
    assert_eq!((status, &verdict["isValid"]), (200, &false.into()));
    assert_eq!(verdict["invalidReason"], "insufficient_funds");
    let (status, answer) = house.post("/settle", body("poor")).await;
    assert_eq!((status, &answer["success"], &answer["transaction"]), (200, &false.into(), &"".into()));
    assert_eq!(answer["errorReason"], "insufficient_funds");
    // Too little was signed for: our own reading, before anybody is asked.
    let (_, verdict) = house.post("/verify", body_for("n", 10_001)).await;
    assert_eq!(verdict["invalidReason"], Code::ValueMismatch.as_str());
    let (status, verdict) = house.post("/verify", body("no-node")).await;
    assert_eq!((status, &verdict["isValid"]), (503, &false.into()));
    assert_eq!(house.chain.settles(), 0);
}

#[tokio::test]
async fn a_refused_settlement_leaves_the_payment_free() {
    let house = House::new(|_| {}).await;
    house.chain.script(Script::Refuse(Code::SimulationFailed));
    let (_, answer) = house.post("/settle", body("n1")).await;
    assert_eq!((&answer["success"], &answer["transaction"]), (&false.into(), &"".into()));
    house.chain.script(Script::Land);
    let (_, answer) = house.post("/settle", body("n1")).await;
    assert_eq!(answer["success"], true);
}

#[tokio::test]
async fn kinds_are_listed_with_v1_names() {
    let house = House::new(|s| {
        s.signers.insert("eip155:*".into(), vec!["0xsigner".into()]);
        s.extensions.push("own".into());
    })
    .await;
    let supported = house.get("/supported").await;
    let networks: Vec<_> =
        supported["kinds"].as_array().unwrap().iter().map(|k| k["network"].clone()).collect();
    assert_eq!(networks, ["eip155:84532", "base-sepolia"]);
    // What the settler is set up to do, not all that its scheme knows of ("bazaar").
    assert_eq!(supported["extensions"], serde_json::json!(["offered", "own"]));
    assert_eq!(supported["signers"]["eip155:*"][0], "0xsigner");
    let health = house.get("/health").await;
    assert_eq!(health, serde_json::json!({"ok":true,"ledger":true,"cells":1,"settling":0,"recovering":0}));
}

/// A node's words are between it and us: they name it, and some nodes quote the key that they were asked with.
#[tokio::test]
async fn strangers_hear_of_their_payment_and_not_of_our_nodes() {
    let house = House::new(|_| {}).await;
    let (_, verdict) = house.post("/verify", body("no-node")).await;
    assert_eq!(verdict["invalidReason"], Code::Unreachable.as_str());
    let (_, answer) = house.post("/settle", body("no-node")).await;
    assert_eq!(answer["success"], false);
    for said in [verdict, answer] {
        assert!(!said.to_string().contains("secret") && !said.to_string().contains("node.example"), "{said}");
    }
    let (_, verdict) = house.post("/verify", body("poor")).await;
    assert!(verdict["invalidMessage"].as_str().unwrap().contains("0 of 10000"));
}

/// Two shops with one payee and a ledger each: the second that brings the same authorization is told so.
#[tokio::test]
async fn one_authorization_does_not_pay_two_resources() {
    let house = House::new(|_| {}).await;
    let shop = |url: &str| {
        let beside = format!(r#""resource":{{"url":"{url}"}},"payload":"#);
        body("n1").replacen(r#""payload":"#, &beside, 1)
    };
    let (_, first) = house.post("/settle", shop("https://a.example/x")).await;
    assert_eq!(first["success"], true, "{first}");
    let (_, again) = house.post("/settle", shop("https://a.example/x")).await;
    assert_eq!(again["transaction"], first["transaction"]);
    let (_, other) = house.post("/settle", shop("https://b.example/x")).await;
    assert_eq!((&other["success"], &other["errorReason"]), (&false.into(), &"payment_replayed".into()));
    assert_eq!(house.chain.settles(), 1);
}

/// What serde cannot hold as a value (a number beyond `f64`, half a surrogate pair) must not make payments equal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_payments_never_share_a_receipt_whatever_stands_beside_them() {
    for odd in ["1e999", r#""\ud800""#] {
        let house = House::new(|s| s.patience_ms = 5_000).await;
        house.chain.script(Script::Slow(150));
        let odd = |nonce: &str| body(nonce).replacen(r#""nonce":"#, &format!(r#""x":{odd},"nonce":"#), 1);
        let (first, second) =
            tokio::join!(house.post("/settle", odd("n1")), house.post("/settle", odd("n2")));
        assert_eq!((&first.1["transaction"], &second.1["transaction"]), (&"0xn1".into(), &"0xn2".into()));
        assert_eq!(house.chain.settles(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_are_one_settlement() {
    let house = Arc::new(House::new(|s| s.patience_ms = 5_000).await);
    house.chain.script(Script::Slow(150));
    let asked: Vec<_> = (0..100)
        .map(|_| {
            let house = house.clone();
            tokio::spawn(async move { house.post("/settle", body("same")).await })
        })
        .collect();
    for answer in asked {
        let (status, receipt) = answer.await.unwrap();
        assert_eq!(
            (status, &receipt["success"], &receipt["transaction"]),
            (200, &true.into(), &"0xsame".into())
        );
    }
    assert_eq!(house.chain.settles(), 1);
    // And much later, from memory, though the chain would say that the nonce is used; whatever the order of keys.
    let (_, again) = house.post("/settle", body("same")).await;
    assert_eq!(again["transaction"], "0xsame");
    let value: Value = serde_json::from_str(&body("same")).unwrap();
    let (_, again) = house.post("/settle", serde_json::to_string_pretty(&value).unwrap()).await;
    assert_eq!(again["transaction"], "0xsame");
    assert_eq!(house.chain.settles(), 1);
}

#[tokio::test]
async fn the_same_payment_for_something_else_is_a_replay() {
    let house = House::new(|_| {}).await;
    assert_eq!(house.post("/settle", body("n1")).await.1["success"], true);
    let (_, answer) = house.post("/settle", body_for("n1", 9_999)).await;
    assert_eq!((&answer["success"], &answer["errorReason"]), (&false.into(), &"payment_replayed".into()));
    assert_eq!(house.chain.settles(), 1);
}

#[tokio::test]
async fn hanging_up_does_not_stop_a_settlement() {
    let house = House::new(|s| s.patience_ms = 5_000).await;
    house.chain.script(Script::Slow(300));
    let impatient = house.http.post(format!("{}/settle", house.address)).body(body("n1"));
    assert!(impatient.timeout(Duration::from_millis(100)).send().await.is_err());
    assert_eq!(house.chain.settles(), 1);
    let (_, receipt) = house.post("/settle", body("n1")).await;
    assert_eq!((&receipt["success"], &receipt["transaction"]), (&true.into(), &"0xn1".into()));
    assert_eq!(house.chain.settles(), 1);
}

#[tokio::test]
async fn whoever_waits_too_long_is_told_that_it_is_pending() {
    let house = House::new(|s| s.settle_wait_ms = 50).await;
    house.chain.script(Script::Slow(300));
    let (status, answer) = house.post("/settle", body("n1")).await;
    assert_eq!((status, &answer["success"]), (200, &false.into()));
    assert_eq!(answer["errorReason"], "settlement_pending");
    assert_eq!(house.get("/health").await["settling"], 1);
    tokio::time::sleep(Duration::from_millis(350)).await;
    let (_, receipt) = house.post("/settle", body("n1")).await;
    assert_eq!(receipt["transaction"], "0xn1");
}

#[tokio::test]
async fn shutting_down_waits_for_what_is_under_way() {
    let house = House::new(|s| s.patience_ms = 5_000).await;
    house.chain.script(Script::Slow(200));
    let request = house.facilitator.read(body("n1").as_bytes()).unwrap();
    let running = tokio::spawn({
        let facilitator = house.facilitator.clone();
        async move { facilitator.settle(request).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(house.facilitator.shutdown(Duration::from_millis(20)).await, 1);
    let late = house.facilitator.read(body("n2").as_bytes()).unwrap();
    let refused = house.facilitator.settle(late).await.unwrap_err();
    assert_eq!(refused.next, tollway_core::Next::Later);
    assert_eq!(house.facilitator.shutdown(Duration::from_secs(5)).await, 0);
    assert!(running.await.unwrap().is_ok());
    assert_eq!(house.chain.settles(), 1);
}

#[tokio::test]
async fn too_many_at_once_are_told_to_come_back() {
    let house = House::new(|s| s.settles_max = 1).await;
    house.chain.script(Script::Slow(300));
    let first = house.facilitator.read(body("n1").as_bytes()).unwrap();
    let running = tokio::spawn({
        let facilitator = house.facilitator.clone();
        async move { facilitator.settle(first).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (status, answer) = house.post("/settle", body("n2")).await;
    assert_eq!((status, &answer["success"], &answer["errorReason"]), (503, &false.into(), &"busy".into()));
    assert!(running.await.unwrap().is_ok());
    assert_eq!(house.chain.settles(), 1);
}

#[tokio::test]
async fn a_registry_that_settles_nothing_makes_no_facilitator() {
    let chain = Chain::new();
    let registry = registry(&chain, &[]);
    let builder = Facilitator::builder("t", registry, Arc::new(MemoryLedger::new()), Arc::new(Wall));
    assert_eq!(builder.build().unwrap_err().code, Code::RoleMissing);
}
