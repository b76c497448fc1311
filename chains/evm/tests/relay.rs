//! What another has signed, and this house sends.

mod common;

use common::*;
use tollway_core::{Blame, Code, Next};
use tollway_devnet::ChainSpec;
use tollway_evm::Evm;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_node_takes_is_the_doing_of_whoever_signed_it() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let signer = key(devnet.accounts().settler(0));
    let net = builder(chain, ledger()).payer(signer).connect().await.unwrap();
    let call = payment(&devnet, chain, 1, 5);
    let starved = net.sign_call(&call, 1).await.unwrap();
    let e = net.relay(&starved).await.unwrap_err();
    assert!(!e.detail.contains("127.0.0.1") && e.detail.contains("no node takes 0x"), "{}", e.detail);
    assert_eq!((e.code, e.blame, e.next), (Code::RpcRefused, Blame::Payer, Next::Later));
    let raw = net.sign_call(&call, 200_000).await.unwrap();
    assert!(net.relay(&raw).await.unwrap().success);
}
