//! Headless Chromium. A page says what it found by sending it back to the server that it came from.

use crate::PATIENCE;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::{Child, Command};
use tollway_e2e::{Anything, Outcome};

/// What the program is called, by distribution. `TOLLWAY_CHROMIUM` goes first.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Nothing of this is needed here, and some of it would talk to the world.
const FLAGS: [&str; 11] = [
    "--headless",
    // Tests also run as root, where the sandbox does not start.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
];

/// A browser with a fresh profile, killed when dropped.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a page.
    ///
    /// # Errors
    /// There is no Chromium here, or it does not start.
    pub fn open(url: &str) -> Outcome<Self> {
        let profile = tempfile::tempdir()?;
        let child = Command::new(program()?)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child, _profile: profile })
    }

    /// What the page reports, which `told` receives; the browser is closed then.
    ///
    /// # Errors
    /// It reports nothing in time, or the browser ends before.
    pub async fn report<T>(mut self, mut told: tokio::sync::mpsc::Receiver<T>) -> Outcome<T> {
        let found = tokio::select! {
            found = told.recv() => found.ok_or_else(|| Anything::from("nobody is left to report")),
            ended = self.child.wait() => Err(format!("the browser ended: {ended:?}").into()),
            () = tokio::time::sleep(PATIENCE) => Err("the page did not report in time".into()),
        };
        let _ = self.child.kill().await;
        found
    }
}

fn program() -> Outcome<PathBuf> {
    if let Some(named) = env::var_os("TOLLWAY_CHROMIUM") {
        return Ok(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let found = NAMES.iter().find_map(|name| folders.iter().map(|f| f.join(name)).find(|p| is_program(p)));
    found.ok_or_else(|| {
        "Chromium is missing, and this test pays from a page in it: install it (on Debian: apt-get install chromium), \
         or name it in TOLLWAY_CHROMIUM"
            .into()
    })
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}
