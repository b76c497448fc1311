//! The proxy counts, breaks what it is told to break, and carries WebSockets.
mod common;

use std::time::{Duration, Instant};

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Bytes, TxKind};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::signers::SignerSync;
use alloy::sol_types::SolCall;
use common::*;
use futures::StreamExt;
use serde_json::{Value, json};
use tollway_devnet::{Chain, ChainSpec, Devnet, Fault, FaultKind, Faults};

async fn chain_of(spec: ChainSpec) -> Devnet {
    Devnet::builder().chains([spec]).start().await.unwrap()
}

/// A payment as raw signed transaction of settler 0 with this nonce.
fn raw_payment(devnet: &Devnet, chain: &Chain, nonce: u64) -> String {
    let merchant = devnet.accounts().merchant(0).address();
    let data = signed_payment(chain, devnet.accounts().payer(0), merchant, 1, format!("raw {nonce}"));
    let transaction = TxEip1559 {
        chain_id: chain.id(),
        nonce,
        gas_limit: 500_000,
        max_fee_per_gas: 20_000_000_000,
        to: TxKind::Call(address(chain.usdc())),
        input: data.into(),
        ..TxEip1559::default()
    };
    let settler = signer(devnet.accounts().settler(0));
    let signature = settler.sign_hash_sync(&transaction.signature_hash()).unwrap();
    Bytes::from(TxEnvelope::from(transaction.into_signed(signature)).encoded_2718()).to_string()
}

