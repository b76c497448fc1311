//! This tree as it stands: tracked files, new ones that are not ignored, and the crates.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::crates::{self, Crate};
use crate::source::Source;

/// A text file of the tree.
#[derive(Debug, Clone)]
pub struct File {
    /// The path, from the root of the tree.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// Everything that the rules read.
#[derive(Debug)]
pub struct Tree {
    /// Every text file; what is not UTF-8 is left out.
    pub files: Vec<File>,
    /// Every member of the workspace.
    pub crates: Vec<Crate>,
    root: PathBuf,
}

impl Tree {
    /// Reads the tree that this crate is part of. Needs `git` and `cargo`.
    pub fn here() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().map_err(|e| format!("{}: {e}", root.display()))?;
        // A clone that belongs to somebody else is read all the same.
        let git = ["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let mut paths: Vec<_> = run(&root, "git", &git)?.split_terminator('\0').map(str::to_owned).collect();
        paths.sort();
        paths.dedup();
        // Not every listed path is a text: some are binary, and some were deleted since the last commit.
        let read = |path: String| Some(File { text: std::fs::read_to_string(root.join(&path)).ok()?, path });
        let files = paths.into_iter().filter_map(read).collect();

        let metadata = run(&root, &cargo(), &["metadata", "--format-version", "1", "--no-deps"])?;
        let metadata = serde_json::from_str(&metadata).map_err(|e| format!("cargo metadata: {e}"))?;
        let manifest =
            |folder: &str| std::fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap_or_default();
        let crates = crates::read(&metadata, manifest);
        Ok(Self { files, crates, root })
    }

    /// The Rust files, read as source, with the modules that only tests compile marked as tests.
    pub fn sources(&self) -> Vec<Source> {
        let rust = self.files.iter().filter(|file| file.path.ends_with(".rs"));
        let mut sources: Vec<_> = rust.map(|file| Source::read(&file.path, &file.text)).collect();
        let tests: Vec<_> = sources.iter().flat_map(|source| source.test_modules.clone()).collect();
        for source in &mut sources {
            let of = |module: &String| {
                source
                    .path
                    .strip_prefix(module.as_str())
                    .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            };
            if tests.iter().any(of) {
                source.lines.iter_mut().for_each(|line| line.test = true);
            }
        }
        sources
    }

    /// The names of all packages that one crate is built from with every feature, directly or not.
    pub fn closure(&self, of: &Crate) -> Result<Vec<String>, String> {
        let args = ["tree", "--package", &of.name, "--all-features"];
        let form = ["--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
        let listed = run(&self.root, &cargo(), &[args.as_slice(), form.as_slice()].concat())?;
        let name = |line: &str| line.split(' ').next().map(str::to_owned);
        Ok(listed.lines().filter_map(name).filter(|name| *name != of.name).collect())
    }
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn run(folder: &Path, program: &str, args: &[&str]) -> Result<String, String> {
    let failed = |why: String| format!("{program} {}: {why}", args.join(" "));
    let output =
        Command::new(program).args(args).current_dir(folder).output().map_err(|e| failed(e.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    String::from_utf8(output.stdout).map_err(|e| failed(e.to_string()))
}
