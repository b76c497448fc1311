//! Building the facilitators of others that are written in Rust: `tests/peers`, a workspace of its own.

use crate::child;
use crate::machine::say;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tollway_e2e::Outcome;

/// Two processors take some ten minutes.
const BUILD: Duration = Duration::from_secs(3_600);

/// Builds one program if that was not done yet, and returns its path.
pub(crate) fn build(name: &str) -> Outcome<PathBuf> {
    // Beside our own artefacts: …/target/release/e2e-facilitator.
    let target = Path::new(env!("CARGO_BIN_EXE_e2e-facilitator")).ancestors().nth(2).ok_or("no target")?;
    let target = target.join("peers");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers/Cargo.toml");
    say(&format!("building {name}; only the first time takes minutes"));
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.args(["build", "--quiet", "--locked", "--release", "--bin", name]);
    cargo.arg("--manifest-path").arg(manifest).arg("--target-dir").arg(&target);
    child::run(cargo, String::new(), BUILD)?;
    Ok(target.join("release").join(name))
}
