//! The proxy breaks what it is told to break, and carries subscriptions.

use crate::kit::*;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tollway_devnet::{Fault, FaultKind, Faults, SolanaChain};

fn always(kind: FaultKind, method: &str) -> Faults {
    Faults::seeded(1).with(Fault::new(kind, 1000).only([method]))
}

#[tokio::test]
async fn a_dropped_transaction_is_answered_and_never_lands() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    chain.set_faults(always(FaultKind::Dropped, "sendTransaction"));
    let signed = transfer(chain, 5).await;
    let before = usdc_of_merchant(chain).await;
    assert_eq!(send(chain, &signed, false).await["result"], signed.name);
    chain.make_blocks(3).await.unwrap();
    assert!(status(chain, &signed.name).await.is_null());
    chain.set_faults(Faults::none());
    assert_eq!(send(chain, &signed, false).await["result"], signed.name, "it was never seen");
    landed(chain, &signed.name).await;
    assert_eq!(usdc_of_merchant(chain).await - before, 5);
}

#[tokio::test]
async fn a_lost_answer_and_a_second_delivery_move_the_money_once() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let before = usdc_of_merchant(chain).await;
    let lost = transfer(chain, 5).await;
    chain.set_faults(always(FaultKind::HangUp, "sendTransaction"));
    let config = json!({"encoding": "base64"});
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "sendTransaction", "params": [lost.base64(), config]});
    assert!(post(chain, &body).await.is_err());
    landed(chain, &lost.name).await;

    chain.set_faults(always(FaultKind::Duplicate, "sendTransaction"));
    let twice = transfer(chain, 7).await;
    assert_eq!(send(chain, &twice, true).await["result"], twice.name);
    landed(chain, &twice.name).await;
    assert_eq!(usdc_of_merchant(chain).await - before, 12);
    assert!(chain.counts().faults >= 2);
}

/// Subscribes to a signature and returns what the next two messages say.
async fn subscribed(chain: &SolanaChain, act: impl AsyncFnOnce(&str)) -> [Option<Value>; 2] {
    let (mut socket, _) = tokio_tungstenite::connect_async(chain.ws_url()).await.unwrap();
    let signed = transfer(chain, 1).await;
    let params = json!([signed.name, {"commitment": "confirmed"}]);
    let subscribe = json!({"jsonrpc": "2.0", "id": 4, "method": "signatureSubscribe", "params": params});
    socket.send(Message::text(subscribe.to_string())).await.unwrap();
    let mut next = async || {
        let message = tokio::time::timeout(Duration::from_secs(3), socket.next()).await.ok()??.ok()?;
        serde_json::from_str::<Value>(message.to_text().ok()?).ok()
    };
    let first = next().await;
    send(chain, &signed, false).await;
    act(&signed.name).await;
    [first, next().await]
}

#[tokio::test]
async fn websockets_carry_signatures() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let [answer, push] = subscribed(chain, async |_| {}).await;
    let (answer, push) = (answer.unwrap(), push.unwrap());
    assert!(answer["id"] == 4 && answer["result"].is_u64(), "{answer}");
    assert_eq!(push["method"], "signatureNotification", "{push}");
    assert!(push["params"]["result"]["value"]["err"].is_null(), "{push}");
    let counts = chain.counts();
    assert_eq!((counts.ws_messages, counts.ws_pushes, counts.of("signatureSubscribe")), (1, 1, 1));

    chain.set_faults(always(FaultKind::Silence, "signatureNotification"));
    let [answer, push] = subscribed(chain, async |name| drop(landed(chain, name).await)).await;
    assert!(answer.is_some());
    assert_eq!(push, None);
}
