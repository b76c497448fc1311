//! A facilitator in a process of its own.

use crate::{Anything, Outcome, until};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, ChildStdin, Command};

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the process is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// Its lasting name.
    pub name: String,
    /// Where it listens, on loopback.
    pub port: u16,
    /// Its SQLite file, beside which its log is.
    pub ledger: PathBuf,
    /// The PostgreSQL database that it shares with others, in place of the file.
    #[serde(default)]
    pub database: Option<String>,
    /// How long leases last in it, in milliseconds.
    #[serde(default)]
    pub lease_ms: u64,
    /// Chain ids (CAIP-2) with URLs.
    pub chains: Vec<(String, String)>,
    /// Private keys that it sends from.
    pub senders: Vec<String>,
    /// How long an unknown outcome is asked after.
    pub patience_ms: u64,
}

/// The process, which may be down at the moment. Dropping it kills it.
#[derive(Debug)]
pub struct FacilitatorProcess {
    program: PathBuf,
    settings: Settings,
    log: PathBuf,
    child: Option<Child>,
    /// Its stdin, which stays open as long as we live; kept apart, because waiting for a child closes it.
    leash: Option<ChildStdin>,
}

impl FacilitatorProcess {
    /// Starts `program` (`env!("CARGO_BIN_EXE_e2e-facilitator")`); its log goes to a file beside its ledger.
    ///
    /// # Errors
    /// The system's.
    pub fn start(program: impl AsRef<Path>, settings: Settings) -> Outcome<Self> {
        let log = settings.ledger.with_extension("log");
        let mut process =
            Self { program: program.as_ref().to_owned(), settings, log, child: None, leash: None };
        process.again()?;
        Ok(process)
    }

    /// Where it is to be found, now and after any restart.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.settings.port)
    }

    /// Its process's id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Its SQLite file.
    pub fn ledger(&self) -> &Path {
        &self.settings.ledger
    }

    /// Starts it again after it ended.
    ///
    /// # Errors
    /// The system's.
    pub fn again(&mut self) -> Outcome {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut child = Command::new(&self.program)
            .env("E2E_FACILITATOR", serde_json::to_string(&self.settings)?)
            // Held open by us: its end tells the process that we have gone.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        self.leash = child.stdin.take();
        self.child = Some(child);
        Ok(())
    }

    /// SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// The system's.
    pub async fn kill(&mut self) -> Outcome {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Sends it a signal (`TERM`, `INT`), and does not wait.
    ///
    /// # Errors
    /// The system's; a process that is not there.
    pub async fn signal(&self, name: &str) -> Outcome {
        let id = self.child.as_ref().and_then(Child::id).ok_or("it is not running")?;
        let told = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status().await?;
        if told.success() { Ok(()) } else { Err(format!("kill -{name} {id}: {told}").into()) }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It does not end.
    pub async fn ended(&mut self) -> Outcome<ExitStatus> {
        let mut child = self.child.take().ok_or("it is not running")?;
        tokio::time::timeout(PATIENCE, child.wait())
            .await
            .map_err(|_| Anything::from("the facilitator does not end"))?
            .map_err(Into::into)
    }

    /// SIGTERM, its end, and a new start.
    ///
    /// # Errors
    /// It does not end well.
    pub async fn restart(&mut self) -> Outcome {
        self.signal("TERM").await?;
        let status = self.ended().await?;
        if !status.success() {
            return Err(format!("the facilitator ended with {status}\n{}", self.log_tail()).into());
        }
        self.again()
    }

    /// What `/health` says, once it answers.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn health(&self) -> Outcome<Value> {
        let url = format!("{}/health", self.url());
        until("the facilitator's health", PATIENCE, async || {
            let Ok(answer) = reqwest::get(&url).await else { return Ok(None) };
            Ok(serde_json::from_slice(&answer.bytes().await?).ok())
        })
        .await
        .map_err(|e| format!("{e}\n{}", self.log_tail()).into())
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n")
    }
}

/// A port of loopback that nobody listens on now.
///
/// # Errors
/// The system's.
pub fn free_port() -> Outcome<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
