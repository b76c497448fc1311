//! Every form in which an honest account signs is verified, settled, priced and found again.

use crate::house::*;
use alloy::primitives::{Address, B256, U256};
use serde_json::{Value, json};
use tollway_core::*;
use tollway_evm::{Evm, GasKey};

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_accounts_signature_is_taken_in_each_of_its_spellings() {
    let house = House::open().await;
    let (settler, me) = (house.settler(Value::Null), house.key.address());
    let full = |digest: &B256| house.key.sign(digest).as_bytes().to_vec();
    type Spelling = (&'static str, fn(Vec<u8>) -> Vec<u8>);
    let spellings: [Spelling; 4] = [
        ("v 27 or 28", |full| full),
        ("v 0 or 1", |mut full| {
            full[64] -= 27;
            full
        }),
        ("EIP-2098", |mut full| {
            let parity = full.pop().unwrap() - 27;
            full[32] |= parity << 7;
            full
        }),
        ("within ERC-6492, although it has no code", |full| wrapped(WALLET, vec![1, 2, 3], &full)),
    ];
    for (what, spell) in spellings {
        let (said, digest) = house.transfer(me, what);
        let order = house.order(&said, &spell(full(&digest)));
        let before = house.holds(said.to).await;
        let receipt = settle(&settler, house.verify(&settler, &order).await.expect(what)).await.expect(what);
        assert_eq!(house.holds(said.to).await, before + u128::from(PRICE), "{what}");
        let Ok(Fate::Settled(again)) = settler.resume(&order, None).await else { panic!("{what}") };
        assert_eq!(*again, receipt, "{what}");
    }
    let order: U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap();
    let (said, digest) = house.transfer(me, "high s");
    let low = house.key.sign(&digest);
    let high = alloy::primitives::Signature::new(low.r(), order - low.s(), !low.v()).as_bytes();
    let e = house.verify(&settler, &house.order(&said, &high)).await.unwrap_err();
    assert_eq!(e.code, Code::InvalidSignature);
    assert!(e.detail.contains("upper half"), "{}", e.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_with_code_pay_by_what_their_code_accepts_and_are_priced_by_what_it_uses() {
    let house = House::open().await;
    let (settler, me) = (house.settler(Value::Null), house.key.address());
    let [owned, judge, delegating] = [WALLET, Address::repeat_byte(0xc2), me];
    house.place(owned, "OwnedWallet", U256::from_be_slice(me.as_slice())).await;
    house.place(judge, "KeyWallet", U256::ZERO).await;
    house.delegate(delegating, judge).await;
    let plain = LocalKeys::plain(&house).await;
    for (what, from) in [("a contract", owned), ("a delegating account", delegating)] {
        let order = house.signed(from, what);
        assert_eq!((tollway_exact_eip3009::read(&order)).unwrap().payer.unwrap().address().parse(), Ok(from));
        house.chain().reset_counts();
        let verified = house.verify(&settler, &order).await.expect(what);
        assert_eq!(house.chain().counts().http_requests, 1, "{what}: one look");
        let expected = gas(&settler, &order).await;
        assert!(expected > plain + 3_000, "{what}: {expected} is no more than {plain}");
        let receipt = settle(&settler, verified).await.expect(what);
        assert_eq!(house.holds(from).await % u128::from(PURSE), u128::from(PURSE - PRICE), "{what}");
        assert_eq!(receipt.payer.unwrap().address().parse(), Ok(from), "{what}");
        let mined = house.evm.mined(receipt.transaction().unwrap()).await.unwrap().unwrap();
        assert!(
            (mined.gas_used..mined.gas_used + 3_000).contains(&expected),
            "{what}: {expected} {}",
            mined.gas_used
        );
        let key = GasKey { contract: house.usdc(), what: "transferWithAuthorization/account/holder" };
        assert_eq!(house.evm.learned_gas(&key), Some(mined.gas_used), "{what}");
        let Ok(Fate::Settled(again)) = settler.resume(&order, None).await else { panic!("{what}") };
        assert_eq!(*again, receipt, "{what}");
        assert_eq!(house.code(&settler, &order).await, Some(Code::NonceUsed), "{what}");
        // Nobody else's signature is theirs, and their own says nothing about other terms.
        let (said, digest) = house.transfer(from, "another");
        let stranger = tollway_evm::LocalKey::from_bytes(&[9; 32]).unwrap();
        let forged = house.order(&said, &stranger.sign(&digest).as_bytes());
        assert_eq!(house.code(&settler, &forged).await, Some(Code::InvalidSignature), "{what}");
        let (other, _) = house.transfer(from, "other terms");
        let moved = house.order(&other, &house.key.sign(&digest).as_bytes());
        assert_eq!(house.code(&settler, &moved).await, Some(Code::InvalidSignature), "{what}");
    }
    let key = GasKey { contract: house.usdc(), what: "transferWithAuthorization/holder" };
    assert!(house.evm.learned_gas(&key).is_some_and(|learned| learned < plain + 3_000), "learned apart");
}

struct LocalKeys;
impl LocalKeys {
    /// What a plain account's transfer uses.
    async fn plain(house: &House) -> u64 {
        let settler = house.settler(Value::Null);
        let key = tollway_evm::LocalKey::from_bytes(&[5; 32]).unwrap();
        house.fund(key.address()).await;
        let (said, digest) = house.transfer(key.address(), "plain");
        let order = house.order(&said, &key.sign(&digest).as_bytes());
        let receipt = settle(&settler, house.verify(&settler, &order).await.unwrap()).await.unwrap();
        house.evm.mined(receipt.transaction().unwrap()).await.unwrap().unwrap().gas_used
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_payer_pays_from_a_wallet_that_accepts_its_key() {
    let house = House::open().await;
    house.place(WALLET, "OwnedWallet", U256::from_be_slice(house.key.address().as_slice())).await;
    let registry = house.cell(json!({"wallets": [{"chain": "eip155:8453", "address": WALLET}]}));
    let cell = registry.cells().next().unwrap();
    let (payer, settler) = (cell.payer.clone().unwrap(), cell.settler.clone().unwrap());
    let requirement = house.requirement();
    let accepts = vec![Entry { raw: requirement.raw.clone(), requirement: Ok(requirement.clone()) }];
    let challenge =
        Challenge { version: Version::V2, accepts, resource: None, extensions: None, error: None };
    let demand = Demand { challenge: &challenge, requirement: &requirement, now: Wall::default().now() };
    let plan = payer.plan(&demand).await.unwrap();
    let funds = plan.funds.unwrap();
    assert_eq!(funds.owner.address().parse(), Ok(WALLET));
    assert_eq!(funds.balance.atomic, u128::from(PURSE), "the wallet's money, not the key's");
    let attempt = AttemptId("a".to_owned());
    let reserved =
        Reserved::new(&*house.ledger, HoldId("a".to_owned()), &[], plan, demand.now).await.unwrap();
    let sent = payer.authorize(&demand, &reserved, &attempt).await.unwrap();
    let order = Order { leg: Leg::After, requirement: requirement.clone(), payment: sent.payment.clone() };
    assert_eq!(payer.resolve(&sent).await, Ok(Fate::Open { cancel: None }));
    let receipt = settle(&settler, house.verify(&settler, &order).await.unwrap()).await.unwrap();
    assert_eq!(house.holds(WALLET).await, u128::from(PURSE - PRICE));
    assert_eq!(payer.receive(&sent, Answer::Receipt(&receipt)).await, Ok(Reading::Paid(receipt.charged)));
    assert!(matches!(payer.resolve(&sent).await, Ok(Fate::Settled(_))));
}
