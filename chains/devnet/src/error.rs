//! What can go wrong while bringing chains up, and what to do about it.

use std::path::PathBuf;

/// Everything this crate can fail with. Each message names what was wrong, where, and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevnetError {
    /// A program that a first start needs is not on this machine.
    #[error(
        "`{tool}` was not found on PATH, and it is needed to {purpose}: install Node.js 18 or newer (it brings npm), or put `anvil` on PATH and fill the cache on another machine"
    )]
    MissingTool {
        /// The program that was looked for.
        tool: &'static str,
        /// What it was needed for.
        purpose: String,
    },
    /// A package could not be fetched.
    #[error(
        "could not install {package}: {reason}; check that npm reaches its package registry, then start again"
    )]
    Install {
        /// The package and its version.
        package: String,
        /// What npm said.
        reason: String,
    },
    /// The contracts could not be compiled or read. A defect of this crate, or a damaged cache.
    #[error("could not prepare contract code: {reason}; delete the cache at {cache} and start again")]
    Contracts {
        /// What failed.
        reason: String,
        /// Where the cache is.
        cache: PathBuf,
    },
    /// The cache directory cannot be used.
    #[error("cannot use the cache at {path}: {source}; set TOLLWAY_CACHE to a directory that can be written")]
    Cache {
        /// The path that failed.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No place for a cache is known.
    #[error("neither TOLLWAY_CACHE, XDG_CACHE_HOME nor HOME is set: set TOLLWAY_CACHE to a directory")]
    NoCache,
    /// The node of a chain did not come up, or went away.
    #[error("{chain}: the node did not start: {reason}")]
    Node {
        /// Which chain.
        chain: &'static str,
        /// What the node said.
        reason: String,
    },
    /// A fixed port is taken.
    #[error("{chain}: cannot listen on 127.0.0.1:{port}: {source}; stop what uses it, or ask for port 0")]
    Port {
        /// Which chain.
        chain: &'static str,
        /// The port asked for.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// The node refused a call that the devnet itself made.
    #[error("{chain}: {method} failed: {reason}")]
    Rpc {
        /// Which chain.
        chain: &'static str,
        /// The JSON-RPC method.
        method: &'static str,
        /// What the node said.
        reason: String,
    },
    /// The chain asked for is not part of this devnet.
    #[error("chain {asked} is not in this devnet, which has {have:?}: add it to the builder")]
    UnknownChain {
        /// The chain id asked for.
        asked: u64,
        /// Those that run.
        have: Vec<u64>,
    },
    /// Solana is not part of this devnet.
    #[error("Solana is not in this devnet: ask the builder for it with `solana()`")]
    NoSolana,
    /// The knob does not exist on this kind of chain.
    #[error("{chain} has no {knob}: it exists on {on} only")]
    NoSuchKnob {
        /// Which chain.
        chain: &'static str,
        /// The knob.
        knob: &'static str,
        /// Where it exists.
        on: &'static str,
    },
    /// A value handed in cannot be used.
    #[error("{what} `{value}` is not usable: {expected}")]
    BadInput {
        /// What kind of value.
        what: &'static str,
        /// The value.
        value: String,
        /// What would be.
        expected: &'static str,
    },
    /// The runtime of the devnet could not be started or has ended.
    #[error("the devnet's runtime is gone: {0}; keep the Devnet alive while its chains are used")]
    Runtime(String),
}

/// A result of this crate.
pub type Result<T, E = DevnetError> = std::result::Result<T, E>;
