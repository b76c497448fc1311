//! Devices sign what they are shown: the typed data that they get is what is signed here.

use alloy::consensus::{SignableTransaction, TxEip1559};
use alloy::network::TxSigner;
use alloy::primitives::{Address, B256, ChainId, Signature, U256};
use alloy::signers::local::PrivateKeySigner;
use alloy::signers::{Error, Result, Signer, UnsupportedSignerOperation};
use async_trait::async_trait;
use std::borrow::Cow;
use tollway_core::{Code, Next};
use tollway_evm::custody::{DeviceKey, Key, Message, TokenDomain, authorize};
use tollway_evm::eip712::Transfer;
use tollway_evm::permit2::{Eip2612, Permit, Proxy, Witness};

fn messages(from: Address) -> Vec<Message<'static>> {
    let token = || TokenDomain {
        name: "USD \"Coin\"".into(),
        version: "2".into(),
        chain_id: 8453,
        token: Address::repeat_byte(9),
    };
    let (to, value, nonce) = (Address::repeat_byte(3), U256::MAX - U256::from(1), B256::repeat_byte(0xab));
    let (valid_after, valid_before) = (U256::from(1), U256::from(1_740_672_154u64));
    let said = Transfer { from, to, value, valid_after, valid_before, nonce };
    let permit = |proxy: Proxy, facilitator| Permit {
        from,
        token: Address::repeat_byte(9),
        amount: value,
        spender: proxy.address(),
        nonce: nonce.into(),
        deadline: valid_before,
        witness: Witness { to, facilitator, valid_after },
    };
    let allowance = Eip2612::for_permit(&permit(Proxy::Exact, None), U256::from(7));
    vec![
        Message::Transfer { token: token(), said },
        Message::Cancel { token: token(), authorizer: from, nonce },
        Message::Permit { token: token(), said: Cow::Owned(allowance) },
        Message::Permit2 { chain_id: 8453, said: permit(Proxy::Exact, None) },
        Message::Permit2 { chain_id: 8453, said: permit(Proxy::Upto, Some(to)) },
    ]
}

#[test]
fn typed_data_hashes_to_what_is_signed_here() {
    for message in messages(Address::repeat_byte(1)) {
        let typed = message.typed_data().unwrap();
        assert_eq!(typed.primary_type, message.primary_type());
        assert_eq!(typed.eip712_signing_hash().unwrap(), message.digest(), "{}", message.primary_type());
    }
}

/// As alloy's Ledger signer: no bare hash, typed data by its parts. And as its Trezor signer: no typed data at all.
struct Device {
    key: PrivateKeySigner,
    reads_types: bool,
}

fn unsupported<T>() -> Result<T> {
    Err(Error::UnsupportedOperation(UnsupportedSignerOperation::SignHash))
}

#[async_trait]
impl Signer for Device {
    async fn sign_hash(&self, _: &B256) -> Result<Signature> {
        unsupported()
    }
    async fn sign_dynamic_typed_data(&self, typed: &alloy_dyn_abi::TypedData) -> Result<Signature> {
        if !self.reads_types {
            return unsupported();
        }
        let digest = tollway_evm::eip712::digest(&typed.domain.separator(), &typed.hash_struct()?);
        self.key.sign_hash(&digest).await
    }
    fn address(&self) -> Address {
        Signer::address(&self.key)
    }
    fn chain_id(&self) -> Option<ChainId> {
        None
    }
    fn set_chain_id(&mut self, _: Option<ChainId>) {}
}

#[async_trait]
impl TxSigner<Signature> for Device {
    fn address(&self) -> Address {
        Signer::address(&self.key)
    }
    async fn sign_transaction(&self, tx: &mut dyn SignableTransaction<Signature>) -> Result<Signature> {
        self.key.sign_transaction(tx).await
    }
}

fn device(reads_types: bool) -> Device {
    Device { key: PrivateKeySigner::from_slice(&[7; 32]).unwrap(), reads_types }
}

#[tokio::test]
async fn a_device_that_signs_no_bare_hash_pays_and_sends() {
    let bare = device(true);
    let first = messages(Signer::address(&bare)).remove(0);
    assert!(authorize(&bare, &first).await.is_err(), "as any other signer it would be asked for a hash");
    let key = DeviceKey::new(bare);
    for message in messages(Key::address(&key)) {
        authorize(&key, &message).await.unwrap();
    }
    let tx = TxEip1559 { chain_id: 8453, ..TxEip1559::default() };
    let signature = key.sign_call(&tx).await.unwrap();
    assert_eq!(signature.recover_address_from_prehash(&tx.signature_hash()).unwrap(), Key::address(&key));
}

#[tokio::test]
async fn a_device_that_knows_no_typed_data_says_so_and_sends() {
    let key = DeviceKey::new(device(false));
    let error = authorize(&key, &messages(Key::address(&key)).remove(0)).await.unwrap_err();
    assert_eq!((&error.code, &error.next), (&Code::UnsupportedMethod, &Next::OtherRoute), "{error}");
    key.sign_call(&TxEip1559 { chain_id: 8453, ..TxEip1559::default() }).await.unwrap();
}
