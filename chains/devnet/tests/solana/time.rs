//! Blocks, time, and blockhashes that grow old.

use crate::kit::*;
use std::time::Duration;
use tollway_devnet::{Devnet, SolanaChain};

async fn is_refused_for_its_blockhash(chain: &SolanaChain, signed: &Signed) {
    let refused = send(chain, signed, false).await;
    assert_eq!(refused["error"]["data"]["err"], "BlockhashNotFound", "{refused}");
}

#[tokio::test]
async fn a_blockhash_grows_too_old() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let (signed, height) = (transfer(chain, 1).await, chain.block_height().await.unwrap());
    chain.make_blocks(20).await.unwrap();
    assert_eq!(chain.block_height().await.unwrap(), height + 20);
    assert_eq!(send(chain, &signed, false).await["result"], signed.name, "not old yet");

    let signed = transfer(chain, 2).await;
    chain.expire_blockhashes().await.unwrap();
    is_refused_for_its_blockhash(chain, &signed).await;
    assert!(status(chain, &signed.name).await.is_null());
}

#[tokio::test]
async fn by_the_clock_transactions_wait_for_a_block() {
    let devnet = Devnet::builder().chains([]).solana().block_time_ms(Some(40)).start().await.unwrap();
    let chain = devnet.solana().unwrap();
    chain.make_blocks(2).await.unwrap();
    chain.pause_clock().await.unwrap();
    let signed = transfer(chain, 1).await;
    assert_eq!(send(chain, &signed, false).await["result"], signed.name);
    let height = chain.block_height().await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(chain.block_height().await.unwrap(), height);
    assert!(status(chain, &signed.name).await.is_null());
    chain.resume_clock().await.unwrap();
    assert!(landed(chain, &signed.name).await["err"].is_null());
}

#[tokio::test]
async fn time_goes_forward_on_request() {
    let devnet = devnet().await;
    let chain = devnet.solana().unwrap();
    let before = chain.time().await.unwrap();
    assert!(before > 1_700_000_000, "{before}");
    chain.advance_time(Duration::from_secs(3_600)).await.unwrap();
    let passed = chain.time().await.unwrap() - before;
    assert!((3_600..3_700).contains(&passed), "{passed}");
}
