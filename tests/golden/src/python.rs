//! Python packages, installed once per machine into a cache outside the tree, in the versions of a `requirements.txt`.

use crate::child;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The Python SDK's.
/// What the program beside this crate wants.
pub const REQUIREMENTS: &str = include_str!("../python/requirements.txt");
/// A slow network fetches fifty packages.
const INSTALL: Duration = Duration::from_secs(600);

/// A Python that can import these packages. The first time on a machine, pip fetches it, which takes some twenty seconds; a
/// second process waits for the first one.
///
/// # Errors
/// There is no cache directory, no Python 3 with `venv`, or pip cannot reach its index.
pub fn install(requirements: &str) -> io::Result<PathBuf> {
    let cache = cache()?.join("golden");
    fs::create_dir_all(&cache)?;
    let name = name(requirements, &version()?);
    let home = cache.join(&name);
    let python = home.join("bin").join("python");
    if home.exists() {
        return Ok(python);
    }
    let lock = File::create(cache.join(format!(".lock-{name}")))?;
    lock.lock()?;
    if home.exists() {
        return Ok(python);
    }
    // Not `eprintln`, which the test harness keeps to itself.
    writeln!(io::stderr(), "fetching Python packages (once)")?;
    let filling = tempfile::Builder::new().prefix(".filling-").tempdir_in(&cache)?;
    let made = filling.path().join(&name);
    fill(requirements, &made)?;
    // An environment may be moved, as long as nobody runs its scripts: they name the place where they were made.
    fs::rename(&made, &home)?;
    Ok(python)
}

fn fill(list: &str, made: &Path) -> io::Result<()> {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(made);
    run(venv, "python3 cannot make a virtual environment (on Debian: apt-get install python3-venv)")?;
    let requirements = made.join("requirements.txt");
    fs::write(&requirements, list)?;
    let mut pip = Command::new(made.join("bin").join("python"));
    // Wheels only: nothing is built, and no package's own script runs.
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--only-binary", ":all:", "-r"]).arg(&requirements);
    run(pip, "pip could not fetch Python packages")
}

fn run(command: Command, otherwise: &str) -> io::Result<()> {
    let ended = child::run(command, String::new(), INSTALL);
    ended.map(drop).map_err(|error| io::Error::other(format!("{otherwise}: {error}")))
}

fn version() -> io::Result<String> {
    let mut python = Command::new("python3");
    python.args(["-c", "import sys; print(sys.version, sys.base_prefix)"]);
    child::run(python, String::new(), Duration::from_secs(60))
        .map_err(|error| io::Error::other(format!("python3 is needed: {error}")))
}

/// Another list, and another Python, is another directory.
fn name(requirements: &str, version: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(requirements);
    hash.update([0]);
    hash.update(version);
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
