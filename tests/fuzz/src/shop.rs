//! A house without a node: two chains that never change, a dollar token on each, a clock that stands still.

use alloy::primitives::Address;
use futures::FutureExt;
use std::sync::Arc;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{
    Account, Amount, AssetId, ChainId, Clock, Code, Cost, Dice, Error, Flow, Funds, Handle, Name, Network,
    NetworkTraits, Outcome, Part, Purpose, RecordKey, Registry, Result, Role, Sample, Tariff, Time, TxId,
    Usd, UsdPrice, Work, async_trait,
};
use tollway_evm::custody::Key;
use tollway_evm::{
    At, Evm, EvmCall, FAMILY, FixedOracle, GasKey, Landing, LocalKey, LogQuery, Looked, Mined, Sent, Submit,
    Trial, Tried,
};
use tollway_route::{
    Gate, GateBuilder, Policy, QuoteBook, QuoteSettings, Rail, Router, RouterBuilder, SellerPolicy,
};

/// Now, in seconds since the epoch.
pub(crate) const NOW_S: u64 = 1_800_000_000;
/// What one transfer uses.
pub(crate) const GAS: u64 = 80_000;
/// What the payer holds of every token.
pub(crate) const BALANCE: u128 = 40_000_000;
/// What one payment may cost, in whole dollars.
pub(crate) const CAP_USD: u64 = 25;

/// A chain: its id, its token, the token's price and the coin's as a feed of eight digits says it, wei for a unit of gas.
pub(crate) struct Place {
    pub(crate) id: u64,
    pub(crate) token: &'static str,
    pub(crate) token_usd_e8: u128,
    pub(crate) coin_usd_e8: u128,
    pub(crate) gas_wei: u128,
}

/// The chains of the house.
pub(crate) const PLACES: [Place; 2] = [
    Place {
        id: 84_532,
        token: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
        token_usd_e8: 99_990_000,
        coin_usd_e8: 250_000_000_003,
        gas_wei: 1_234_567,
    },
    Place {
        id: 8_453,
        token: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        token_usd_e8: 100_010_001,
        coin_usd_e8: 301_234_567_891,
        gas_wei: 7_000_001,
    },
];

impl Place {
    pub(crate) fn chain(&self) -> ChainId {
        ChainId::new(&format!("eip155:{}", self.id)).expect("CAIP-2")
    }
    pub(crate) fn asset(&self) -> AssetId {
        FAMILY.asset(self.chain(), self.token).expect("a token")
    }
}

/// The key that pays and signs.
pub(crate) fn key() -> LocalKey {
    LocalKey::from_bytes(&[7; 32]).expect("a key")
}

/// Nobody pays this one.
pub(crate) const BANNED: &str = "0x00000000000000000000000000000000000000Bd";

#[derive(Debug)]
struct Standing;

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> Time {
        Time::from_secs(NOW_S)
    }
    async fn sleep(&self, _: u64) {
        std::future::pending().await
    }
}

#[derive(Debug)]
struct Loaded;

impl Dice for Loaded {
    fn fill(&self, out: &mut [u8]) {
        out.fill(4);
    }
}

/// A router over both chains.
pub(crate) fn router() -> Router {
    let (registry, quotes, ledger) = parts(Role::Payer);
    let banned = PLACES.iter().map(|p| FAMILY.account(p.chain(), BANNED).expect("an account")).collect();
    let policy = Policy {
        allow_mainnet: true,
        payees: tollway_route::List::Except(banned),
        cap: Some(Usd::from_micros(CAP_USD * 1_000_000)),
        ..Policy::default()
    };
    let (clock, dice) = (Arc::new(Standing), Arc::new(Loaded));
    RouterBuilder { registry, quotes, ledger, clock, dice, policy, scorer: None }.build()
}

/// A gate that is never asked to post anything.
pub(crate) fn gate() -> Arc<Gate> {
    let (registry, quotes, ledger) = parts(Role::Seller);
    let gate = GateBuilder {
        registry,
        pool: None,
        quotes,
        ledger,
        clock: Arc::new(Standing),
        policy: SellerPolicy::default(),
        owner: "fuzz".to_owned(),
        patience_ms: 0,
    };
    Arc::new(gate.build())
}

/// A rail of the first chain.
pub(crate) fn rail() -> Rail {
    let (chain, asset) = (PLACES[0].chain(), PLACES[0].asset());
    let pay_to = FAMILY.account(chain, BANNED).expect("an account");
    let scheme = Name::new("exact").expect("a name");
    Rail { scheme, method: None, asset, pay_to, flow: Flow::Authorization, timeout_s: 60 }
}

