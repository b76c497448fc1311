//! A chain with accounts of every kind, and the plugin built for it.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::SolValue;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_devnet::{Account as Key, Chain, ChainSpec, Devnet, PERMIT2, contract_code};
use tollway_evm::permit2::{Eip2612, Permit, Proxy, Signed, Sponsored, Witness};
use tollway_evm::signature::Signature;
use tollway_evm::{At, Evm, EvmNetwork, FAMILY, LocalKey};
use tollway_exact_permit2::ENTRY;

pub(crate) const PRICE: u64 = 10_000;
/// What every account begins with.
pub(crate) const PURSE: u64 = 1_000_000;
/// Where accounts with code are.
pub(crate) const WALLET: Address = Address::repeat_byte(0xc1);

pub(crate) struct WallClock;
#[async_trait]
impl Clock for WallClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Time::from_ms(u64::try_from(since.as_millis()).unwrap())
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// Nothing is signed by the plugin here.
struct NoDice;
impl Dice for NoDice {
    fn fill(&self, _: &mut [u8]) {}
}

/// One settler, and one key that signs for payers.
pub(crate) struct House {
    pub(crate) devnet: Devnet,
    pub(crate) evm: Arc<EvmNetwork>,
    pub(crate) key: Arc<LocalKey>,
    ledger: Arc<MemoryLedger>,
}

impl House {
    pub(crate) async fn open() -> Self {
        let devnet = Devnet::builder().chains([ChainSpec::BASE]).keep_fresh(false).start().await.unwrap();
        let of = |account: &Key| Arc::new(LocalKey::from_hex(account.private_key()).unwrap());
        let (key, sender) = (of(devnet.accounts().payer(0)), of(devnet.accounts().settler(0)));
        let ledger = Arc::new(MemoryLedger::default());
        let network = EvmNetwork::builder(ledger.clone(), Arc::new(WallClock));
        let network = network.url(devnet.chain(8453).unwrap().http_url()).sender(sender);
        let house = Self { devnet, evm: network.connect().await.unwrap(), key, ledger };
        house.fund(house.key.address()).await;
        house
    }
    pub(crate) fn chain(&self) -> &Chain {
        self.devnet.chain(8453).unwrap()
    }
    pub(crate) fn usdc(&self) -> Address {
        self.chain().usdc().parse().unwrap()
    }
    fn payee(&self) -> &str {
        self.devnet.accounts().merchant(0).address()
    }

    /// The plugin with these settings, for who sells and settles.
    pub(crate) fn cell(&self, settings: Value) -> Registry {
        let settings = json!({ "permit2": settings });
        let builder = Registry::builder().with(ENTRY).family(FAMILY).network(self.evm.handle());
        let builder = builder.settings("exact", settings).role(Role::Seller).role(Role::Settler);
        builder.build(self.ledger.clone(), Arc::new(WallClock), Arc::new(NoDice)).unwrap()
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
    /// Money, and an allowance for Permit2.
    pub(crate) async fn fund(&self, at: Address) {
        let (chain, at) = (self.chain(), at.to_string());
        chain.set_usdc_balance(&at, PURSE).await.unwrap();
        chain.set_allowance(chain.usdc(), &at, PERMIT2, u128::MAX).await.unwrap();
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

    /// A permit of an account, and the digest that is signed for it.
    pub(crate) fn permit(&self, from: Address, nonce: &str) -> (Permit, B256) {
        let permit = Permit {
            from,
            token: self.usdc(),
            amount: U256::from(PRICE),
            spender: Proxy::Exact.address(),
            nonce: keccak256(nonce).into(),
            deadline: U256::from(WallClock.now().secs() + 60),
            witness: Witness {
                to: self.payee().parse().unwrap(),
                facilitator: None,
                valid_after: U256::ZERO,
            },
        };
        (permit, permit.digest(8453))
    }
    /// The order for a payment with this signature.
    pub(crate) fn order(&self, permit: &Permit, signature: &[u8]) -> Order {
        let chain = self.evm.id();
        let asset = FAMILY.asset(chain, self.chain().usdc()).unwrap();
        let price = Price {
            ceiling: Ceiling(Amount::new(asset, PRICE.into())),
            pay_to: FAMILY.account(chain, self.payee()).unwrap(),
            timeout_s: 60,
            flow: Flow::Authorization,
            chain,
        };
        let (scheme, extra) = (Name::new("exact").unwrap(), Extra::default());
        let kind = Kind { version: Version::V2, scheme, chain, extra, extensions: Vec::new() };
        let registry = self.cell(json!({}));
        let seller = registry.cells().next().unwrap().seller.clone().unwrap();
        let requirement = seller.offer(&price, &kind).unwrap().requirement;
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

pub(crate) async fn verify(settler: &Arc<dyn Settler>, order: &Order) -> Result<Verified> {
    flow::verify(ENTRY.read, &**settler, order.clone(), &WallClock).await
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
pub(crate) fn wrapped(inner: &[u8]) -> Vec<u8> {
    let parts = (Address::repeat_byte(0xfa), Bytes::from(vec![1]), Bytes::copy_from_slice(inner));
    let magic = alloy::hex::decode("6492".repeat(16)).unwrap();
    [parts.abi_encode_params(), magic].concat()
}
