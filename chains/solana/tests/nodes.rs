//! Several nodes of one chain: one that is gone, one that is silent, one that is behind.

mod common;

use common::*;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Code, RecordKey, Result};
use tollway_solana::{At, Looked, SolanaNetwork, Svm};

async fn over(nodes: &[&Node]) -> Arc<SolanaNetwork> {
    let net = SolanaNetwork::builder(ledger(), clock()).profile(quick()).sending(settings()).without_pushes();
    let net = nodes.iter().fold(net, |net, node| net.url(node.url()));
    net.fee_payer(key(1)).timeout(Duration::from_secs(30)).connect().await.unwrap()
}

async fn look(net: &SolanaNetwork) -> Result<Looked> {
    net.look(&[key(1).address()], At::Latest).await
}

/// The first is gone from now on.
fn gone(node: &Node) {
    node.world().status = Some(503);
}

#[tokio::test]
async fn what_one_node_has_shown_no_other_may_forget() {
    let (first, second) = (Node::start().await, Node::start().await);
    second.world().slot = 1_090;
    let net = over(&[&first, &second]).await;
    assert_eq!(look(&net).await.unwrap().slot, 1_100);
    gone(&first);
    let refused = look(&net).await.unwrap_err();
    assert_eq!(refused.code, Code::RpcRefused, "{refused}");
    second.pass(10);
    assert_eq!(look(&net).await.unwrap().slot, 1_100);
    second.pass(1);
    assert_eq!(look(&net).await.unwrap().slot, 1_101);
    // The first comes back where it was, and is behind now.
    first.world().status = None;
    gone(&second);
    assert!(look(&net).await.is_err());
}

#[tokio::test]
async fn whoever_saw_a_payment_land_reads_a_chain_on_which_it_has() {
    let (first, second) = (Node::start().await, Node::start().await);
    second.world().slot = 1_000;
    let net = over(&[&first, &second]).await;
    // Its state before is not asked for: that it landed is all that was ever seen.
    first.pass(100);
    let landed = net.send(payment(1), &RecordKey::from("a")).await.unwrap();
    assert_eq!(landed.slot, 1_200);
    gone(&first);
    second.pass(199);
    assert!(net.look(&[key(1).address()], At::Final).await.is_err(), "one slot too early");
    second.pass(1);
    assert_eq!(net.look(&[key(1).address()], At::Final).await.unwrap().slot, 1_200);
}

/// It was taken back with its fork, or only the node that is gone ever had it.
#[tokio::test]
async fn a_slot_that_nobody_shows_any_more_is_forgotten() {
    let (first, second) = (Node::start().await, Node::start().await);
    second.world().slot = 1_050;
    let net = over(&[&first, &second]).await;
    look(&net).await.unwrap();
    gone(&first);
    assert!(look(&net).await.is_err());
    for _ in 0..600 {
        if let Ok(looked) = look(&net).await {
            assert_eq!(looked.slot, 1_050);
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it waits for that slot for ever");
}

#[tokio::test]
async fn a_node_that_takes_the_connection_and_says_nothing_does_not_hold_up_the_next() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let node = Node::start().await;
    let net = SolanaNetwork::builder(ledger(), clock()).profile(quick()).without_pushes();
    // The limit of a single node is longer than this test may take.
    let net = net.url(url).url(node.url()).timeout(Duration::from_secs(3_600)).connect().await.unwrap();
    assert_eq!(look(&net).await.unwrap().slot, 1_100);
}

#[tokio::test]
async fn one_node_alone_is_asked_for_no_slot() {
    let node = Node::start().await;
    let net = over(&[&node]).await;
    look(&net).await.unwrap();
    node.world().slot = 1_000;
    assert_eq!(look(&net).await.unwrap().slot, 1_000, "whatever it says, there is nobody else to ask");
}

#[tokio::test]
async fn a_node_of_another_chain_is_never_believed() {
    let (good, other) = (Node::start().await, Node::start().await);
    other.world().genesis = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG".to_owned();
    other.world().slot = 9_999;
    let net = over(&[&good, &other]).await;
    gone(&good);
    let e = look(&net).await.unwrap_err();
    assert!(e.detail.contains("another chain"), "{e}");
}
