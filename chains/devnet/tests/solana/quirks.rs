//! What surfpool does differently is not seen through the proxy.

use crate::kit::*;
use serde_json::{Value, json};

#[tokio::test]
async fn a_transaction_that_is_there_already_is_answered_as_by_a_real_node() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let signed = transfer(chain, 5).await;
    let before = usdc_of_merchant(chain).await;
    send(chain, &signed, false).await;
    assert_eq!(send(chain, &signed, true).await["result"], signed.name);
    let refused = send(chain, &signed, false).await;
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32002), &json!(9)));
    assert_eq!(refused["error"]["data"]["err"], "AlreadyProcessed");
    assert_eq!(usdc_of_merchant(chain).await - before, 5);

    let mut forged = transfer(chain, 6).await;
    forged.bytes[70] ^= 1; // in the payer's signature
    assert_eq!(send(chain, &forged, false).await["error"]["code"], -32003);
    assert_eq!(usdc_of_merchant(chain).await - before, 5);
}

#[tokio::test]
async fn batches_are_served_and_counted() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let call = |id: u64, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method});
    let batch = json!([call(1, "getSlot"), call(2, "getGenesisHash"), call(3, "getSlot")]);
    let answers = post(chain, &batch).await.unwrap();
    let ids: Vec<_> = answers.as_array().unwrap().iter().map(|answer| answer["id"].clone()).collect();
    assert_eq!(ids, [1, 2, 3], "{answers}");
    assert!(answers[0]["result"].is_u64() && answers[1]["result"].is_string(), "{answers}");
    let counts = chain.counts();
    assert_eq!((counts.http_requests, counts.total(), counts.of("getSlot")), (1, 3, 2));
    chain.reset_counts();
    chain.slot().await.unwrap();
    assert_eq!(chain.counts().total(), 0, "knobs are not counted");
}

async fn recent(chain: &tollway_devnet::SolanaChain, accounts: Value) -> Vec<u64> {
    let fees = ask(chain, "getRecentPrioritizationFees", json!([accounts])).await;
    let fees = fees["result"].as_array().unwrap().clone();
    fees.iter().map(|entry| entry["prioritizationFee"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn priority_fees_are_where_they_were_set_and_traffic_shows() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let level = chain.priority_fee();
    let quiet = recent(chain, json!([])).await;
    assert!(!quiet.is_empty() && quiet.iter().all(|fee| *fee == level), "{quiet:?}");

    chain.set_priority_fee(70_000);
    chain.set_priority_fee_of(chain.usdc(), 900_000);
    assert!(recent(chain, json!([])).await.iter().all(|fee| *fee == 70_000));
    assert!(recent(chain, json!([chain.usdc()])).await.iter().all(|fee| *fee == 900_000));

    chain.traffic(3, 200_000).await.unwrap();
    let busy = recent(chain, json!([])).await;
    assert_eq!(busy.iter().filter(|fee| **fee == 200_000).count(), 3, "{busy:?}");
}

#[tokio::test]
async fn slots_and_heights_agree_with_each_other() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let (slot, height) = (chain.slot().await.unwrap(), chain.block_height().await.unwrap());
    let latest = ask(chain, "getLatestBlockhash", json!([{"commitment": "processed"}])).await;
    let value = &latest["result"]["value"];
    assert_eq!(value["lastValidBlockHeight"], height + 150);
    let valid = ask(chain, "isBlockhashValid", json!([value["blockhash"]])).await;
    assert_eq!(
        (&valid["result"]["value"], &valid["result"]["context"]["slot"]),
        (&json!(true), &json!(slot))
    );
}
