//! A real local chain with accounts of every kind, and a scheme built for it.

use crate::{Random, Wall};
use alloy::primitives::{Address, B256, U256};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use tollway_core::ledger::MemoryLedger;
use tollway_core::registry::SchemeEntry;
use tollway_core::{
    Amount, Ceiling, Code, Extra, Flow, Kind, Name, Network, Order, Price, Receipt, Registry, Requirement,
    Result, Role, Settler, Verified, Version, flow,
};
use tollway_devnet::{Account, Chain, ChainSpec, Devnet, PERMIT2, contract_code};
use tollway_evm::{EvmNetwork, FAMILY, LocalKey};

/// One settler, and one key that signs for payers.
pub struct House {
    /// The chain's.
    pub devnet: Devnet,
    /// The way there.
    pub evm: Arc<EvmNetwork>,
    /// The payers' key.
    pub key: Arc<LocalKey>,
    /// What it remembers.
    pub ledger: Arc<MemoryLedger>,
    entry: SchemeEntry,
    section: fn(Value) -> Value,
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("House")
    }
}

impl House {
    /// What is paid each time.
    pub const PRICE: u64 = 10_000;
    /// What every account begins with.
    pub const PURSE: u64 = 1_000_000;
    /// Where accounts with code are.
    pub const WALLET: Address = Address::repeat_byte(0xc1);
    /// Where delegations point.
    pub const JUDGE: Address = Address::repeat_byte(0xc2);

    /// A house for a scheme; `section` makes its part of the configuration of a test's settings.
    pub async fn open(entry: SchemeEntry, section: fn(Value) -> Value) -> Self {
        let devnet = Devnet::builder().chains([ChainSpec::BASE]).keep_fresh(false).start();
        let devnet = devnet.await.expect("the devnet");
        let of = |account: &Account| Arc::new(LocalKey::from_hex(account.private_key()).expect("a key"));
        let (key, sender) = (of(devnet.accounts().payer(0)), of(devnet.accounts().settler(0)));
        let ledger = Arc::new(MemoryLedger::default());
        let url = devnet.chain(8453).expect("the devnet").http_url();
        let network = EvmNetwork::builder(ledger.clone(), Arc::new(Wall::default())).url(url);
        let network = network.payer(key.clone()).sender(sender).connect();
        let evm = network.await.expect("the devnet");
        let house = Self { devnet, evm, key, ledger, entry, section };
        house.fund(house.key.address()).await;
        house
    }

    /// The chain, with its knobs.
    pub fn chain(&self) -> &Chain {
        self.devnet.chain(8453).expect("the devnet")
    }
    /// What is paid with.
    pub fn usdc(&self) -> Address {
        self.chain().usdc().parse().expect("an address")
    }
    /// Who is paid.
    pub fn payee(&self) -> Address {
        self.devnet.accounts().merchant(0).address().parse().expect("an address")
    }

    /// The plugin with these settings, for all roles.
    pub fn cell(&self, settings: Value) -> Registry {
        let settings = (self.section)(settings);
        let builder = Registry::builder().with(self.entry).family(FAMILY).network(self.evm.handle());
        let builder = builder.settings("exact", settings).role(Role::Payer).role(Role::Seller);
        let builder = builder.role(Role::Settler);
        builder.build(self.ledger.clone(), Arc::new(Wall::default()), Arc::new(Random)).expect("a registry")
    }
    /// Its settler.
    pub fn settler(&self, settings: Value) -> Arc<dyn Settler> {
        self.cell(settings).cells().next().and_then(|cell| cell.settler.clone()).expect("a settler")
    }
    /// What is asked for.
    pub fn requirement(&self) -> Requirement {
        let chain = self.evm.id();
        let asset = FAMILY.asset(chain, self.chain().usdc()).expect("an asset");
        let price = Price {
            ceiling: Ceiling(Amount::new(asset, Self::PRICE.into())),
            pay_to: FAMILY.account(chain, &self.payee().to_string()).expect("an account"),
            timeout_s: 60,
            flow: Flow::Authorization,
            chain,
        };
        let (scheme, extra) = (Name::new("exact").expect("a name"), Extra::default());
        let kind = Kind { version: Version::V2, scheme, chain, extra, extensions: Vec::new() };
        let registry = self.cell(json!({}));
        let seller = registry.cells().next().and_then(|cell| cell.seller.clone()).expect("a seller");
        seller.offer(&price, &kind).expect("an offer").requirement
    }

    /// An account with the code of one of the devnet's contracts, and with this in its first slot.
    pub async fn place(&self, at: Address, contract: &'static str, first_slot: U256) {
        let code = contract_code(contract).expect("a contract");
        self.chain().set_code(&at.to_string(), &code).await.expect("the devnet");
        self.store(at, first_slot).await;
        self.fund(at).await;
    }
    /// Puts this into an account's first slot.
    pub async fn store(&self, at: Address, first_slot: U256) {
        let word = B256::from(first_slot);
        self.chain().call("anvil_setStorageAt", json!([at, B256::ZERO, word])).await.expect("the devnet");
    }
    /// Money, and an allowance for Permit2.
    pub async fn fund(&self, at: Address) {
        let (chain, at) = (self.chain(), at.to_string());
        chain.set_usdc_balance(&at, Self::PURSE).await.expect("the devnet");
        chain.set_allowance(chain.usdc(), &at, PERMIT2, u128::MAX).await.expect("the devnet");
    }
    /// EIP-7702: the account has the code of that other one.
    pub async fn delegate(&self, account: Address, to: Address) {
        let code = format!("0xef0100{}", alloy::hex::encode(to));
        self.chain().set_code(&account.to_string(), &code).await.expect("the devnet");
    }
    /// What an account has.
    pub async fn holds(&self, who: Address) -> u128 {
        self.chain().usdc_balance(&who.to_string()).await.expect("the devnet")
    }
    /// Transactions that the settler has sent.
    pub async fn sent(&self) -> U256 {
        let settler = self.devnet.accounts().settler(0).address();
        let count = self.chain().call("eth_getTransactionCount", json!([settler, "latest"])).await;
        count.expect("the devnet").as_str().and_then(|count| count.parse().ok()).expect("a number")
    }

    /// Verifies.
    ///
    /// # Errors
    /// The settler's.
    pub async fn verify(&self, settler: &Arc<dyn Settler>, order: &Order) -> Result<Verified> {
        flow::verify(self.entry.read, &**settler, order.clone(), &Wall::default()).await
    }
    /// Why it does not verify.
    pub async fn code(&self, settler: &Arc<dyn Settler>, order: &Order) -> Option<Code> {
        self.verify(settler, order).await.err().map(|e| e.code)
    }
}

/// Settles in full.
///
/// # Errors
/// The settler's.
pub async fn settle(settler: &Arc<dyn Settler>, verified: Verified) -> Result<Receipt> {
    let full = verified.order().requirement.price.full();
    settler.settle(verified.due(full)?).await
}

/// Gas that settling is said to use.
pub async fn gas(settler: &Arc<dyn Settler>, order: &Order) -> u64 {
    let effort = settler.effort(order).await.expect("an effort");
    effort.works.first().expect("a transaction").compute
}
