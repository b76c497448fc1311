//! From a configuration to a house.

use crate::config::{Config, Network, Places};
use crate::exit::{Failure, Outcome};
use crate::{custody, keys, metrics, prices};
use std::sync::Arc;
use tollway::core::ledger::Leases;
use tollway::core::{BudgetId, ChainId, Code, Ledger, Role};
use tollway::ledger::{LeaseSettings, PostgresCheckup, PostgresLedger, PostgresSettings, SqliteLedger};
use tollway::nodes::{self, Connected, Hands, Keys, Node};
use tollway::route::{Budget, List, Policy, Scope};
use tollway::system::SystemClock;
use tollway::{House, HouseBuilder};

/// Opens the ledger, connects to every network at once and builds the plugins for `roles`.
///
/// A payer goes on without a node that does not answer: entries on its network are then rejected. A facilitator does
/// not, because it would turn away what it has promised to settle.
pub(crate) async fn house(config: &Config, roles: &[Role]) -> Outcome<House> {
    if config.networks.is_empty() {
        return Err(Failure::usage(
            "no [[network]] is configured; `tollway devnet --write-config FILE` writes an example",
        ));
    }
    let (payers, senders) = keys(config, roles)?;
    let (builder, ledger, leases) = ledger(config, roles).await?;
    let ledger = metrics::timed(config, ledger);
    let mut builder = builder.ledger(Arc::clone(&ledger));
    if let Some(leases) = &leases {
        builder = builder.leases(Arc::clone(leases));
    }
    let hands = Hands { payers, senders, ledger, leases, clock: Arc::new(SystemClock) };
    for role in roles {
        builder = builder.role(*role);
    }
    builder = prices::set(builder, config)?;
    for (scheme, settings) in &config.schemes {
        let settings = serde_json::to_value(settings).map_err(Failure::usage)?;
        builder = builder.settings(scheme, settings);
    }
    let connecting = config
        .networks
        .iter()
        .map(|network| {
            let (node, hands) = (node(network)?, hands.clone());
            Ok((network, tokio::spawn(async move { nodes::connect(&node, &hands).await })))
        })
        .collect::<Outcome<Vec<_>>>()?;
    let mut away = None;
    for (network, connecting) in connecting {
        match connecting.await.map_err(Failure::failed)? {
            Ok(connected) => {
                guard(&connected, &hands.senders, config.mainnet)?;
                builder = builder.connected(connected);
            }
            Err(e) if e.code == Code::Unreachable && !roles.contains(&Role::Settler) => {
                eprintln!("going on without {}: {}", network.id, e.detail);
                away = Some(e);
            }
            Err(e) => return Err(e.into()),
        }
    }
    let house = builder.build()?;
    match away {
        Some(e) if house.registry().networks().next().is_none() => Err(e.into()),
        _ => Ok(house),
    }
}

/// Whose each key is, among several facilitators.
type SharedKeys = Option<Arc<dyn Leases>>;

/// The memory: a file, or a database that several machines share. Facilitators over one database share their keys.
async fn ledger(config: &Config, roles: &[Role]) -> Outcome<(HouseBuilder, Arc<dyn Ledger>, SharedKeys)> {
    let builder = House::builder().name(&config.name);
    let Some(name) = &config.ledger_env else {
        let sqlite = Arc::new(SqliteLedger::open(&config.ledger)?);
        return Ok((builder.sqlite_ledger(Arc::clone(&sqlite)), sqlite, None));
    };
    let mut settings = postgres(name)?;
    if roles.contains(&Role::Settler) {
        settings = settings.leases(LeaseSettings::new(&config.name).ttl_ms(config.facilitator.lease_ms));
    }
    let postgres = Arc::new(PostgresLedger::open(settings).await?);
    let leases = postgres.leases();
    Ok((builder.postgres_ledger(Arc::clone(&postgres)), postgres, leases))
}

/// Where the PostgreSQL ledger is, by the variable that holds its URL.
pub(crate) fn postgres(name: &str) -> Outcome<PostgresSettings> {
    let url = std::env::var(name).map_err(|_| {
        Failure::usage(format!(
            "ledger_env: the environment variable {name} with the ledger's URL is not set"
        ))
    })?;
    Ok(PostgresSettings::new(&url)?)
}

