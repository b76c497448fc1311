//! The cache: directories and files that appear whole or not at all, also with two processes at once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{DevnetError, Result};

/// A directory of our own under the user's cache directory.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache at `TOLLWAY_CACHE`, else `$XDG_CACHE_HOME/tollway`, else `$HOME/.cache/tollway`.
    pub(crate) fn locate() -> Result<Self> {
        let var = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let base = var("TOLLWAY_CACHE")
            .or_else(|| var("XDG_CACHE_HOME").map(|dir| dir.join("tollway")))
            .or_else(|| var("HOME").map(|dir| dir.join(".cache").join("tollway")))
            .ok_or(DevnetError::NoCache)?;
        Self::at(base.join("devnet"))
    }

    /// The cache in this directory.
    pub(crate) fn at(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root).map_err(|source| DevnetError::Cache { path: root.clone(), source })?;
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The entry `name`; when it is missing, `fill` makes it in a temporary directory as an entry called
    /// `name`, which then moves into place in one step. Only one process fills at a time.
    pub(crate) fn entry(&self, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let path = self.root.join(name);
        if path.exists() {
            return Ok(path);
        }
        let _lock = self.lock(name)?;
        if path.exists() {
            return Ok(path);
        }
        let temporary = tempfile::Builder::new()
            .prefix(".filling-")
            .tempdir_in(&self.root)
            .map_err(|source| self.error(source))?;
        let made = temporary.path().join(name);
        fill(&made)?;
        fs::rename(&made, &path).map_err(|source| self.error(source))?;
        Ok(path)
    }

    /// Held until it is dropped; the operating system frees it when a process dies. One lock an entry, so that
    /// different entries fill side by side.
    fn lock(&self, name: &str) -> Result<File> {
        let path = self.root.join(format!(".lock-{name}"));
        let lock = File::create(path).map_err(|source| self.error(source))?;
        lock.lock().map_err(|source| self.error(source))?;
        Ok(lock)
    }

    pub(crate) fn error(&self, source: std::io::Error) -> DevnetError {
        DevnetError::Cache { path: self.root.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn an_entry_is_filled_once_however_many_ask() {
        let home = tempfile::tempdir().unwrap();
        let filled = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let cache = Cache::at(home.path().to_owned()).unwrap();
                    let path = cache.entry("thing", |made| {
                        filled.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        fs::write(made, "whole").map_err(|source| cache.error(source))
                    });
                    assert_eq!(fs::read_to_string(path.unwrap()).unwrap(), "whole");
                });
            }
        });
        assert_eq!(filled.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_failed_filling_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::at(home.path().to_owned()).unwrap();
        let failed = cache.entry("thing", |made| {
            fs::write(made, "half").unwrap();
            Err(DevnetError::NoCache)
        });
        assert!(failed.is_err());
        assert!(!home.path().join("thing").exists());
    }
}
