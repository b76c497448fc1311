//! One process that signs and settles on one local chain, and the payments it makes.

use std::sync::Arc;
use tollway::core::{
    Amount, AttemptId, Ceiling, Cell, ChainId, Challenge, Clock, Demand, Dice, Due, Entry, Extra, Family,
    Flow, Handle, HoldId, Kind, Ledger, Leg, Name, Network, Order, Payer, Plan as PayPlan, Price, Registry,
    Reserved, Result, Role, SchemeEntry, Seller, Settler, Version, flow,
};
use tollway::evm::{EvmNetwork, LocalKey, SendSettings};
use tollway::ledger::SqliteLedger;
use tollway::solana::SolanaNetwork;
use tollway::system::{OsDice, SystemClock};
use tollway_devnet::{Chain, Devnet, SolanaChain};

/// What is asked for each payment, in millionths.
pub const PRICE: u128 = 10_000;

/// A payer and a settler on one chain, with one registry and one ledger.
///
/// The two may be of different beds: whoever settles makes the [`challenge`](Bed::challenge), whoever pays
/// [signs](Bed::sign) it.
pub struct Bed {
    /// The chain.
    pub network: Arc<dyn Network>,
    /// Both sides of the scheme.
    pub registry: Arc<Registry>,
    /// Memory, in a file of its own.
    pub ledger: Arc<dyn Ledger>,
    family: Family,
    token: String,
    extra: Option<Extra>,
    _files: tempfile::TempDir,
}

