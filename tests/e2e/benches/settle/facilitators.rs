//! Who settles, and how each is started: from its own package, with its own defaults, and one key where nothing else is
//! said. Two have what they need to settle side by side at all: the TypeScript SDK viem's own count of nonces, the Python
//! SDK, whose signer blocks, a thread for each payment in flight.

use crate::ours::Ours;
use crate::program::Program;
use crate::{python, rust, sdk};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::process::Command;
use tollway_devnet::Devnet;
use tollway_e2e::Outcome;

/// The pause between two looks for a receipt, where an operator would have set it in one line.
const POLL_MS: u64 = 50;
/// The validator of EIP-6492 signatures. x402-rs does not start without it; payments of plain accounts never call it, so
/// any code serves.
const VALIDATOR: (&str, &str) = ("0xdAcD51A54883eb67D95FAEb2BBfdC4a9a6BD2a3B", "0x00");

/// A facilitator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tollway { keys: usize },
    X402Rs { poll_ms: Option<u64> },
    R402 { poll_ms: Option<u64> },
    Reference { poll_ms: Option<u64> },
    Python,
}

impl Kind {
    pub(crate) const ALL: [Self; 10] = [
        Self::Tollway { keys: 1 },
        Self::Tollway { keys: 8 },
        Self::Tollway { keys: 32 },
        Self::X402Rs { poll_ms: None },
        Self::X402Rs { poll_ms: Some(POLL_MS) },
        Self::R402 { poll_ms: None },
        Self::R402 { poll_ms: Some(POLL_MS) },
        Self::Reference { poll_ms: None },
        Self::Reference { poll_ms: Some(POLL_MS) },
        Self::Python,
    ];

    /// How its row is called.
    pub(crate) fn name(self) -> String {
        let polling = |name: &str, poll_ms: Option<u64>| match poll_ms {
            None => name.to_owned(),
            Some(ms) => format!("{name}, polling every {ms} ms"),
        };
        match self {
            Self::Tollway { keys: 1 } => "Tollway, 1 key".to_owned(),
            Self::Tollway { keys } => format!("Tollway, {keys} keys"),
            Self::X402Rs { poll_ms } => polling("x402-rs 2.0.2", poll_ms),
            Self::R402 { poll_ms } => polling("r402 0.21.0", poll_ms),
            Self::Reference { poll_ms } => polling("TypeScript SDK 2.26.0", poll_ms),
            Self::Python => "Python SDK 2.25.0".to_owned(),
        }
    }

    /// Fetches and builds what it needs.
    pub(crate) fn prepare(self) -> Outcome<Ready> {
        let from = match self {
            Self::Tollway { .. } => PathBuf::new(),
            Self::X402Rs { .. } => rust::build("x402-rs")?,
            Self::R402 { .. } => rust::build("r402")?,
            Self::Reference { .. } => sdk::install()?,
            Self::Python => python::install(python::REQUIREMENTS)?,
        };
        Ok(Ready { kind: self, from })
    }
}

/// One that can be started.
#[derive(Debug)]
pub(crate) struct Ready {
    kind: Kind,
    /// Its program, the SDK's home, or the Python that has it.
    from: PathBuf,
}

impl Ready {
    pub(crate) fn name(&self) -> String {
        self.kind.name()
    }

    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.kind, Kind::Tollway { .. })
    }

    /// Starts it for a chain.
    pub(crate) async fn start(&self, devnet: &Devnet, rpc: &str) -> Outcome<Running> {
        let chain = &devnet.chains()[0];
        let settings = |poll_ms: Option<u64>| {
            json!({ "chain": chain.id(), "rpc": rpc, "poll_ms": poll_ms,
                "keys": [devnet.accounts().settler(0).private_key()] })
        };
        let process = match self.kind {
            Kind::Tollway { keys } => Process::Ours(Ours::start(devnet, rpc, keys).await?),
            Kind::X402Rs { poll_ms } => {
                chain.set_code(VALIDATOR.0, VALIDATOR.1).await?;
                Process::Theirs(self.program(None, &settings(poll_ms)).await?)
            }
            Kind::R402 { poll_ms } => Process::Theirs(self.program(None, &settings(poll_ms)).await?),
            Kind::Python => {
                Process::Theirs(self.program(Some("peers/facilitator.py"), &settings(None)).await?)
            }
            Kind::Reference { poll_ms } => {
                let chains = json!([{ "id": chain.id(), "rpc": rpc }]);
                let settings = json!({ "key": devnet.accounts().settler(0).private_key(), "chains": chains,
                    "pollingIntervalMs": poll_ms, "manyAtOnce": true });
                let mut node = Command::new("node");
                node.arg(tests("interop/js/facilitator.mjs")).arg(settings.to_string());
                node.env("TOLLWAY_SDK", &self.from).env("NODE_ENV", "production");
                Process::Theirs(Program::start(node).await?)
            }
        };
        let pid = match &process {
            Process::Ours(ours) => ours.process.id(),
            Process::Theirs(program) => program.pid(),
        };
        Ok(Running { process, pid: pid.ok_or("it ended at once")? })
    }

    async fn program(&self, script: Option<&str>, settings: &Value) -> Outcome<Program> {
        let mut command = Command::new(&self.from);
        command.args(script.map(tests)).arg(settings.to_string());
        Program::start(command).await
    }
}

/// A path below `tests`.
fn tests(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// One that runs, until it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    process: Process,
    pid: u32,
}

#[derive(Debug)]
enum Process {
    Ours(Ours),
    Theirs(Program),
}

impl Running {
    pub(crate) fn settle_url(&self) -> String {
        let url = match &self.process {
            Process::Ours(ours) => ours.process.url(),
            Process::Theirs(program) => program.url(),
        };
        format!("{url}/settle")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }
}