/// A memory that is there already, to read in it: none is made.
pub(crate) async fn existing_ledger(config: &Config) -> Outcome<Arc<dyn Ledger>> {
    let Some(name) = &config.ledger_env else {
        if !config.ledger.exists() {
            return Err(Failure::usage(format!("there is no ledger at {}", config.ledger.display())));
        }
        return Ok(Arc::new(SqliteLedger::open(&config.ledger)?));
    };
    let settings = postgres(name)?;
    if PostgresCheckup::of(&settings).await?.schema.is_none() {
        return Err(Failure::usage(format!("there is no ledger in the database that {name} names")));
    }
    Ok(Arc::new(PostgresLedger::open(settings.connections(1)).await?))
}

/// The keys that the asked roles need: those that pay, and those that send; each behind its policy.
pub(crate) fn keys(config: &Config, roles: &[Role]) -> Outcome<(Keys, Keys)> {
    let read = |places: &Places, role: Role| -> Outcome<Keys> {
        let places = places.0.iter().filter(|_| roles.contains(&role));
        places.map(keys::read).try_fold(Keys::none(), |all, more| Ok(all.and(more?)?))
    };
    let (payers, senders) = (read(&config.payer, Role::Payer)?, read(&config.settlers, Role::Settler)?);
    custody::check(config, &[&payers, &senders], || {
        // Keys of roles that were not asked for may be named too. One that cannot be read here tells nothing.
        let places = config.payer.0.iter().chain(&config.settlers.0);
        places.map(keys::read).try_fold(Keys::none(), |all, more| Ok(all.and(more?)?))
    })?;
    let (payers, senders) = (custody::hold(config, payers)?, custody::hold(config, senders)?);
    if !config.policy.own_transactions {
        return Ok((payers, senders));
    }
    // What a route wants done first is only known on EVM networks.
    let own = payers.of("eip155");
    Ok((payers, senders.and(own)?))
}

/// The addresses that transactions are sent from, each with its family's namespace; only asked for where somebody records.
pub(crate) fn senders(config: &Config) -> Outcome<Vec<(&'static str, String)>> {
    if config.metrics.is_none() {
        return Ok(Vec::new());
    }
    Ok(keys(config, &[Role::Settler])?.1.addresses())
}

pub(crate) fn node(network: &Network) -> Outcome<Node> {
    let chain = Some(chain(&network.id)?);
    Ok(Node {
        chain,
        confirmations: network.confirmations,
        fee_cap_wei: network.fee_cap_wei,
        bid_times_max: network.bid_times_max,
        ..Node::new(url(network)?)
    })
}

/// Settling where coins are worth something takes a word.
fn guard(connected: &Connected, senders: &Keys, mainnet: bool) -> Outcome {
    let network = &connected.handle.network;
    if !senders.is_empty() && !network.traits().testnet && !mainnet {
        return Err(Failure::usage(format!(
            "{} is a mainnet; settling there needs --mainnet, or mainnet = true in the configuration",
            network.id()
        )));
    }
    Ok(())
}

pub(crate) fn chain(id: &str) -> Outcome<ChainId> {
    ChainId::new(id).map_err(|_| Failure::usage(format!("network {id:?} is not like \"eip155:8453\"")))
}

/// A URL in the environment keeps a key in it out of the file.
pub(crate) fn url(network: &Network) -> Outcome<String> {
    match (&network.rpc, &network.rpc_env) {
        (Some(url), None) => Ok(url.clone()),
        (None, Some(name)) => std::env::var(name).map_err(|_| {
            Failure::usage(format!(
                "{}: the environment variable {name} with the node's URL is not set",
                network.id
            ))
        }),
        _ => Err(Failure::usage(format!("{}: set either rpc or rpc_env", network.id))),
    }
}

/// The payer's limits; `max` overrides the configuration's cap.
pub(crate) fn policy(config: &Config, max: Option<tollway::core::Usd>) -> Outcome<Policy> {
    let limits = &config.policy;
    let networks = limits.networks.iter().map(|n| chain(n)).collect::<Outcome<Vec<_>>>()?;
    let budgets = limits.day_usd.iter().map(|limit| Budget {
        id: BudgetId("day".to_owned()),
        scope: Scope::All,
        limit: *limit,
        window_ms: 24 * 3600 * 1000,
    });
    Ok(Policy {
        networks: if networks.is_empty() { List::Any } else { List::Only(networks) },
        hosts: if limits.hosts.is_empty() { List::Any } else { List::Only(limits.hosts.clone()) },
        cap: max.or(limits.max_usd),
        budgets: budgets.collect(),
        allow_mainnet: config.mainnet,
        ..Policy::default()
    })
}
