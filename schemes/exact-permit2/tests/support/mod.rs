//! What the tests share: a world with one token, one payer, one payee, and the plugin built for it.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod chain;
mod tariff;
mod world;

use alloy::primitives::{Address, U256};
use alloy::signers::local::PrivateKeySigner;
use chain::{FakeChain, World};
pub use futures::executor::block_on;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};
pub use tollway_cells::{TestClock, TestDice};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_evm::Evm;
pub use tollway_evm::FAMILY;
use tollway_evm::permit2::Sponsoring;
use tollway_exact_permit2::ENTRY;

pub const CHAIN: &str = "eip155:84532";
pub const TOKEN: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
pub const PAYEE: &str = "0x00000000000000000000000000000000000000Ee";
pub const NOW: u64 = 1_800_000_000;
pub const PRICE: u128 = 10_000;

pub struct Bench {
    pub evm: Arc<FakeChain>,
    pub clock: Arc<TestClock>,
    pub ledger: Arc<MemoryLedger>,
    pub registry: Registry,
    pub payer: Address,
    /// What the 402 offers under `extensions`.
    pub offered: Option<Json>,
}

pub fn key() -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[7; 32]).unwrap()
}

/// A 402's `extensions` that offer these.
pub fn offering(all: &[Sponsoring]) -> Option<Json> {
    let map: serde_json::Map<_, _> = all.iter().map(|s| (s.key().to_owned(), s.declaration())).collect();
    Some(Json::of(&map))
}

/// Both ways of sponsoring switched on.
pub fn generous() -> Value {
    json!({"permit2": {"gas_sponsoring": ["eip2612", "erc20_approval"]}})
}

