//! Finding a transaction by its message, and nodes that serve another chain, lag, or answer nonsense.

mod common;

use common::*;
use serde_json::{Value, json};
use tollway_core::{ChainId, Code, Next, Time};
use tollway_solana::{Call, Find, Pubkey, Signature, SolanaNetwork, Svm};

/// A transaction of the history, with a block time and a memo.
fn add(node: &Node, n: u8, time: u64, memo: Option<&str>) -> (String, Vec<u8>) {
    let mut wire = payment(n).wire;
    wire[1..65].fill(n);
    let name = Signature::from([n; 64]).to_string();
    let record = json!({
        "slot": 1_000 + u64::from(n), "blockTime": time, "transaction": [node::base64(&wire), "base64"],
        "meta": {"err": null, "fee": 10_001, "computeUnitsConsumed": 450, "innerInstructions": [
            {"index": 0, "instructions": [{"programIdIndex": 1, "accounts": [0], "data": "2", "stackHeight": 2}]}],
            "preTokenBalances": [balance(0, 100), balance(1, 5)], "postTokenBalances": [balance(0, 90)],
            "loadedAddresses": {"writable": [], "readonly": []}},
    });
    let mut world = node.world();
    world.records.insert(name.clone(), record);
    world
        .history
        .insert(0, json!({"signature": name, "slot": 1, "blockTime": time, "err": null, "memo": memo}));
    (name, wire[129..].to_vec())
}

fn balance(account: u8, amount: u64) -> Value {
    let amount = json!({"amount": amount.to_string(), "decimals": 6, "uiAmount": null});
    json!({"accountIndex": account, "mint": Pubkey::from([7; 32]).to_string(), "uiTokenAmount": amount})
}

fn find<'a>(message: &'a [u8], since: u64) -> Find<'a> {
    let address = Pubkey::from([9; 32]);
    Find {
        address,
        message,
        memo: None,
        since: Time::from_secs(since),
        from_height: None,
        min_slot: Some(1_000),
    }
}

#[tokio::test]
async fn a_message_is_found_with_all_that_it_did() {
    let node = Node::start().await;
    let (_, other) = add(&node, 1, 5_000, None);
    let (name, message) = add(&node, 2, 5_010, Some("[5] hello"));
    let (late, _) = add(&node, 3, 5_020, Some("[3] bye"));
    let net = builder(&node, ledger()).connect().await.unwrap();
    node.reset();
    let found = net.find(&find(&message, 5_000)).await.unwrap().unwrap();
    assert_eq!((found.tx.0.clone(), found.slot, found.fee_lamports, found.units), (name, 1_002, 10_001, 450));
    assert_eq!((found.time, found.fault), (Some(Time::from_secs(5_010)), None));
    assert_eq!(node.requests(), 2, "the history, and what is in it");
    let keys = [key(1).address(), key(2).address()];
    assert_eq!(found.inner[0].program, keys[1]);
    assert_eq!(found.inner[0].call, Call::Plain { accounts: vec![keys[0]], data: vec![1] });
    let moved: Vec<_> = found.tokens.iter().map(|t| (t.account, t.before, t.after)).collect();
    assert_eq!(moved, [(keys[0], 100, 90), (keys[1], 5, 0)]);
    // Those with another memo are not looked at; those with none that is known are.
    node.world().records.remove(&late);
    assert!(net.find(&Find { memo: Some("hello"), ..find(&message, 5_000) }).await.unwrap().is_some());
    assert_eq!(
        net.find(&find(&message, 5_000)).await.unwrap_err().code,
        Code::InvalidAnswer,
        "one may be it"
    );
    let old = Find { memo: Some("hello"), ..find(&other, 5_000 + 3_600) };
    assert_eq!(net.find(&old).await.unwrap(), None, "too old to be looked at");
    assert_eq!(net.find(&Find { memo: Some("x"), ..find(b"never sent", 0) }).await.unwrap(), None);
}

#[tokio::test]
async fn a_history_without_end_is_no_proof_of_absence() {
    let node = Node::start().await;
    let (_, message) = add(&node, 1, 5_000, None);
    let net = builder(&node, ledger()).connect().await.unwrap();
    for n in 0..2_500u32 {
        let mut bytes = [0xee; 64];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        let name = Signature::from(bytes).to_string();
        node.world().history.insert(0, json!({"signature": name, "blockTime": 6_000, "memo": "[1] x"}));
    }
    let question = Find { memo: Some("mine"), ..find(&message, 5_000) };
    assert_eq!(net.find(&question).await.unwrap_err().code, Code::TooLarge);
    node.world().history.drain(..1_000);
    assert!(net.find(&question).await.unwrap().is_some(), "on a later page");
}