fn parts(role: Role) -> (Arc<Registry>, Arc<QuoteBook>, Arc<MemoryLedger>) {
    let (ledger, clock) = (Arc::new(MemoryLedger::new()), Arc::new(Standing));
    let mut registry = Registry::builder().with(tollway_exact_eip3009::ENTRY).family(FAMILY).role(role);
    let mut oracle = FixedOracle::new();
    let mut networks: Vec<Arc<dyn Network>> = Vec::new();
    for place in &PLACES {
        let fake = Arc::new(Still { chain: place.chain(), place, signer: Arc::new(signer()) });
        registry = registry.network(Handle::new::<dyn Evm>(fake.clone(), fake.clone()));
        networks.push(fake);
        let price = |answer, asset_decimals| UsdPrice {
            answer,
            answer_decimals: 8,
            asset_decimals,
            at: Time::from_secs(NOW_S),
        };
        oracle = oracle.with(AssetId::native(place.chain()), price(place.coin_usd_e8, 18));
        oracle = oracle.with(place.asset(), price(place.token_usd_e8, 6));
    }
    let registry = registry.build(ledger.clone(), clock.clone(), Arc::new(Loaded)).expect("a registry");
    let spawn: tollway_route::Spawn = Arc::new(|work| work.now_or_never().unwrap_or_default());
    let quotes = QuoteBook::new(networks, Arc::new(oracle), clock, spawn, QuoteSettings::default());
    (Arc::new(registry), Arc::new(quotes), ledger)
}

fn signer() -> alloy::signers::local::PrivateKeySigner {
    alloy::signers::local::PrivateKeySigner::from_slice(&[7; 32]).expect("a key")
}

/// A chain on which nothing ever happens.
struct Still {
    chain: ChainId,
    place: &'static Place,
    signer: Arc<dyn Key>,
}

#[derive(Debug)]
struct Flat {
    coin: AssetId,
    gas_wei: u128,
}

impl Tariff for Flat {
    fn price(&self, work: &Work) -> Result<Cost> {
        let mut cost = Cost::new(self.coin);
        cost.add(Part::Execution, u128::from(work.compute) * self.gas_wei)?;
        Ok(cost)
    }
    fn taken_at(&self) -> Time {
        Time::from_secs(NOW_S)
    }
    fn valid_until(&self) -> Time {
        Time::FAR
    }
    fn source(&self) -> &str {
        "flat"
    }
}

#[async_trait]
impl Network for Still {
    fn id(&self) -> ChainId {
        self.chain
    }
    fn traits(&self) -> NetworkTraits {
        NetworkTraits { block_ms: 2_000, testnet: false }
    }
    async fn tariff(&self, _: Purpose, _: &[Account]) -> Result<Arc<dyn Tariff>> {
        Ok(Arc::new(Flat { coin: AssetId::native(self.chain), gas_wei: self.place.gas_wei }))
    }
    async fn balances(&self, _: &Account, _: &[AssetId]) -> Result<Vec<Amount>> {
        Err(Error::network(Code::Unreachable))
    }
    async fn outcome(&self, _: &TxId) -> Result<Outcome> {
        Err(Error::network(Code::Unreachable))
    }
}

#[async_trait]
impl Evm for Still {
    fn chain_id(&self) -> u64 {
        self.place.id
    }
    async fn look(&self, _: &[EvmCall], _: At) -> Result<Looked> {
        Err(Error::network(Code::Unreachable))
    }
    async fn find_log(&self, _: &LogQuery) -> Result<Option<Landing>> {
        Err(Error::network(Code::Unreachable))
    }
    async fn mined(&self, _: &TxId) -> Result<Option<Mined>> {
        Err(Error::network(Code::Unreachable))
    }
    async fn funds(&self, owner: &Account, token: Address) -> Result<Funds> {
        let asset = tollway_evm::address::asset(self.chain, &token)?;
        Ok(Funds { owner: *owner, balance: Amount::new(asset, BALANCE), as_of: Time::from_secs(NOW_S) })
    }
    async fn send(&self, _: Submit, _: &RecordKey) -> Result<Mined> {
        Err(Error::network(Code::Unreachable))
    }
    async fn sent(&self, _: &RecordKey) -> Result<Sent> {
        Ok(Sent::Never)
    }
    async fn try_out(&self, _: &Trial) -> Result<Tried> {
        Err(Error::network(Code::Unreachable))
    }
    fn learned_gas(&self, _: &GasKey) -> Option<u64> {
        Some(GAS)
    }
    fn sample(&self, call: &EvmCall, _: u64) -> Sample {
        Sample::new(call.data.to_vec())
    }
    fn senders(&self) -> Vec<Address> {
        Vec::new()
    }
    fn signer(&self) -> Result<Arc<dyn Key>> {
        Ok(Arc::clone(&self.signer))
    }
}