impl std::fmt::Debug for Bed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bed({} on {})", self.token, self.network.id())
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
    /// Opens one on an EVM chain: payer 0 of the devnet signs, settler 0 sends.
    ///
    /// # Errors
    /// Whatever keeps Tollway from starting.
    ///
    /// # Panics
    /// Without a place for temporary files.
    pub async fn open(devnet: &Devnet, chain: &Chain, plan: Plan<'_>) -> Result<Self> {
        let memory = Memory::open()?;
        let key = |account: &tollway_devnet::Account| LocalKey::from_hex(account.private_key()).map(Arc::new);
        let evm = EvmNetwork::builder(Arc::clone(&memory.ledger), memory.clock())
            .url(plan.url)
            .payer(key(devnet.accounts().payer(0))?)
            .sender(key(devnet.accounts().settler(0))?)
            .sending(plan.sending)
            .connect()
            .await?;
        let spec = chain.spec();
        let settings = serde_json::json!({"tokens": [{
            "chain": spec.caip2(), "address": plan.token, "name": spec.usdc_name, "version": plan.version,
        }]});
        let extra = Extra::of_pairs(&[("name", spec.usdc_name), ("version", plan.version)]);
        let scheme = Scheme {
            entry: tollway::exact_eip3009::ENTRY,
            family: tollway::evm::FAMILY,
            section: "exact",
            settings,
        };
        memory.house(evm.handle(), scheme, plan.token, Some(extra))
    }

    /// Opens one on an EVM chain for a scheme over Permit2, in the chain's USDC. `sender` also sends what the payer has to
    /// send itself where it is the payer's key.
    ///
    /// # Errors
    /// Whatever keeps Tollway from starting.
    ///
    /// # Panics
    /// Without a place for temporary files.
    pub async fn over_permit2(
        chain: &Chain,
        entry: SchemeEntry,
        payer: LocalKey,
        sender: Option<LocalKey>,
        gas_sponsoring: &[&str],
    ) -> Result<Self> {
        let memory = Memory::open()?;
        let mut builder = EvmNetwork::builder(Arc::clone(&memory.ledger), memory.clock())
            .url(chain.http_url())
            .payer(Arc::new(payer));
        if let Some(sender) = sender {
            builder = builder.sender(Arc::new(sender));
        }
        let evm = builder.connect().await?;
        let own = serde_json::json!({ "gas_sponsoring": gas_sponsoring });
        let settings = match entry.id.scheme {
            "exact" => serde_json::json!({ "permit2": own }),
            _ => own,
        };
        let scheme = Scheme { entry, family: tollway::evm::FAMILY, section: entry.section, settings };
        memory.house(evm.handle(), scheme, chain.usdc(), None)
    }

    /// Opens one on Solana, with the scheme's settings: payer 0 of the devnet signs, settler 0 pays the fees.
    ///
    /// # Errors
    /// Whatever keeps Tollway from starting.
    ///
    /// # Panics
    /// Without a place for temporary files.
    pub async fn on_solana(chain: &SolanaChain, settings: serde_json::Value) -> Result<Self> {
        let memory = Memory::open()?;
        let key = |account: &tollway_devnet::SolanaAccount| {
            tollway::solana::LocalKey::from_base58(&account.private_key()).map(Arc::new)
        };
        let network = SolanaNetwork::builder(Arc::clone(&memory.ledger), memory.clock())
            .url(chain.http_url())
            .payer(key(chain.accounts().payer(0))?)
            .fee_payer(key(chain.accounts().settler(0))?)
            .connect()
            .await?;
        let extra = Extra::of_pairs(&[("feePayer", chain.accounts().settler(0).address())]);
        let scheme = Scheme {
            entry: tollway::exact_spl::ENTRY,
            family: tollway::solana::FAMILY,
            section: "exact-spl",
            settings,
        };
        memory.house(network.handle(), scheme, chain.usdc(), Some(extra))
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

    /// The side that sells.
    fn seller(&self) -> &dyn Seller {
        self.cell().seller.as_deref().expect("the seller's role was asked for")
    }

    /// A 402 with the standing offer to `pay_to` and nothing else.
    ///
    /// # Errors
    /// The scheme's.
    pub async fn challenge(&self, pay_to: &str) -> Result<Challenge> {
        let (cell, chain) = (self.cell(), self.cell().chain);
        let price = Price {
            ceiling: Ceiling(Amount::new(self.family.asset(chain, &self.token)?, PRICE)),
            pay_to: self.family.account(chain, pay_to)?,
            timeout_s: 300,
            flow: Flow::Authorization,
            chain,
        };
        let kind = match &self.extra {
            Some(extra) => Kind {
                version: Version::V2,
                scheme: Name::new(cell.id.scheme)?,
                chain,
                extra: extra.clone(),
                extensions: Vec::new(),
            },
            None => self.kind().await?,
        };
        let offer = self.seller().offer(&price, &kind)?;
        let requirement = Ok(offer.requirement.clone());
        Ok(Challenge {
            version: Version::V2,
            accepts: vec![Entry { raw: offer.requirement.raw.clone(), requirement }],
            resource: None,
            extensions: self.seller().extensions(&offer, &kind),
            error: None,
        })
    }

    /// What the settler says that an offer must carry.
    async fn kind(&self) -> Result<Kind> {
        let kinds = self.settler().kinds().await?;
        Ok(kinds.into_iter().find(|kind| kind.version == Version::V2).expect("a kind on the newest wire"))
    }

    /// Signs a payment to `pay_to`, as an order for the facilitator.
    ///
    /// # Errors
    /// The scheme's and the ledger's.
    pub async fn order(&self, pay_to: &str) -> Result<Order> {
        self.sign(&self.challenge(pay_to).await?).await
    }

    /// What paying to `pay_to` would mean, before anything is signed.
    ///
    /// # Errors
    /// The scheme's.
    pub async fn plan(&self, pay_to: &str) -> Result<PayPlan> {
        self.plan_for(&self.challenge(pay_to).await?).await
    }

    /// What paying a challenge would mean, before anything is signed.
    ///
    /// # Errors
    /// The scheme's.
    pub async fn plan_for(&self, challenge: &Challenge) -> Result<PayPlan> {
        self.payer().plan(&demand(challenge)).await
    }

    /// Signs what a challenge asks for, as an order for the facilitator. What the plan wants done first is not done here.
    ///
    /// # Errors
    /// The scheme's and the ledger's.
    pub async fn sign(&self, challenge: &Challenge) -> Result<Order> {
        let demand = demand(challenge);
        let plan = self.payer().plan(&demand).await?;
        let mut id = [0u8; 16];
        OsDice.fill(&mut id);
        let attempt = AttemptId(alloy::hex::encode(id));
        let hold = HoldId(attempt.0.clone());
        let reserved = Reserved::new(&*self.ledger, hold, &[], plan, demand.now).await?;
        let sent = self.payer().authorize(&demand, &reserved, &attempt).await?;
        Ok(Order { leg: Leg::After, requirement: demand.requirement.clone(), payment: sent.payment })
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

fn demand(challenge: &Challenge) -> Demand<'_> {
    let (_, requirement) = challenge.requirements().next().expect("one offer that can be read");
    Demand { challenge, requirement, now: SystemClock.now() }
}

/// A scheme, its family, and its settings in their section.
struct Scheme {
    entry: SchemeEntry,
    family: Family,
    section: &'static str,
    settings: serde_json::Value,
}

/// A ledger in a file of its own.
struct Memory {
    ledger: Arc<dyn Ledger>,
    files: tempfile::TempDir,
}

impl Memory {
    fn open() -> Result<Self> {
        let files = tempfile::tempdir().expect("a temporary directory");
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(files.path().join("market.sqlite"))?);
        Ok(Self { ledger, files })
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    fn house(self, handle: Handle, scheme: Scheme, token: &str, extra: Option<Extra>) -> Result<Bed> {
        let network = Arc::clone(&handle.network);
        let dice: Arc<dyn Dice> = Arc::new(OsDice);
        let registry = Registry::builder()
            .with(scheme.entry)
            .family(scheme.family)
            .network(handle)
            .settings(scheme.section, scheme.settings)
            .role(Role::Payer)
            .role(Role::Seller)
            .role(Role::Settler)
            .build(Arc::clone(&self.ledger), self.clock(), dice)?;
        Ok(Bed {
            network,
            registry: Arc::new(registry),
            ledger: self.ledger,
            family: scheme.family,
            token: token.to_owned(),
            extra,
            _files: self.files,
        })
    }
}
