//! The reference client pays.

use crate::with_theirs::{refused, served, unsettled};
use serde_json::{Value, json};
use tollway_interop::ours::{By, Server, ruiner};
use tollway_interop::{BASE, BASE_SEPOLIA, Bed, Deal, bed, theirs};

const SIGNATURE: &str = "invalid_exact_evm_payload_signature";
const VALUE: &str = "invalid_exact_evm_payload_authorization_value_mismatch";
const FUNDS: &str = "insufficient_funds";
const REVERTED: &str = "invalid_transaction_state";

/// Pays `url`, with more fields in the order.
async fn pay(bed: &'static Bed, deal: &Deal, url: &str, more: Value) -> Value {
    let mut order = theirs::pay(deal, url);
    for (name, value) in more.as_object().unwrap() {
        order[name] = value.clone();
    }
    bed.client().await.ask(order).await.unwrap()
}

/// Every way in which our server takes its payments, on one chain.
async fn pays_our_server(chain: u64, by: By<'_>, version: u8) {
    let bed = bed();
    let deal = bed.deal(chain).await;
    let server = Server::start(bed, &deal, by).await;
    let answer = pay(bed, &deal, &server.url("/paid"), json!({ "version": version })).await;
    served(&deal, &answer, version).await;
    assert_eq!(server.handled(), 1);
}

/// And every way in which it must not.
async fn is_refused_by_our_server(by: By<'_>, version: u8) {
    let bed = bed();
    let mut deal = bed.deal(BASE_SEPOLIA).await;
    let server = Server::start(bed, &deal, by).await;
    let url = server.url("/paid");

    let answer = pay(bed, &deal, &url, json!({ "version": version, "spoil": true })).await;
    refused(&deal, &answer, version, SIGNATURE).await;

    let field = if version == 1 { "maxAmountRequired" } else { "amount" };
    let answer = pay(bed, &deal, &url, json!({ "version": version, "terms": { field: "9999" } })).await;
    refused(&deal, &answer, version, VALUE).await;

    deal.ruin().await;
    let answer = pay(bed, &deal, &url, json!({ "version": version })).await;
    refused(&deal, &answer, version, FUNDS).await;
    assert_eq!(server.handled(), 0, "nothing was served");
}

#[test]
fn our_server_and_our_facilitator_serve_it() {
    bed().run(async {
        let facilitator = bed().our_facilitator().await.url();
        pays_our_server(BASE_SEPOLIA, By::Facilitator(facilitator), 2).await;
        pays_our_server(BASE, By::Facilitator(facilitator), 2).await;
        is_refused_by_our_server(By::Facilitator(facilitator), 2).await;
    });
}

#[test]
fn our_server_alone_serves_it() {
    bed().run(async {
        pays_our_server(BASE_SEPOLIA, By::Itself, 2).await;
        pays_our_server(BASE, By::Itself, 2).await;
        is_refused_by_our_server(By::Itself, 2).await;
    });
}

#[test]
fn our_server_and_its_own_facilitator_serve_it() {
    bed().run(async {
        let facilitator = bed().their_facilitator().await.url();
        pays_our_server(BASE_SEPOLIA, By::Facilitator(&facilitator), 2).await;
        pays_our_server(BASE, By::Facilitator(&facilitator), 2).await;
        is_refused_by_our_server(By::Facilitator(&facilitator), 2).await;
    });
}

#[test]
fn our_server_serves_it_in_v1_whoever_settles() {
    bed().run(async {
        let (ours, theirs) = (bed().our_facilitator().await.url(), bed().their_facilitator().await.url());
        for by in [By::Itself, By::Facilitator(ours), By::Facilitator(&theirs)] {
            pays_our_server(BASE_SEPOLIA, by, 1).await;
            pays_our_server(BASE, by, 1).await;
            is_refused_by_our_server(by, 1).await;
        }
    });
}

/// The payer's money is gone between verification and settlement.
#[test]
fn our_server_does_not_serve_it_when_settling_fails() {
    bed().run(async {
        let (ours, theirs) = (bed().our_facilitator().await.url(), bed().their_facilitator().await.url());
        let cases = [
            // Verified before the handler, it sends without another look.
            (By::Itself, 2, REVERTED),
            (By::Itself, 1, REVERTED),
            (By::Facilitator(ours), 2, FUNDS),
            (By::Facilitator(ours), 1, FUNDS),
            // In v1 theirs answers with an exception's words: see `pending`.
            (By::Facilitator(&theirs), 2, FUNDS),
        ];
        for (by, version, code) in cases {
            let deal = bed().deal(BASE_SEPOLIA).await;
            let server = Server::start(bed(), &deal, by).await;
            let answer = pay(bed(), &deal, &server.url("/ruin"), json!({ "version": version })).await;
            unsettled(&deal, &answer, code).await;
        }
    });
}

#[test]
fn its_own_server_and_our_facilitator_serve_it() {
    bed().run(async {
        let bed = bed();
        let facilitator = bed.our_facilitator().await.url();
        for chain in [BASE_SEPOLIA, BASE] {
            let deal = bed.deal(chain).await;
            let server = theirs::server(bed, &deal, facilitator).await;
            let answer = pay(bed, &deal, &format!("{}/paid", server.url()), json!({})).await;
            served(&deal, &answer, 2).await;
        }
        let mut deal = bed.deal(BASE_SEPOLIA).await;
        let server = theirs::server(bed, &deal, facilitator).await;
        let url = format!("{}/paid", server.url());
        let answer = pay(bed, &deal, &url, json!({ "spoil": true })).await;
        refused(&deal, &answer, 2, SIGNATURE).await;
        let answer = pay(bed, &deal, &url, json!({ "terms": { "amount": "10001" } })).await;
        refused(&deal, &answer, 2, VALUE).await;
        deal.ruin().await;
        let answer = pay(bed, &deal, &url, json!({})).await;
        refused(&deal, &answer, 2, FUNDS).await;
    });
}

#[test]
fn its_own_server_does_not_serve_it_when_our_facilitator_cannot_settle() {
    bed().run(async {
        let bed = bed();
        let facilitator = bed.our_facilitator().await.url();
        let deal = bed.deal(BASE_SEPOLIA).await;
        let hook = ruiner(bed, BASE_SEPOLIA).await;
        let server = theirs::server_with_hook(bed, &deal, facilitator, hook.url()).await;
        let answer = pay(bed, &deal, &format!("{}/paid", server.url()), json!({})).await;
        unsettled(&deal, &answer, FUNDS).await;
    });
}
