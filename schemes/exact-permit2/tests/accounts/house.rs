//! A chain with accounts of every kind, and the plugin built for it.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::SolValue;
use serde_json::json;
use std::ops::Deref;
pub(crate) use tollway_cells::house::{gas, settle};
use tollway_cells::{House as Shared, Wall};
use tollway_core::{Clock, Leg, Order, Payment};
use tollway_evm::permit2::{Eip2612, Permit, Proxy, Signed, Sponsored, Witness};
use tollway_evm::signature::Signature;
use tollway_evm::{At, Evm};
use tollway_exact_permit2::ENTRY;

pub(crate) const PRICE: u64 = Shared::PRICE;
pub(crate) const PURSE: u64 = Shared::PURSE;
pub(crate) const WALLET: Address = Shared::WALLET;

/// The house whose accounts pay over Permit2.
pub(crate) struct House(Shared);

impl Deref for House {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self(Shared::open(ENTRY, |settings| json!({ "permit2": settings })).await)
    }

    /// A permit of an account, and the digest that is signed for it.
    pub(crate) fn permit(&self, from: Address, nonce: &str) -> (Permit, B256) {
        let permit = Permit {
            from,
            token: self.usdc(),
            amount: U256::from(PRICE),
            spender: Proxy::Exact.address(),
            nonce: keccak256(nonce).into(),
            deadline: U256::from(Wall::default().now().secs() + 60),
            witness: Witness { to: self.payee(), facilitator: None, valid_after: U256::ZERO },
        };
        (permit, permit.digest(8453))
    }
    /// The order for a payment with this signature.
    pub(crate) fn order(&self, permit: &Permit, signature: &[u8]) -> Order {
        let requirement = self.requirement();
        let payload = Signed { permit: *permit, signature: Signature::read(signature).unwrap() }.encode();
        let accepted = requirement.clone();
        let payment = Payment { accepted, payload, extensions: None, resource: None };
        Order { leg: Leg::After, requirement, payment }
    }
    /// The same order, with an EIP-2612 permit for what is paid, signed by the house's key.
    pub(crate) async fn permitted(&self, order: Order) -> Order {
        let permit = Signed::decode(&order.payment.payload, Proxy::Exact).unwrap().permit;
        let looked = self.evm.look(&Eip2612::questions(permit.token, permit.from), At::Latest).await.unwrap();
        let [nonce, separator] = [0, 1].map(|i| B256::from_slice(looked.results[i].as_ref().unwrap()));
        let mut said = Eip2612::for_permit(&permit, nonce.into());
        said.signature = self.key.sign(&said.digest(&separator)).as_bytes();
        let extensions = Sponsored::Permit(said).extensions(None);
        Order { payment: Payment { extensions, ..order.payment }, ..order }
    }
    /// A payment from an account, signed by the house's key.
    pub(crate) fn signed(&self, from: Address, nonce: &str) -> Order {
        let (permit, digest) = self.permit(from, nonce);
        self.order(&permit, &self.key.sign(&digest).as_bytes())
    }
}

/// ERC-6492 by its own words.
pub(crate) fn wrapped(inner: &[u8]) -> Vec<u8> {
    let parts = (Address::repeat_byte(0xfa), Bytes::from(vec![1]), Bytes::copy_from_slice(inner));
    let magic = alloy::hex::decode("6492".repeat(16)).unwrap();
    [parts.abi_encode_params(), magic].concat()
}
