//! What a start needs besides this crate: a node and contract code. Found or fetched once, then cached.

mod anvil;
mod cache;
mod contracts;
mod npm;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use cache::Cache;
pub(crate) use contracts::Contracts;

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
    pub(crate) anvil: PathBuf,
    pub(crate) contracts: Contracts,
}

impl Toolchain {
    /// Finds or fetches it all; the node and the contracts side by side. Blocks for seconds on an empty cache.
    pub(crate) fn prepare(progress: &Progress) -> Result<Self> {
        let cache = Cache::locate()?;
        std::thread::scope(|scope| {
            let anvil = scope.spawn(|| anvil::find(&cache, progress));
            let contracts = Contracts::load(&cache, progress)?;
            let anvil =
                anvil.join().map_err(|_| DevnetError::Runtime("a setup thread panicked".into()))??;
            Ok(Self { anvil, contracts })
        })
    }
}
