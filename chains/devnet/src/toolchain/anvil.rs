//! Finding the node: an `anvil` on PATH that is new enough, else the pinned one from npm.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::npm::{self, Package};
use super::{Cache, Progress};
use crate::error::{DevnetError, Result};

const ANVIL: Package = Package { name: "@foundry-rs/anvil", version: "1.7.1" };

/// The oldest anvil whose `--network optimism` charges the L1 data fee.
const OLDEST: (u32, u32) = (1, 5);

/// The path of an anvil that can be run.
pub(crate) fn find(cache: &Cache, progress: &Progress) -> Result<PathBuf> {
    if let Some(chosen) = std::env::var_os("TOLLWAY_ANVIL") {
        return Ok(PathBuf::from(chosen));
    }
    match on_path() {
        Some(found) if new_enough(&found) => Ok(found),
        _ => pinned(cache, progress),
    }
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join("anvil")).find(|file| file.is_file())
}

fn new_enough(anvil: &Path) -> bool {
    let Ok(output) = Command::new(anvil).arg("--version").output() else { return false };
    version(&String::from_utf8_lossy(&output.stdout)).is_some_and(|found| found >= OLDEST)
}

/// Major and minor out of `anvil Version: 1.7.1-stable …` or `anvil 0.2.0 (…)`.
fn version(said: &str) -> Option<(u32, u32)> {
    let word = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut parts = word.split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn pinned(cache: &Cache, progress: &Progress) -> Result<PathBuf> {
    let modules = npm::install(cache, ANVIL, progress)?.join("@foundry-rs");
    let platforms = std::fs::read_dir(&modules).map_err(|source| cache.error(source))?;
    platforms
        .filter_map(|entry| Some(entry.ok()?.path().join("bin").join("anvil")))
        .find(|binary| binary.is_file())
        .ok_or_else(|| DevnetError::Install {
            package: format!("{}@{}", ANVIL.name, ANVIL.version),
            reason: "npm chose no binary for this platform: put an anvil on PATH".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_both_spellings() {
        assert_eq!(version("anvil Version: 1.7.1-stable\nCommit SHA: abc"), Some((1, 7)));
        assert_eq!(version("anvil 0.2.0 (f625d0f 2024-04-02)"), Some((0, 2)));
        assert_eq!(version("anvil"), None);
    }
}
