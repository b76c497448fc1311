//! Ends that are pushed, and what happens when they are not.

mod common;

use common::*;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::RecordKey;
use tollway_solana::{SolanaNetwork, Svm};

async fn pushed(node: &Node) -> Arc<SolanaNetwork> {
    let net = SolanaNetwork::builder(ledger(), clock()).url(node.url()).profile(quick()).sending(settings());
    let net = net.fee_payer(key(1)).connect().await.unwrap();
    lines(node, 1).await;
    node.reset();
    net
}

/// Until so many lines came up.
async fn lines(node: &Node, count: u32) {
    for _ in 0..1_000 {
        if node.world().lines >= count {
            // The line's other end knows of it a moment later.
            return tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no line came up");
}

#[tokio::test]
async fn a_pushed_end_needs_no_question() {
    let node = Node::start().await;
    let net = pushed(&node).await;
    let landed = net.send(payment(1), &RecordKey::from("a")).await.unwrap();
    assert_eq!((landed.fault, landed.slot), (None, 1_100));
    assert_eq!((node.requests(), node.count("getSignatureStatuses")), (1, 0));
    node.then(OnSend::Fail(json!({"InstructionError": [0, {"Custom": 7}]})));
    assert!(net.send(payment(2), &RecordKey::from("b")).await.unwrap().fault.is_some());
    assert_eq!(node.requests(), 2);
}

#[tokio::test]
async fn a_line_that_is_mute_or_breaks_costs_a_question_and_comes_up_again() {
    let node = Node::start().await;
    let net = pushed(&node).await;
    node.world().mute = true;
    assert!(net.send(payment(1), &RecordKey::from("a")).await.is_ok());
    assert!(node.count("getSignatureStatuses") > 0);
    node.world().mute = false;
    node.world().hang_up += 1;
    assert!(net.send(payment(2), &RecordKey::from("b")).await.is_ok());
    lines(&node, 2).await;
    node.reset();
    assert!(net.send(payment(3), &RecordKey::from("c")).await.is_ok());
    assert_eq!((node.requests(), node.count("getSignatureStatuses")), (1, 0), "pushed again");
    assert_eq!(node.different(), 3);
}
