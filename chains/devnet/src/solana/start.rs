//! Bringing Solana up.

use std::sync::Arc;

use serde_json::json;
use tokio::runtime::Handle;

use crate::accounts::Sizes;
use crate::chains::USDC_USD_E8;
use crate::error::{DevnetError, Result};
use crate::process::NodeProcess;
use crate::proxy::{self, Gate};
use crate::rpc::Node;
use crate::solana::accounts::SolanaAccounts;
use crate::solana::blocks::Maker;
use crate::solana::chain::SolanaChain;
use crate::solana::feeds::{self, Fresh};
use crate::solana::genesis;
use crate::solana::spec::{NAME, SLOT_MS, SOL_USD_E8, SOLANA_GENESIS_HASH, SOLANA_PRIORITY_FEE};
use crate::toolchain::Surfpool;

/// What the builder was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wishes {
    pub(crate) sizes: Sizes,
    pub(crate) block_time_ms: Option<u64>,
    pub(crate) keep_fresh: bool,
    /// 0 for any.
    pub(crate) port: u16,
}

/// Starts the node, fills it, and puts the proxy in front. Blocks.
pub(crate) fn start(surfpool: &Surfpool, wishes: Wishes, runtime: &Handle) -> Result<SolanaChain> {
    let failed = |reason: String| DevnetError::Node { chain: NAME, reason };
    let home = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
    let by_the_clock = wishes.block_time_ms.is_some();
    let configuration = json!({
        "offline": true,
        "blockProductionMode": if by_the_clock { "clock" } else { "transaction" },
        "slotTimeMs": wishes.block_time_ms.unwrap_or(SLOT_MS),
    });
    let (program, arguments) =
        surfpool.command(home.path(), &configuration).map_err(|error| failed(error.to_string()))?;
    let process = NodeProcess::start(NAME, program, &arguments, home)?;
    let node = Node::new(NAME, process.ports, runtime.clone())?;
    let (accounts, maker) = (SolanaAccounts::derive(wishes.sizes), Maker::new());
    runtime.block_on(async {
        genesis::write(&node, &accounts, maker.account()).await?;
        // Before its first block, the node says a height that is not its own.
        if by_the_clock { Ok(()) } else { maker.send(&node, 1, 0).await }
    })?;
    let gate = Arc::new(Gate::solana(NAME, SOLANA_GENESIS_HASH, SOLANA_PRIORITY_FEE, node.clone()));
    let port = proxy::listen(gate.clone(), wishes.port, runtime)?;
    let fresh = Fresh::new(SOL_USD_E8, USDC_USD_E8);
    if wishes.keep_fresh {
        runtime.spawn(feeds::keep(node, fresh.clone()));
    }
    Ok(SolanaChain { gate, process, port, accounts, maker, fresh, by_the_clock })
}
