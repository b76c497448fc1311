//! Chains, and houses built on them.

use crate::Outcome;
use crate::header::Draft;
use crate::process::{FacilitatorProcess, Settings, free_port};
use serde_json::json;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tollway::core::ledger::Leases;
use tollway::core::{AssetId, ChainId, Clock, Flow, Ledger, Name, Role, UsdPrice};
use tollway::evm::custody::Key;
use tollway::evm::{EvmNetwork, FAMILY, LocalKey};
use tollway::ledger::{LeaseSettings, PostgresLedger, PostgresSettings, SqliteLedger};
use tollway::nodes::{Hands, Keys, Node, connect};
use tollway::route::Rail;
use tollway::system::SystemClock;
use tollway::{House, HouseBuilder};
use tollway_devnet::{Chain, ChainSpec, Devnet};

/// What every test pays for one request, in atomic units of USDC: a cent.
pub const PRICE: u64 = 10_000;

/// How long an authorization stays good, in seconds.
pub const WINDOW_S: u64 = 60;

/// Whoever signs payments.
pub type PayerKey = Arc<dyn Key>;

/// The keys of a house.
#[derive(Clone, Default)]
pub struct HouseKeys {
    /// Signs payments.
    pub payer: Option<PayerKey>,
    /// Private keys that transactions are sent from.
    pub senders: Vec<String>,
}

impl fmt::Debug for HouseKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HouseKeys({} senders)", self.senders.len())
    }
}

/// Local chains, and a folder that holds every party's ledger.
#[derive(Debug)]
pub struct World {
    /// The chains.
    pub devnet: Devnet,
    files: tempfile::TempDir,
}

impl World {
    /// Starts these chains. Blocks are made for transactions alone, and when a test asks for one.
    ///
    /// # Errors
    /// The devnet's.
    pub async fn start(chains: impl IntoIterator<Item = ChainSpec>) -> Outcome<Self> {
        Self::with(Devnet::builder().chains(chains)).await
    }

    /// The same with a devnet's other settings.
    ///
    /// # Errors
    /// The devnet's.
    pub async fn with(devnet: tollway_devnet::DevnetBuilder) -> Outcome<Self> {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        Ok(Self { devnet: devnet.start().await?, files: tempfile::tempdir()? })
    }

    /// The first chain.
    ///
    /// # Panics
    /// There is none.
    pub fn chain(&self) -> &Chain {
        &self.devnet.chains()[0]
    }

    /// Where the ledger of this name is.
    pub fn ledger(&self, name: &str) -> PathBuf {
        self.files.path().join(format!("{name}.sqlite"))
    }

    /// CAIP-2 ids and URLs of the chains, through the devnet's own proxies.
    pub fn chains(&self) -> Vec<(String, String)> {
        self.devnet.chains().iter().map(|c| (c.spec().caip2(), c.http_url())).collect()
    }

    /// A house on these chains, over the ledger of its own name.
    ///
    /// # Errors
    /// Nodes that do not answer.
    pub async fn house(&self, name: &str, role: Role, keys: &HouseKeys) -> Outcome<House> {
        open_house(name, &self.ledger(name), role, &self.chains(), keys).await
    }

