//! Bringing chains up, and taking them down.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::runtime::{Handle, Runtime};

use crate::accounts::{Accounts, Sizes};
use crate::chain::Chain;
use crate::chains::ChainSpec;
use crate::error::{DevnetError, Result};
use crate::fresh::{self, Pinned};
use crate::genesis;
use crate::process::NodeProcess;
use crate::proxy::{self, Gate, Plan};
use crate::rpc::Node;
use crate::solana::{self, SOLANA_PORT, SolanaChain, Wishes};
use crate::toolchain::{EvmTools, Progress, Surfpool, Toolchain};

const GENESIS: &str = "genesis.json";

/// How many blocks back state can be read.
const HISTORY: u32 = 256;

/// Local chains that run until this is dropped.
///
/// Dropping ends the nodes within milliseconds. They also end when the process does, however it does.
#[derive(Debug)]
pub struct Devnet {
    chains: Vec<Chain>,
    solana: Option<SolanaChain>,
    accounts: Accounts,
    runtime: Option<Runtime>,
}

/// What a devnet will be; made by [`Devnet::builder`].
#[derive(Debug, Clone)]
pub struct DevnetBuilder {
    chains: Vec<ChainSpec>,
    solana: bool,
    block_time_ms: Option<u64>,
    free_base_fee: bool,
    keep_fresh: bool,
    keep_states: bool,
    fixed_ports: bool,
    sizes: Sizes,
    progress: Progress,
}

impl Devnet {
    /// All EVM chains, mining on each transaction, on ports that are free; Solana when it is
    /// [asked for](DevnetBuilder::solana).
    pub fn builder() -> DevnetBuilder {
        DevnetBuilder {
            chains: ChainSpec::ALL.to_vec(),
            solana: false,
            block_time_ms: None,
            free_base_fee: false,
            keep_fresh: true,
            keep_states: true,
            fixed_ports: false,
            sizes: Sizes::default(),
            progress: Progress::default(),
        }
    }

    /// The chain with this id.
    pub fn chain(&self, chain_id: u64) -> Result<&Chain> {
        self.chains.iter().find(|chain| chain.id() == chain_id).ok_or_else(|| DevnetError::UnknownChain {
            asked: chain_id,
            have: self.chains.iter().map(Chain::id).collect(),
        })
    }

    /// All EVM chains, in the order of the builder.
    pub fn chains(&self) -> &[Chain] {
        &self.chains
    }

    /// Solana, if it was asked for.
    pub fn solana(&self) -> Result<&SolanaChain> {
        self.solana.as_ref().ok_or(DevnetError::NoSolana)
    }

