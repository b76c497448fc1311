//! Who may pay and who may charge: payers with code beside plain ones, and every account of a settler's.

mod support;

use alloy::primitives::{Address, B256, U256};
use serde_json::json;
use support::*;
use tollway_core::*;
use tollway_devnet::{Devnet, PERMIT2, contract_code};

/// What stands behind the payer's delegations, and one that keeps its word.
const JUDGE: Address = Address::repeat_byte(0xc2);
const HONEST: Address = Address::repeat_byte(0xc3);

async fn allowed(devnet: &Devnet) {
    let (chain, payer) = (chain(devnet), devnet.accounts().payer(0).address());
    chain.set_allowance(chain.usdc(), payer, PERMIT2, u128::MAX).await.unwrap();
}

async fn place(devnet: &Devnet, at: Address, contract: &'static str) {
    chain(devnet).set_code(&at.to_string(), &contract_code(contract).unwrap()).await.unwrap();
}

/// EIP-7702: the payer has the code of that one, and this in its first slot.
async fn delegate(devnet: &Devnet, to: Address, first_slot: U256) {
    let payer = devnet.accounts().payer(0).address();
    let code = format!("0xef0100{}", alloy::hex::encode(to));
    chain(devnet).set_code(payer, &code).await.unwrap();
    let slot = json!([payer, B256::ZERO, B256::from(first_slot)]);
    chain(devnet).call("anvil_setStorageAt", slot).await.unwrap();
}

