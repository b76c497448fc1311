//! A facilitator of somebody else, as a child process that says its port and ends with us.

use serde_json::Value;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tollway_e2e::Outcome;

/// Starting takes a second or two; a busy machine takes longer.
const START: Duration = Duration::from_secs(60);

/// The process. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Program {
    port: u64,
    child: Child,
    /// Its end tells the program that we have gone.
    _leash: Option<ChildStdin>,
    /// Open as long as it lives, should it say more.
    _output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it, and waits for its first line: `{"port": …}`.
    pub(crate) async fn start(mut command: Command) -> Outcome<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let leash = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().ok_or("it has no output")?);
        let mut first = String::new();
        timeout(START, output.read_line(&mut first)).await.map_err(|_| "it does not start")??;
        let ready: Value = serde_json::from_str(&first).map_err(|_| "it ended; its errors are above")?;
        let port = ready["port"].as_u64().ok_or("it says no port")?;
        Ok(Self { port, child, _leash: leash, _output: output })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }
}
