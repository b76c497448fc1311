//! Transactions that the market leaves behind, and signers that run low.

mod common;

use common::*;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tollway_core::{Code, Network, Next, Outcome, RecordKey};
use tollway_devnet::{Chain, ChainSpec, Devnet};
use tollway_evm::{
    Builder, Evm, EvmCall, EvmNetwork, Finality, Mined, Profile, SendSettings, Sent, Standing, Submit,
    address,
};

/// Ethereum with blocks of a second, so that nobody waits for twelve.
fn quick(builder: Builder) -> Builder {
    builder.profile(Profile { block_ms: 1_000, ..*Profile::of(1).unwrap() })
}

async fn waiting(chain: &Chain, many: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let status = chain.call("txpool_status", json!([])).await.unwrap();
        if status["pending"] == json!(format!("{many:#x}")) {
            return;
        }
        assert!(Instant::now() < deadline, "{status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Mines until the payment has ended.
async fn mined(chain: &Chain, sending: tokio::task::JoinHandle<tollway_core::Result<Mined>>) -> Mined {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !sending.is_finished() {
        assert!(Instant::now() < deadline, "it is stuck");
        chain.mine(1).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    sending.await.unwrap().unwrap()
}

fn sending(
    net: &Arc<EvmNetwork>,
    devnet: &Devnet,
    n: u64,
) -> tokio::task::JoinHandle<tollway_core::Result<Mined>> {
    let (net, call) = (net.clone(), payment(devnet, &devnet.chains()[0], n, 5));
    tokio::spawn(async move { net.send(submit(call), &RecordKey(format!("stuck/{n}"))).await })
}

async fn pending(net: &EvmNetwork, n: u64) -> tollway_core::TxId {
    match net.sent(&RecordKey(format!("stuck/{n}"))).await.unwrap() {
        Sent::Pending(tx) => tx,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_is_offered_at_the_same_nonce_and_every_hash_leads_to_the_same_payment() {
    let devnet = devnet([ChainSpec::ETHEREUM]).await;
    let chain = &devnet.chains()[0];
    let (settler, ledger) = (devnet.accounts().settler(0), ledger());
    let open = || quick(builder(chain, ledger.clone())).sender(key(settler)).connect();
    let net = open().await.unwrap();
    chain.set_automine(false).await.unwrap();
    let first_try = sending(&net, &devnet, 1);
    waiting(chain, 1).await;
    let first = pending(&net, 1).await;
    // The market goes to twenty times what it was, and the process is killed while it offers more.
    chain.set_base_fee_wei(chain.spec().base_fee_wei * 20).await.unwrap();
    chain.mine(1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2_600)).await;
    first_try.abort();
    drop(net);
    let net = open().await.unwrap();
    let mined = mined(chain, sending(&net, &devnet, 1)).await;
    assert!(mined.success);
    assert_ne!(mined.tx, first, "the first offer was too low");
    let second = net.mined(&first).await.unwrap().unwrap();
    assert_eq!((second.tx.clone(), second.block), (mined.tx.clone(), mined.block));
    assert!(matches!(net.outcome(&first).await.unwrap(), Outcome::Included { .. }));
    let count = chain.call("eth_getTransactionCount", json!([settler.address(), "latest"])).await.unwrap();
    assert_eq!(count, "0x1", "one nonce, whatever was offered");
    // And again later, from the journal alone.
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(net);
    let net = open().await.unwrap();
    assert_eq!(net.sent(&RecordKey::from("stuck/1")).await.unwrap(), Sent::Mined(Box::new(mined)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorganisation_before_finality_puts_payments_back_where_they_were() {
    let devnet = devnet([ChainSpec::ETHEREUM]).await;
    let (chain, settler) = (&devnet.chains()[0], devnet.accounts().settler(0));
    let net = quick(builder(chain, ledger())).sender(key(settler)).finality(Finality::Confirmations(3));
    let net = net.connect().await.unwrap();
    chain.set_automine(false).await.unwrap();
    let sends: Vec<_> = (0..4).map(|n| sending(&net, &devnet, n)).collect();
    waiting(chain, 4).await;
    chain.mine(2).await.unwrap();
    // What is in a block has cost what it costs; nothing more is set aside for it.
    let deadline = Instant::now() + Duration::from_secs(20);
    while net.signers()[0].aside_wei > 0 {
        assert!(Instant::now() < deadline, "{:?}", net.signers());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    chain.reorg(2).await.unwrap();
    let count =
        async || chain.call("eth_getTransactionCount", json!([settler.address(), "latest"])).await.unwrap();
    assert_eq!(count().await, "0x0");
    waiting(chain, 4).await; // sent again, and by themselves
    for sending in sends {
        let mined = mined(chain, sending).await;
        assert!(mined.success);
        let receipt = chain.call("eth_getTransactionReceipt", json!([mined.tx.0])).await.unwrap();
        assert_eq!(receipt["blockNumber"], json!(format!("{:#x}", mined.block)));
    }
    assert_eq!(count().await, "0x4");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_its_node_lost_sight_of_is_offered_more_for_though_no_block_comes() {
    let devnet = devnet([ChainSpec::ETHEREUM]).await;
    let chain = &devnet.chains()[0];
    let settler = devnet.accounts().settler(0);
    let net = quick(builder(chain, ledger())).sender(key(settler)).connect().await.unwrap();
    assert!(sending(&net, &devnet, 1).await.unwrap().unwrap().success);
    // As after a race in the node: it waits for a nonce that is used up, and nothing that it hears again changes that.
    let nonce = async |n: &str| chain.call("anvil_setNonce", json!([settler.address(), n])).await.unwrap();
    nonce("0x0").await;
    let sending = sending(&net, &devnet, 2);
    let deadline = Instant::now() + Duration::from_secs(20);
    while chain.call("txpool_status", json!([])).await.unwrap()["queued"] != "0x1" {
        assert!(Instant::now() < deadline, "nothing is queued");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    nonce("0x1").await;
    let first = pending(&net, 2).await;
    let mined = tokio::time::timeout(Duration::from_secs(60), sending).await.expect("it is stuck");
    let mined = mined.unwrap().unwrap();
    assert!(mined.success);
    assert_ne!(mined.tx, first, "by a higher offer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_offered_than_the_cap_allows() {
    let devnet = devnet([ChainSpec::ETHEREUM]).await;
    let chain = &devnet.chains()[0];
    let cap = chain.spec().base_fee_wei * 10;
    let mut settings = SendSettings::default();
    settings.fee_cap_wei = cap;
    let settler = key(devnet.accounts().settler(0));
    let net = quick(builder(chain, ledger())).sender(settler).sending(settings).connect().await.unwrap();
    chain.set_automine(false).await.unwrap();
    let sending = sending(&net, &devnet, 1);
    waiting(chain, 1).await;
    let first = pending(&net, 1).await;
    chain.set_base_fee_wei(chain.spec().base_fee_wei * 20).await.unwrap();
    for _ in 0..25 {
        chain.mine(1).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(pending(&net, 1).await, first, "beyond the cap nothing is offered that could not be mined");
    // Once the market is below the cap, the cap is what is offered at most.
    chain.set_base_fee_wei(chain.spec().base_fee_wei * 8).await.unwrap();
    let mined = mined(chain, sending).await;
    let landed = chain.call("eth_getTransactionByHash", json!([mined.tx.0])).await.unwrap();
    let offered = landed["maxFeePerGas"].as_str().unwrap().trim_start_matches("0x").to_owned();
    assert_eq!(u64::from_str_radix(&offered, 16).unwrap(), cap);
    assert!(mined.success);
}

/// Two processes over one ledger: one never offers more, the other does, under a hash that the first does not look for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_offered_more_for_is_not_taken_for_lost() {
    let devnet = devnet([ChainSpec::ETHEREUM]).await;
    let chain = &devnet.chains()[0];
    let (settler, ledger) = (devnet.accounts().settler(0), ledger());
    let open = || quick(builder(chain, ledger.clone())).sender(key(settler));
    let mut settings = SendSettings::default();
    settings.bid_times_max = 1;
    let patient = open().sending(settings).connect().await.unwrap();
    chain.set_automine(false).await.unwrap();
    let sending = sending(&patient, &devnet, 1);
    waiting(chain, 1).await;
    let first = pending(&patient, 1).await;
    let eager = open().connect().await.unwrap();
    chain.set_base_fee_wei(chain.spec().base_fee_wei * 20).await.unwrap();
    let mined = mined(chain, sending).await;
    assert!(mined.success && mined.tx != first);
    for net in [patient, eager, open().connect().await.unwrap()] {
        assert_eq!(
            net.sent(&RecordKey::from("stuck/1")).await.unwrap(),
            Sent::Mined(Box::new(mined.clone()))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coins_that_go_with_a_transaction_are_set_aside_until_it_is_mined() {
    let devnet = devnet([ChainSpec::ETHEREUM]).await;
    let (chain, settler) = (&devnet.chains()[0], devnet.accounts().settler(0));
    let (value_wei, ledger) = (10u128.pow(18), ledger());
    let open = || quick(builder(chain, ledger.clone())).sender(key(settler)).connect();
    let net = open().await.unwrap();
    chain.set_automine(false).await.unwrap();
    let to = address::parse(devnet.accounts().payer(0).address()).unwrap();
    let coins = |net: &Arc<EvmNetwork>| {
        let call = EvmCall { to, data: Default::default() };
        let submit = Submit { value_wei, gas_limit: 30_000, learn: None, ..submit(call) };
        let net = net.clone();
        tokio::spawn(async move { net.send(submit, &RecordKey::from("coins")).await })
    };
    let sending = coins(&net);
    waiting(chain, 1).await;
    assert!(net.signers()[0].aside_wei > value_wei, "{:?}", net.signers());
    // The next process reads it from its journal.
    sending.abort();
    drop(net);
    let heir = open().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while heir.signers()[0].aside_wei <= value_wei {
        assert!(Instant::now() < deadline, "{:?}", heir.signers());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(mined(chain, coins(&heir)).await.success);
    assert_eq!(heir.signers()[0].aside_wei, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signer_that_runs_low_leaves_the_rotation_and_comes_back_refilled() {
    let devnet = devnet([ChainSpec::ETHEREUM]).await;
    let chain = &devnet.chains()[0];
    let (poor, rich) = (devnet.accounts().settler(0), devnet.accounts().settler(1));
    let all = chain.native_balance(poor.address()).await.unwrap();
    // Enough for thirty payments at what they may cost, not for twenty more of them.
    let one = u128::from(chain.spec().base_fee_wei) * 2 * 150_000 * 2;
    chain.set_native_balance(poor.address(), one * 10).await.unwrap();
    let net = quick(builder(chain, ledger())).sender(key(poor)).sender(key(rich)).connect().await.unwrap();
    let state = |of: &tollway_devnet::Account| {
        let of = address::parse(of.address()).unwrap();
        net.signers().into_iter().find(|signer| signer.address == of).unwrap()
    };
    assert_eq!((state(poor).standing, state(rich).standing), (Standing::Out, Standing::Ready));
    assert_eq!(state(poor).balance_wei, Some(one * 10));
    for n in 0..6 {
        assert!(sending(&net, &devnet, n).await.unwrap().unwrap().success);
    }
    let sent_by = async |who: &tollway_devnet::Account| {
        chain.call("eth_getTransactionCount", json!([who.address(), "latest"])).await.unwrap()
    };
    assert_eq!((sent_by(poor).await, sent_by(rich).await), (json!("0x0"), json!("0x6")));
    assert!(state(rich).in_flight == 0 && state(rich).aside_wei == 0, "{:?}", state(rich));
    // When nobody is better off, it sends as long as it has enough for this very payment.
    chain.set_native_balance(rich.address(), 1).await.unwrap();
    assert!(
        sending(&net, &devnet, 6).await.unwrap().unwrap().success,
        "the other one turned out to be empty"
    );
    assert_eq!((sent_by(poor).await, state(rich).standing), (json!("0x1"), Standing::Out));
    chain.set_native_balance(poor.address(), 1).await.unwrap();
    let error = sending(&net, &devnet, 7).await.unwrap().unwrap_err();
    assert_eq!(
        (error.code.clone(), error.next.clone()),
        (Code::UnexpectedSettleError, Next::Later),
        "{error}"
    );
    // Refilled, it is back without anybody saying so.
    chain.set_native_balance(poor.address(), all).await.unwrap();
    assert!(sending(&net, &devnet, 7).await.unwrap().unwrap().success);
    assert_eq!(state(poor).standing, Standing::Ready);
}
