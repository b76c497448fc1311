//! Accounts that are not deployed yet (ERC-6492).

use crate::house::*;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use serde_json::{Value, json};
use tollway_core::*;
use tollway_evm::signature::AccountCode;
use tollway_evm::{At, Evm, EvmCall, GasKey, Submit, Trial, trial};

sol! {
    function deploy(address owner, bytes32 salt) external returns (address);
    function deployBlindly(address owner, bytes32 salt) external returns (address);
    function place(address owner, bytes32 salt) external view returns (address);
    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature) external;
}

const FACTORY: Address = Address::repeat_byte(0xfa);
const SALT: B256 = B256::repeat_byte(7);

/// A house with a factory, and where the wallet of its key will be.
async fn house() -> (House, Address) {
    let house = House::open().await;
    house.place(FACTORY, "WalletFactory", U256::ZERO).await;
    let place = placeCall { owner: house.key.address(), salt: SALT }.abi_encode().into();
    let looked = house.evm.look(&[EvmCall { to: FACTORY, data: place }], At::Latest).await.unwrap();
    let wallet = Address::abi_decode(looked.results[0].as_ref().unwrap()).unwrap();
    house.fund(wallet).await;
    (house, wallet)
}
fn data(house: &House) -> Vec<u8> {
    deployCall { owner: house.key.address(), salt: SALT }.abi_encode()
}
/// A payment from the wallet, with its deployment.
fn payment(house: &House, wallet: Address, nonce: &str, data: Vec<u8>) -> Order {
    let (said, digest) = house.transfer(wallet, nonce);
    house.order(&said, &wrapped(FACTORY, data, &house.key.sign(&digest).as_bytes()))
}
fn allowing() -> Value {
    json!({"eip6492_factories": [FACTORY]})
}
async fn kind(house: &House, account: Address) -> AccountCode {
    let trial = Trial { sender: None, caller: None, account, reads: vec![], calls: vec![] };
    house.evm.try_out(&trial).await.unwrap().code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_is_deployed_and_pays_in_one_transaction_where_its_factory_is_allowed() {
    let (house, wallet) = house().await;
    let (strict, settler) = (house.settler(Value::Null), house.settler(allowing()));
    let order = payment(&house, wallet, "first", data(&house));
    let refused = house.verify(&strict, &order).await.unwrap_err();
    assert_eq!((refused.code, refused.next), (Code::FactoryNotAllowed, Next::OtherRoute));
    assert!(refused.detail.contains(&FACTORY.to_string()), "{}", refused.detail);

    let before = house.sent().await;
    house.chain().reset_counts();
    let verified = house.verify(&settler, &order).await.unwrap();
    assert_eq!(house.chain().counts().http_requests, 1);
    assert_eq!(kind(&house, wallet).await, AccountCode::Plain, "looking deploys nothing");
    let expected = gas(&settler, &order).await;
    let receipt = settle(&settler, verified).await.unwrap();
    assert_eq!(house.sent().await, before + U256::ONE, "one transaction");
    assert_eq!(house.holds(wallet).await, u128::from(PURSE - PRICE));
    assert!(matches!(kind(&house, wallet).await, AccountCode::Contract(_)));
    let mined = house.evm.mined(receipt.transaction().unwrap()).await.unwrap().unwrap();
    let off = expected.abs_diff(mined.gas_used);
    assert!(off < mined.gas_used / 20, "{expected} expected, {} used", mined.gas_used);
    let key = GasKey { contract: house.usdc(), what: "transferWithAuthorization/deploy/holder" };
    assert_eq!(house.evm.learned_gas(&key), Some(mined.gas_used));
    let Ok(Fate::Settled(again)) = settler.resume(&order, None).await else { panic!("settled") };
    assert_eq!(*again, receipt);

    // Deployed, it still may come wrapped: then the wrapper means nothing, whatever stands in it.
    let later = payment(&house, wallet, "second", vec![0xde, 0xad]);
    for settler in [&strict, &settler] {
        assert_eq!(house.code(settler, &later).await, None);
    }
    let cheaper = gas(&strict, &later).await;
    assert!(cheaper < mined.gas_used / 2, "{cheaper}");
    settle(&strict, house.verify(&strict, &later).await.unwrap()).await.unwrap();
    assert_eq!(house.holds(wallet).await, u128::from(PURSE - 2 * PRICE));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_deploys_it_first_the_payment_is_made_once() {
    let (house, wallet) = house().await;
    let settler = house.settler(allowing());
    let order = payment(&house, wallet, "raced", data(&house));
    let verified = house.verify(&settler, &order).await.unwrap();
    let somebody = house.devnet.accounts().settler(1).address();
    let deploy = json!([{"from": somebody, "to": FACTORY, "data": Bytes::from(data(&house))}]);
    house.chain().call("anvil_impersonateAccount", json!([somebody])).await.unwrap();
    house.chain().call("eth_sendTransaction", deploy).await.unwrap();
    assert!(matches!(kind(&house, wallet).await, AccountCode::Contract(_)));
    let receipt = settle(&settler, verified).await.unwrap();
    assert_eq!(house.holds(wallet).await, u128::from(PURSE - PRICE));
    let again = settle(&settler, tried(&settler, &order).await).await;
    assert_eq!(again.unwrap(), receipt, "the journal's answer, not a second transaction");
    assert_eq!(house.holds(wallet).await, u128::from(PURSE - PRICE));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transaction_holds_when_it_is_overtaken_and_leaves_nothing_when_it_fails() {
    let (house, wallet) = house().await;
    let blind = deployBlindlyCall { owner: house.key.address(), salt: SALT }.abi_encode();
    let pay = |nonce: &str, by: &tollway_evm::LocalKey, data: Vec<u8>| {
        let (said, digest) = house.transfer(wallet, nonce);
        let call = transferWithAuthorizationCall {
            from: wallet,
            to: said.to,
            value: said.value,
            validAfter: said.valid_after,
            validBefore: said.valid_before,
            nonce: said.nonce,
            signature: by.sign(&digest).as_bytes().to_vec().into(),
        };
        let deploy = EvmCall { to: FACTORY, data: data.into() };
        let pay = EvmCall { to: house.usdc(), data: call.abi_encode().into() };
        Submit {
            call: trial::together([(deploy, true), (pay, false)]),
            gas_limit: 1_000_000,
            value_wei: 0,
            purpose: Purpose::Interactive,
            sender: None,
            not_after: Time::FAR,
            learn: None,
        }
    };
    let stranger = tollway_evm::LocalKey::from_bytes(&[9; 32]).unwrap();
    let (mine, knowing) = (&*house.key, data(&house));
    let cases = [
        ("a stranger's", &stranger, &knowing, false, 0),
        ("the first", mine, &knowing, true, 1),
        ("deployed already", mine, &knowing, true, 2),
        // Such a factory burns what it is given: the payment fails whole, for one transaction's gas.
        ("deployed already, by a blind factory", mine, &blind, false, 2),
    ];
    for (nonce, by, data, holds, paid) in cases {
        let mined = house.evm.send(pay(nonce, by, data.clone()), &RecordKey(nonce.to_owned())).await.unwrap();
        assert_eq!(mined.success, holds, "{nonce}");
        assert_eq!(kind(&house, wallet).await.judges(), paid > 0, "{nonce}");
        assert_eq!(house.holds(wallet).await, u128::from(PURSE - paid * PRICE), "{nonce}");
    }
    // Seen in time, the wrapper is left away, and a blind factory does no harm.
    let settler = house.settler(allowing());
    let order = payment(&house, wallet, "seen in time", blind);
    settle(&settler, house.verify(&settler, &order).await.unwrap()).await.unwrap();
    assert_eq!(house.holds(wallet).await, u128::from(PURSE - 3 * PRICE));
}

/// Verified by somebody who looks at nothing.
async fn tried(settler: &std::sync::Arc<dyn Settler>, order: &Order) -> Verified {
    struct Trusting(std::sync::Arc<dyn Settler>);
    #[async_trait]
    impl Settler for Trusting {
        async fn kinds(&self) -> Result<Vec<Kind>> {
            self.0.kinds().await
        }
        async fn effort(&self, order: &Order) -> Result<Effort> {
            self.0.effort(order).await
        }
        async fn verify(&self, _: &Order) -> Result<Proof> {
            Ok(Proof { by_trust: true, ..Proof::default() })
        }
        async fn settle(&self, due: Due) -> Result<Receipt> {
            self.0.settle(due).await
        }
        async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
            self.0.resume(order, charge).await
        }
    }
    let trusting: std::sync::Arc<dyn Settler> = std::sync::Arc::new(Trusting(settler.clone()));
    flow::verify(tollway_exact_eip3009::read, &*trusting, order.clone(), &Wall::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_deploy_the_payer_is_refused_before_gas_is_spent() {
    let (house, wallet) = house().await;
    let settler = house.settler(allowing());
    let other = deployCall { owner: Address::repeat_byte(1), salt: SALT }.abi_encode();
    let (said, digest) = house.transfer(wallet, "a stranger's");
    let stranger = tollway_evm::LocalKey::from_bytes(&[9; 32]).unwrap();
    let forged = house.order(&said, &wrapped(FACTORY, data(&house), &stranger.sign(&digest).as_bytes()));
    let tight = house.settler(json!({"eip6492_factories": [FACTORY], "deployment_gas_max": 50_000}));
    let order = |nonce, data| payment(&house, wallet, nonce, data);
    let before = house.sent().await;
    let cases = [
        ("a factory that fails", &settler, order("fails", vec![1, 2, 3, 4]), Code::DeploymentFailed),
        ("a deployment that costs too much", &tight, order("dear", data(&house)), Code::DeploymentFailed),
        ("another's wallet", &settler, order("other", other), Code::InvalidSignature),
        ("a stranger's signature", &settler, forged, Code::InvalidSignature),
    ];
    for (what, settler, order, refusal) in cases {
        let e = house.verify(settler, &order).await.expect_err(what);
        assert_eq!(e.code, refusal, "{what}: {e}");
        let e = settle(settler, tried(settler, &order).await).await.expect_err(what);
        assert_eq!(e.code, refusal, "{what}: {e}");
    }
    assert_eq!(house.sent().await, before);
    assert_eq!(kind(&house, wallet).await, AccountCode::Plain);
    house.chain().set_code("0xcA11bde05977b3631167028862bE2a173976CA11", "0x").await.unwrap();
    let e = house.verify(&settler, &order("no Multicall3", data(&house))).await.unwrap_err();
    assert_eq!(e.code, Code::FactoryNotAllowed);
    assert!(e.detail.contains("Multicall3"), "{}", e.detail);
}