    /// The funded accounts, the same on every EVM chain. Those on Solana: [`SolanaChain::accounts`].
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Ends the chains and returns when they are gone. Dropping does the same, but blocks the thread meanwhile.
    pub async fn stop(self) {
        // A failure here would be a panic in a drop, and the chains are gone all the same.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        std::thread::scope(|scope| {
            for chain in self.chains.drain(..) {
                scope.spawn(move || drop(chain));
            }
            drop(self.solana.take());
        });
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl DevnetBuilder {
    /// These EVM chains only; there may be none.
    #[must_use]
    pub fn chains(mut self, chains: impl IntoIterator<Item = ChainSpec>) -> Self {
        self.chains = chains.into_iter().collect();
        self
    }

    /// Adds Solana, which costs its start only where it is wanted.
    #[must_use]
    pub fn solana(mut self) -> Self {
        self.solana = true;
        self
    }

    /// A block every so many milliseconds, or (`None`, the default) one for each transaction as it arrives.
    #[must_use]
    pub fn block_time_ms(mut self, milliseconds: impl Into<Option<u64>>) -> Self {
        self.block_time_ms = milliseconds.into();
        self
    }

    /// Lets base fees follow EIP-1559 from the start, instead of being held where they are set.
    #[must_use]
    pub fn free_base_fee(mut self) -> Self {
        self.free_base_fee = true;
        self
    }

    /// Whether an idle chain gets an empty block every half minute, and its feeds a new time (it does). Switch it off
    /// in tests that take longer and count blocks.
    #[must_use]
    pub fn keep_fresh(mut self, keep: bool) -> Self {
        self.keep_fresh = keep;
        self
    }

    /// Whether the state of the last 256 blocks can be read, and gone back to (it can). Each block then holds a copy of
    /// everything, which is what limits a node that makes one block after the other: switch it off to measure speed.
    #[must_use]
    pub fn keep_states(mut self, keep: bool) -> Self {
        self.keep_states = keep;
        self
    }

    /// Serves each chain on its [`port`](ChainSpec::port) and Solana on [`SOLANA_PORT`], instead of any that is free.
    #[must_use]
    pub fn fixed_ports(mut self, fixed: bool) -> Self {
        self.fixed_ports = fixed;
        self
    }

    /// How many payers are funded (10).
    #[must_use]
    pub fn payers(mut self, count: u32) -> Self {
        self.sizes.payers = count.clamp(1, 1000);
        self
    }

    /// How many merchants are funded (6).
    #[must_use]
    pub fn merchants(mut self, count: u32) -> Self {
        self.sizes.merchants = count.clamp(1, 1000);
        self
    }

    /// How many settlers are funded (8).
    #[must_use]
    pub fn settlers(mut self, count: u32) -> Self {
        self.sizes.settlers = count.clamp(1, 1000);
        self
    }

    /// Hears of slow first steps (downloads, compiling) instead of standard error.
    #[must_use]
    pub fn on_progress(mut self, report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.progress = Progress::new(report);
        self
    }

    /// Brings the chains up. The first time on a machine fetches what is missing, which takes some seconds.
    pub async fn start(self) -> Result<Devnet> {
        tokio::task::spawn_blocking(move || self.start_blocking())
            .await
            .map_err(|error| DevnetError::Runtime(error.to_string()))?
    }

    /// As [`start`](Self::start), from code that is not async.
    pub fn start_blocking(self) -> Result<Devnet> {
        let toolchain = Toolchain::prepare(&self.progress, !self.chains.is_empty(), self.solana)?;
        let accounts = Accounts::derive(self.sizes)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("devnet")
            .enable_all()
            .build()
            .map_err(|error| DevnetError::Runtime(error.to_string()))?;
        let handle = runtime.handle();
        let gone = || Err(DevnetError::Runtime("a setup thread panicked".into()));
        let (chains, solana) = std::thread::scope(|scope| {
            let (builder, accounts) = (&self, &accounts);
            let start = |spec, tools| scope.spawn(move || builder.start_chain(spec, tools, accounts, handle));
            let wanted = self.chains.iter().filter_map(|spec| Some((spec, toolchain.evm.as_ref()?)));
            let threads: Vec<_> = wanted.map(|(spec, tools)| start(spec, tools)).collect();
            let solana = toolchain.surfpool.as_ref().map(|surfpool| builder.start_solana(surfpool, handle));
            let chains: Vec<_> = threads.into_iter().map(|t| t.join().unwrap_or_else(|_| gone())).collect();
            (chains, solana)
        });
        let chains = chains.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(Devnet { chains, solana: solana.transpose()?, accounts, runtime: Some(runtime) })
    }

    fn start_solana(&self, surfpool: &Surfpool, runtime: &Handle) -> Result<SolanaChain> {
        let wishes = Wishes {
            sizes: self.sizes,
            block_time_ms: self.block_time_ms,
            keep_fresh: self.keep_fresh,
            port: if self.fixed_ports { SOLANA_PORT } else { 0 },
        };
        solana::start(surfpool, wishes, runtime)
    }

    fn start_chain(
        &self,
        spec: &ChainSpec,
        tools: &EvmTools,
        accounts: &Accounts,
        runtime: &Handle,
    ) -> Result<Chain> {
        let failed = |reason: String| DevnetError::Node { chain: spec.name, reason };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| failed(error.to_string()))?;
        let document = genesis::document(spec, accounts, &tools.contracts, now.as_secs())?;
        let home = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
        fs::write(home.path().join(GENESIS), document.to_string())
            .map_err(|error| failed(error.to_string()))?;
        let arguments = self.arguments(spec, home.path(), now.as_secs());
        let process = NodeProcess::start(spec.name, &tools.anvil, &arguments, home)?;
        let node = Node::new(spec.name, process.ports, runtime.clone())?;
        let automine = self.block_time_ms.is_none();
        let plan = if self.free_base_fee { Plan::Free } else { Plan::Hold(spec.base_fee_wei.into()) };
        let gate = Arc::new(Gate::evm(*spec, node, plan.clone(), automine));
        runtime.block_on(async {
            gate.node.call_here("anvil_setLoggingEnabled", serde_json::json!([false])).await?;
            gate.follow(plan).await
        })?;
        gate.attend(runtime);
        let port = proxy::listen(gate.clone(), if self.fixed_ports { spec.port } else { 0 }, runtime)?;
        let pinned = Arc::new(Pinned::default());
        if self.keep_fresh {
            runtime.spawn(fresh::keep(gate.clone(), pinned.clone()));
        }
        Ok(Chain { gate, process, port, pinned })
    }

    fn arguments(&self, spec: &ChainSpec, home: &Path, now: u64) -> Vec<String> {
        let mut arguments: Vec<String> = ["--host", "127.0.0.1", "--port", "0", "--accounts", "1"]
            .into_iter()
            .map(str::to_owned)
            .collect();
        let mut set = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
        set("init", home.join(GENESIS).display().to_string());
        set("cache-path", home.display().to_string());
        set("chain-id", spec.chain_id.to_string());
        set("timestamp", now.to_string());
        set("block-base-fee-per-gas", spec.base_fee_wei.to_string());
        set("gas-limit", "120000000".to_owned());
        if spec.pays_l1() {
            set("network", "optimism".to_owned());
        }
        match self.block_time_ms {
            Some(milliseconds) => {
                set("block-time", format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000));
            }
            None => arguments.push("--no-mining".to_owned()), // our own miner does it
        }
        // Without this, anvil writes the state of each old block to the user's disk, and slows down.
        arguments.push("--prune-history".to_owned());
        arguments.extend(self.keep_states.then(|| HISTORY.to_string()));
        arguments
    }
}
