//! Fetching pinned packages with npm, without running any of their scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{Cache, Progress};
use crate::error::{DevnetError, Result};

/// One pinned package.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Package {
    fn spec(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    fn entry(&self) -> String {
        format!("npm-{}-{}", self.name.trim_start_matches('@').replace('/', "-"), self.version)
    }
}

/// The `node_modules` directory that holds `package` and what it depends on.
pub(crate) fn install(cache: &Cache, package: Package, progress: &Progress) -> Result<PathBuf> {
    let home = cache.entry(&package.entry(), |made| {
        progress.say(&format!("fetching {}", package.spec()));
        fs::create_dir_all(made).map_err(|source| cache.error(source))?;
        // A manifest of its own, or npm would climb to a parent's.
        fs::write(made.join("package.json"), "{\"private\":true}").map_err(|source| cache.error(source))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]).arg(package.spec());
        run(npm.current_dir(made), package).map(drop)
    })?;
    Ok(home.join("node_modules"))
}

/// Downloads the package's archive as it is into `directory` and returns its path.
pub(crate) fn archive(directory: &Path, package: Package, progress: &Progress) -> Result<PathBuf> {
    progress.say(&format!("fetching {}", package.spec()));
    let mut npm = Command::new("npm");
    npm.args(["pack", "--ignore-scripts", "--silent"]).arg(package.spec()).current_dir(directory);
    let output = run(&mut npm, package)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let name = said.lines().last().unwrap_or_default().trim();
    let path = directory.join(name);
    if name.is_empty() || !path.is_file() {
        return Err(failed(package, format!("npm pack left no archive (it said: {said})")));
    }
    Ok(path)
}

fn run(npm: &mut Command, package: Package) -> Result<Output> {
    let output = npm.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            DevnetError::MissingTool { tool: "npm", purpose: format!("fetch {}", package.spec()) }
        }
        _ => failed(package, error.to_string()),
    })?;
    if output.status.success() {
        return Ok(output);
    }
    Err(failed(package, String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

fn failed(package: Package, reason: String) -> DevnetError {
    DevnetError::Install { package: package.spec(), reason }
}
