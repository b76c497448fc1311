//! A chain with accounts of every kind, and the plugin built for it.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::SolValue;
use serde_json::{Value, json};
use std::sync::Arc;
use tollway_cells::Random;
pub(crate) use tollway_cells::Wall;
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_devnet::{Chain, ChainSpec, Devnet, contract_code};
use tollway_evm::eip712::{self, Transfer};
use tollway_evm::{EvmNetwork, FAMILY, LocalKey};
use tollway_exact_eip3009::ENTRY;

pub(crate) const PRICE: u64 = 10_000;
/// What every account begins with.
pub(crate) const PURSE: u64 = 1_000_000;
/// Where accounts with code are.
pub(crate) const WALLET: Address = Address::repeat_byte(0xc1);

/// One settler with its settings, and one key that signs for payers.
pub(crate) struct House {
    pub(crate) devnet: Devnet,
    pub(crate) evm: Arc<EvmNetwork>,
    pub(crate) key: Arc<LocalKey>,
    pub(crate) ledger: Arc<MemoryLedger>,
}

impl House {
    pub(crate) async fn open() -> Self {
        let devnet = Devnet::builder().chains([ChainSpec::BASE]).keep_fresh(false).start().await.unwrap();
        let of =
            |account: &tollway_devnet::Account| Arc::new(LocalKey::from_hex(account.private_key()).unwrap());
        let (key, sender) = (of(devnet.accounts().payer(0)), of(devnet.accounts().settler(0)));
        let ledger = Arc::new(MemoryLedger::default());
        let evm = EvmNetwork::builder(ledger.clone(), Arc::new(Wall::default()))
            .url(devnet.chain(8453).unwrap().http_url())
            .payer(key.clone())
            .sender(sender)
            .connect()
            .await
            .unwrap();
        Self { devnet, evm, key, ledger }
    }
    pub(crate) fn chain(&self) -> &Chain {
        self.devnet.chain(8453).unwrap()
    }
    pub(crate) fn usdc(&self) -> Address {
        self.chain().usdc().parse().unwrap()
    }
    pub(crate) fn payee(&self) -> &str {
        self.devnet.accounts().merchant(0).address()
    }

    /// The plugin, with these settings, for all roles.
    pub(crate) fn cell(&self, settings: Value) -> Registry {
        let builder = Registry::builder()
            .with(ENTRY)
            .family(FAMILY)
            .network(self.evm.handle())
            .settings("exact", settings);
        let roles = [Role::Payer, Role::Seller, Role::Settler];
        let builder = roles.into_iter().fold(builder, |builder, role| builder.role(role));
        builder.build(self.ledger.clone(), Arc::new(Wall::default()), Arc::new(Random)).unwrap()
    }
    pub(crate) fn settler(&self, settings: Value) -> Arc<dyn Settler> {
        self.cell(settings).cells().next().unwrap().settler.clone().unwrap()
    }

    /// An account with the code of one of the devnet's contracts, and with this in its first slot.
    pub(crate) async fn place(&self, at: Address, contract: &'static str, first_slot: U256) {
        self.chain().set_code(&at.to_string(), &contract_code(contract).unwrap()).await.unwrap();
        self.store(at, first_slot).await;
        self.fund(at).await;
    }
    pub(crate) async fn store(&self, at: Address, first_slot: U256) {
        let word = B256::from(first_slot);
        self.chain().call("anvil_setStorageAt", json!([at, B256::ZERO, word])).await.unwrap();
    }
    pub(crate) async fn fund(&self, at: Address) {
        self.chain().set_usdc_balance(&at.to_string(), PURSE).await.unwrap();
    }
    /// EIP-7702: the account has the code of that other one.
    pub(crate) async fn delegate(&self, account: Address, to: Address) {
        let code = format!("0xef0100{}", alloy::hex::encode(to));
        self.chain().set_code(&account.to_string(), &code).await.unwrap();
    }
    pub(crate) async fn holds(&self, who: Address) -> u128 {
        self.chain().usdc_balance(&who.to_string()).await.unwrap()
    }
    /// Transactions that the settler has sent.
    pub(crate) async fn sent(&self) -> U256 {
        let settler = self.devnet.accounts().settler(0).address();
        let count = self.chain().call("eth_getTransactionCount", json!([settler, "latest"])).await.unwrap();
        count.as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn requirement(&self) -> Requirement {
        let chain = self.evm.id();
        let asset = FAMILY.asset(chain, self.chain().usdc()).unwrap();
        let price = Price {
            ceiling: Ceiling(Amount::new(asset, PRICE.into())),
            pay_to: FAMILY.account(chain, self.payee()).unwrap(),
            timeout_s: 60,
            flow: Flow::Authorization,
            chain,
        };
        let scheme = Name::new("exact").unwrap();
        let kind =
            Kind { version: Version::V2, scheme, chain, extra: Extra::default(), extensions: Vec::new() };
        let registry = self.cell(Value::Null);
        registry.cells().next().unwrap().seller.as_ref().unwrap().offer(&price, &kind).unwrap().requirement
    }

    /// A payment from an account, and the digest that is signed for it.
    pub(crate) fn transfer(&self, from: Address, nonce: &str) -> (Transfer, B256) {
        let transfer = Transfer {
            from,
            to: self.payee().parse().unwrap(),
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

pub(crate) async fn verify(settler: &Arc<dyn Settler>, order: &Order) -> Result<Verified> {
    flow::verify(ENTRY.read, &**settler, order.clone(), &Wall::default()).await
}
pub(crate) async fn settle(settler: &Arc<dyn Settler>, verified: Verified) -> Result<Receipt> {
    let full = verified.order().requirement.price.full();
    settler.settle(verified.due(full)?).await
}
pub(crate) async fn code(settler: &Arc<dyn Settler>, order: &Order) -> Option<Code> {
    verify(settler, order).await.err().map(|e| e.code)
}
/// Gas that settling is said to use.
pub(crate) async fn gas(settler: &Arc<dyn Settler>, order: &Order) -> u64 {
    settler.effort(order).await.unwrap().works[0].compute
}

/// ERC-6492 by its own words.
pub(crate) fn wrapped(factory: Address, data: Vec<u8>, inner: &[u8]) -> Vec<u8> {
    let parts = (factory, Bytes::from(data), Bytes::copy_from_slice(inner));
    let magic = alloy::hex::decode("6492".repeat(16)).unwrap();
    [parts.abi_encode_params(), magic].concat()
}
