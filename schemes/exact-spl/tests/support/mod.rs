//! What the tests share: a world with tokens, one payer, one payee, two sponsors, and the plugin built for
//! it.
#![allow(dead_code, unreachable_pub, clippy::as_conversions, reason = "each test binary uses its part")]

pub mod chain;
pub mod forge;

use chain::{Account as TokenState, Counting, FakeChain, MintState, World};
pub use forge::Forge;
pub use futures::executor::block_on;
use solana_keypair::Keypair;
pub use solana_keypair::Signer;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_exact_spl::ENTRY;
pub use tollway_solana::FAMILY;
use tollway_solana::{Pubkey, Svm, TokenProgram, address};

pub const CHAIN: &str = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1";
/// In the built-in table, six decimals.
pub const USDC: &str = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU";
pub const NOW: u64 = 1_800_000_000;
pub const PRICE: u64 = 10_000;
pub const HELD: u64 = 1_000_000;

pub struct TestClock(pub AtomicU64);
#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_secs(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, _: u64) {}
}

/// Different bytes each time, the same in each run.
pub struct TestDice(AtomicU64);
impl Dice for TestDice {
    fn fill(&self, out: &mut [u8]) {
        for place in out {
            let n = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            *place = n.wrapping_mul(n | 1).to_be_bytes()[0];
        }
    }
}

pub struct Bench {
    pub svm: Arc<FakeChain>,
    pub clock: Arc<TestClock>,
    pub ledger: Arc<MemoryLedger>,
    pub registry: Registry,
    pub mint: Pubkey,
}

pub fn payer() -> Keypair {
    Keypair::new_from_array([7; 32])
}
pub fn payee() -> Pubkey {
    Keypair::new_from_array([8; 32]).pubkey()
}
pub fn sponsor(n: u8) -> Keypair {
    Keypair::new_from_array([100 + n; 32])
}
pub fn stranger() -> Keypair {
    Keypair::new_from_array([66; 32])
}