/// Transactions that an account has sent.
async fn sent(devnet: &Devnet, account: &str) -> U256 {
    let count = chain(devnet).call("eth_getTransactionCount", json!([account, "latest"])).await.unwrap();
    count.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_code_pays_by_the_word_of_its_code() {
    let devnet = base().await;
    let all = devnet.accounts();
    let house = House::open(&devnet, all.payer(0), &[all.settler(0)]).await;
    allowed(&devnet).await;
    place(&devnet, HONEST, "KeyWallet").await;
    let usdc = chain(&devnet).usdc();
    let sender = all.settler(0).address();
    // Each refused one stands beside the same account with code that confirms its key's signature.
    for (contract, slot, code) in [
        ("OwnedWallet", U256::ONE, Code::InvalidSignature),
        ("GreedyWallet", U256::MAX, Code::SimulationFailed),
        ("GreedyWallet", U256::from(30_000_000), Code::SimulationFailed),
    ] {
        place(&devnet, JUDGE, contract).await;
        delegate(&devnet, HONEST, U256::ZERO).await;
        let order = house.pay(&devnet, usdc).await;
        house.verify(&order).await.expect(contract);
        delegate(&devnet, JUDGE, slot).await;
        let mut nothing = order.clone();
        nothing.requirement.price.0.atomic = 0;
        let before = sent(&devnet, sender).await;
        let e = house.verify(&order).await.unwrap_err();
        assert_eq!(e.code, code, "{contract}: {e}");
        if code == Code::InvalidSignature {
            assert_eq!(support::code(house.verify(&nothing).await), code, "{contract}, for nothing");
        }
        delegate(&devnet, HONEST, U256::ZERO).await;
        let receipt = house.settle(&order, 5_000).await.expect(contract);
        assert_eq!(receipt.charged.atomic, 5_000);
        assert_eq!(sent(&devnet, sender).await, before + U256::ONE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_changes_after_it_was_verified_costs_nothing() {
    let devnet = base().await;
    let all = devnet.accounts();
    let house = House::open(&devnet, all.payer(0), &[all.settler(0)]).await;
    allowed(&devnet).await;
    place(&devnet, JUDGE, "TurncoatWallet").await;
    delegate(&devnet, JUDGE, U256::ZERO).await;
    let order = house.pay(&devnet, chain(&devnet).usdc()).await;
    let due = house.due(&order, 5_000).await;
    delegate(&devnet, JUDGE, U256::ONE).await;
    let before = sent(&devnet, all.settler(0).address()).await;
    assert_eq!(code(house.settler().settle(due).await), Code::InvalidSignature);
    assert_eq!(sent(&devnet, all.settler(0).address()).await, before);
    assert!(matches!(house.settler().resume(&order, None).await, Ok(Fate::Open { .. })), "still spendable");
}

/// An order that was signed by the payer's key, as if by the code of an account that stands at the payer's own address.
fn by_code(order: &Order) -> Order {
    let mut order = order.clone();
    let mut payload = order.payment.payload.value();
    payload["signature"] = json!(format!("0x{}", "ab".repeat(96)));
    order.payment.payload = Json::parse(payload.to_string()).unwrap();
    order
}

/// Gas that settling is said to use.
async fn told(house: &House, order: &Order) -> u64 {
    house.settler().effort(order).await.unwrap().works[0].compute
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_is_cheap_where_little_is_given_uses_no_more_than_was_told() {
    let devnet = base().await;
    let all = devnet.accounts();
    let house = House::open(&devnet, all.payer(0), &[all.settler(0)]).await;
    allowed(&devnet).await;
    let usdc = chain(&devnet).usdc();
    place(&devnet, JUDGE, "FrugalWallet").await;
    place(&devnet, HONEST, "YesWallet").await;
    let mut served = 0;
    for leaves in [90_000u32, 150_000, 250_000, 400_000] {
        for coded in [false, true] {
            delegate(&devnet, JUDGE, U256::from(leaves)).await;
            let signed = house.pay(&devnet, usdc).await;
            let order = if coded { by_code(&signed) } else { signed };
            let what = format!("leaves {leaves}, by code: {coded}");
            let verified = match house.verify(&order).await {
                Ok(verified) => verified,
                // One that burns too much at any bound is refused.
                Err(e) => {
                    assert!(matches!(e.code, Code::SimulationFailed | Code::SignatureGas), "{what}: {e}");
                    continue;
                }
            };
            let told = told(&house, &order).await;
            let due = verified.due(order.requirement.price.charge(5_000).unwrap()).unwrap();
            let receipt = house.settler().settle(due).await.expect(&what);
            let tx = json!([receipt.transaction().unwrap().0]);
            let mined = chain(&devnet).call("eth_getTransactionReceipt", tx).await.unwrap();
            let used: U256 = mined["gasUsed"].as_str().unwrap().parse().unwrap();
            assert!(used <= U256::from(told), "{what}: {used} used, {told} told");
            served += 1;
        }
    }
    assert!(served > 4, "{served}");
    // Whoever burns gas makes no other account dear: a guard lets through four times a plain payment's.
    delegate(&devnet, HONEST, U256::ZERO).await;
    for coded in [false, true] {
        let signed = house.pay(&devnet, usdc).await;
        let order = if coded { by_code(&signed) } else { signed };
        house.verify(&order).await.unwrap();
        let mut plain = order.clone();
        plain.payment.payload = Json::parse("{}").unwrap();
        let (modest, plain) = (told(&house, &order).await, told(&house, &plain).await);
        assert!(modest < 4 * plain, "{modest} of {plain}");
        house.settle(&order, 5_000).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_of_its_accounts_a_settler_is_bound_to_settles_and_no_other() {
    let devnet = base().await;
    let all = devnet.accounts();
    let senders = [all.settler(0), all.settler(1)];
    let house = House::open(&devnet, all.payer(0), &senders).await;
    allowed(&devnet).await;
    let kinds = house.settler().kinds().await.unwrap();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    for (kind, sender) in kinds.iter().zip(senders) {
        assert_eq!(kind.extra.map()["facilitatorAddress"], sender.address());
        let (offer, _) = house.offer_of(&devnet, chain(&devnet).usdc(), kind);
        assert_eq!(offer.bound_to, Some(SettlerId(sender.address().to_owned())));
        let order = house.sign(&offer.requirement, None).await.order();
        let receipt = house.settle(&order, 5_000).await.unwrap();
        let tx = json!([receipt.transaction().unwrap().0]);
        let tx = chain(&devnet).call("eth_getTransactionByHash", tx).await.unwrap();
        assert_eq!(tx["from"], sender.address().to_lowercase());
    }
    // A process with only one of the two keys settles nothing that is bound to the other.
    let (offer, _) = house.offer_of(&devnet, chain(&devnet).usdc(), &kinds[1]);
    let order = house.sign(&offer.requirement, None).await.order();
    let single = House::open(&devnet, all.payer(0), &senders[..1]).await;
    assert_eq!(code(single.verify(&order).await), Code::FacilitatorMismatch);
    house.verify(&order).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_is_one_round_trip_and_settlement_two_at_most() {
    let devnet = base().await;
    let all = devnet.accounts();
    let house = House::open(&devnet, all.payer(0), &[all.settler(0)]).await;
    allowed(&devnet).await;
    let chain = chain(&devnet);
    let mut counted = (0, 0);
    // The first one warms up what is kept: fees, the nonce, the payee.
    for _ in 0..3 {
        let order = house.pay(&devnet, chain.usdc()).await;
        let start = chain.counts().http_requests;
        let due = house.due(&order, 5_000).await;
        let verified = chain.counts().http_requests;
        house.settler().settle(due).await.unwrap();
        counted = (verified - start, chain.counts().http_requests - verified);
    }
    assert!(counted.0 <= 1 && counted.1 <= 2, "verified by {}, settled by {}", counted.0, counted.1);
}