/// A node that has forgotten a transaction says the same of it as of one that never was.
#[tokio::test]
async fn a_history_that_begins_too_late_is_no_proof_of_absence() {
    let node = Node::start().await;
    let net = builder(&node, ledger()).connect().await.unwrap();
    {
        let mut world = node.world();
        (world.first_block, world.block) = (1_050, (950, 6_000));
    }
    let gone = find(b"forgotten", 0);
    let since = |secs| Find { since: Time::from_secs(secs), ..gone };
    let from = |height| Find { from_height: Some(height), ..gone };
    let code = async |question: Find<'_>| net.find(&question).await.map_err(|e| (e.code, e.next));
    let open = || Err((Code::NotFound, Next::Later));
    assert_eq!(code(gone).await, open());
    for secs in [6_000, 6_060] {
        assert_eq!(code(since(secs)).await, open(), "{secs}");
    }
    assert_eq!(code(from(949)).await, open());
    for certain in [since(6_061), from(950), from(951)] {
        assert_eq!(code(certain).await, Ok(None), "{certain:?}");
    }
    // What is older than the question shows that nothing newer was forgotten.
    add(&node, 1, 5_000, None);
    assert_eq!(code(since(6_000)).await, Ok(None));
    assert_eq!(code(since(5_000)).await, open());
    for (first_block, height) in [(0, 950), (31, 2)] {
        {
            let mut world = node.world();
            (world.first_block, world.block.0) = (first_block, height);
        }
        assert_eq!(code(gone).await, Ok(None), "all there ever was");
    }
}

#[tokio::test]
async fn a_record_of_another_transaction_is_not_believed() {
    let node = Node::start().await;
    let (name, _) = add(&node, 1, 5_000, None);
    let (other, message) = add(&node, 2, 5_000, None);
    let net = builder(&node, ledger()).connect().await.unwrap();
    let signature = tollway_solana::address::signature(&tollway_core::TxId(other.clone())).unwrap();
    assert_eq!(net.recorded(&signature).await.unwrap().unwrap().wire[129..], message);
    let swapped = node.world().records[&name].clone();
    node.world().records.insert(other, swapped);
    assert_eq!(net.recorded(&signature).await.unwrap_err().code, Code::InvalidAnswer);
    assert_eq!(net.recorded(&Signature::from([99; 64])).await.unwrap(), None);
}

#[tokio::test]
async fn a_node_of_another_chain_is_found_out_unless_one_says_that_it_does_not_matter() {
    let node = Node::start().await;
    let devnet = ChainId::new("solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1").unwrap();
    let wrong = builder(&node, ledger()).chain(devnet).connect().await;
    assert_eq!(wrong.unwrap_err().code, Code::WrongChain);
    let copy = builder(&node, ledger()).chain(devnet).any_genesis().connect().await.unwrap();
    assert_eq!(tollway_core::Network::id(copy.as_ref()), devnet);
    node.world().genesis = Pubkey::from([3; 32]).to_string();
    let plain = || SolanaNetwork::builder(ledger(), clock()).url(node.url()).without_pushes();
    assert_eq!(plain().connect().await.unwrap_err().code, Code::BadSettings, "in no table");
    let named = builder(&node, ledger()).connect().await.unwrap();
    assert!(tollway_core::Network::traits(named.as_ref()).testnet);
    node.world().genesis = "nonsense".into();
    assert_eq!(plain().connect().await.unwrap_err().code, Code::InvalidAnswer);
    for url in ["", "ftp://x", "http://"] {
        let bad = SolanaNetwork::builder(ledger(), clock()).url(url).connect().await;
        assert_eq!(bad.unwrap_err().code, Code::BadSettings, "{url}");
    }
}

#[tokio::test]
async fn what_one_node_cannot_answer_the_next_is_asked() {
    let (first, second) = (Node::start().await, Node::start().await);
    let net = builder(&first, ledger()).url(second.url()).connect().await.unwrap();
    first.reset();
    first.world().status = Some(429);
    assert_eq!(net.height(tollway_solana::At::Latest).await.unwrap(), 1_000);
    assert_eq!((first.requests(), second.requests()), (1, 1));
    net.height(tollway_solana::At::Latest).await.unwrap();
    assert_eq!((first.requests(), second.requests()), (1, 2), "the one that answered is asked first");
    second.world().status = Some(500);
    let error = net.height(tollway_solana::At::Latest).await.unwrap_err();
    assert_eq!(error.code, Code::RpcRefused, "the last one that was asked: {error}");
    let secret = SolanaNetwork::builder(ledger(), clock()).url(format!("{}/secret", second.url()));
    let error = secret.connect().await.unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_node_of_another_chain_is_no_node_whenever_it_comes_up() {
    let (ours, other) = (Node::start().await, Node::start().await);
    other.world().status = Some(503);
    let net = builder(&ours, ledger()).url(other.url()).connect().await.unwrap();
    net.height(tollway_solana::At::Latest).await.unwrap();
    {
        let mut world = other.world();
        (world.status, world.genesis) = (None, Pubkey::from([3; 32]).to_string());
    }
    ours.world().status = Some(503);
    for _ in 0..2 {
        let error = net.height(tollway_solana::At::Latest).await.unwrap_err();
        assert_eq!(error.code, Code::InvalidAnswer, "{error}");
    }
    ours.world().status = None;
    ours.reset();
    net.height(tollway_solana::At::Latest).await.unwrap();
    assert_eq!(
        (ours.requests(), ours.count("getGenesisHash")),
        (1, 0),
        "asked once, along with another question"
    );
}