/// What a bench is made with.
pub struct Setup {
    pub mint: Pubkey,
    pub program: TokenProgram,
    pub mint_extensions: Vec<u8>,
    pub settings: serde_json::Value,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            mint: forge::key(USDC),
            program: TokenProgram::Token,
            mint_extensions: vec![],
            settings: serde_json::Value::Null,
        }
    }
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Setup::default())
    }
    pub fn set(settings: serde_json::Value) -> Self {
        Self::with(Setup { settings, ..Setup::default() })
    }
    pub fn token_2022(extensions: &[u8]) -> Self {
        Self::with(Setup {
            mint: Pubkey::new_from_array([22; 32]),
            program: TokenProgram::Token2022,
            mint_extensions: extensions.to_vec(),
            ..Setup::default()
        })
    }
    pub fn with(setup: Setup) -> Self {
        Self::try_with(setup, |_| {}).unwrap()
    }
    pub fn try_with(setup: Setup, change: impl FnOnce(&mut FakeChain)) -> Result<Self> {
        let chain = ChainId::new(CHAIN).unwrap();
        let mut fake = FakeChain::new(chain);
        fake.payer = Some(Arc::new(Counting { key: payer(), signs_with: payer(), signed: Mutex::default() }));
        fake.sponsors = vec![sponsor(1), sponsor(2)];
        let Setup { mint, program, mint_extensions: extensions, settings } = setup;
        fake.world().mints.insert(mint, MintState { program, decimals: 6, extensions });
        for (owner, amount) in [(payer().pubkey(), HELD), (payee(), 5), (sponsor(1).pubkey(), HELD)] {
            let state = TokenState { mint, owner, amount, state: 1, extensions: vec![] };
            fake.world().accounts.insert(address::ata(&owner, &mint, program), state);
        }
        change(&mut fake);
        let svm = Arc::new(fake);
        let clock = Arc::new(TestClock(AtomicU64::new(NOW)));
        let ledger = Arc::new(MemoryLedger::default());
        let registry = Registry::builder()
            .with(ENTRY)
            .family(FAMILY)
            .network(Handle::new::<dyn Svm>(svm.clone(), svm.clone()))
            .settings("exact-spl", settings)
            .role(Role::Payer)
            .role(Role::Seller)
            .role(Role::Settler)
            .build(ledger.clone(), clock.clone(), Arc::new(TestDice(AtomicU64::new(1))))?;
        Ok(Self { svm, clock, ledger, registry, mint })
    }
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.svm.world()
    }
    /// Times that a fee payer's key signed, and transactions that went out.
    pub fn sent(&self) -> (usize, usize) {
        let world = self.world();
        (world.cosigned, world.submitted.len())
    }
    /// Trials, and round trips of reads, trials included.
    pub fn asked(&self) -> (usize, usize) {
        let world = self.world();
        (world.attempts, world.looks)
    }
    /// Lets the wall clock go on, so that no trial of before stands for another.
    pub fn later(&self) {
        self.clock.0.fetch_add(11, Ordering::SeqCst);
    }
    pub fn advance(&self, blocks: u64) {
        self.svm.advance(blocks);
    }
    pub fn signed(&self) -> usize {
        *self.svm.payer.as_ref().unwrap().signed.lock().unwrap()
    }
    pub fn program(&self) -> TokenProgram {
        self.world().mints[&self.mint].program
    }
    pub fn ata(&self, owner: &Pubkey) -> Pubkey {
        address::ata(owner, &self.mint, self.program())
    }
    pub fn held(&self, owner: &Pubkey) -> u64 {
        let account = self.ata(owner);
        self.world().accounts[&account].amount
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
    pub fn asset(&self) -> AssetId {
        address::asset(self.svm.chain, &self.mint).unwrap()
    }
    pub fn price(&self, flow: Flow) -> Price {
        Price {
            ceiling: Ceiling(Amount::new(self.asset(), PRICE.into())),
            pay_to: address::account(self.svm.chain, &payee()).unwrap(),
            timeout_s: 60,
            flow,
            chain: self.svm.chain,
        }
    }
    pub fn kind(&self) -> Kind {
        block_on(self.settling().kinds()).unwrap().remove(0)
    }
    pub fn offer(&self) -> Offer {
        self.selling().offer(&self.price(Flow::Authorization), &self.kind()).unwrap()
    }
    pub fn requirement(&self) -> Requirement {
        self.offer().requirement
    }
    /// The standing offer with `extra` over it.
    pub fn asking(&self, extra: serde_json::Value) -> Requirement {
        let r = self.requirement();
        let pairs = extra.as_object().unwrap().clone();
        Requirement { extra: r.extra.with(pairs), ..r }
    }
    pub fn plan(&self, requirement: &Requirement) -> Result<Plan> {
        let challenge = challenge(requirement);
        let demand = Demand { challenge: &challenge, requirement, now: self.clock.now() };
        block_on(self.paying().plan(&demand))
    }
    pub fn try_authorize(&self, requirement: &Requirement) -> Result<Authorization> {
        let plan = self.plan(requirement)?;
        self.authorize_planned(requirement, plan)
    }
    pub fn authorize_planned(&self, requirement: &Requirement, plan: Plan) -> Result<Authorization> {
        let challenge = challenge(requirement);
        let now = self.clock.now();
        let demand = Demand { challenge: &challenge, requirement, now };
        let id = format!("attempt {}", self.signed());
        block_on(async {
            let hold = HoldId(id.clone());
            let reserved = Reserved::new(&*self.ledger, hold, &[], plan, now).await.unwrap();
            self.paying().authorize(&demand, &reserved, &AttemptId(id)).await
        })
    }
    pub fn authorize(&self, requirement: &Requirement) -> Authorization {
        self.try_authorize(requirement).unwrap()
    }
    pub fn order_for(&self, requirement: Requirement) -> Order {
        let payment = self.authorize(&requirement).payment;
        Order { leg: Leg::After, requirement, payment }
    }
    /// An honest payment for the standing offer.
    pub fn order(&self) -> Order {
        self.order_for(self.requirement())
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
    pub fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        block_on(self.paying().resolve(sent))
    }
}

pub fn challenge(requirement: &Requirement) -> Challenge {
    Challenge {
        version: requirement.version,
        accepts: vec![Entry { raw: requirement.raw.clone(), requirement: Ok(requirement.clone()) }],
        resource: Some(Json::parse(r#"{"url":"https://api.example/x"}"#).unwrap()),
        extensions: None,
        error: None,
    }
}

/// The pieces of an order's transaction.
pub fn apart(order: &Order) -> Forge {
    Forge::apart(&forge::transaction(&order.payment.payload))
}

/// The order with other bytes for its transaction.
pub fn with_bytes(order: &Order, bytes: &[u8]) -> Order {
    let payment = Payment { payload: forge::payload(bytes), ..order.payment.clone() };
    Order { payment, ..order.clone() }
}
