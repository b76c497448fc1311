//! `upto`: the payer signs a ceiling, the server uses a part of it, the facilitator takes that part. Every pairing, on
//! both chains, with the allowance in place; and what each side refuses.

use http::header::HeaderName;
use serde_json::{Value, json};
use tollway::core::Code;
use tollway::http::client::Standing;
use tollway::route::pay::AttemptStage;
use tollway_interop::node::Program;
use tollway_interop::ours::{By, Payer, Server};
use tollway_interop::{BASE, BASE_SEPOLIA, Deal, Terms, bed, theirs};

/// Of a ceiling of 10,000.
const USED: u64 = 3_456;

/// A reference facilitator of a test's own: two settlements at once fail over its account's nonce.
async fn their_facilitator() -> Program {
    theirs::facilitator(bed(), &[BASE, BASE_SEPOLIA], json!({})).await
}

async fn approved(chain: u64) -> Deal {
    let deal = bed().deal(chain).await;
    deal.approve().await;
    deal
}

/// Their client has paid what was used, and knows by which transaction.
async fn they_paid(deal: &Deal, url: &str, used: u64) {
    let answer = bed().client().await.ask(theirs::pay(deal, url)).await.unwrap();
    assert_eq!(answer["status"], 200, "{answer}");
    assert_eq!(answer["paymentStatus"], "settled", "{answer}");
    let receipt = &answer["header"];
    assert_eq!(receipt["amount"], used.to_string(), "{answer}");
    assert_eq!(receipt["network"], deal.network());
    let asked = &answer["record"]["asked"]["accepts"][0];
    assert_eq!((&asked["scheme"], &asked["amount"]), (&json!("upto"), &json!("10000")), "{asked}");
    assert_eq!(asked["extra"]["assetTransferMethod"], "permit2");
    let signed = &answer["record"]["sent"]["payload"]["permit2Authorization"];
    assert_eq!(signed["witness"]["facilitator"], asked["extra"]["facilitatorAddress"]);
    let names = answer["names"].as_array().unwrap();
    assert!(!names.iter().any(|name| name.as_str().unwrap().contains("overrides")), "{names:?}");
    match used {
        0 => {
            assert_eq!(receipt["transaction"], "");
            deal.unpaid().await;
        }
        used => assert_eq!(receipt["transaction"], deal.charged_by(used).await),
    }
}

/// Our client has.
async fn we_paid(deal: &Deal, url: &str, used: u64) {
    let payer = Payer::of(deal).await;
    let answer = payer.client().get(url).await.unwrap();
    let Standing::Paid(paid) = &answer.standing else { panic!("not paid: {answer:?}") };
    assert_eq!(paid.charged.atomic, u128::from(used));
    let journal = payer.router().attempts().await.unwrap();
    assert_eq!(journal.len(), 1, "one signature");
    // What was not taken can still be, so it stays reserved.
    let stage = if used == 0 { AttemptStage::Signed } else { AttemptStage::Settled };
    assert_eq!(journal[0].stage, stage);
    assert!(!answer.response.headers().contains_key(HeaderName::from_static("settlement-overrides")));
    let transaction = paid.receipt.transaction().map(|tx| tx.0.clone());
    match used {
        0 => {
            assert_eq!(transaction, None);
            deal.unpaid().await;
        }
        used => assert_eq!(transaction, Some(deal.charged_by(used).await)),
    }
}

#[test]
fn their_client_pays_our_server_whoever_settles() {
    bed().run(async {
        let (ours, theirs) = (bed().our_facilitator().await.url(), their_facilitator().await);
        let theirs = theirs.url();
        for chain in [BASE_SEPOLIA, BASE] {
            for by in [By::Itself, By::Facilitator(ours), By::Facilitator(&theirs)] {
                let deal = approved(chain).await;
                let server = Server::metered(bed(), &deal, by, USED).await;
                they_paid(&deal, &server.url("/paid"), USED).await;
                assert_eq!(server.handled(), 1);
            }
        }
    });
}

