//! A chain with accounts of every kind, and the plugin built for it.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::SolValue;
use serde_json::json;
use std::ops::Deref;
use tollway_cells::House as Shared;
pub(crate) use tollway_cells::Wall;
pub(crate) use tollway_cells::house::{gas, settle};
use tollway_core::{Clock, Json, Leg, Order, Payment};
use tollway_evm::eip712::{self, Transfer};
use tollway_exact_eip3009::ENTRY;

pub(crate) const PRICE: u64 = Shared::PRICE;
pub(crate) const PURSE: u64 = Shared::PURSE;
pub(crate) const WALLET: Address = Shared::WALLET;

/// The house whose accounts pay by EIP-3009.
pub(crate) struct House(Shared);

impl Deref for House {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self(Shared::open(ENTRY, |settings| settings).await)
    }

    /// A payment from an account, and the digest that is signed for it.
    pub(crate) fn transfer(&self, from: Address, nonce: &str) -> (Transfer, B256) {
        let transfer = Transfer {
            from,
            to: self.payee(),
            value: U256::from(PRICE),
            valid_after: U256::ZERO,
            valid_before: U256::from(Wall::default().now().secs() + 60),
            nonce: keccak256(nonce),
        };
        let separator = eip712::separator(self.chain().spec().usdc_name, "2", 8453, self.usdc());
        (transfer, transfer.digest(&separator))
    }

    /// The order for a payment with this signature.
    pub(crate) fn order(&self, said: &Transfer, signature: &[u8]) -> Order {
        let payload = json!({
            "signature": alloy::hex::encode_prefixed(signature),
            "authorization": {
                "from": said.from, "to": said.to, "value": said.value.to_string(),
                "validAfter": said.valid_after.to_string(), "validBefore": said.valid_before.to_string(),
                "nonce": said.nonce,
            },
        });
        let requirement = self.requirement();
        let payment = Payment {
            accepted: requirement.clone(),
            payload: Json::of(&payload),
            extensions: None,
            resource: None,
        };
        Order { leg: Leg::After, requirement, payment }
    }
    /// A payment from an account, signed by the house's key.
    pub(crate) fn signed(&self, from: Address, nonce: &str) -> Order {
        let (said, digest) = self.transfer(from, nonce);
        self.order(&said, &self.key.sign(&digest).as_bytes())
    }
}

/// ERC-6492 by its own words.
pub(crate) fn wrapped(factory: Address, data: Vec<u8>, inner: &[u8]) -> Vec<u8> {
    let parts = (factory, Bytes::from(data), Bytes::copy_from_slice(inner));
    let magic = alloy::hex::decode("6492".repeat(16)).unwrap();
    [parts.abi_encode_params(), magic].concat()
}
