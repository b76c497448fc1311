//! What gas and data cost, and that everyone who is told so pays so.
mod common;

use alloy::consensus::SignableTransaction;
use alloy::primitives::{Bytes, TxHash, U256};
use alloy::providers::Provider;
use common::*;
use tollway_devnet::{ARB_GAS_INFO, ChainSpec, Devnet, GAS_PRICE_ORACLE, L1Prices, NODE_INTERFACE};

#[tokio::test]
async fn a_base_fee_holds_walks_and_goes_free() {
    let devnet = Devnet::builder().chains([ChainSpec::ETHEREUM]).settlers(10).start().await.unwrap();
    let chain = devnet.chain(1).unwrap();
    let client = client(chain, devnet.accounts().settler(0));
    let fee_of = async |number: u64| {
        client.get_block_by_number(number.into()).await.unwrap().unwrap().header.base_fee_per_gas.unwrap()
    };
    chain.set_base_fee_wei(7_000_000_000).await.unwrap();
    assert_eq!(chain.next_base_fee_wei().await.unwrap(), 7_000_000_000);
    let tip = client.get_max_priority_fee_per_gas().await.unwrap();
    assert_eq!(tip, u128::from(ChainSpec::ETHEREUM.priority_fee_wei));
    assert_eq!(client.get_gas_price().await.unwrap(), 7_000_000_000 + tip);

    let merchant = devnet.accounts().merchant(0).address();
    let sends = (0..10).map(|i| {
        let (payer, settler) = (devnet.accounts().payer(i), devnet.accounts().settler(i));
        let data = signed_payment(chain, payer, merchant, 1, format!("held {i}"));
        let client = common::client(chain, settler);
        async move { send(&client, chain.usdc(), data).await }
    });
    futures::future::join_all(sends).await;
    chain.mine(2).await.unwrap();
    let head = chain.block_number().await.unwrap();
    assert!(head >= 3, "{head}"); // those sent at once may share a block
    for number in 1..=head {
        assert_eq!(fee_of(number).await, 7_000_000_000, "block {number} of {head}");
    }

    chain.walk_base_fee_wei([1_000_000_000, 2_000_000_000, 3_000_000_000]).await.unwrap();
    chain.mine(4).await.unwrap();
    let mut walked = Vec::new();
    for number in head + 1..=head + 4 {
        walked.push(fee_of(number).await);
    }
    assert_eq!(walked, [1_000_000_000, 2_000_000_000, 3_000_000_000, 3_000_000_000]);

    chain.set_next_base_fee_wei(8_000_000_000).await.unwrap();
    chain.mine(2).await.unwrap();
    assert_eq!(fee_of(head + 5).await, 8_000_000_000);
    assert_eq!(fee_of(head + 6).await, 7_000_000_000, "an eighth down");
}

/// What a payment took from its settler, besides what its receipt says about gas.
#[tokio::test]
async fn op_stack_chains_charge_the_l1_fee_that_they_tell() {
    let chains = [ChainSpec::BASE, ChainSpec::OP, ChainSpec::BASE_SEPOLIA];
    let devnet = Devnet::builder().chains(chains).start().await.unwrap();
    let (payer, settler) = (devnet.accounts().payer(0), devnet.accounts().settler(0));
    let merchant = devnet.accounts().merchant(0).address();
    for chain in devnet.chains() {
        let client = client(chain, settler);
        for (round, l1_base_fee) in [1_000_000_000, 40_000_000_000].into_iter().enumerate() {
            chain.set_l1_base_fee_wei(l1_base_fee).await.unwrap();
            let data = signed_payment(chain, payer, merchant, 1, format!("{round}"));
            let before = chain.native_balance(settler.address()).await.unwrap();
            let receipt = send(&client, chain.usdc(), data).await;
            let paid = before - chain.native_balance(settler.address()).await.unwrap();
            let l1 = paid - u128::from(receipt.gas_used) * receipt.effective_gas_price;
            let unsigned = getL1FeeCall { data: unsigned(&client, receipt.transaction_hash).await };
            let told = u128::try_from(read(&client, GAS_PRICE_ORACLE, unsigned).await).unwrap();
            assert!(l1.abs_diff(told) * 100 <= told, "{}: charged {l1}, told {told}", chain.spec().name);
            let raw: serde_json::Value = client
                .raw_request("eth_getTransactionReceipt".into(), [receipt.transaction_hash])
                .await
                .unwrap();
            assert_eq!(raw["l1Fee"], format!("{l1:#x}"), "{raw}");
        }
    }
}

