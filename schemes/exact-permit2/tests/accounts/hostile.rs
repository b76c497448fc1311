//! Accounts whose code is out for the settler's gas, or for something for nothing.

use crate::house::*;
use alloy::primitives::{Address, U256};
use serde_json::json;
use tollway_cells::{hostile, l1_data_is_as_told, noise};
use tollway_core::*;
use tollway_devnet::PERMIT2;
use tollway_evm::Evm;

/// Where delegations point.
const JUDGE: Address = Address::repeat_byte(0xc2);

#[tokio::test(flavor = "multi_thread")]
async fn code_that_changes_after_it_was_verified_costs_nothing() {
    let house = House::open().await;
    hostile::turncoats(&house, &house.settler(json!({})), |from, nonce| house.signed(from, nonce)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_lies_to_a_simulation_costs_one_transaction_of_the_limit() {
    let house = House::open().await;
    hostile::liar(&house, &house.settler(json!({})), |from, nonce| house.signed(from, nonce)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_burns_gas_is_priced_up_to_the_limit_and_refused_beyond_it() {
    let house = House::open().await;
    let settlers = [json!({}), json!({"signature_gas_max": 50_000})].map(|settings| house.settler(settings));
    hostile::burners(&house, &settlers, 200_000, |from, nonce| house.signed(from, nonce)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegation_that_burns_gas_is_found_although_the_key_signed() {
    let house = House::open().await;
    let (settler, me) = (house.settler(json!({})), house.key.address());
    house.place(JUDGE, "GreedyWallet", U256::ZERO).await;
    let order = house.signed(me, "greedy");
    let verified = house.verify(&settler, &order).await.expect("a plain account");
    let told = gas(&settler, &order).await;
    house.delegate(me, JUDGE).await;
    house.store(me, U256::MAX).await;
    assert_eq!(house.code(&settler, &order).await, Some(Code::SignatureGas));
    // A plain account's payment is not tried out twice: code that comes in between costs one usual limit.
    let before = house.sent().await;
    let e = settle(&settler, verified).await.unwrap_err();
    assert_eq!((e.code, e.next), (Code::TransactionFailed, Next::Never));
    assert_eq!(house.sent().await, before + U256::ONE);
    let mined = house.evm.mined(&e.transaction.unwrap()).await.unwrap().unwrap();
    assert!(!mined.success && mined.gas_used < 3 * told, "{} of {told}", mined.gas_used);
    assert_eq!(house.holds(me).await, u128::from(PURSE));
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_burns_gas_behind_a_permit_that_somebody_else_handed_in_is_refused() {
    let house = House::open().await;
    let (settler, me, chain) = (house.settler(json!({})), house.key.address(), house.chain());
    house.place(JUDGE, "GreedyWallet", U256::ZERO).await;
    house.delegate(me, JUDGE).await;
    chain.set_allowance(chain.usdc(), &me.to_string(), PERMIT2, 0).await.unwrap();
    let order = house.permitted(house.signed(me, "permitted")).await;
    let verified = house.verify(&settler, &order).await.unwrap();
    let before = house.sent().await;
    // The permit is on chain already, so that it need not be handed in: what it would have taken is no room for others.
    chain.set_allowance(chain.usdc(), &me.to_string(), PERMIT2, PRICE.into()).await.unwrap();
    house.store(me, U256::from(150_000)).await;
    let e = settle(&settler, verified).await.unwrap_err();
    assert_eq!((e.code, e.next), (Code::SignatureGas, Next::OtherRoute));
    assert_eq!((house.sent().await, house.holds(me).await), (before, PURSE.into()), "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_gets_a_little_dearer_gets_no_more_gas_for_it() {
    let house = House::open().await;
    let settler = house.settler(json!({}));
    house.place(WALLET, "GreedyWallet", U256::ZERO).await;
    let order = house.signed(WALLET, "a little");
    let verified = house.verify(&settler, &order).await.unwrap();
    let told = gas(&settler, &order).await;
    house.store(WALLET, U256::from(15_000)).await;
    let receipt = settle(&settler, verified).await.unwrap();
    let tx = json!([receipt.transaction().unwrap().0]);
    let sent = house.chain().call("eth_getTransactionByHash", tx).await.unwrap();
    let limit: U256 = sent["gas"].as_str().unwrap().parse().unwrap();
    assert!(limit <= U256::from(told + told / 4 + 10_000), "{limit} for {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_signature_is_told_at_what_its_bytes_cost_whatever_else_was_shown() {
    let house = House::open().await;
    let settler = house.settler(json!({}));
    house.place(WALLET, "YesWallet", U256::ZERO).await;
    let (said, _) = house.permit(WALLET, "long");
    let (long, short) = (house.order(&said, &noise(8_000)), house.order(&said, &noise(97)));
    let untried = settler.effort(&long).await.unwrap();
    let verified = house.verify(&settler, &long).await.unwrap();
    let told = settler.effort(&long).await.unwrap();
    // The same nonce, with a signature that costs next to nothing.
    house.verify(&settler, &short).await.unwrap();
    assert_eq!(settler.effort(&long).await.unwrap(), told);
    assert!(gas(&settler, &short).await < told.works[0].compute / 2);
    let receipt = settle(&settler, verified).await.unwrap();
    for told in [untried, told] {
        l1_data_is_as_told(&*house.evm, &told, receipt.transaction().unwrap()).await;
    }
}
