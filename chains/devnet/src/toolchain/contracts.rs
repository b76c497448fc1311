//! Runtime code for the genesis: our own contracts compiled once, the OP predeploys from their package.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use alloy::primitives::Bytes;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::npm::{self, Package};
use super::{Cache, Progress};
use crate::error::{DevnetError, Result};

const SOLC: Package = Package { name: "solc", version: "0.8.28" };
const BEDROCK: Package = Package { name: "@eth-optimism/contracts-bedrock", version: "0.17.3" };
const BUILD: &str = include_str!("build.cjs");

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../contracts/", $name)))),*]
    };
}

const SOURCES: &[(&str, &str)] = &sources![
    "ArbGasInfo.sol",
    "ExactPermit2Proxy.sol",
    "NodeInterface.sol",
    "Permit2Proxy.sol",
    "PriceFeed.sol",
    "Signatures.sol",
    "TokenState.sol",
    "Tokens.sol",
    "UptoPermit2Proxy.sol",
    "UsdCoin.sol",
    "UsdCoinProxy.sol",
];

/// Runtime code by contract name, and the interfaces of those that are compiled here.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Contracts {
    codes: BTreeMap<String, Bytes>,
    abis: BTreeMap<String, Value>,
}

impl Contracts {
    /// From the cache, or compiled into it.
    pub(crate) fn load(cache: &Cache, progress: &Progress) -> Result<Self> {
        let path =
            cache.entry(&format!("contracts-{}.json", fingerprint()), |made| build(cache, made, progress))?;
        let text = fs::read_to_string(path).map_err(|source| cache.error(source))?;
        serde_json::from_str(&text).map_err(|error| broken(cache, error))
    }

    /// The runtime code of the contract called `name`. A name that is not there is a defect of this crate.
    pub(crate) fn code(&self, name: &'static str) -> Result<Bytes> {
        self.codes.get(name).cloned().ok_or_else(|| DevnetError::Contracts {
            reason: format!("no contract {name} among {:?}", self.codes.keys()),
            cache: Path::new("TOLLWAY_CACHE").to_owned(),
        })
    }

    /// The ABI of the contract called `name`.
    pub(crate) fn abi(&self, name: &str) -> Result<Value> {
        self.abis.get(name).cloned().ok_or_else(|| DevnetError::BadInput {
            what: "contract",
            value: name.to_owned(),
            expected: "the name of a contract of this crate's own",
        })
    }
}

/// Changes whenever anything that goes into the code changes.
fn fingerprint() -> String {
    let mut hash = Sha256::new();
    for part in [SOLC.version, BEDROCK.version, BUILD] {
        hash.update(part);
        hash.update([0]);
    }
    for (name, text) in SOURCES {
        hash.update(name);
        hash.update([0]);
        hash.update(text);
    }
    hex::encode(&hash.finalize()[..8])
}

fn build(cache: &Cache, output: &Path, progress: &Progress) -> Result<()> {
    let scratch = tempfile::tempdir_in(cache.root()).map_err(|source| cache.error(source))?;
    let directory = scratch.path();
    let (modules, archive) = std::thread::scope(|scope| {
        let archive = scope.spawn(|| npm::archive(directory, BEDROCK, progress));
        let modules = npm::install(cache, SOLC, progress);
        (modules, archive.join().unwrap_or_else(|_| Err(broken(cache, "the download panicked"))))
    });
    let (modules, archive) = (modules?, archive?);
    for (name, text) in SOURCES.iter().copied().chain([("build.cjs", BUILD)]) {
        fs::write(directory.join(name), text).map_err(|source| cache.error(source))?;
    }
    progress.say("compiling the contracts");
    let mut node = Command::new("node");
    node.arg(directory.join("build.cjs")).arg(modules.join("solc")).arg(directory).arg(archive).arg(output);
    run(cache, &mut node)
}

fn run(cache: &Cache, node: &mut Command) -> Result<()> {
    let output = node.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            DevnetError::MissingTool { tool: "node", purpose: "compile the contracts".to_owned() }
        }
        _ => broken(cache, error),
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(broken(cache, String::from_utf8_lossy(&output.stderr).trim()))
}

fn broken(cache: &Cache, reason: impl ToString) -> DevnetError {
    DevnetError::Contracts { reason: reason.to_string(), cache: cache.root().to_owned() }
}