impl Bench {
    /// The payer has approved Permit2.
    pub fn new() -> Self {
        let bench = Self::with(TOKEN, Value::Null, |_| {});
        bench.world().allowances.insert(bench.payer, U256::MAX);
        bench
    }
    /// The payer has approved nobody, and the seller offers to sponsor that.
    pub fn sponsored(how: &[Sponsoring]) -> Self {
        Self { offered: offering(how), ..Self::with(TOKEN, generous(), |_| {}) }
    }
    pub fn with(token: &str, settings: Value, change: impl FnOnce(&mut FakeChain)) -> Self {
        let chain = ChainId::new(CHAIN).unwrap();
        let mut fake = FakeChain::new(chain, token.parse().unwrap(), "USDC", "2", NOW);
        fake.signer = Some(key());
        fake.senders = vec![key().address()];
        change(&mut fake);
        let payer = key().address();
        fake.world().balances.insert(payer, U256::from(1_000_000));
        let evm = Arc::new(fake);
        let clock = Arc::new(TestClock(AtomicU64::new(NOW)));
        let ledger = Arc::new(MemoryLedger::default());
        let registry = Registry::builder()
            .with(ENTRY)
            .family(FAMILY)
            .network(Handle::new::<dyn Evm>(evm.clone(), evm.clone()))
            .settings("exact", settings)
            .role(Role::Payer)
            .role(Role::Seller)
            .role(Role::Settler)
            .build(ledger.clone(), clock.clone(), Arc::new(TestDice::default()))
            .unwrap();
        Self { evm, clock, ledger, registry, payer, offered: None }
    }
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.evm.world()
    }
    /// Moves the wall clock and the chain.
    pub fn at(&self, secs: u64) {
        self.clock.0.store(secs, Ordering::SeqCst);
        self.world().time_s = secs;
    }
    pub fn cell(&self) -> &Cell {
        self.registry.cells().next().unwrap()
    }
    pub fn paying(&self) -> Arc<dyn Payer> {
        self.cell().payer.clone().unwrap()
    }
    pub fn selling(&self) -> Arc<dyn Seller> {
        self.cell().seller.clone().unwrap()
    }
    pub fn settling(&self) -> Arc<dyn Settler> {
        self.cell().settler.clone().unwrap()
    }
    pub fn token(&self) -> AssetId {
        FAMILY.asset(self.evm.chain, &self.evm.token.to_string()).unwrap()
    }
    pub fn price(&self, flow: Flow) -> Price {
        Price {
            ceiling: Ceiling(Amount::new(self.token(), PRICE)),
            pay_to: FAMILY.account(self.evm.chain, PAYEE).unwrap(),
            timeout_s: 60,
            flow,
            chain: self.evm.chain,
        }
    }
    pub fn kind(&self) -> Kind {
        let scheme = Name::new("exact").unwrap();
        let (chain, extra) = (self.evm.chain, Extra::default());
        let bare = Kind { version: Version::V2, scheme, chain, extra, extensions: Vec::new() };
        // Who has no account to send from has none, and still may sell and pay.
        block_on(self.settling().kinds()).unwrap().pop().unwrap_or(bare)
    }
    pub fn requirement(&self) -> Requirement {
        self.selling().offer(&self.price(Flow::Authorization), &self.kind()).unwrap().requirement
    }
    pub fn challenge(&self, requirement: &Requirement) -> Challenge {
        Challenge {
            version: requirement.version,
            accepts: vec![Entry { raw: requirement.raw.clone(), requirement: Ok(requirement.clone()) }],
            resource: Some(Json::parse(r#"{"url":"https://api.example/x"}"#).unwrap()),
            extensions: self.offered.clone(),
            error: None,
        }
    }
    pub fn plan(&self, requirement: &Requirement) -> Result<Plan> {
        let challenge = self.challenge(requirement);
        let demand = Demand { challenge: &challenge, requirement, now: self.clock.now() };
        let plan = block_on(self.paying().plan(&demand));
        // On the spot or after a look, the plan is the same.
        assert_eq!(self.paying().plan_now(&demand), Some(plan.clone()));
        plan
    }
    pub fn sign(&self, requirement: &Requirement, plan: Plan) -> Result<Authorization> {
        let challenge = self.challenge(requirement);
        let now = self.clock.now();
        let demand = Demand { challenge: &challenge, requirement, now };
        let id = format!("attempt{}", self.world().txs.len());
        block_on(async {
            let reserved = Reserved::new(&*self.ledger, HoldId(id.clone()), &[], plan, now).await.unwrap();
            self.paying().authorize(&demand, &reserved, &AttemptId(id)).await
        })
    }
    pub fn authorize(&self, requirement: &Requirement) -> Authorization {
        let plan = self.plan(requirement).unwrap();
        self.sign(requirement, plan).unwrap()
    }
    /// An honest payment for the standing offer.
    pub fn order(&self) -> Order {
        let requirement = self.requirement();
        let payment = self.authorize(&requirement).payment;
        Order { leg: Leg::After, requirement, payment }
    }
    pub fn verify(&self, order: &Order) -> Result<Verified> {
        block_on(flow::verify(ENTRY.read, &*self.settling(), order.clone(), &*self.clock))
    }
    pub fn settle(&self, order: &Order) -> Result<Receipt> {
        let due = self.verify(order)?.due(order.requirement.price.full()).unwrap();
        block_on(self.settling().settle(due))
    }
    pub fn resume(&self, order: &Order) -> Result<Fate> {
        block_on(self.settling().resume(order, None))
    }
}

/// The order with a member of the payload changed, by JSON pointer.
pub fn edited(order: &Order, pointer: &str, value: Value) -> Order {
    let mut order = order.clone();
    let mut payload = order.payment.payload.value();
    *payload.pointer_mut(pointer).unwrap() = value;
    order.payment.payload = Json::of(&payload);
    order
}

/// The order with a member of the payment's extensions changed, by JSON pointer.
pub fn slipped(order: &Order, pointer: &str, value: Value) -> Order {
    let mut order = order.clone();
    let mut extensions = order.payment.extensions.as_ref().unwrap().value();
    *extensions.pointer_mut(pointer).unwrap() = value;
    order.payment.extensions = Some(Json::of(&extensions));
    order
}

/// The permit in an order's payment.
pub fn permit(order: &Order) -> tollway_evm::permit2::Permit {
    use tollway_evm::permit2::{Proxy, Signed};
    Signed::decode(&order.payment.payload, Proxy::Exact).unwrap().permit
}
