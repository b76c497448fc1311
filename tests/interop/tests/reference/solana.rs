//! The same on Solana: every pairing of client, server and facilitator, each with its refused twins.

use serde_json::{Value, json};
use tollway::core::Code;
use tollway::http::client::Standing;
use tollway::route::pay::AttemptStage;
use tollway_interop::ours::{By, Payer, Server};
use tollway_interop::{SolanaDeal, Terms, bed, theirs};

/// Our client pays, and its receipt and its journal name the one transaction.
async fn we_pay(deal: &SolanaDeal, url: &str) {
    let payer = Payer::of(deal).await;
    let answer = payer.client().get(url).await.unwrap();
    let transaction = deal.paid_by().await;
    let Standing::Paid(paid) = &answer.standing else { panic!("not paid: {answer:?}") };
    assert_eq!(paid.charged.atomic, u128::from(deal.amount));
    assert_eq!(paid.receipt.transaction().map(|tx| tx.0.as_str()), Some(transaction.as_str()));
    let journal = payer.router().attempts().await.unwrap();
    assert_eq!((journal.len(), journal[0].stage), (1, AttemptStage::Settled));
    let body: Value = answer.response.json().await.unwrap();
    assert_eq!(body["sold"], "/paid");
}

/// Their client pays, with more fields in the order.
async fn they_try(deal: &SolanaDeal, url: &str, more: Value) -> Value {
    let mut order = theirs::pay(deal, url);
    for (name, value) in more.as_object().unwrap() {
        order[name] = value.clone();
    }
    bed().client().await.ask(order).await.unwrap()
}

/// It was served, and its receipt names the one transaction.
async fn they_pay(deal: &SolanaDeal, url: &str, version: u8) {
    let answer = they_try(deal, url, json!({ "version": version })).await;
    assert_eq!((&answer["status"], &answer["body"]["sold"]), (&json!(200), &json!("/paid")), "{answer}");
    assert_eq!(answer["paymentStatus"], "settled", "{answer}");
    let receipt = &answer["header"];
    assert_eq!(receipt["transaction"], deal.paid_by().await, "{answer}");
    assert_eq!(receipt["payer"], deal.payer.address(), "{answer}");
    let network = if version == 1 { "solana".to_owned() } else { deal.network() };
    assert_eq!(receipt["network"], network);
}

/// Their client is refused what no honest one would send, and knows why.
async fn they_are_refused(mut deal: SolanaDeal, url: &str) {
    for (change, code) in [
        (json!({ "spoil": true }), Code::InvalidSignature),
        (json!({ "terms": { "amount": "9999" } }), Code::ValueMismatch),
    ] {
        let answer = they_try(&deal, url, change).await;
        assert_eq!(answer["status"], 402, "{answer}");
        assert_eq!(Code::from_wire(answer["header"]["error"].as_str().unwrap()), code, "{answer}");
        deal.unpaid().await;
    }
    deal.ruin().await;
    let answer = they_try(&deal, url, json!({})).await;
    assert_eq!(answer["status"], 402, "{answer}");
    assert!(answer["header"]["error"].is_string(), "{answer}");
    deal.unpaid().await;
}

/// Our client signs nothing that its own money does not cover.
async fn we_do_not_pay(mut deal: SolanaDeal, url: &str) {
    deal.ruin().await;
    let payer = Payer::of(&deal).await;
    let why = payer.client().get(url).await.unwrap_err();
    assert_eq!(why.error().code, Code::NoRoute, "{why}");
    assert!(why.to_string().contains("insufficient_funds"), "{why}");
    assert!(payer.router().attempts().await.unwrap().is_empty());
    deal.unpaid().await;
}

async fn facilitators() -> [String; 2] {
    let bed = bed();
    [bed.our_solana_facilitator().await.url().to_owned(), bed.their_solana_facilitator().await.url()]
}

