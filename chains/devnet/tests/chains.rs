//! Five chains come up as their real counterparts are known, and a payment works on each.
mod common;

use std::time::{Duration, Instant};

use alloy::primitives::{U256, keccak256};
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use common::*;
use tollway_devnet::{ChainSpec, Devnet, MULTICALL3, PERMIT2};

#[tokio::test]
async fn five_chains_come_up_and_a_payment_settles_on_each() {
    let start = Instant::now();
    let devnet = Devnet::builder().start().await.unwrap();
    eprintln!("five chains up in {:?}", start.elapsed());
    let (payer, settler) = (devnet.accounts().payer(0), devnet.accounts().settler(0));
    for chain in devnet.chains() {
        let client = client(chain, settler);
        assert_eq!(client.get_chain_id().await.unwrap(), chain.id());
        assert_eq!(read(&client, chain.usdc(), nameCall {}).await, chain.spec().usdc_name);
        let separator = read(&client, chain.usdc(), DOMAIN_SEPARATORCall {}).await;
        assert_eq!(separator, domain(chain.spec()).separator());
        for (i, kind) in [(0, "known payee"), (1, "new payee")] {
            let merchant = devnet.accounts().merchant(i).address();
            let before = chain.usdc_balance(merchant).await.unwrap();
            let data = signed_payment(chain, payer, merchant, 10_000, kind);
            let receipt = send(&client, chain.usdc(), data).await;
            assert!(receipt.status());
            assert_eq!(chain.usdc_balance(merchant).await.unwrap(), before + 10_000);
            eprintln!("{}: {kind} {} gas", chain.spec().name, receipt.gas_used);
            let used =
                authorizationStateCall { authorizer: address(payer.address()), nonce: keccak256(kind) };
            assert!(read(&client, chain.usdc(), used).await);
        }
    }
    devnet.stop().await;
}

#[tokio::test]
async fn permit2_and_multicall3_are_the_deployed_ones() {
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).start().await.unwrap();
    let chain = devnet.chain(8453).unwrap();
    let client = client(chain, devnet.accounts().settler(0));
    let permit2 = alloy::sol_types::eip712_domain! {
        name: "Permit2",
        chain_id: 8453,
        verifying_contract: address(PERMIT2),
    };
    assert_eq!(read(&client, PERMIT2, DOMAIN_SEPARATORCall {}).await, permit2.separator());
    let code = client.get_code_at(address(MULTICALL3)).await.unwrap();
    assert_eq!(
        keccak256(&code).to_string(),
        "0xd5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891"
    );
    assert_eq!(read(&client, MULTICALL3, getBlockNumberCall {}).await, U256::ONE);
}

#[tokio::test]
async fn blocks_come_by_the_clock_when_a_block_time_is_set() {
    let devnet = Devnet::builder().chains([ChainSpec::OP]).block_time_ms(200).start().await.unwrap();
    let chain = devnet.chain(10).unwrap();
    let (first, began) = (chain.block_number().await.unwrap(), Instant::now());
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let mined = chain.block_number().await.unwrap() - first;
    assert!((3..=7).contains(&mined), "{mined} blocks in {:?}", began.elapsed());
    let client = client(chain, devnet.accounts().settler(0));
    let fee = chain.spec().base_fee_wei;
    for number in 1..=chain.block_number().await.unwrap() {
        let block = client.get_block_by_number(number.into()).await.unwrap().unwrap();
        assert_eq!(block.header.base_fee_per_gas, Some(fee), "block {number}");
    }
    let merchant = devnet.accounts().merchant(0).address();
    let data = signed_payment(chain, devnet.accounts().payer(1), merchant, 5, "clock");
    assert!(send(&client, chain.usdc(), data).await.status());
}

#[tokio::test]
async fn two_devnets_side_by_side_do_not_meet() {
    let start = || Devnet::builder().chains([ChainSpec::BASE]).start();
    let (one, two) = tokio::join!(start(), start());
    let (one, two) = (one.unwrap(), two.unwrap());
    one.chain(8453).unwrap().mine(3).await.unwrap();
    assert_eq!(one.chain(8453).unwrap().block_number().await.unwrap(), 3);
    assert_eq!(two.chain(8453).unwrap().block_number().await.unwrap(), 0);
    assert!(one.chain(1).unwrap_err().to_string().contains("[8453]"));
    assert_eq!(balanceOfCall::SELECTOR, [0x70, 0xa0, 0x82, 0x31]);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let start = || Devnet::builder().chains([ChainSpec::BASE_SEPOLIA]).fixed_ports(true).start();
    let first = start().await.unwrap();
    assert_eq!(first.chain(84532).unwrap().http_url(), "http://127.0.0.1:18532");
    let second = start().await.unwrap_err();
    assert!(second.to_string().contains("Base Sepolia: cannot listen on 127.0.0.1:18532"), "{second}");
}
