//! Contracts, delegating keys and plain accounts, each beside a signature that is not theirs.

use crate::house::*;
use alloy::primitives::{Address, U256};
use serde_json::json;
use tollway_core::*;
use tollway_evm::{Evm, GasKey, LocalKey};

fn learned(house: &House, what: &'static str) -> Option<u64> {
    house.evm.learned_gas(&GasKey { contract: house.usdc(), what })
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_judges_its_signature_an_account_pays_in_one_look_and_one_transaction() {
    let house = House::open().await;
    let (settler, me) = (house.settler(json!({})), house.key.address());
    let judge = Address::repeat_byte(0xc2);
    house.place(judge, "KeyWallet", U256::ZERO).await;
    house.place(WALLET, "OwnedWallet", U256::from_be_slice(me.as_slice())).await;
    let stranger = LocalKey::from_bytes(&[9; 32]).unwrap();
    for (who, from) in [("a key", me), ("a contract", WALLET), ("a delegation", me)] {
        if who == "a delegation" {
            house.delegate(me, judge).await;
        }
        let (permit, digest) = house.permit(from, who);
        let forged = house.order(&permit, &stranger.sign(&digest).as_bytes());
        assert_eq!(house.code(&settler, &forged).await, Some(Code::InvalidSignature), "{who}");
        let order = house.order(&permit, &house.key.sign(&digest).as_bytes());
        house.chain().reset_counts();
        let verified = house.verify(&settler, &order).await.expect(who);
        assert_eq!(house.chain().counts().http_requests, 1, "{who}");
        let (told, before, had) = (gas(&settler, &order).await, house.sent().await, house.holds(from).await);
        let receipt = settle(&settler, verified).await.expect(who);
        assert_eq!(house.sent().await, before + U256::ONE, "{who}");
        assert_eq!(house.holds(from).await, had - u128::from(PRICE), "{who}");
        assert_eq!(receipt.payer.unwrap().address().parse(), Ok(from), "{who}");
        let mined = house.evm.mined(receipt.transaction().unwrap()).await.unwrap().unwrap();
        assert!(told.abs_diff(mined.gas_used) < mined.gas_used / 10, "{who}: {told}, {}", mined.gas_used);
        let Ok(Fate::Settled(again)) = settler.resume(&order, None).await else { panic!("{who}: settled") };
        assert_eq!(again.charged, receipt.charged, "{who}");
        assert_eq!(house.code(&settler, &order).await, Some(Code::NonceUsed), "{who}");
    }
    // What a key uses and what code uses are learned apart.
    let by_key = learned(&house, "permit2.settle/holder").or(learned(&house, "permit2.settle/new")).unwrap();
    let by_code = learned(&house, "permit2.settle/account/holder").unwrap();
    assert!(by_code > by_key, "{by_code} by code, {by_key} by key");
}

/// EIP-2098. Source: Permit2, `SignatureVerification`, which takes 64 bytes as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_compact_signature_is_the_keys_own() {
    let house = House::open().await;
    let (settler, me) = (house.settler(json!({})), house.key.address());
    let (permit, digest) = house.permit(me, "compact");
    let mut compact = house.key.sign(&digest).as_bytes().to_vec();
    let parity = compact.pop().unwrap() - 27;
    compact[32] |= parity << 7;
    let order = house.order(&permit, &compact);
    compact[32] ^= 0x80;
    assert_eq!(house.code(&settler, &house.order(&permit, &compact)).await, Some(Code::InvalidSignature));
    settle(&settler, house.verify(&settler, &order).await.unwrap()).await.unwrap();
    assert_eq!(house.holds(me).await, u128::from(PURSE - PRICE));
}

/// ERC-6492: an account that is still to be deployed cannot have approved Permit2.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_deployed_is_refused_and_pays_once_it_is() {
    let house = House::open().await;
    let settler = house.settler(json!({}));
    let (permit, digest) = house.permit(WALLET, "not yet");
    let order = house.order(&permit, &wrapped(&house.key.sign(&digest).as_bytes()));
    let refused = house.verify(&settler, &order).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.blame, refused.next),
        (Code::InvalidSignature, Blame::Payer, Next::OtherRoute)
    );
    assert!(refused.detail.contains("is not deployed"), "{}", refused.detail);
    // Deployed, the wrapper means nothing.
    house.place(WALLET, "OwnedWallet", U256::from_be_slice(house.key.address().as_slice())).await;
    settle(&settler, house.verify(&settler, &order).await.unwrap()).await.unwrap();
    assert_eq!(house.holds(WALLET).await, u128::from(PURSE - PRICE));
}
