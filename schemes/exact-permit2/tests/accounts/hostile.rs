//! Accounts whose code is out for the settler's gas, or for something for nothing.

use crate::house::*;
use alloy::primitives::{Address, U256};
use serde_json::json;
use tollway_cells::{l1_data_is_as_told, noise};
use tollway_core::*;
use tollway_devnet::PERMIT2;
use tollway_evm::Evm;

/// Where delegations point.
const JUDGE: Address = Address::repeat_byte(0xc2);

#[tokio::test(flavor = "multi_thread")]
async fn code_that_changes_after_it_was_verified_costs_nothing() {
    let house = House::open().await;
    let (settler, me) = (house.settler(json!({})), house.key.address());
    house.place(JUDGE, "KeyWallet", U256::ZERO).await;
    let before = house.sent().await;
    for what in ["turned", "swapped", "gone", "delegated elsewhere"] {
        house.place(WALLET, "TurncoatWallet", U256::ZERO).await;
        house.store(me, U256::ZERO).await;
        house.delegate(me, JUDGE).await;
        let from = if what == "delegated elsewhere" { me } else { WALLET };
        let order = house.signed(from, what);
        let verified = verify(&settler, &order).await.expect(what);
        match what {
            "turned" => house.store(WALLET, U256::ONE).await,
            "swapped" => house.place(WALLET, "OwnedWallet", U256::ONE).await,
            "gone" => house.chain().set_code(&WALLET.to_string(), "0x").await.unwrap(),
            _ => {
                house.delegate(me, WALLET).await;
                house.store(me, U256::ONE).await;
            }
        }
        let e = settle(&settler, verified).await.expect_err(what);
        assert_eq!((e.code, e.next), (Code::InvalidSignature, Next::Never), "{what}");
        assert_eq!(house.sent().await, before, "{what}: nothing was sent");
        assert_eq!(house.holds(from).await, u128::from(PURSE), "{what}");
        assert!(
            matches!(settler.resume(&order, None).await, Ok(Fate::Open { .. })),
            "{what}: still spendable"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_lies_to_a_simulation_costs_one_transaction_of_the_limit() {
    let house = House::open().await;
    let settler = house.settler(json!({}));
    house.place(WALLET, "ChameleonWallet", U256::ZERO).await;
    let order = house.signed(WALLET, "lie");
    let verified = verify(&settler, &order).await.unwrap();
    let (told, before) = (gas(&settler, &order).await, house.sent().await);
    let e = settle(&settler, verified).await.unwrap_err();
    assert_eq!((e.code, e.next), (Code::TransactionFailed, Next::Never));
    assert_eq!(house.sent().await, before + U256::ONE);
    let mined = house.evm.mined(&e.transaction.unwrap()).await.unwrap().unwrap();
    assert!(!mined.success && mined.gas_used <= told + told / 4 + 10_000, "{} of {told}", mined.gas_used);
    assert_eq!(house.holds(WALLET).await, u128::from(PURSE));
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_burns_gas_is_priced_up_to_the_limit_and_refused_beyond_it() {
    let house = House::open().await;
    let (usual, strict) = (house.settler(json!({})), house.settler(json!({"signature_gas_max": 50_000})));
    let before = house.sent().await;
    let burner = async |appetite: U256, nonce: &'static str| {
        house.place(WALLET, "GreedyWallet", appetite).await;
        house.signed(WALLET, nonce)
    };
    for (appetite, nonce) in [(U256::from(30_000_000), "a block"), (U256::MAX, "all there is")] {
        let order = burner(appetite, nonce).await;
        for settler in [&usual, &strict] {
            let e = verify(settler, &order).await.expect_err(nonce);
            let right = (Code::SignatureGas, Blame::Payer, Next::OtherRoute);
            assert_eq!((e.code, e.blame, e.next), right, "{nonce}");
            assert!(e.detail.contains("signature_gas_max"), "{}", e.detail);
        }
    }
    let order = burner(U256::from(300_000), "dear").await;
    assert_eq!(code(&strict, &order).await, Some(Code::SignatureGas));
    let verified = verify(&usual, &order).await.unwrap();
    let told = gas(&usual, &order).await;
    assert!(told > 350_000, "what it will use is told before it is paid: {told}");
    assert_eq!(house.sent().await, before);
    settle(&usual, verified).await.unwrap();
    // What was cheap when it was verified may not become dear before it is sent: that was not counted with.
    let order = burner(U256::ZERO, "hungry later").await;
    let verified = verify(&usual, &order).await.unwrap();
    house.store(WALLET, U256::from(300_000)).await;
    let sent = house.sent().await;
    let e = settle(&usual, verified).await.unwrap_err();
    assert_eq!((e.code, e.next), (Code::SignatureGas, Next::OtherRoute));
    assert_eq!(house.sent().await, sent);
    // One greedy account makes no other one dear.
    house.place(WALLET, "OwnedWallet", U256::from_be_slice(house.key.address().as_slice())).await;
    let modest = house.signed(WALLET, "modest");
    verify(&usual, &modest).await.unwrap();
    let told = gas(&usual, &modest).await;
    assert!(told < 200_000, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegation_that_burns_gas_is_found_although_the_key_signed() {
    let house = House::open().await;
    let (settler, me) = (house.settler(json!({})), house.key.address());
    house.place(JUDGE, "GreedyWallet", U256::ZERO).await;
    let order = house.signed(me, "greedy");
    let verified = verify(&settler, &order).await.expect("a plain account");
    let told = gas(&settler, &order).await;
    house.delegate(me, JUDGE).await;
    house.store(me, U256::MAX).await;
    assert_eq!(code(&settler, &order).await, Some(Code::SignatureGas));
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
    let verified = verify(&settler, &order).await.unwrap();
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
    let verified = verify(&settler, &order).await.unwrap();
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
    let verified = verify(&settler, &long).await.unwrap();
    let told = settler.effort(&long).await.unwrap();
    // The same nonce, with a signature that costs next to nothing.
    verify(&settler, &short).await.unwrap();
    assert_eq!(settler.effort(&long).await.unwrap(), told);
    assert!(gas(&settler, &short).await < told.works[0].compute / 2);
    let receipt = settle(&settler, verified).await.unwrap();
    for told in [untried, told] {
        l1_data_is_as_told(&*house.evm, &told, receipt.transaction().unwrap()).await;
    }
}