#[test]
fn their_client_pays_their_server_and_our_facilitator_settles() {
    bed().run(async {
        let facilitator = bed().our_facilitator().await.url();
        for chain in [BASE_SEPOLIA, BASE] {
            let deal = approved(chain).await;
            let server = theirs::metered_server(bed(), &deal, facilitator, USED, json!({})).await;
            they_paid(&deal, &format!("{}/paid", server.url()), USED).await;
        }
    });
}

#[test]
fn our_client_pays_our_server_and_their_facilitator_settles() {
    bed().run(async {
        let facilitator = their_facilitator().await;
        let facilitator = facilitator.url();
        for chain in [BASE_SEPOLIA, BASE] {
            let deal = approved(chain).await;
            let server = Server::metered(bed(), &deal, By::Facilitator(&facilitator), USED).await;
            we_paid(&deal, &server.url("/paid"), USED).await;
        }
    });
}

#[test]
fn our_client_pays_their_server_whoever_settles() {
    bed().run(async {
        let (ours, theirs) = (bed().our_facilitator().await.url(), their_facilitator().await);
        let theirs = theirs.url();
        for chain in [BASE_SEPOLIA, BASE] {
            for facilitator in [ours, &theirs] {
                let deal = approved(chain).await;
                let server = theirs::metered_server(bed(), &deal, facilitator, USED, json!({})).await;
                we_paid(&deal, &format!("{}/paid", server.url()), USED).await;
            }
        }
    });
}

#[test]
fn nothing_used_is_nothing_charged_whoever_settles() {
    bed().run(async {
        let (ours, theirs) = (bed().our_facilitator().await.url(), their_facilitator().await);
        let theirs = theirs.url();
        for facilitator in [ours, &theirs] {
            let deal = approved(BASE_SEPOLIA).await;
            let server = Server::metered(bed(), &deal, By::Facilitator(facilitator), 0).await;
            they_paid(&deal, &server.url("/paid"), 0).await;
            let deal = approved(BASE_SEPOLIA).await;
            let server = theirs::metered_server(bed(), &deal, facilitator, 0, json!({})).await;
            we_paid(&deal, &format!("{}/paid", server.url()), 0).await;
        }
    });
}

/// Without an allowance: their client pays no attention to it and hears why; ours signs nothing.
#[test]
fn a_missing_allowance_is_a_412_and_no_route() {
    bed().run(async {
        let facilitator = bed().our_facilitator().await.url();
        let deal = bed().deal(BASE_SEPOLIA).await;
        let server = theirs::metered_server(bed(), &deal, facilitator, USED, json!({})).await;
        let url = format!("{}/paid", server.url());
        let answer = bed().client().await.ask(theirs::pay(&deal, &url)).await.unwrap();
        assert_eq!(answer["status"], 412, "{answer}");
        let payer = Payer::of(&deal).await;
        let why = payer.client().get(&url).await.unwrap_err();
        assert_eq!(why.error().code, Code::NoRoute, "{why}");
        assert!(payer.router().attempts().await.unwrap().is_empty());
        deal.unpaid().await;
        // And with one it goes through.
        deal.approve().await;
        let payer = Payer::of(&deal).await;
        assert!(payer.client().get(&url).await.is_ok());
        deal.charged_by(USED).await;
    });
}

/// Their client signs for another ceiling, or breaks its signature; our facilitator says what is wrong in their words.
#[test]
fn what_our_facilitator_refuses_is_understood_by_them() {
    bed().run(async {
        let facilitator = bed().our_facilitator().await.url();
        let deal = approved(BASE_SEPOLIA).await;
        let server = theirs::metered_server(bed(), &deal, facilitator, USED, json!({})).await;
        let url = format!("{}/paid", server.url());
        for (how, code) in [
            (json!({ "spoil": true }), Code::InvalidSignature),
            (json!({ "terms": { "amount": "9999" } }), Code::ValueMismatch),
            (json!({ "terms": { "payTo": deal.payer.address() } }), Code::RecipientMismatch),
        ] {
            let mut order = theirs::pay(&deal, &url);
            for (name, value) in how.as_object().unwrap() {
                order[name] = value.clone();
            }
            let answer: Value = bed().client().await.ask(order).await.unwrap();
            assert_eq!(answer["status"], 402, "{answer}");
            assert_eq!(answer["header"]["error"], code.as_str(), "{answer}");
        }
        deal.unpaid().await;
    });
}
