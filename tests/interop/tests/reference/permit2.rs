//! `exact` by Permit2: every pairing, with an allowance in place and with one that an EIP-2612 permit makes up for; and
//! what becomes of a payment that has neither.

use serde_json::{Value, json};
use tollway::core::Code;
use tollway::evm::permit2::Sponsoring;
use tollway::http::client::Standing;
use tollway_interop::node::Program;
use tollway_interop::ours::{By, Payer, Server};
use tollway_interop::{BASE, BASE_SEPOLIA, Deal, bed, theirs};

/// A reference facilitator of a test's own: two settlements at once fail over its account's nonce.
async fn their_facilitator() -> Program {
    theirs::facilitator(bed(), &[BASE, BASE_SEPOLIA], json!({ "sponsoring": [Sponsoring::Eip2612.key()] }))
        .await
}

/// With an allowance, or with none that is to be sponsored.
async fn deal(chain: u64, approved: bool) -> Deal {
    let deal = bed().deal(chain).await;
    if approved {
        deal.approve().await;
    }
    deal
}

/// A server of theirs that offers to hand in permits, where that is needed.
async fn their_server(deal: &Deal, facilitator: &str, approved: bool) -> Program {
    let how = Sponsoring::Eip2612;
    let extensions = if approved { json!({}) } else { json!({ how.key(): how.declaration() }) };
    theirs::permit2_server(bed(), deal, facilitator, extensions).await
}

/// Their client has paid the price, and knows by which transaction.
async fn they_paid(deal: &Deal, url: &str, approved: bool) {
    let answer = bed().client().await.ask(theirs::pay(deal, url)).await.unwrap();
    assert_eq!(answer["status"], 200, "{answer}");
    assert_eq!(answer["paymentStatus"], "settled", "{answer}");
    let record = &answer["record"];
    assert_eq!(record["asked"]["accepts"][0]["extra"]["assetTransferMethod"], "permit2");
    assert!(record["sent"]["payload"]["permit2Authorization"].is_object(), "{record}");
    let permit = &record["sent"]["extensions"]["eip2612GasSponsoring"]["info"]["signature"];
    assert_eq!(permit.is_string(), !approved, "{record}");
    assert_eq!(answer["header"]["transaction"], deal.charged_by(deal.amount).await);
}

/// Our client has.
async fn we_paid(deal: &Deal, url: &str) {
    let payer = Payer::of(deal).await;
    let answer = payer.client().get(url).await.unwrap();
    let Standing::Paid(paid) = &answer.standing else { panic!("not paid: {answer:?}") };
    assert_eq!(paid.charged.atomic, u128::from(deal.amount));
    let transaction = paid.receipt.transaction().map(|tx| tx.0.clone());
    assert_eq!(transaction, Some(deal.charged_by(deal.amount).await));
    assert_eq!(payer.router().attempts().await.unwrap().len(), 1, "one signature");
}

#[test]
fn their_client_pays_our_server_whoever_settles() {
    bed().run(async {
        let (ours, theirs) = (bed().our_facilitator().await.url(), their_facilitator().await);
        let theirs = theirs.url();
        for by in [By::Itself, By::Facilitator(ours), By::Facilitator(&theirs)] {
            for (chain, approved) in [(BASE, true), (BASE_SEPOLIA, false)] {
                let deal = deal(chain, approved).await;
                let server = Server::by_permit2(bed(), &deal, by).await;
                they_paid(&deal, &server.url("/paid"), approved).await;
                assert_eq!(server.handled(), 1);
            }
        }
    });
}

#[test]
fn their_client_pays_their_server_and_our_facilitator_settles() {
    bed().run(async {
        let facilitator = bed().our_facilitator().await.url();
        for (chain, approved) in [(BASE_SEPOLIA, true), (BASE, false)] {
            let deal = deal(chain, approved).await;
            let server = their_server(&deal, facilitator, approved).await;
            they_paid(&deal, &format!("{}/paid", server.url()), approved).await;
        }
    });
}

#[test]
fn our_client_pays_our_server_and_their_facilitator_settles() {
    bed().run(async {
        let facilitator = their_facilitator().await;
        let facilitator = facilitator.url();
        for (chain, approved) in [(BASE_SEPOLIA, true), (BASE, false)] {
            let deal = deal(chain, approved).await;
            let server = Server::by_permit2(bed(), &deal, By::Facilitator(&facilitator)).await;
            we_paid(&deal, &server.url("/paid")).await;
        }
    });
}

#[test]
fn our_client_pays_their_server_whoever_settles() {
    bed().run(async {
        let (ours, theirs) = (bed().our_facilitator().await.url(), their_facilitator().await);
        let theirs = theirs.url();
        for facilitator in [ours, &theirs] {
            for (chain, approved) in [(BASE, true), (BASE_SEPOLIA, false)] {
                let deal = deal(chain, approved).await;
                let server = their_server(&deal, facilitator, approved).await;
                we_paid(&deal, &format!("{}/paid", server.url())).await;
            }
        }
    });
}

/// Nobody sponsors it: their client pays no attention to that and hears why; ours signs nothing.
#[test]
fn a_missing_allowance_is_a_412_and_no_route() {
    bed().run(async {
        let ours = bed().our_facilitator().await.url();
        let deal = bed().deal(BASE_SEPOLIA).await;
        let server = their_server(&deal, ours, true).await;
        let url = format!("{}/paid", server.url());
        let answer: Value = bed().client().await.ask(theirs::pay(&deal, &url)).await.unwrap();
        assert_eq!(answer["status"], 412, "{answer}");
        let payer = Payer::of(&deal).await;
        let why = payer.client().get(&url).await.unwrap_err();
        assert_eq!(why.error().code, Code::NoRoute, "{why}");
        assert!(payer.router().attempts().await.unwrap().is_empty());
        deal.unpaid().await;
    });
}
