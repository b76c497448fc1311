//! The chain makes no block while a payment waits: nobody pays twice, and everybody hears of it in the end.

use crate::with_theirs::served;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tollway::core::{Code, Next};
use tollway::evm::SendSettings;
use tollway::http::client::Standing;
use tollway::http::facilitator::Settings;
use tollway::route::pay::AttemptStage;
use tollway_interop::ours::{BeforeAnswer, By, Facilitator, Payer, Server};
use tollway_interop::{BASE, Bed, Deal, bed, theirs};

/// A facilitator of ours that says after half a second that it does not know yet.
async fn hasty(bed: &'static Bed, before: BeforeAnswer) -> Facilitator {
    let mut settings = Settings::default();
    settings.patience_ms = 200;
    let mut sending = SendSettings::default();
    sending.patience_ms = 300;
    Facilitator::patient(bed, &[BASE], settings, sending, before).await
}

/// Mines a block before the first answer goes out.
fn mined_meanwhile(deal: &Deal) -> BeforeAnswer {
    let chain = deal.chain;
    Arc::new(move |answers| -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if answers == 0 {
                chain.mine(1).await.unwrap();
            }
        })
    })
}

fn nothing() -> BeforeAnswer {
    Arc::new(|_| Box::pin(async {}))
}

async fn pay(bed: &'static Bed, deal: &Deal, url: &str) -> Value {
    bed.client().await.ask(theirs::pay(deal, url)).await.unwrap()
}

/// Their server asks once more by itself, and our facilitator answers from its memory.
#[test]
fn their_server_asks_our_facilitator_twice_and_is_paid_once() {
    bed().run(bed().without_blocks(async |deal| {
        let bed = bed();
        let facilitator = hasty(bed, mined_meanwhile(deal)).await;
        let server = theirs::server(bed, deal, facilitator.url()).await;
        let answer = pay(bed, deal, &format!("{}/paid", server.url())).await;
        assert_eq!(facilitator.settled(), 2, "once pending, once settled");
        served(deal, &answer, 2).await;
    }));
}

/// No block comes in time: the client hears which transaction to look for, and asking later finds it.
#[test]
fn their_client_hears_which_transaction_is_pending() {
    bed().run(bed().without_blocks(async |deal| {
        let bed = bed();
        let facilitator = hasty(bed, nothing()).await;
        let server = theirs::server(bed, deal, facilitator.url()).await;
        let answer = pay(bed, deal, &format!("{}/paid", server.url())).await;
        assert_eq!(facilitator.settled(), 2, "it asks twice and no more");
        assert_eq!(answer["status"], 402, "{answer}");
        assert_eq!(answer["paymentStatus"], "settle_failed", "{answer}");
        assert_eq!(answer["header"]["errorReason"], "settlement_pending", "{answer}");
        deal.unpaid().await;

        deal.chain.mine(1).await.unwrap();
        let transaction = deal.paid_by().await;
        assert_eq!(answer["header"]["transaction"], transaction);

        let sent = &answer["record"]["sent"];
        let again = json!({
            "do": "settle", "url": facilitator.url(), "payload": sent, "requirements": sent["accepted"],
        });
        let receipt = bed.client().await.ask(again).await.unwrap();
        assert_eq!(
            (&receipt["success"], &receipt["transaction"]),
            (&json!(true), &json!(transaction)),
            "{receipt}"
        );
        assert_eq!(deal.paid_by().await, transaction, "it was not sent again");
    }));
}

#[test]
fn our_client_holds_on_to_what_their_server_calls_pending() {
    bed().run(bed().without_blocks(async |deal| {
        let bed = bed();
        let facilitator = hasty(bed, nothing()).await;
        let server = theirs::server(bed, deal, facilitator.url()).await;
        let payer = Payer::of(deal).await;
        let why = payer.client().get(format!("{}/paid", server.url())).await.unwrap_err();
        assert_eq!(why.error().code, Code::SettlementPending, "{why}");
        assert!(matches!(why.error().next, Next::Unknown(_)), "{why}");
        let open = payer.router().attempts().await.unwrap();
        assert!(!matches!(open[0].stage, AttemptStage::Settled | AttemptStage::Dead), "{:?}", open[0].stage);

        deal.chain.mine(1).await.unwrap();
        payer.router().settle_up().await.unwrap();
        let settled = payer.router().attempts().await.unwrap();
        assert_eq!(settled[0].stage, AttemptStage::Settled);
        let receipt = settled[0].receipt.as_ref().unwrap();
        assert_eq!(receipt.transaction().unwrap().0, deal.paid_by().await);
    }));
}

/// Our server asks their facilitator again until it knows, and it waits for the transaction that it has sent.
#[test]
fn our_server_waits_for_their_facilitator() {
    bed().run(bed().without_blocks(async |deal| {
        let bed = bed();
        let facilitator = theirs::facilitator(bed, &[BASE], json!({ "confirmationTimeoutMs": 300 })).await;
        let server = Server::start(bed, deal, By::Facilitator(&facilitator.url())).await;
        let payer = Payer::of(deal).await;
        let chain = deal.chain;
        let block = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            chain.mine(1).await.unwrap();
        });
        let answer = payer.client().get(server.url("/paid")).await.unwrap();
        block.await.unwrap();
        let Standing::Paid(paid) = &answer.standing else { panic!("not paid: {answer:?}") };
        assert_eq!(paid.receipt.transaction().unwrap().0, deal.paid_by().await);
        assert_eq!(server.handled(), 1);
        let calls: Value =
            reqwest::get(format!("{}/calls", facilitator.url())).await.unwrap().json().await.unwrap();
        assert!(calls["settle"].as_u64().unwrap() >= 2, "{calls}");
    }));
}

/// In v1 their facilitator that has waited too long says so in words, without the transaction that it has sent. That
/// is no refusal: the payment must not be free for another try, and the buyer must not sign again.
#[test]
fn words_of_their_v1_facilitator_are_no_refusal() {
    bed().run(bed().without_blocks(async |deal| {
        let bed = bed();
        let facilitator = theirs::facilitator(bed, &[BASE], json!({ "confirmationTimeoutMs": 200 })).await;
        let server = Server::start(bed, deal, By::Facilitator(&facilitator.url())).await;
        let mut order = theirs::pay(deal, &server.url("/paid"));
        order["version"] = json!(1);
        let answer = bed.client().await.ask(order).await.unwrap();
        assert_eq!(answer["status"], 402, "{answer}");
        assert_eq!(answer["header"]["errorReason"], "settlement_pending", "{answer}");
        assert_eq!(server.handled(), 1);
        deal.chain.mine(1).await.unwrap();
        deal.paid_by().await;
    }));
}
