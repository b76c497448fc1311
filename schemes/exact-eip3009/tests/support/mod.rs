//! What the tests share: a world with one token, one payer, one payee, and the plugin built for it.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod chain;

use alloy::primitives::{Address, U256};
use alloy::signers::local::PrivateKeySigner;
use chain::{FakeChain, World};
pub use futures::executor::block_on;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};
pub use tollway_cells::{TestClock, TestDice};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_evm::Evm;
pub use tollway_evm::FAMILY;
use tollway_exact_eip3009::ENTRY;

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
}

pub fn key() -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[7; 32]).unwrap()
}

impl Bench {
    pub fn new() -> Self {
        Self::with(TOKEN, ("USDC", "2"), serde_json::Value::Null, |_| {})
    }
    pub fn with(
        token: &str,
        (name, version): (&str, &str),
        settings: serde_json::Value,
        change: impl FnOnce(&mut FakeChain),
    ) -> Self {
        Self::try_with(token, (name, version), settings, change).unwrap()
    }
    pub fn try_with(
        token: &str,
        (name, version): (&str, &str),
        settings: serde_json::Value,
        change: impl FnOnce(&mut FakeChain),
    ) -> Result<Self> {
        let chain = ChainId::new(CHAIN).unwrap();
        let mut fake = FakeChain::new(chain, token.parse().unwrap(), name, version, NOW);
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
            .build(ledger.clone(), clock.clone(), Arc::new(TestDice::default()))?;
        Ok(Self { evm, clock, ledger, registry, payer })
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
    pub fn offer(&self) -> Offer {
        let scheme = Name::new("exact").unwrap();
        let kind = Kind {
            version: Version::V2,
            scheme,
            chain: self.evm.chain,
            extra: Extra::default(),
            extensions: Vec::new(),
        };
        self.selling().offer(&self.price(Flow::Authorization), &kind).unwrap()
    }
    pub fn requirement(&self) -> Requirement {
        self.offer().requirement
    }
    pub fn plan(&self, requirement: &Requirement) -> Result<Plan> {
        let challenge = challenge(requirement);
        let demand = Demand { challenge: &challenge, requirement, now: self.clock.now() };
        // On the spot or after a look, the plan is the same.
        let plan = block_on(self.paying().plan(&demand));
        assert_eq!(self.paying().plan_now(&demand), Some(plan.clone()));
        plan
    }
    pub fn authorize(&self, requirement: &Requirement) -> Authorization {
        let challenge = challenge(requirement);
        let now = self.clock.now();
        let demand = Demand { challenge: &challenge, requirement, now };
        let plan = self.plan(requirement).unwrap();
        let id = "attempt".to_owned() + &self.world().txs.len().to_string();
        block_on(async {
            let hold = HoldId(id.clone());
            let reserved = Reserved::new(&*self.ledger, hold, &[], plan, now).await.unwrap();
            self.paying().authorize(&demand, &reserved, &AttemptId(id)).await.unwrap()
        })
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
        let due = self.verify(order).unwrap().due(order.requirement.price.full()).unwrap();
        block_on(self.settling().settle(due))
    }
    pub fn resume(&self, order: &Order) -> Result<Fate> {
        block_on(self.settling().resume(order, None))
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

/// The payload with one member changed.
pub fn edited(payment: &Payment, field: &str, value: serde_json::Value) -> Payment {
    let mut payload = payment.payload.value();
    let place =
        if field == "signature" { &mut payload["signature"] } else { &mut payload["authorization"][field] };
    *place = value;
    Payment { payload: Json::of(&payload), ..payment.clone() }
}

pub fn said(payment: &Payment, field: &str) -> String {
    let payload = payment.payload.value();
    let value = if field == "signature" { &payload["signature"] } else { &payload["authorization"][field] };
    value.as_str().unwrap().to_owned()
}

impl Bench {
    /// The call that puts a payment on chain, as anybody could make it.
    pub fn call(&self, payment: &Payment) -> tollway_evm::EvmCall {
        use alloy::sol_types::SolCall;
        let signature = alloy::hex::decode(said(payment, "signature")).unwrap();
        let number = |field| said(payment, field).parse::<U256>().unwrap();
        let call = chain::transferWithAuthorizationCall {
            from: said(payment, "from").parse().unwrap(),
            to: said(payment, "to").parse().unwrap(),
            value: number("value"),
            validAfter: number("validAfter"),
            validBefore: number("validBefore"),
            nonce: said(payment, "nonce").parse().unwrap(),
            v: signature[64],
            r: alloy::primitives::B256::from_slice(&signature[..32]),
            s: alloy::primitives::B256::from_slice(&signature[32..64]),
        };
        tollway_evm::EvmCall { to: self.evm.token, data: call.abi_encode().into() }
    }
    /// A payment with a nonce of one's choice, signed by alloy's EIP-712 alone.
    pub fn authorize_with_nonce(&self, r: &Requirement, nonce: &str) -> Payment {
        use alloy::signers::SignerSync;
        use alloy::sol_types::SolStruct;
        let said = chain::TransferWithAuthorization {
            from: self.payer,
            to: r.pay_to.address().parse().unwrap(),
            value: U256::from(r.price.atomic()),
            validAfter: U256::ZERO,
            validBefore: U256::from(NOW + 60),
            nonce: nonce.parse().unwrap(),
        };
        let hash = said.eip712_signing_hash(&self.evm.domain);
        let signature = key().sign_hash_sync(&hash).unwrap().as_bytes();
        let payload = serde_json::json!({
            "signature": alloy::hex::encode_prefixed(signature),
            "authorization": {
                "from": said.from, "to": said.to, "value": said.value.to_string(), "validAfter": "0",
                "validBefore": said.validBefore.to_string(), "nonce": nonce,
            },
        });
        Payment { accepted: r.clone(), payload: Json::of(&payload), extensions: None, resource: None }
    }
}
