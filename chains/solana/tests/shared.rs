//! Two processes over one ledger: one is still asking whether its transaction is taken, the other is asked about it.

mod common;

use common::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Code, Ledger, Next, RecordKey};
use tollway_solana::{Landed, Sent, SolanaNetwork, Svm};

/// What a node says that has not seen the blockhash yet.
fn behind() -> Value {
    json!({"code": -32002, "message": "Transaction simulation failed", "data": {"err": "BlockhashNotFound"}})
}

/// One whose first submissions may take this long.
async fn patient(node: &Node, ledger: Arc<dyn Ledger>, timeout: Duration) -> Arc<SolanaNetwork> {
    builder(node, ledger).timeout(timeout).fee_payer(key(1)).connect().await.unwrap()
}

/// Two processes with a node each; the first has journaled a transaction, and its node holds a refusal back.
struct Pair {
    nodes: [Node; 2],
    first: Arc<SolanaNetwork>,
    other: Arc<SolanaNetwork>,
    key: RecordKey,
    sending: tokio::task::JoinHandle<tollway_core::Result<Landed>>,
}

async fn pair(patience_ms: u64, takes_up_after: Duration) -> Pair {
    let (nodes, ledger) = ([Node::start().await, Node::start().await], ledger());
    nodes[0].then(OnSend::RefuseHeld(behind()));
    let mut settings = settings();
    settings.patience_ms = patience_ms;
    let first = builder(&nodes[0], ledger.clone()).timeout(Duration::from_secs(60)).sending(settings);
    let first = first.fee_payer(key(1)).connect().await.unwrap();
    let other = patient(&nodes[1], ledger, takes_up_after).await;
    let sending = sending(&first, payment(1), "a");
    until(|| nodes[0].count("sendTransaction") == 1).await;
    Pair { nodes, first, other, key: RecordKey::from("a"), sending }
}

#[tokio::test]
async fn what_its_launcher_may_yet_take_back_is_sent_by_nobody_else() {
    let Pair { nodes, first, other, key, sending } = pair(60_000, Duration::from_secs(60)).await;
    assert!(matches!(other.sent(&key).await.unwrap(), Sent::Pending(_)));
    // It is looked for there, and being asked again sends nothing either.
    until(|| nodes[1].count("getSignatureStatuses") >= 3).await;
    assert!(matches!(other.sent(&key).await.unwrap(), Sent::Pending(_)));
    until(|| nodes[1].count("getSignatureStatuses") >= 6).await;
    assert_eq!(nodes[1].count("sendTransaction"), 0);
    nodes[0].let_go();
    let error = sending.await.unwrap().unwrap_err();
    assert_eq!((error.code.clone(), error.next.clone()), (Code::Expired, Next::Later), "{error}");
    // Taken back: nothing was sent, and the other knows it at once and may send another.
    let next = other.send(payment(2), &key).await.unwrap();
    assert_eq!(first.sent(&key).await.unwrap(), Sent::Landed(Box::new(next)));
    assert_eq!((nodes[0].different(), nodes[1].different()), (0, 1));
}

#[tokio::test]
async fn what_was_taken_back_was_never_sent_says_the_other_too() {
    let Pair { nodes, other, key, sending, .. } = pair(60_000, Duration::from_secs(60)).await;
    assert!(matches!(other.sent(&key).await.unwrap(), Sent::Pending(_)));
    nodes[0].let_go();
    assert!(!sending.await.unwrap().unwrap_err().is_unknown_outcome());
    assert_eq!(other.sent(&key).await.unwrap(), Sent::Never);
    assert_eq!(nodes[1].count("sendTransaction"), 0);
}

#[tokio::test]
async fn what_another_has_sent_meanwhile_is_not_said_to_be_refused() {
    let Pair { nodes, first, other, key, sending } = pair(60_000, Duration::from_secs(2)).await;
    assert!(matches!(other.sent(&key).await.unwrap(), Sent::Pending(_)));
    // The launcher is silent for so long that it might be gone.
    until(|| nodes[1].world().known.len() == 1).await;
    let landed = other.send(payment(2), &key).await.unwrap();
    let known = nodes[1].world().known.clone();
    nodes[0].world().known = known;
    nodes[0].let_go();
    assert_eq!(sending.await.unwrap().unwrap().tx, landed.tx, "it has landed, whatever the node said");
    assert_eq!(first.sent(&key).await.unwrap(), Sent::Landed(Box::new(landed)));
}

#[tokio::test]
async fn what_another_may_have_sent_is_not_known() {
    let Pair { nodes, other, key, sending, .. } = pair(5_000, Duration::from_secs(2)).await;
    for node in &nodes {
        node.otherwise(OnSend::Swallow);
    }
    assert!(matches!(other.sent(&key).await.unwrap(), Sent::Pending(_)));
    until(|| nodes[1].different() == 1).await;
    nodes[0].let_go();
    let error = sending.await.unwrap().unwrap_err();
    assert!(error.is_unknown_outcome(), "{error}");
    assert!(matches!(other.sent(&key).await.unwrap(), Sent::Pending(_)));
}
