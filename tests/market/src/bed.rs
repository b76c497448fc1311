//! One process that signs and settles on one local chain, and the payments it makes.

use std::sync::Arc;
use tollway::core::{
    Amount, AttemptId, Authorization, Ceiling, Cell, ChainId, Challenge, Clock, Demand, Dice, Due, Entry,
    Flow, HoldId, Kind, Ledger, Leg, Name, Order, Payer, Price, Registry, Requirement, Reserved, Result,
    Role, Settler, Version, flow,
};
use tollway::evm::{EvmNetwork, FAMILY, LocalKey, SendSettings};
use tollway::ledger::SqliteLedger;
use tollway::system::{OsDice, SystemClock};
use tollway_devnet::{Chain, Devnet};

/// What is asked for each payment, in millionths.
pub const PRICE: u128 = 10_000;

/// A payer and a settler on one chain, with one registry and one ledger.
pub struct Bed {
    /// The chain.
    pub evm: Arc<EvmNetwork>,
    /// Both sides of the scheme.
    pub registry: Arc<Registry>,
    /// Memory, in a file of its own.
    pub ledger: Arc<dyn Ledger>,
    token: String,
    domain: (String, String),
    _files: tempfile::TempDir,
}

impl std::fmt::Debug for Bed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bed({} on {:?})", self.token, self.evm)
    }
}

/// How a [`Bed`] is made.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// The node.
    pub url: String,
    /// The token that is paid in.
    pub token: &'a str,
    /// Its EIP-712 version; the name is the chain's USDC's.
    pub version: &'a str,
    /// How transactions are sent.
    pub sending: SendSettings,
}

impl Bed {
    /// Opens one: payer 0 of the devnet signs, settler 0 sends.
    ///
    /// # Errors
    /// Whatever keeps Tollway from starting.
    ///
    /// # Panics
    /// Without a place for temporary files.
    pub async fn open(devnet: &Devnet, chain: &Chain, plan: Plan<'_>) -> Result<Self> {
        let files = tempfile::tempdir().expect("a temporary directory");
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(files.path().join("market.sqlite"))?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dice: Arc<dyn Dice> = Arc::new(OsDice);
        let key = |account: &tollway_devnet::Account| LocalKey::from_hex(account.private_key()).map(Arc::new);
        let evm = EvmNetwork::builder(Arc::clone(&ledger), Arc::clone(&clock))
            .url(plan.url)
            .payer(key(devnet.accounts().payer(0))?)
            .sender(key(devnet.accounts().settler(0))?)
            .sending(plan.sending)
            .connect()
            .await?;
        let spec = chain.spec();
        let domain = (spec.usdc_name.to_owned(), plan.version.to_owned());
        let settings = serde_json::json!({"tokens": [{
            "chain": spec.caip2(), "address": plan.token, "name": domain.0, "version": domain.1,
        }]});
        let registry = Registry::builder()
            .with(tollway::exact_eip3009::ENTRY)
            .family(FAMILY)
            .network(evm.handle())
            .settings("exact", settings)
            .role(Role::Payer)
            .role(Role::Seller)
            .role(Role::Settler)
            .build(Arc::clone(&ledger), clock, dice)?;
        let token = plan.token.to_owned();
        Ok(Self { evm, registry: Arc::new(registry), ledger, token, domain, _files: files })
    }

    fn cell(&self) -> &Cell {
        self.registry.cells().next().expect("exact on this chain")
    }
    /// The side that signs.
    ///
    /// # Panics
    /// Never: [`Bed::open`] asks for it.
    pub fn payer(&self) -> &dyn Payer {
        self.cell().payer.as_deref().expect("the payer's role was asked for")
    }
    /// The side that sends.
    ///
    /// # Panics
    /// Never: [`Bed::open`] asks for it.
    pub fn settler(&self) -> &dyn Settler {
        self.cell().settler.as_deref().expect("the settler's role was asked for")
    }

    /// The standing offer to `pay_to`.
    ///
    /// # Errors
    /// The scheme's.
    ///
    /// # Panics
    /// Never: [`Bed::open`] asks for the seller's role.
    pub fn offer(&self, pay_to: &str) -> Result<Requirement> {
        let (cell, chain) = (self.cell(), self.cell().chain);
        let price = Price {
            ceiling: Ceiling(Amount::new(FAMILY.asset(chain, &self.token)?, PRICE)),
            pay_to: FAMILY.account(chain, pay_to)?,
            timeout_s: 300,
            flow: Flow::Authorization,
            chain,
        };
        let extra = tollway::core::Extra::of_pairs(&[("name", &self.domain.0), ("version", &self.domain.1)]);
        let kind = Kind { version: Version::V2, scheme: Name::new("exact")?, chain, extra };
        let seller = cell.seller.as_deref().expect("the seller's role was asked for");
        Ok(seller.offer(&price, &kind)?.requirement)
    }

    /// Signs a payment to `pay_to`, as an order for the facilitator.
    ///
    /// # Errors
    /// The scheme's and the ledger's.
    pub async fn order(&self, pay_to: &str) -> Result<Order> {
        let requirement = self.offer(pay_to)?;
        let sent = self.authorize(&requirement).await?;
        Ok(Order { leg: Leg::After, requirement, payment: sent.payment })
    }

    async fn authorize(&self, requirement: &Requirement) -> Result<Authorization> {
        let entry = Entry { raw: requirement.raw.clone(), requirement: Ok(requirement.clone()) };
        let challenge = Challenge {
            version: Version::V2,
            accepts: vec![entry],
            resource: None,
            extensions: None,
            error: None,
        };
        let demand = Demand { challenge: &challenge, requirement, now: SystemClock.now() };
        let plan = self.payer().plan(&demand).await?;
        let mut id = [0u8; 16];
        OsDice.fill(&mut id);
        let attempt = AttemptId(alloy::hex::encode(id));
        let hold = HoldId(attempt.0.clone());
        let reserved = Reserved::new(&*self.ledger, hold, &[], plan, demand.now).await?;
        self.payer().authorize(&demand, &reserved, &attempt).await
    }

    /// Verifies an order: what is left is only to be settled.
    ///
    /// # Errors
    /// Why it does not hold.
    pub async fn verify(&self, order: &Order) -> Result<Due> {
        let verified = flow::verify(self.cell().read, self.settler(), order.clone(), &SystemClock).await?;
        let full = verified.order().requirement.price.full();
        verified.due(full)
    }

    /// This chain.
    pub fn chain(&self) -> ChainId {
        self.cell().chain
    }
}