async fn post(chain: &Chain, body: Value) -> reqwest::Result<(u16, Value)> {
    let answer = reqwest::Client::new().post(chain.http_url()).json(&body).send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

async fn ask(chain: &Chain, method: &str, params: Value) -> reqwest::Result<(u16, Value)> {
    post(chain, json!({"jsonrpc": "2.0", "id": 9, "method": method, "params": params})).await
}

fn always(kind: FaultKind) -> Faults {
    Faults::seeded(1).with(Fault::new(kind, 1000).only(["eth_blockNumber", "eth_sendRawTransaction"]))
}

#[tokio::test]
async fn calls_are_counted_by_method_and_a_batch_is_one_request() {
    let devnet = chain_of(ChainSpec::BASE).await;
    let chain = devnet.chain(8453).unwrap();
    ask(chain, "eth_chainId", json!([])).await.unwrap();
    let call = |id: u64, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": []});
    let batch = json!([call(1, "eth_chainId"), call(2, "eth_blockNumber"), call(3, "eth_gasPrice")]);
    let (status, answers) = post(chain, batch).await.unwrap();
    assert_eq!(status, 200);
    let ids: Vec<u64> = answers.as_array().unwrap().iter().map(|a| a["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [1, 2, 3]);
    chain.block_number().await.unwrap(); // a knob: not counted
    let counts = chain.counts();
    assert_eq!((counts.http_requests, counts.total()), (2, 4));
    assert_eq!((counts.of("eth_chainId"), counts.of("eth_blockNumber")), (2, 1));
    chain.reset_counts();
    assert_eq!(chain.counts().total(), 0);
    let (status, _) = post(chain, json!("no request")).await.unwrap();
    assert_eq!(status, 200);
}

#[tokio::test]
async fn each_fault_does_what_it_says() {
    let devnet = chain_of(ChainSpec::BASE).await;
    let chain = devnet.chain(8453).unwrap();
    let number = async || ask(chain, "eth_blockNumber", json!([])).await;

    chain.set_faults(always(FaultKind::HangUp));
    let sent = ask(chain, "eth_sendRawTransaction", json!([raw_payment(&devnet, chain, 0)])).await;
    assert!(sent.is_err(), "{sent:?}");
    assert_eq!(chain.block_number().await.unwrap(), 1, "the node acted on it");

    chain.set_faults(always(FaultKind::Silence));
    let raw = raw_payment(&devnet, chain, 1);
    let silent = ask(chain, "eth_sendRawTransaction", json!([raw]));
    assert!(tokio::time::timeout(Duration::from_millis(300), silent).await.is_err());
    assert_eq!(chain.block_number().await.unwrap(), 2, "the node acted on it");

    chain.set_faults(always(FaultKind::Delay(Duration::from_millis(150))));
    let began = Instant::now();
    assert_eq!(number().await.unwrap().1["result"], "0x2");
    assert!(began.elapsed() >= Duration::from_millis(150));

    chain.set_faults(always(FaultKind::Rpc { code: -32005, message: "limit \"exceeded\"".into() }));
    let (status, answer) = number().await.unwrap();
    assert_eq!((status, &answer["id"], &answer["error"]["code"]), (200, &json!(9), &json!(-32005)));
    assert_eq!(answer["error"]["message"], "limit \"exceeded\"");

    chain.set_faults(always(FaultKind::Http(429)));
    assert_eq!(number().await.unwrap().0, 429);
    let refused = ask(chain, "eth_sendRawTransaction", json!([raw_payment(&devnet, chain, 2)])).await;
    assert_eq!(refused.unwrap().0, 429);
    assert_eq!(chain.block_number().await.unwrap(), 2, "the node never saw it");

    chain.set_faults(always(FaultKind::Duplicate));
    let twice = ask(chain, "eth_sendRawTransaction", json!([raw_payment(&devnet, chain, 2)])).await.unwrap();
    assert!(twice.1["error"].is_object(), "{twice:?}");
    assert_eq!(chain.block_number().await.unwrap(), 3);

    chain.set_faults(always(FaultKind::Stale));
    assert_eq!(number().await.unwrap().1["result"], "0x3", "nothing older is known");
    chain.mine(1).await.unwrap();
    assert_eq!(number().await.unwrap().1["result"], "0x3");
    assert!(chain.counts().faults >= 8);

    chain.set_faults(Faults::none());
    assert_eq!(number().await.unwrap().1["result"], "0x4");
}

#[tokio::test]
async fn a_synchronous_send_answers_with_the_corrected_receipt() {
    for spec in [ChainSpec::ETHEREUM, ChainSpec::OP, ChainSpec::ARBITRUM] {
        let devnet = chain_of(spec).await;
        let chain = devnet.chain(spec.chain_id).unwrap();
        let raw = raw_payment(&devnet, chain, 0);
        let (_, answer) = ask(chain, "eth_sendRawTransactionSync", json!([raw])).await.unwrap();
        let receipt = &answer["result"];
        assert_eq!(receipt["status"], "0x1", "{answer}");
        let asked =
            ask(chain, "eth_getTransactionReceipt", json!([receipt["transactionHash"]])).await.unwrap();
        assert_eq!(asked.1["result"]["gasUsed"], receipt["gasUsed"]);
        assert_eq!(asked.1["result"]["l1Fee"], receipt["l1Fee"]);
        assert_eq!(receipt["gasUsedForL1"].is_string(), spec == ChainSpec::ARBITRUM);
        assert_eq!(receipt["l1Fee"].is_string(), spec == ChainSpec::OP);
    }
}

#[tokio::test]
async fn websockets_carry_calls_and_pushes() {
    let devnet = chain_of(ChainSpec::BASE).await;
    let chain = devnet.chain(8453).unwrap();
    let client = ProviderBuilder::new().connect(&chain.ws_url()).await.unwrap();
    assert_eq!(client.get_chain_id().await.unwrap(), 8453);
    assert_eq!(client.get_max_priority_fee_per_gas().await.unwrap(), 1_000_000);
    let mut heads = client.subscribe_blocks().await.unwrap().into_stream();
    chain.mine(3).await.unwrap();
    for number in 1..=3 {
        let head = tokio::time::timeout(Duration::from_secs(5), heads.next()).await.unwrap().unwrap();
        assert_eq!(head.number, number);
    }
    let counts = chain.counts();
    assert_eq!((counts.ws_pushes, counts.http_requests), (3, 0));
    assert_eq!(counts.of("eth_subscribe"), 1);
    assert!(counts.ws_messages >= 3);

    let lost = Faults::seeded(3).with(Fault::new(FaultKind::Silence, 1000).only(["eth_subscription"]));
    chain.set_faults(lost);
    chain.mine(1).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(200), heads.next()).await.is_err());
    chain.set_faults(Faults::seeded(3).with(Fault::new(FaultKind::Http(500), 1000)));
    assert!(client.get_block_number().await.is_err());
}

#[tokio::test]
async fn a_transaction_that_has_to_wait_is_answered_with_its_hash() {
    let devnet = chain_of(ChainSpec::BASE).await;
    let chain = devnet.chain(8453).unwrap();
    let send = async |nonce| {
        let raw = raw_payment(&devnet, chain, nonce);
        ask(chain, "eth_sendRawTransaction", json!([raw])).await.unwrap().1["result"].clone()
    };
    let receipt = async |hash: &Value| {
        ask(chain, "eth_getTransactionReceipt", json!([hash])).await.unwrap().1["result"].clone()
    };
    let second = send(1).await; // the nonce before it is missing
    assert!(second.is_string() && receipt(&second).await.is_null());
    let first = send(0).await;
    assert!(receipt(&first).await.is_object());
    for _ in 0..50 {
        if receipt(&second).await.is_object() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(receipt(&second).await.is_object());

    chain.set_automine(false).await.unwrap();
    let third = send(2).await;
    assert!(third.is_string() && receipt(&third).await.is_null());
    chain.mine(1).await.unwrap();
    assert!(receipt(&third).await.is_object());
}

#[tokio::test]
async fn reading_through_the_proxy_is_fast() {
    let devnet = chain_of(ChainSpec::BASE).await;
    let chain = devnet.chain(8453).unwrap();
    let client = client(chain, devnet.accounts().settler(0));
    let call = balanceOfCall { account: address(devnet.accounts().payer(0).address()) };
    let began = Instant::now();
    let one = async || {
        for _ in 0..100 {
            client.call(request(chain.usdc(), call.abi_encode())).await.unwrap();
        }
    };
    futures::future::join_all((0..10).map(|_| one())).await;
    eprintln!("{:.0} eth_call/s through the proxy, unoptimised", 1000.0 / began.elapsed().as_secs_f64());
    assert_eq!(chain.counts().of("eth_call"), 1000);
}