#[test]
fn our_client_pays_our_server_whoever_settles() {
    bed().run(async {
        let bed = bed();
        for facilitator in facilitators().await {
            let deal = bed.solana_deal().await;
            let server = Server::start(bed, &deal, By::Facilitator(&facilitator)).await;
            we_pay(&deal, &server.url("/paid")).await;
            assert_eq!(server.handled(), 1);
            let deal = bed.solana_deal().await;
            let server = Server::start(bed, &deal, By::Facilitator(&facilitator)).await;
            we_do_not_pay(deal, &server.url("/paid")).await;
        }
        let deal = bed.solana_deal().await;
        let server = Server::start(bed, &deal, By::Itself).await;
        we_pay(&deal, &server.url("/paid")).await;
    });
}

#[test]
fn our_client_pays_their_server_whoever_settles() {
    bed().run(async {
        let bed = bed();
        for facilitator in facilitators().await {
            let deal = bed.solana_deal().await;
            let server = theirs::server(bed, &deal, &facilitator).await;
            we_pay(&deal, &format!("{}/paid", server.url())).await;
        }
    });
}

#[test]
fn their_client_pays_our_server_whoever_settles() {
    bed().run(async {
        let bed = bed();
        for facilitator in facilitators().await {
            for version in [2, 1] {
                let deal = bed.solana_deal().await;
                let server = Server::start(bed, &deal, By::Facilitator(&facilitator)).await;
                they_pay(&deal, &server.url("/paid"), version).await;
                assert_eq!(server.handled(), 1);
            }
            let deal = bed.solana_deal().await;
            let server = Server::start(bed, &deal, By::Facilitator(&facilitator)).await;
            they_are_refused(deal, &server.url("/paid")).await;
            assert_eq!(server.handled(), 0);
        }
        let deal = bed.solana_deal().await;
        let server = Server::start(bed, &deal, By::Itself).await;
        they_pay(&deal, &server.url("/paid"), 2).await;
    });
}

#[test]
fn their_client_pays_their_server_whoever_settles() {
    bed().run(async {
        let bed = bed();
        for facilitator in facilitators().await {
            let deal = bed.solana_deal().await;
            let server = theirs::server(bed, &deal, &facilitator).await;
            they_pay(&deal, &format!("{}/paid", server.url()), 2).await;
        }
    });
}

/// What their facilitator hears of ours, and the other way round.
#[test]
fn each_side_understands_the_others_facilitator() {
    bed().run(async {
        let bed = bed();
        for facilitator in facilitators().await {
            let supported = bed.client().await.ask(json!({ "do": "supported", "url": facilitator }));
            let supported = supported.await.unwrap();
            let kinds = supported["kinds"].as_array().unwrap();
            let deal = bed.solana_deal().await;
            let kind = |version: u8, network: &str| {
                let named = |kind: &&Value| kind["x402Version"] == version && kind["network"] == network;
                kinds.iter().find(named).unwrap_or_else(|| panic!("{version} {network} in {supported}"))
            };
            assert!(kind(1, "solana")["extra"]["feePayer"].is_string());
            let fee_payer = kind(2, &deal.network())["extra"]["feePayer"].as_str().unwrap();
            let requirements = deal.requirements(fee_payer);
            let mut order = json!({
                "do": "signTransaction", "key": deal.payer_key(), "rpc": deal.node_url(),
                "requirements": requirements,
            });
            let client = bed.client().await;
            let good = client.ask(order.clone()).await.unwrap();
            order["spoil"] = json!(true);
            let spoiled = client.ask(order).await.unwrap();
            for (payload, valid) in [(spoiled, false), (good, true)] {
                let payload = json!({ "x402Version": 2, "accepted": requirements, "payload": payload });
                let ask = |what: &str| {
                    let (url, payload) = (&facilitator, &payload);
                    json!({ "do": what, "url": url, "payload": payload, "requirements": requirements })
                };
                let verdict = client.ask(ask("verify")).await.unwrap();
                assert_eq!(verdict["isValid"], valid, "{verdict}");
                let settled = client.ask(ask("settle")).await.unwrap();
                assert_eq!(settled["success"], valid, "{settled}");
            }
            deal.paid_by().await;
        }
    });
}
