//! Quotes against what a real chain takes.

mod common;

use alloy::primitives::{Bytes, U256};
use alloy::sol;
use alloy::sol_types::SolCall;
use common::*;
use std::time::Duration;
use tollway_core::{Bearer, Code, Network, Part, Purpose, RecordKey, Sample, Work};
use tollway_devnet::{ChainSpec, Fault, FaultKind, Faults};
use tollway_evm::{At, Evm, EvmCall, GasKey, address};

sol! {
    function getL1Fee(bytes memory unsignedTransaction) external view returns (uint256);
}

const MAINS: [ChainSpec; 4] = [ChainSpec::ETHEREUM, ChainSpec::BASE, ChainSpec::OP, ChainSpec::ARBITRUM];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_predicted_cost_is_what_leaves_the_senders_balance_within_one_percent() {
    let devnet = devnet(MAINS).await;
    for chain in devnet.chains() {
        let net = network(&devnet, chain, ledger()).await;
        let settler = devnet.accounts().settler(0).address();
        // The first payment teaches the gas; the second is predicted.
        net.send(submit(payment(&devnet, chain, 0, 10)), &RecordKey::from("first")).await.unwrap();
        let call = payment(&devnet, chain, 10, 10);
        let gas = net.learned_gas(&GasKey { contract: call.to, what: "transferWithAuthorization" }).unwrap();
        let tariff = net.tariff(Purpose::Interactive, &[]).await.unwrap();
        let work = Work::new(Bearer::Settler, "transfer", gas, net.sample(&call, 150_000));
        let cost = tariff.price(&work).unwrap();
        let before = chain.native_balance(settler).await.unwrap();
        let mined = net.send(submit(call), &RecordKey::from("second")).await.unwrap();
        assert!(mined.success);
        let taken = before - chain.native_balance(settler).await.unwrap();
        let off = taken.abs_diff(cost.total());
        println!(
            "{}: predicted {:?}, taken {taken}, receipt says {}",
            chain.spec().name,
            cost.parts,
            mined.cost_wei
        );
        assert!(off * 100 <= taken, "{}: {} predicted, {taken} taken", chain.spec().name, cost.total());
        assert!(mined.cost_wei.abs_diff(taken) * 1_000 <= taken, "the receipt tells what was taken");
        let l1 = cost.parts.iter().any(|(part, _)| *part == Part::L1Data);
        assert_eq!(l1, chain.id() != 1, "{}", chain.spec().name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tariff_is_one_request_and_callers_at_once_share_it() {
    let devnet = devnet(MAINS).await;
    for chain in devnet.chains() {
        let net = builder(chain, ledger()).connect().await.unwrap();
        chain.reset_counts();
        let (a, b) = tokio::join!(net.tariff(Purpose::Interactive, &[]), net.tariff(Purpose::Floor, &[]));
        assert_eq!(chain.counts().http_requests, 1, "{}", chain.spec().name);
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(a.source().starts_with("eth_feeHistory@"));
        assert!(a.valid_until() > a.taken_at());
        assert_eq!(a.taken_at(), b.taken_at());
        assert_eq!(chain.counts().of("eth_maxPriorityFeePerGas"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_falls_silent_does_not_hold_quotes_up_for_as_long_as_a_receipt() {
    let devnet = devnet(MAINS.into_iter().take(1)).await;
    let chain = devnet.chains().first().unwrap();
    let patient = builder(chain, ledger()).timeout(Duration::from_secs(600));
    let net = patient.connect().await.unwrap();
    chain.set_faults(Faults::seeded(1).with(Fault::new(FaultKind::Silence, 1_000)));
    // Without a limit of its own the look would take ten minutes; the test's own patience only ends a failure.
    let looked = tokio::time::timeout(Duration::from_secs(60), net.tariff(Purpose::Interactive, &[])).await;
    let why = looked.expect("given up before the node's own limit").unwrap_err();
    assert_eq!(why.code, Code::TimedOut);
    chain.set_faults(Faults::none());
    assert!(net.tariff(Purpose::Interactive, &[]).await.is_ok(), "and asked again");
}

/// Samples of many sizes and of every degree of order.
fn samples() -> Vec<Vec<u8>> {
    let mut state = 7u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..60)
        .map(|i| {
            let size = usize::try_from(1 + random() % 1_500).unwrap();
            let alphabet = [1, 2, 4, 16, 256][i % 5];
            (0..size).map(|_| u8::try_from(random() % alphabet).unwrap()).collect()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_l1_fee_is_the_predeploys_to_the_wei() {
    let devnet = devnet([ChainSpec::BASE, ChainSpec::OP]).await;
    for chain in devnet.chains() {
        let net = builder(chain, ledger()).connect().await.unwrap();
        let tariff = net.tariff(Purpose::Interactive, &[]).await.unwrap();
        let oracle = address::parse("0x420000000000000000000000000000000000000F").unwrap();
        let mut all = samples();
        all.push(net.sample(&payment(&devnet, chain, 3, 10), 150_000).bytes().to_vec());
        let calls: Vec<EvmCall> = all
            .iter()
            .map(|bytes| getL1FeeCall { unsignedTransaction: Bytes::from(bytes.clone()) })
            .map(|call| EvmCall { to: oracle, data: call.abi_encode().into() })
            .collect();
        let looked = net.look(&calls, At::Latest).await.unwrap();
        for (bytes, answer) in all.iter().zip(looked.results) {
            let real = U256::from_be_slice(&answer.unwrap());
            let work = Work::new(Bearer::Settler, "x", 1, Sample::new(bytes.clone()));
            let cost = tariff.price(&work).unwrap();
            let ours = cost.parts.iter().find(|(part, _)| *part == Part::L1Data).map_or(0, |(_, wei)| *wei);
            assert_eq!(U256::from(ours), real, "{} bytes on {}", bytes.len(), chain.spec().name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_sample_a_rollup_has_no_price_and_a_layer_one_has() {
    let devnet = devnet([ChainSpec::ETHEREUM, ChainSpec::BASE]).await;
    for chain in devnet.chains() {
        let net = builder(chain, ledger()).connect().await.unwrap();
        let tariff = net.tariff(Purpose::Background, &[]).await.unwrap();
        let blind = Work::new(Bearer::Settler, "x", 21_000, Sample::default());
        assert_eq!(tariff.price(&blind).is_ok(), chain.id() == 1);
        let nothing = Work::new(Bearer::Settler, "x", 0, Sample::default());
        assert_eq!(tariff.price(&nothing).unwrap().total(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotes_follow_the_market() {
    let devnet = devnet([ChainSpec::BASE, ChainSpec::ARBITRUM]).await;
    for chain in devnet.chains() {
        let net = builder(chain, ledger()).connect().await.unwrap();
        let work =
            Work::new(Bearer::Settler, "x", 85_000, net.sample(&payment(&devnet, chain, 1, 10), 150_000));
        let price = async || net.tariff(Purpose::Interactive, &[]).await.unwrap().price(&work).unwrap();
        let quiet = price().await;
        chain.set_base_fee_wei(chain.spec().base_fee_wei * 20).await.unwrap();
        chain.mine(1).await.unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
        let spike = price().await;
        let part = |cost: &tollway_core::Cost, which| {
            cost.parts.iter().find(|(part, _)| *part == which).map_or(0, |(_, wei)| *wei)
        };
        assert_eq!(
            part(&spike, Part::Execution),
            part(&quiet, Part::Execution) * 20,
            "{}",
            chain.spec().name
        );
        chain.set_l1_base_fee_wei(chain.l1_prices().base_fee_wei * 10).await.unwrap();
        chain.mine(1).await.unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(part(&price().await, Part::L1Data) > part(&quiet, Part::L1Data) * 2, "{}", chain.spec().name);
    }
}
