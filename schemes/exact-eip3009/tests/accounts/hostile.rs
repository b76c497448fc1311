//! Accounts whose code is out for the settler's gas, or for something for nothing.

use crate::house::*;
use alloy::primitives::{Address, U256};
use serde_json::{Value, json};
use tollway_cells::{hostile, l1_data_is_as_told, noise};
use tollway_core::*;
use tollway_evm::Evm;

#[tokio::test(flavor = "multi_thread")]
async fn code_that_changes_its_mind_after_it_was_verified_costs_nothing() {
    let house = House::open().await;
    hostile::turncoats(&house, &house.settler(Value::Null), |from, nonce| house.signed(from, nonce)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_lies_to_a_simulation_costs_one_transaction_of_the_limit_at_most() {
    let house = House::open().await;
    hostile::liar(&house, &house.settler(Value::Null), |from, nonce| house.signed(from, nonce)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_burns_gas_is_priced_up_to_the_limit_and_refused_beyond_it() {
    let house = House::open().await;
    let settlers =
        [Value::Null, json!({"signature_gas_max": 100_000})].map(|settings| house.settler(settings));
    hostile::burners(&house, &settlers, 150_000, |from, nonce| house.signed(from, nonce)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_accepts_everything_is_still_bound_by_the_token() {
    let house = House::open().await;
    let settler = house.settler(Value::Null);
    house.place(WALLET, "YesWallet", U256::ZERO).await;
    let order = |nonce| {
        let (said, _) = house.transfer(WALLET, nonce);
        house.order(&said, &[0xab; 97])
    };
    let wallet = WALLET.to_string();
    let (said, _) = house.transfer(WALLET, "more");
    let more =
        house.order(&tollway_evm::eip712::Transfer { value: said.value + U256::ONE, ..said }, &[1; 97]);
    assert_eq!(house.code(&settler, &more).await, Some(Code::ValueMismatch));
    house.chain().set_usdc_balance(&wallet, PRICE - 1).await.unwrap();
    assert_eq!(house.code(&settler, &order("poor")).await, Some(Code::InsufficientFunds));
    house.fund(WALLET).await;
    house.chain().blacklist_usdc(&wallet, true).await.unwrap();
    assert_eq!(house.code(&settler, &order("listed")).await, Some(Code::SimulationFailed));
    house.chain().blacklist_usdc(&wallet, false).await.unwrap();
    let paid = order("once");
    settle(&settler, house.verify(&settler, &paid).await.unwrap()).await.unwrap();
    assert_eq!(house.code(&settler, &paid).await, Some(Code::NonceUsed));
    assert_eq!(
        house.code(&settler, &order("once")).await,
        Some(Code::NonceUsed),
        "with another signature too"
    );
    assert_eq!(house.holds(WALLET).await, u128::from(PURSE - PRICE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegating_account_that_burns_gas_is_found_although_its_key_signed() {
    let house = House::open().await;
    let (settler, me) = (house.settler(Value::Null), house.key.address());
    let judge = Address::repeat_byte(0xc2);
    house.place(judge, "GreedyWallet", U256::ZERO).await;
    let order = house.signed(me, "greedy");
    house.verify(&settler, &order).await.expect("a plain account");
    house.delegate(me, judge).await;
    house.store(me, U256::MAX).await;
    assert_eq!(house.code(&settler, &order).await, Some(Code::SignatureGas));
    house.store(me, U256::from(200_000)).await;
    house.verify(&settler, &order).await.unwrap();
    assert!(gas(&settler, &order).await > 250_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_account_that_gets_code_after_it_was_verified_costs_a_plain_transfers_limit_at_most() {
    let house = House::open().await;
    let (settler, me) = (house.settler(Value::Null), house.key.address());
    let judge = Address::repeat_byte(0xc2);
    house.place(judge, "GreedyWallet", U256::ZERO).await;
    house.fund(me).await;
    let order = house.signed(me, "late code");
    let verified = house.verify(&settler, &order).await.unwrap();
    let told = gas(&settler, &order).await;
    house.delegate(me, judge).await;
    house.store(me, U256::MAX).await;
    let before = house.sent().await;
    let e = settle(&settler, verified).await.unwrap_err();
    assert_eq!((e.code, e.next), (Code::TransactionFailed, Next::Never));
    assert_eq!(house.sent().await, before + U256::ONE);
    let mined = house.evm.mined(&e.transaction.unwrap()).await.unwrap().unwrap();
    assert!(!mined.success && mined.gas_used < 3 * told, "{} of {told}", mined.gas_used);
    assert_eq!(house.holds(me).await, u128::from(PURSE));
    // The next one is found out before anything is sent.
    assert_eq!(house.code(&settler, &house.signed(me, "again")).await, Some(Code::SignatureGas));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_late_code_burns_teaches_three_times_the_table_and_no_more() {
    let house = House::open().await;
    let (settler, me) = (house.settler(Value::Null), house.key.address());
    let (judge, account) = (Address::repeat_byte(0xc2), me.to_string());
    house.place(judge, "GreedyWallet", U256::ZERO).await;
    // A payee that holds some, and one that holds none.
    let (holder, new) = (85_708, 102_628);
    let mut told = new;
    for n in ["one", "two", "three", "four", "five", "six"] {
        house.chain().set_code(&account, "0x").await.unwrap();
        house.fund(me).await;
        let order = house.signed(me, n);
        let verified = house.verify(&settler, &order).await.expect("a plain account");
        // The code comes after that, and leaves of the limit just what the transfer needs.
        house.delegate(me, judge).await;
        house.store(me, U256::from(2 * told.max(new) - 115_000)).await;
        let receipt = settle(&settler, verified).await.unwrap();
        let Landed::OnChain { transaction } = &receipt.landed else { panic!("{receipt:?}") };
        let used = house.evm.mined(transaction).await.unwrap().unwrap().gas_used;
        assert!(used > told && used <= 2 * 3 * new, "{n}: {used} after {told} were told");
        house.chain().set_code(&account, "0x").await.unwrap();
        told = gas(&settler, &order).await;
        assert!(told <= 3 * holder, "{n}: {told}");
    }
    assert_eq!(told, 3 * holder, "as much as it could teach");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_payment_does_not_use_up_the_honest_ones_nonce() {
    let house = House::open().await;
    let (settler, me) = (house.settler(Value::Null), house.key.address());
    house.place(WALLET, "OwnedWallet", U256::from_be_slice(me.as_slice())).await;
    let ledger = ledger::MemoryLedger::new();
    let once = flow::SettleOnce {
        read: tollway_exact_eip3009::read,
        settler: &*settler,
        ledger: &ledger,
        clock: &Wall::default(),
        room: "visit/test",
        owner: "t",
        patience_ms: 0,
    };
    for (from, nonce) in [(WALLET, "of a wallet"), (me, "of a plain account")] {
        let (said, digest) = house.transfer(from, nonce);
        let honest = house.order(&said, &house.key.sign(&digest).as_bytes());
        let stranger = tollway_evm::LocalKey::from_bytes(&[9; 32]).unwrap().sign(&digest).as_bytes();
        for forged in [stranger.to_vec(), vec![0xab; 97], wrapped(WALLET, vec![1], &stranger)] {
            let order = house.order(&said, &forged);
            let print = Print("forged".to_owned());
            let e = once.settle(order, PRICE.into(), &print).await.unwrap_err();
            assert!(matches!(e.code, Code::InvalidSignature | Code::FactoryNotAllowed), "{nonce}: {e}");
        }
        let print = Print("honest".to_owned());
        let receipt = once.settle(honest, PRICE.into(), &print).await.unwrap();
        assert_eq!(receipt.payer.unwrap().address().parse(), Ok(from), "{nonce}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_signature_is_told_at_what_its_bytes_cost_whatever_else_was_shown() {
    let house = House::open().await;
    let settler = house.settler(Value::Null);
    house.place(WALLET, "YesWallet", U256::ZERO).await;
    let (said, _) = house.transfer(WALLET, "long");
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
