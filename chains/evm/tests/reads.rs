//! Looks, balances, funds, logs, prices: what they cost in requests, and that they are right.

mod common;

use alloy::primitives::{B256, U256, keccak256};
use alloy::sol;
use alloy::sol_types::SolCall;
use common::*;
use std::time::Duration;
use tollway_core::{AssetId, Code, Network, Oracle, Outcome, RecordKey, Time, TxId};
use tollway_devnet::ChainSpec;
use tollway_evm::{At, Evm, EvmCall, FAMILY, Held, LogQuery, address};

sol! {
    function balanceOf(address owner) external view returns (uint256);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_is_one_request_with_chain_time_and_failures_apart() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let net = builder(chain, ledger()).connect().await.unwrap();
    let payer = address::parse(devnet.accounts().payer(0).address()).unwrap();
    let balance = EvmCall { to: usdc(chain), data: balanceOfCall { owner: payer }.abi_encode().into() };
    let wrong = EvmCall { to: usdc(chain), data: vec![1, 2, 3, 4].into() };
    chain.reset_counts();
    let looked = net.look(&[balance.clone(), wrong.clone(), balance.clone()], At::Latest).await.unwrap();
    assert_eq!(chain.counts().http_requests, 1);
    assert_eq!(U256::from_be_slice(looked.results[0].as_ref().unwrap()), U256::from(10_000_000_000u64));
    assert!(looked.results[1].is_err());
    assert_eq!(looked.block, chain.block_number().await.unwrap());
    assert_eq!(looked.time.secs(), chain.timestamp().await.unwrap());
    // A chain without Multicall3 answers the same, in two requests.
    chain.set_code("0xcA11bde05977b3631167028862bE2a173976CA11", "0x").await.unwrap();
    let again = net.look(&[balance.clone(), wrong, balance.clone()], At::Latest).await.unwrap();
    assert_eq!(again.results[0], looked.results[0]);
    assert!(again.results[1].is_err());
    chain.reset_counts();
    net.look(std::slice::from_ref(&balance), At::Latest).await.unwrap();
    assert_eq!(chain.counts().http_requests, 2);
    let much = vec![balance; 5_000];
    assert_eq!(net.look(&much, At::Latest).await.unwrap_err().code, Code::TooLarge);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_look_is_of_one_block() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let net = builder(chain, ledger()).connect().await.unwrap();
    let payer = address::parse(devnet.accounts().payer(0).address()).unwrap();
    let balance = EvmCall { to: usdc(chain), data: balanceOfCall { owner: payer }.abi_encode().into() };
    chain.reset_counts();
    let looked = net.look(&vec![balance; 1_000], At::Latest).await.unwrap();
    assert_eq!(looked.results.len(), 1_000);
    assert!(looked.results.iter().all(|r| *r == looked.results[0]));
    assert_eq!(chain.counts().http_requests, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn balances_take_one_request_and_funds_stay_warm() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let net = builder(chain, ledger()).connect().await.unwrap();
    let id = chain_id(chain);
    let payer = FAMILY.account(id, devnet.accounts().payer(0).address()).unwrap();
    let token = FAMILY.asset(id, chain.usdc()).unwrap();
    chain.reset_counts();
    let held = net.balances(&payer, &[AssetId::native(id), token]).await.unwrap();
    assert_eq!(chain.counts().http_requests, 1);
    assert_eq!((held[0].atomic, held[1].atomic), (10_000_000_000_000_000_000, 10_000_000_000));
    let owner = address::of_account(&payer).unwrap();
    assert_eq!(net.funds_now(owner, usdc(chain), Time::ZERO), None, "nobody has looked yet");
    let funds = net.funds(&payer, usdc(chain)).await.unwrap();
    assert_eq!(funds.balance.atomic, 10_000_000_000);
    let held = Held { atomic: funds.balance.atomic, as_of: funds.as_of };
    assert_eq!(net.funds_now(owner, usdc(chain), funds.as_of), Some(held));
    assert_eq!(net.funds_now(owner, usdc(chain), funds.as_of.plus_ms(60_000)), None, "too old to go by");
    assert_eq!(net.funds_now(usdc(chain), usdc(chain), funds.as_of), None, "somebody else's");
    chain.reset_counts();
    for _ in 0..100 {
        net.funds(&payer, usdc(chain)).await.unwrap();
    }
    assert_eq!(chain.counts().http_requests, 0);
    let nobody = FAMILY.asset(id, "0x00000000000000000000000000000000000000ff").unwrap();
    assert_eq!(net.balances(&payer, &[nobody]).await.unwrap_err().code, Code::AssetNotDeployed);
    assert!(net.funds(&payer, address::parse(nobody.key()).unwrap()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payments_log_is_found_and_older_ones_are_not() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let net = network(&devnet, chain, ledger()).await;
    let mined = net.send(submit(payment(&devnet, chain, 1, 77)), &RecordKey::from("a")).await.unwrap();
    let topic = keccak256("Transfer(address,address,uint256)");
    let payer = address::parse(devnet.accounts().payer(1).address()).unwrap();
    let mut query = LogQuery {
        address: usdc(chain),
        topics: [Some(topic), Some(payer.into_word()), None, None],
        since: Time::from_secs(chain.timestamp().await.unwrap() - 100),
        until: Time::FAR,
    };
    let found = net.find_log(&query).await.unwrap().unwrap();
    assert_eq!(found.tx, mined.tx);
    assert_eq!(U256::from_be_slice(&found.data), U256::from(77));
    query.since = Time::from_secs(chain.timestamp().await.unwrap() + 100);
    assert_eq!(net.find_log(&query).await.unwrap(), None);
    // Long afterwards it is found without reading what has come since, and nothing newer than was asked for is.
    let paid_at = Time::from_secs(chain.timestamp().await.unwrap());
    for _ in 0..30 {
        chain.advance_time(Duration::from_secs(1_000)).await.unwrap();
        chain.mine(100).await.unwrap();
    }
    (query.since, query.until) = (paid_at.minus_ms(100_000), paid_at.plus_ms(500_000));
    chain.reset_counts();
    assert_eq!(net.find_log(&query).await.unwrap().unwrap().tx, mined.tx);
    assert_eq!(chain.counts().of("eth_getLogs"), 1);
    query.until = paid_at.minus_ms(50_000);
    assert_eq!(net.find_log(&query).await.unwrap(), None);
    query.until = Time::FAR;
    query.topics[1] = Some(B256::ZERO);
    query.since = Time::ZERO;
    assert_eq!(net.find_log(&query).await.unwrap(), None);
    assert!(matches!(
        net.outcome(&mined.tx).await.unwrap(),
        Outcome::Included { confirmations: 3000.., finalized: true }
    ));
    assert_eq!(net.outcome(&TxId(B256::ZERO.to_string())).await.unwrap(), Outcome::Unseen);
    assert_eq!(net.mined(&mined.tx).await.unwrap().unwrap(), mined);
    assert_eq!(net.mined(&TxId("nonsense".into())).await.unwrap_err().code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_come_in_one_request_and_stale_or_absurd_ones_are_refused() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let net = builder(chain, ledger()).connect().await.unwrap();
    let id = chain_id(chain);
    let (coin, token) = (AssetId::native(id), FAMILY.asset(id, chain.usdc()).unwrap());
    let oracle = net.oracle(clock());
    chain.reset_counts();
    assert_eq!(oracle.usd(&coin).await.unwrap().answer, 265_000_000_000);
    assert_eq!(oracle.usd(&token).await.unwrap().asset_decimals, 6);
    assert_eq!(chain.counts().http_requests, 1);
    let now = chain.timestamp().await.unwrap();
    chain.set_eth_usd_e8_at(265_000_000_000, now - 100_000).await.unwrap();
    let fresh = net.oracle(clock());
    assert_eq!(fresh.usd(&coin).await.unwrap_err().code, Code::StalePrice);
    assert!(fresh.usd(&token).await.is_ok(), "one bad feed spoils no other");
    chain.set_eth_usd_e8(0).await.unwrap();
    assert_eq!(net.oracle(clock()).usd(&coin).await.unwrap_err().code, Code::AbsurdPrice);
    let other = FAMILY.asset(id, "0x00000000000000000000000000000000000000ff").unwrap();
    assert_eq!(fresh.usd(&other).await.unwrap_err().code, Code::NoPrice);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wrong_chain_and_no_node_are_said_at_once_without_the_urls_secrets() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let other = tollway_core::ChainId::new("eip155:1").unwrap();
    let wrong = builder(chain, ledger()).chain(&other).unwrap().connect().await.unwrap_err();
    assert_eq!(wrong.code, Code::WrongChain);
    let nobody = tollway_evm::EvmNetwork::builder(ledger(), clock())
        .url("http://user:secret1@127.0.0.1:1/secret2?key=secret3")
        .connect()
        .await
        .unwrap_err();
    assert_eq!(nobody.code, Code::Unreachable);
    assert!(!nobody.to_string().contains("secret"), "{nobody}");
}