#[tokio::test]
async fn the_operator_fee_and_the_blob_fee_are_charged() {
    let devnet = Devnet::builder().chains([ChainSpec::OP]).start().await.unwrap();
    let (chain, settler) = (devnet.chain(10).unwrap(), devnet.accounts().settler(0));
    let client = client(chain, settler);
    chain.set_l1_base_fee_wei(0).await.unwrap();
    chain.set_l1_blob_base_fee_wei(0).await.unwrap();
    chain.set_operator_fee(3_000_000, 1_000_000_000).await.unwrap();
    let pay = async |salt: &str| {
        let merchant = devnet.accounts().merchant(0).address();
        let data = signed_payment(chain, devnet.accounts().payer(0), merchant, 1, salt);
        let before = chain.native_balance(settler.address()).await.unwrap();
        let receipt = send(&client, chain.usdc(), data).await;
        let paid = before - chain.native_balance(settler.address()).await.unwrap();
        (paid - u128::from(receipt.gas_used) * receipt.effective_gas_price, u128::from(receipt.gas_used))
    };
    let (fee, gas) = pay("operator").await;
    assert_eq!(fee, gas * 3 + 1_000_000_000);
    chain.set_operator_fee(0, 0).await.unwrap();
    assert_eq!(pay("nothing").await.0, 0);
    chain.set_l1_blob_base_fee_wei(1_000_000_000).await.unwrap();
    assert!(pay("blobs").await.0 > 1_000_000_000 * 100);
    let found = chain.l1_prices();
    assert_eq!(found, L1Prices { base_fee_wei: 0, blob_base_fee_wei: 1_000_000_000, ..ChainSpec::OP.l1 });
    let refused = devnet.chain(10).unwrap().set_minimum_gas_price_wei(1).await.unwrap_err();
    assert!(refused.to_string().contains("Arbitrum only"), "{refused}");
}

#[tokio::test]
async fn arbitrum_estimates_receipts_and_balances_agree() {
    let devnet = Devnet::builder().chains([ChainSpec::ARBITRUM]).start().await.unwrap();
    let (chain, settler) = (devnet.chain(42161).unwrap(), devnet.accounts().settler(0));
    let client = client(chain, settler);
    for (round, l1_price) in [50_000_000, 2_000_000_000].into_iter().enumerate() {
        chain.set_l1_base_fee_wei(l1_price).await.unwrap();
        let merchant = devnet.accounts().merchant(0).address();
        let data = signed_payment(chain, devnet.accounts().payer(0), merchant, 1, format!("{round}"));
        let call = gasEstimateComponentsCall {
            to: address(chain.usdc()),
            contractCreation: false,
            data: data.clone().into(),
        };
        let told = read(&client, NODE_INTERFACE, call).await;
        let from = address(settler.address());
        let estimate = client.estimate_gas(request(chain.usdc(), data.clone()).from(from)).await.unwrap();
        let before = chain.native_balance(settler.address()).await.unwrap();
        let receipt = send(&client, chain.usdc(), data).await;
        let paid = before - chain.native_balance(settler.address()).await.unwrap();
        let said = u128::from(receipt.gas_used) * receipt.effective_gas_price;
        assert!(paid.abs_diff(said) < receipt.effective_gas_price, "paid {paid}, said {said}");
        let raw: serde_json::Value =
            client.raw_request("eth_getTransactionReceipt".into(), [receipt.transaction_hash]).await.unwrap();
        let for_l1 = raw["gasUsedForL1"].as_str().unwrap().parse::<U256>().unwrap().to::<u64>();
        let near = |a: u64, b: u64| a.abs_diff(b) * 50 <= b;
        assert!(near(told.gasEstimateForL1, for_l1), "{} told, {for_l1} used", told.gasEstimateForL1);
        assert!(estimate >= receipt.gas_used - for_l1 / 50 && estimate < receipt.gas_used * 13 / 10);
        assert_eq!(told.l1BaseFeeEstimate, U256::from(l1_price));
        let prices = read(&client, ARB_GAS_INFO, getPricesInWeiCall {}).await;
        assert_eq!(prices._1, U256::from(16 * l1_price));
        let block: Vec<serde_json::Value> =
            client.raw_request("eth_getBlockReceipts".into(), ["latest"]).await.unwrap();
        assert_eq!(block[0]["gasUsed"], raw["gasUsed"]);
        assert_eq!(block[0]["cumulativeGasUsed"], raw["gasUsed"]);
    }
}

#[tokio::test]
async fn a_caller_without_coin_may_still_read_and_estimate() {
    let devnet = Devnet::builder().chains([ChainSpec::BASE]).start().await.unwrap();
    let (chain, poor) = (devnet.chain(8453).unwrap(), "0x00000000000000000000000000000000000000aa");
    let client = client(chain, devnet.accounts().settler(0));
    let merchant = devnet.accounts().merchant(0).address();
    let data = signed_payment(chain, devnet.accounts().payer(0), merchant, 1, "poor");
    let request = request(chain.usdc(), data).from(address(poor));
    client.call(request.clone()).await.unwrap();
    assert!(client.estimate_gas(request).await.unwrap() > 50_000);
}

/// A transaction as it was before it was signed, serialised as `getL1Fee` wants it.
async fn unsigned(client: &impl Provider, hash: TxHash) -> Bytes {
    let transaction = client.get_transaction_by_hash(hash).await.unwrap().unwrap();
    transaction.inner.as_eip1559().unwrap().tx().encoded_for_signing().into()
}