    /// A seller's house that knows the chains and has no node of any: only its facilitator tells it what happened.
    ///
    /// # Errors
    /// A ledger that cannot be opened.
    pub fn bare_house(&self, name: &str) -> Outcome<House> {
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(self.ledger(name))?);
        let mut builder = House::builder().name(name).ledger(ledger).role(Role::Seller);
        for chain in self.devnet.chains() {
            let id = ChainId::new(&chain.spec().caip2())?;
            let dollar = UsdPrice {
                answer: 100_000_000,
                answer_decimals: 8,
                asset_decimals: 6,
                at: SystemClock.now(),
            };
            builder = builder.bare(id).fixed_price(FAMILY.asset(id, chain.usdc())?, dollar);
        }
        Ok(builder.build()?)
    }

    /// USDC on this chain, to the first merchant.
    ///
    /// # Errors
    /// None on a devnet's chains.
    pub fn rail(&self, chain: &Chain) -> Outcome<Rail> {
        let id = ChainId::new(&chain.spec().caip2())?;
        let asset: AssetId = FAMILY.asset(id, chain.usdc())?;
        Ok(Rail {
            scheme: Name::new("exact")?,
            method: None,
            asset,
            pay_to: FAMILY.account(id, self.devnet.accounts().merchant(0).address())?,
            flow: Flow::Authorization,
            timeout_s: WINDOW_S,
        })
    }

    /// A facilitator in a process of its own, with as many senders.
    ///
    /// # Errors
    /// The system's.
    pub fn facilitator(
        &self,
        program: &str,
        senders: usize,
        patience_ms: u64,
    ) -> Outcome<FacilitatorProcess> {
        let key = |i| self.devnet.accounts().settler(i).private_key().to_owned();
        FacilitatorProcess::start(
            program,
            Settings {
                name: "facilitator".to_owned(),
                port: free_port()?,
                ledger: self.ledger("facilitator"),
                database: None,
                lease_ms: 0,
                chains: self.chains(),
                senders: (0..senders).map(key).collect(),
                patience_ms,
            },
        )
    }

    /// One of several facilitators, each in a process of its own, over one database and the same keys.
    ///
    /// # Errors
    /// The system's.
    pub fn shared_facilitator(
        &self,
        program: &str,
        name: &str,
        (database, lease_ms): (&str, u64),
        chains: &[(String, String)],
        senders: usize,
    ) -> Outcome<FacilitatorProcess> {
        let key = |i| self.devnet.accounts().settler(i).private_key().to_owned();
        let settings = Settings {
            name: name.to_owned(),
            port: free_port()?,
            ledger: self.ledger(name),
            database: Some(database.to_owned()),
            lease_ms,
            chains: chains.to_vec(),
            senders: (0..senders).map(key).collect(),
            patience_ms: 5_000,
        };
        FacilitatorProcess::start(program, settings)
    }

    /// A fresh payment of [`PRICE`] on the first chain by the `n`th payer, as `/settle` takes it.
    ///
    /// # Errors
    /// None on a devnet's chains.
    pub fn settle_body(&self, n: usize, timeout_s: u64) -> Outcome<String> {
        let (chain, accounts) = (self.chain(), self.devnet.accounts());
        let accepted = json!({
            "scheme": "exact",
            "network": chain.spec().caip2(),
            "asset": chain.usdc(),
            "amount": PRICE.to_string(),
            "payTo": accounts.merchant(0).address(),
            "maxTimeoutSeconds": timeout_s,
            "extra": { "name": chain.spec().usdc_name, "version": "2" },
        });
        let resource =
            json!({ "url": "https://shop.example/a", "description": "", "mimeType": "text/plain" });
        let challenge = json!({ "accepts": [accepted], "resource": resource });
        let payer = accounts.payer(n % accounts.payers().len()).private_key();
        let payment = Draft::new(&challenge, payer)?.sign();
        let body = json!({
            "x402Version": 2, "paymentPayload": payment, "paymentRequirements": payment["accepted"]
        });
        Ok(body.to_string())
    }
}

/// A house over a SQLite file.
///
/// # Errors
/// Nodes that do not answer, a file that cannot be opened.
pub async fn open_house(
    name: &str,
    file: &Path,
    role: Role,
    chains: &[(String, String)],
    keys: &HouseKeys,
) -> Outcome<House> {
    let ledger = SqliteLedger::open(file)?;
    house_over(House::builder().name(name).role(role), Arc::new(ledger), None, chains, keys).await
}

/// A facilitator's house over a database that it shares with others, as it does its keys.
///
/// # Errors
/// Nodes or a database that do not answer.
pub async fn open_shared_house(
    name: &str,
    (database, lease_ms): (&str, u64),
    chains: &[(String, String)],
    keys: &HouseKeys,
) -> Outcome<House> {
    let settings = PostgresSettings::new(database)?.leases(LeaseSettings::new(name).ttl_ms(lease_ms));
    let ledger = PostgresLedger::open(settings).await?;
    let leases = ledger.leases();
    house_over(House::builder().name(name).role(Role::Settler), Arc::new(ledger), leases, chains, keys).await
}

async fn house_over(
    builder: HouseBuilder,
    ledger: Arc<dyn Ledger>,
    leases: Option<Arc<dyn Leases>>,
    chains: &[(String, String)],
    keys: &HouseKeys,
) -> Outcome<House> {
    let mut builder = builder.ledger(Arc::clone(&ledger));
    if let Some(leases) = &leases {
        builder = builder.leases(Arc::clone(leases));
    }
    for (id, url) in chains {
        let (chain, clock): (_, Arc<dyn Clock>) = (ChainId::new(id)?, Arc::new(SystemClock));
        if chain.namespace() != FAMILY.namespace {
            let node = Node { chain: Some(chain), ..Node::new(url) };
            let senders = Keys::read(&keys.senders.join(","))?;
            let hands =
                Hands { payers: Keys::none(), senders, ledger: Arc::clone(&ledger), leases: None, clock };
            builder = builder.connected(connect(&node, &hands).await?);
            continue;
        }
        let mut network = EvmNetwork::builder(Arc::clone(&ledger), clock).url(url).chain(&chain)?;
        if let Some(payer) = &keys.payer {
            network = network.payer(Arc::clone(payer));
        }
        if let Some(leases) = &leases {
            network = network.leases(Arc::clone(leases));
        }
        for sender in &keys.senders {
            network = network.sender(Arc::new(LocalKey::from_hex(sender)?));
        }
        builder = builder.evm(&network.connect().await?);
    }
    Ok(builder.build()?)
}
