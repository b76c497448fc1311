//! Sending on a quiet chain: round trips, keys, refusals, restarts.

mod common;

use common::*;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Code, Network, Next, Outcome, RecordKey, Time};
use tollway_devnet::{ChainSpec, Devnet};
use tollway_evm::{Evm, Finality, Inclusion, SendSettings, Sent, Submit, address};

fn watching() -> SendSettings {
    let mut settings = SendSettings::default();
    settings.inclusion = Inclusion::Watch;
    settings
}

async fn merchant_units(devnet: &Devnet) -> u128 {
    devnet.chains()[0].usdc_balance(devnet.accounts().merchant(0).address()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_is_one_request_and_two_without_the_sync_method() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let sync = network(&devnet, chain, ledger()).await;
    chain.reset_counts();
    let mined = sync.send(submit(payment(&devnet, chain, 0, 5)), &RecordKey::from("a")).await.unwrap();
    assert!(mined.success && mined.logs.len() >= 2);
    assert_eq!(chain.counts().http_requests, 1, "{:?}", chain.counts());
    let other = key(devnet.accounts().settler(1));
    let plain = builder(chain, ledger()).sender(other).sending(watching()).connect().await.unwrap();
    chain.reset_counts();
    let mined = plain.send(submit(payment(&devnet, chain, 1, 5)), &RecordKey::from("b")).await.unwrap();
    assert!(mined.success);
    assert_eq!(chain.counts().http_requests, 2, "{:?}", chain.counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_is_one_transaction_however_often_and_from_wherever_it_is_sent() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let (ledger, before) = (ledger(), merchant_units(&devnet).await);
    let net = network(&devnet, chain, ledger.clone()).await;
    let key = RecordKey::from("exact/x");
    assert_eq!(net.sent(&key).await.unwrap(), Sent::Never);
    let sends = (0..16).map(|n| {
        // Even with another call under the same key, the first one is the one.
        let (net, key, call) = (net.clone(), key.clone(), payment(&devnet, chain, n, 5));
        async move { net.send(submit(call), &key).await.unwrap().tx }
    });
    let txs = futures::future::join_all(sends).await;
    assert!(txs.iter().all(|tx| *tx == txs[0]));
    assert_eq!(merchant_units(&devnet).await, before + 5);
    // Again later, and by another process.
    assert_eq!(net.send(submit(payment(&devnet, chain, 3, 5)), &key).await.unwrap().tx, txs[0]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(net);
    let again = network(&devnet, chain, ledger).await;
    let mut late = submit(payment(&devnet, chain, 4, 5));
    late.not_after = Time::ZERO; // a refusal would be a lie: it was sent long ago
    let mined = again.send(late, &key).await.unwrap();
    assert_eq!(mined.tx, txs[0]);
    assert_eq!(again.sent(&key).await.unwrap(), Sent::Mined(Box::new(mined)));
    assert_eq!(merchant_units(&devnet).await, before + 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reverted_transaction_is_mined_without_success() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let net = network(&devnet, chain, ledger()).await;
    let call = payment(&devnet, chain, 0, 5);
    assert!(net.send(submit(call.clone()), &RecordKey::from("a")).await.unwrap().success);
    let second = net.send(submit(call), &RecordKey::from("b")).await.unwrap();
    assert!(!second.success && second.logs.is_empty() && second.cost_wei > 0);
    assert_eq!(net.outcome(&second.tx).await.unwrap(), Outcome::Failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_definite_and_its_nonce_is_used_again() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let settler = devnet.accounts().settler(0).address();
    let net = network(&devnet, chain, ledger()).await;
    let all = chain.native_balance(settler).await.unwrap();
    chain.set_native_balance(settler, 1).await.unwrap();
    let key = RecordKey::from("a");
    let error = net.send(submit(payment(&devnet, chain, 0, 5)), &key).await.unwrap_err();
    assert_eq!(
        (error.code.clone(), error.next.clone()),
        (Code::UnexpectedSettleError, Next::Later),
        "{error}"
    );
    assert_eq!(net.sent(&key).await.unwrap(), Sent::Never);
    chain.set_native_balance(settler, all).await.unwrap();
    assert!(net.send(submit(payment(&devnet, chain, 0, 5)), &key).await.unwrap().success);
    assert!(net.send(submit(payment(&devnet, chain, 1, 5)), &RecordKey::from("b")).await.unwrap().success);
    let mut late = submit(payment(&devnet, chain, 2, 5));
    late.not_after = Time::from_secs(1);
    let error = net.send(late, &RecordKey::from("c")).await.unwrap_err();
    assert_eq!(error.code, Code::Expired);
    let mut foreign = submit(payment(&devnet, chain, 3, 5));
    foreign.sender = Some(address::parse(devnet.accounts().settler(5).address()).unwrap());
    let error = net.send(foreign, &RecordKey::from("d")).await.unwrap_err();
    assert_eq!(error.code, Code::NoSigner);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_use_elsewhere_is_found_out_and_lived_with() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let ours = network(&devnet, chain, ledger()).await;
    let theirs = network(&devnet, chain, ledger()).await; // the same key, another ledger
    for n in 0..3 {
        theirs.send(submit(payment(&devnet, chain, n, 5)), &RecordKey(n.to_string())).await.unwrap();
    }
    let key = RecordKey::from("a");
    let error = ours.send(submit(payment(&devnet, chain, 10, 5)), &key).await.unwrap_err();
    assert_eq!((error.code.clone(), error.next.clone()), (Code::Conflict, Next::Later), "{error}");
    assert_eq!(ours.sent(&key).await.unwrap(), Sent::Never);
    assert!(ours.send(submit(payment(&devnet, chain, 10, 5)), &key).await.unwrap().success);
}

async fn on_blocks(devnet: &Devnet, net: &Arc<tollway_evm::EvmNetwork>, first: u64, count: u64) -> Duration {
    let chain = &devnet.chains()[0];
    let begun = std::time::Instant::now();
    let sends = (0..count).map(|n| {
        let (net, call) = (net.clone(), payment(devnet, chain, n + first, 5));
        async move { net.send(submit(call), &RecordKey(format!("k{n}"))).await.unwrap() }
    });
    assert!(futures::future::join_all(sends).await.iter().all(|mined| mined.success));
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_block_time_everything_is_in_the_next_block_or_two() {
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).block_time_ms(1_000).start().await.unwrap();
    let chain = &devnet.chains()[0];
    let settler = || key(devnet.accounts().settler(0));
    for (name, settings, first) in [("sync", SendSettings::default(), 1_000), ("watch", watching(), 2_000)] {
        let net = builder(chain, ledger()).sender(settler()).sending(settings).connect().await.unwrap();
        let took = on_blocks(&devnet, &net, first, 40).await;
        println!("{name} over HTTP: {took:?}");
        assert!(took < Duration::from_millis(2_500), "{name}: {took:?}");
    }
    let push = tollway_evm::EvmNetwork::builder(ledger(), clock()).url(chain.ws_url()).sender(settler());
    let push = push.sending(watching()).connect().await.unwrap();
    chain.reset_counts();
    let mined = push.send(submit(payment(&devnet, chain, 5_000, 5)), &RecordKey::from("ws")).await.unwrap();
    assert!(mined.success);
    println!("over WebSocket: {:?}", chain.counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finality_is_waited_for() {
    let devnet = devnet([ChainSpec::ETHEREUM]).await;
    let chain = &devnet.chains()[0];
    let builder = builder(chain, ledger()).sender(key(devnet.accounts().settler(0)));
    let net = builder.finality(Finality::Confirmations(2)).connect().await.unwrap();
    let sending = {
        let (net, call) = (net.clone(), payment(&devnet, chain, 0, 5));
        tokio::spawn(async move { net.send(submit(call), &RecordKey::from("a")).await })
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!sending.is_finished());
    let Sent::Pending(tx) = net.sent(&RecordKey::from("a")).await.unwrap() else { panic!("not pending") };
    let outcome = net.outcome(&tx).await.unwrap();
    assert!(matches!(outcome, Outcome::Included { confirmations: 0, finalized: false }), "{outcome:?}");
    chain.mine(2).await.unwrap();
    let mined = tokio::time::timeout(Duration::from_secs(5), sending).await.unwrap().unwrap().unwrap();
    assert_eq!(mined.tx, tx);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorganisation_leaves_no_gap() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let net = network(&devnet, chain, ledger()).await;
    let before = merchant_units(&devnet).await;
    for n in 0..4 {
        net.send(submit(payment(&devnet, chain, n, 5)), &RecordKey(n.to_string())).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    chain.reorg(2).await.unwrap();
    assert_eq!(merchant_units(&devnet).await, before + 10);
    let sent: Submit = submit(payment(&devnet, chain, 9, 5));
    let mined = tokio::time::timeout(Duration::from_secs(30), net.send(sent, &RecordKey::from("next"))).await;
    assert!(mined.unwrap().unwrap().success);
    assert_eq!(merchant_units(&devnet).await, before + 25, "what was taken back is there again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_network_ends_what_it_does() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    chain.set_automine(false).await.unwrap();
    let net = network(&devnet, chain, ledger()).await;
    let sending = {
        let (net, call) = (net.clone(), payment(&devnet, chain, 0, 5));
        tokio::spawn(async move { net.send(submit(call), &RecordKey::from("a")).await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    sending.abort();
    let weak = Arc::downgrade(&net);
    drop(net);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(weak.upgrade().is_none());
    chain.reset_counts();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(chain.counts().total(), 0, "{:?}", chain.counts());
}
