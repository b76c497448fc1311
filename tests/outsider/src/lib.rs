//! A place outside this tree, where a crate is built on our packages as they would be published: nothing there can reach a
//! file that was not packed, a field that a manifest inherits, or a dependency by path.

mod bounded;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use toml::{Table, Value};

/// How long one run of cargo may take: a first one builds every dependency.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// A folder outside this tree, with a copy of one crate in it and our packages beside it.
#[derive(Debug)]
pub struct Outside {
    tree: PathBuf,
    folder: TempDir,
}

impl Outside {
    /// Packs `packages` and unpacks them outside, and puts a copy of the crate in `example` there, which finds them as if
    /// they came from the registry.
    ///
    /// # Errors
    /// What cannot be packed, read or written, in words.
    pub fn new(example: &str, packages: &[&str]) -> Result<Self, String> {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let tree = tree.canonicalize().map_err(|e| words(&tree, &e))?;
        let folder = TempDir::new().map_err(|e| e.to_string())?;
        if folder.path().starts_with(&tree) {
            return Err(format!("{} is not outside", folder.path().display()));
        }
        let outside = Self { tree, folder };
        let packed = outside.pack(packages)?;
        copy(&outside.tree.join(example), &outside.krate())?;
        outside.point_to(&packed)?;
        // The same versions as ours, so that what was fetched for the tree is enough.
        let lock = outside.krate().join("Cargo.lock");
        fs::copy(outside.tree.join("Cargo.lock"), &lock).map_err(|e| words(&lock, &e))?;
        Ok(outside)
    }

    /// Adds a file to the copy of the crate.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn add(&self, path: &str, text: &str) -> Result<(), String> {
        let path = self.krate().join(path);
        fs::write(&path, text).map_err(|e| words(&path, &e))
    }

    /// Runs the tests of the copy, and returns what they printed.
    ///
    /// # Errors
    /// That they failed or took too long, with what they printed.
    pub fn test(&self) -> Result<String, String> {
        let build = self.tree.join("target/outsider/build");
        let mut test = self.cargo(&self.krate(), &["test", "--all-targets"]);
        if self.offline() {
            test.arg("--offline");
        }
        // One folder for all runs: the dependencies are built once. What the suite is told from outside is not for it.
        test.env("CARGO_TARGET_DIR", build).env_remove("TOLLWAY_SEED");
        test.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
        bounded::run(test, self.folder.path(), PATIENCE)
    }

    fn krate(&self) -> PathBuf {
        self.folder.path().join("crate")
    }

    /// Packs, and returns where each package lies unpacked.
    fn pack(&self, packages: &[&str]) -> Result<Vec<(String, PathBuf)>, String> {
        let target = self.tree.join("target/outsider/packages");
        let mut pack =
            self.cargo(&self.tree, &["package", "--no-verify", "--allow-dirty", "--exclude-lockfile"]);
        pack.arg("--target-dir").arg(&target);
        packages.iter().for_each(|name| {
            pack.args(["--package", name]);
        });
        bounded::run(pack, self.folder.path(), PATIENCE)?;
        packages.iter().map(|name| Ok(((*name).to_owned(), self.unpack(&target, name)?))).collect()
    }

    fn unpack(&self, target: &Path, name: &str) -> Result<PathBuf, String> {
        let whole = format!("{name}-{}", env!("CARGO_PKG_VERSION"));
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(target.join("package").join(format!("{whole}.crate")));
        tar.current_dir(self.folder.path());
        bounded::run(tar, self.folder.path(), PATIENCE)?;
        Ok(self.folder.path().join(whole))
    }

    /// Takes every path out of the crate's dependencies, and stands our packages in for the registry's.
    fn point_to(&self, packed: &[(String, PathBuf)]) -> Result<(), String> {
        let path = self.krate().join("Cargo.toml");
        let text = fs::read_to_string(&path).map_err(|e| words(&path, &e))?;
        let mut manifest: Table = text.parse().map_err(|e| words(&path, &e))?;
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies = manifest.get_mut(section).and_then(Value::as_table_mut);
            for (_, one) in dependencies.into_iter().flatten() {
                one.as_table_mut().map(|one| one.remove("path"));
            }
        }
        let at = |path: &Path| Table::from_iter([("path".to_owned(), path.display().to_string().into())]);
        let patch = packed.iter().map(|(name, path)| (name.clone(), Value::Table(at(path))));
        let patch = Table::from_iter([("crates-io".to_owned(), Value::Table(patch.collect()))]);
        manifest.insert("patch".to_owned(), Value::Table(patch));
        fs::write(&path, manifest.to_string()).map_err(|e| words(&path, &e))
    }

    /// True when everything has been fetched already, as it has when the tree was built.
    fn offline(&self) -> bool {
        let metadata = self.cargo(&self.krate(), &["metadata", "--offline", "--format-version", "1"]);
        bounded::run(metadata, self.folder.path(), PATIENCE).is_ok()
    }

    fn cargo(&self, folder: &Path, args: &[&str]) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(args).current_dir(folder);
        cargo
    }
}

/// Copies what the author keeps: sources, tests, manifest; not what was built.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|e| words(to, &e))?;
    for entry in fs::read_dir(from).map_err(|e| words(from, &e))? {
        let entry = entry.map_err(|e| words(from, &e))?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_file() {
            fs::copy(&from, &to).map_err(|e| words(&from, &e))?;
        } else if entry.file_name() != "target" {
            copy(&from, &to)?;
        }
    }
    Ok(())
}

fn words(path: &Path, why: &dyn std::fmt::Display) -> String {
    format!("{}: {why}", path.display())
}
