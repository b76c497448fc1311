//! The reference SDK, installed once per machine into a cache outside the tree, in the versions of the lock file.

use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MANIFEST: &str = include_str!("../package.json");
const LOCK: &str = include_str!("../package-lock.json");

/// The directory whose `node_modules` holds the SDK. The first time on a machine, npm fetches it, which takes some
/// ten seconds; a second process waits for the first one.
///
/// # Errors
/// There is no cache directory, no npm, or npm cannot reach its registry.
pub fn install() -> io::Result<PathBuf> {
    let cache = cache()?.join("interop");
    fs::create_dir_all(&cache)?;
    let name = name();
    let home = cache.join(&name);
    if home.exists() {
        return Ok(home);
    }
    let lock = File::create(cache.join(format!(".lock-{name}")))?;
    lock.lock()?;
    if home.exists() {
        return Ok(home);
    }
    // Not `eprintln`, which the test harness keeps to itself.
    writeln!(io::stderr(), "interop: fetching the reference SDK (once)")?;
    let filling = tempfile::Builder::new().prefix(".filling-").tempdir_in(&cache)?;
    let made = filling.path().join(&name);
    fs::create_dir(&made)?;
    fs::write(made.join("package.json"), MANIFEST)?;
    fs::write(made.join("package-lock.json"), LOCK)?;
    npm(&made)?;
    fs::rename(&made, &home)?;
    Ok(home)
}

/// Another manifest or lock file is another directory.
fn name() -> String {
    let mut hash = Sha256::new();
    hash.update(MANIFEST);
    hash.update(LOCK);
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The same cache as the devnet's.
fn cache() -> io::Result<PathBuf> {
    let var = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    var("TOLLWAY_CACHE")
        .or_else(|| var("XDG_CACHE_HOME").map(|home| home.join("tollway")))
        .or_else(|| var("HOME").map(|home| home.join(".cache").join("tollway")))
        .ok_or_else(|| io::Error::other("no cache directory: set TOLLWAY_CACHE or HOME"))
}

fn npm(within: &Path) -> io::Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(within).stdin(Stdio::null());
    let output = npm.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::other("npm is missing; it fetches the reference SDK"),
        _ => error,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("npm could not fetch the reference SDK: {said}")))
}
