//! Finding the Solana node: surfpool as an addon for Node.js, from npm.

use std::path::{Path, PathBuf};

use super::npm::{self, Package};
use super::{Cache, Progress};
use crate::error::{DevnetError, Result};

const VERSION: &str = "1.5.0";
const SCRIPT: &str = include_str!("surfpool.cjs");
const SCRIPT_NAME: &str = "surfpool.cjs";

/// What runs a Solana node.
#[derive(Debug, Clone)]
pub(crate) struct Surfpool {
    module: PathBuf,
}

impl Surfpool {
    /// From the cache, or fetched into it.
    pub(crate) fn find(cache: &Cache, progress: &Progress) -> Result<Self> {
        let package = package()?;
        let modules = npm::install(cache, package, progress)?;
        Ok(Self { module: modules.join(package.name) })
    }

    /// The program and the arguments that start a node with this configuration. Writes its script into `home`.
    pub(crate) fn command(
        &self,
        home: &Path,
        configuration: &serde_json::Value,
    ) -> std::io::Result<(&'static Path, Vec<String>)> {
        let script = home.join(SCRIPT_NAME);
        std::fs::write(&script, SCRIPT)?;
        let paths = [&script, &self.module].map(|path| path.display().to_string());
        Ok((Path::new("node"), paths.into_iter().chain([configuration.to_string()]).collect()))
    }
}

/// The package for this platform.
fn package() -> Result<Package> {
    let name = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "@solana/surfpool-linux-x64-gnu",
        ("macos", "x86_64") => "@solana/surfpool-darwin-x64",
        ("macos", "aarch64") => "@solana/surfpool-darwin-arm64",
        (system, machine) => {
            return Err(DevnetError::Install {
                package: format!("surfpool@{VERSION}"),
                reason: format!("there is none for {system} on {machine}; leave Solana out"),
            });
        }
    };
    Ok(Package { name, version: VERSION })
}
