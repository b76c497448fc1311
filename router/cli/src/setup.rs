//! From a configuration to a house.

use crate::config::{Config, Network};
use crate::exit::{Failure, Outcome};
use crate::keys;
use std::sync::Arc;
use tollway::core::{AssetId, BudgetId, ChainId, Clock, Ledger, Role, UsdPrice};
use tollway::evm::{EvmNetwork, Finality, LocalKey};
use tollway::ledger::SqliteLedger;
use tollway::route::{Budget, List, Policy, Scope};
use tollway::system::SystemClock;
use tollway::{House, HouseBuilder};

/// Opens the ledger, connects to every network and builds the plugins for `roles`.
pub(crate) async fn house(config: &Config, roles: &[Role]) -> Outcome<House> {
    if config.networks.is_empty() {
        return Err(Failure::usage("no [[network]] is configured"));
    }
    let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(&config.ledger)?);
    let payer = match (&config.payer, roles.contains(&Role::Payer)) {
        (Some(key), true) => Some(Arc::new(keys::read(key)?)),
        _ => None,
    };
    let senders = match roles.contains(&Role::Settler) {
        true => config.settlers.iter().map(|k| keys::read(k).map(Arc::new)).collect::<Outcome<Vec<_>>>()?,
        false => Vec::new(),
    };
    let mut builder = House::builder().name(&config.name).ledger(Arc::clone(&ledger));
    for role in roles {
        builder = builder.role(*role);
    }
    for network in &config.networks {
        let connected = connect(network, &ledger, payer.as_ref(), &senders, config.mainnet).await?;
        builder = builder.evm(&connected);
    }
    for (asset, price) in &config.prices {
        builder = fixed(builder, asset, price)?;
    }
    for (scheme, settings) in &config.schemes {
        let settings = serde_json::to_value(settings).map_err(Failure::usage)?;
        builder = builder.settings(scheme, settings);
    }
    Ok(builder.build()?)
}

async fn connect(
    network: &Network,
    ledger: &Arc<dyn Ledger>,
    payer: Option<&Arc<LocalKey>>,
    senders: &[Arc<LocalKey>],
    mainnet: bool,
) -> Outcome<Arc<EvmNetwork>> {
    let chain = ChainId::new(&network.id)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let url = url(network)?;
    let mut builder = EvmNetwork::builder(Arc::clone(ledger), clock).url(url).chain(&chain)?;
    if let Some(blocks) = network.confirmations {
        builder = builder.finality(Finality::Confirmations(blocks));
    }
    if let Some(payer) = payer {
        builder = builder.payer(Arc::clone(payer) as _);
    }
    for sender in senders {
        builder = builder.sender(Arc::clone(sender) as _);
    }
    let connected = builder.connect().await?;
    let testnet = tollway::core::Network::traits(connected.as_ref()).testnet;
    if !senders.is_empty() && !testnet && !mainnet {
        return Err(Failure::usage(format!(
            "{chain} is a mainnet; settling there needs --mainnet, or mainnet = true in the configuration"
        )));
    }
    Ok(connected)
}

/// A URL in the environment keeps a key in it out of the file.
fn url(network: &Network) -> Outcome<String> {
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

fn fixed(builder: HouseBuilder, asset: &str, price: &str) -> Outcome<HouseBuilder> {
    let wrong = || {
        Failure::usage(format!("prices: {asset:?} is not like \"eip155:8453/native\" or \"eip155:8453/0x…\""))
    };
    let (chain, key) = asset.split_once('/').ok_or_else(wrong)?;
    let chain = ChainId::new(chain)?;
    let (asset, decimals) = if key == AssetId::NATIVE {
        (AssetId::native(chain), 18)
    } else {
        let asset = tollway::evm::FAMILY.asset(chain, key)?;
        let known = tollway::evm::FAMILY.known(&asset);
        (asset, known.ok_or_else(|| Failure::usage(format!("prices: {asset} is in no table")))?.decimals)
    };
    let usd = tollway::core::Usd::parse(price)?;
    let price =
        UsdPrice { answer: usd.e18(), answer_decimals: 18, asset_decimals: decimals, at: SystemClock.now() };
    Ok(builder.fixed_price(asset, price))
}

/// The payer's limits; `max` overrides the configuration's cap.
pub(crate) fn policy(config: &Config, max: Option<tollway::core::Usd>) -> Outcome<Policy> {
    let limits = &config.policy;
    let networks = limits.networks.iter().map(|n| ChainId::new(n)).collect::<Result<Vec<_>, _>>()?;
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
