//! What a start needs besides this crate: a node and contract code. Found or fetched once, then cached.

mod anvil;
mod cache;
mod contracts;
mod npm;
mod postgres;
mod surfpool;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use cache::Cache;
pub(crate) use contracts::Contracts;
pub(crate) use postgres::find as postgres;
pub(crate) use surfpool::Surfpool;

use crate::error::{DevnetError, Result};

/// Where news about slow first steps go.
#[derive(Clone)]
pub(crate) struct Progress(Arc<dyn Fn(&str) + Send + Sync>);

impl Progress {
    pub(crate) fn new(report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }

    fn say(&self, news: &str) {
        tracing::info!(target: "tollway_devnet", "{news}");
        (self.0)(news);
    }
}

impl Default for Progress {
    fn default() -> Self {
        // tidy: allow print, because a tool tells its user what it fetches, unless it is told otherwise
        Self::new(|news| eprintln!("devnet: {news}"))
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// Everything a start needs.
#[derive(Debug, Clone)]
pub(crate) struct Toolchain {
    pub(crate) evm: Option<EvmTools>,
    pub(crate) surfpool: Option<Surfpool>,
}

/// What EVM chains need.
#[derive(Debug, Clone)]
pub(crate) struct EvmTools {
    pub(crate) anvil: PathBuf,
    pub(crate) contracts: Contracts,
}

impl Toolchain {
    /// Finds or fetches what is asked for, side by side. Blocks for seconds on an empty cache.
    pub(crate) fn prepare(progress: &Progress, evm: bool, solana: bool) -> Result<Self> {
        let cache = Cache::locate()?;
        std::thread::scope(|scope| {
            let anvil = evm.then(|| scope.spawn(|| anvil::find(&cache, progress)));
            let surfpool = solana.then(|| scope.spawn(|| Surfpool::find(&cache, progress)));
            let contracts = evm.then(|| Contracts::load(&cache, progress)).transpose()?;
            let anvil = anvil.map(joined).transpose()?;
            let surfpool = surfpool.map(joined).transpose()?;
            let evm = anvil.zip(contracts).map(|(anvil, contracts)| EvmTools { anvil, contracts });
            Ok(Self { evm, surfpool })
        })
    }
}

/// The ABI, as JSON, of one of the contracts that this crate compiles: `x402ExactPermit2Proxy`,
/// `x402UptoPermit2Proxy`, `UsdCoin`, `PlainToken`, `PermitToken`, `SilentToken`, `FeeToken` and the rest of its
/// folder `contracts`. Compiles them if that was not done yet, which takes seconds.
///
/// # Errors
/// There is no such contract, or they cannot be compiled.
pub fn contract_abi(name: &str) -> Result<serde_json::Value> {
    Contracts::load(&Cache::locate()?, &Progress::default())?.abi(name)
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| Err(DevnetError::Runtime("a setup thread panicked".into())))
}

/// The runtime code of one of the contracts that this crate compiles, for [`Chain::set_code`](crate::Chain::set_code):
/// accounts with code, honest and hostile (`OwnedWallet`, `KeyWallet`, `YesWallet`, `GreedyWallet`, `TurncoatWallet`,
/// `ChameleonWallet`, `FrugalWallet`), and `WalletFactory`, which deploys the first. Compiles them if that was not done yet, which takes
/// seconds.
///
/// # Errors
/// There is no such contract, or they cannot be compiled.
pub fn contract_code(name: &'static str) -> Result<String> {
    Ok(Contracts::load(&Cache::locate()?, &Progress::default())?.code(name)?.to_string())
}
