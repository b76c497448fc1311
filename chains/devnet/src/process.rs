//! The node processes: none outlives the devnet, however the program ends.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::error::{DevnetError, Result};

/// Runs the node and kills it once standard input ends, which it does when this process ends, even by
/// SIGKILL; then removes the node's directory. A group of its own keeps the terminal's Ctrl-C away from both: the devnet alone decides.
const GUARD: &str = r#"exec 3<&0
"$@" </dev/null 3<&- &
node=$!
echo "node $node"
(read -r _ <&3; kill -9 $node) >/dev/null 2>&1 &
watch=$!
exec >/dev/null 2>&1
wait $node
kill -9 $watch 2>/dev/null
rm -rf "$DEVNET_HOME""#;

const START_LIMIT: Duration = Duration::from_secs(20);

/// A running node.
#[derive(Debug)]
pub(crate) struct NodeProcess {
    guard: Child,
    lifeline: Option<ChildStdin>,
    pub(crate) pid: u32,
    /// Of HTTP, and of WebSockets.
    pub(crate) ports: (u16, u16),
    /// Removed last.
    _home: TempDir,
}

impl NodeProcess {
    /// Starts the program with these arguments and waits until it listens. `home` is removed when it has ended.
    pub(crate) fn start(
        chain: &'static str,
        program: &Path,
        arguments: &[String],
        home: TempDir,
    ) -> Result<Self> {
        let failed = |reason: String| DevnetError::Node { chain, reason };
        let mut guard =
            command(program, arguments, home.path()).spawn().map_err(|error| failed(error.to_string()))?;
        let lifeline = guard.stdin.take();
        let output = guard.stdout.take().ok_or_else(|| failed("it has no output".into()))?;
        let errors = guard.stderr.take().ok_or_else(|| failed("it has no output".into()))?;
        let mut process = Self { guard, lifeline, pid: 0, ports: (0, 0), _home: home };
        let (pid, ports) = listen(output, errors).map_err(failed)?;
        process.pid = pid;
        process.ports = ports;
        Ok(process)
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let limit = Instant::now() + Duration::from_secs(2);
        while Instant::now() < limit {
            match self.guard.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                _ => return,
            }
        }
        tracing::warn!(target: "tollway_devnet", pid = self.pid, "the node did not end in time");
    }
}

fn command(program: &Path, arguments: &[String], home: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(GUARD).arg("devnet-guard").arg(program).args(arguments);
    command.env("DEVNET_HOME", home);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Reads the process id and the ports off the node's first lines, then keeps its pipe empty on a thread.
fn listen(
    output: impl Read + Send + 'static,
    errors: impl Read + Send + 'static,
) -> Result<(u32, (u16, u16)), String> {
    let (news, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = news.send(line);
        }
    });
    let (complaint, complaints) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            let _ = complaint.send(line);
        }
    });
    let limit = Instant::now() + START_LIMIT;
    let (mut pid, mut ws_port) = (0, None);
    while let Ok(line) = heard.recv_timeout(limit.saturating_duration_since(Instant::now())) {
        if let Some(said) = line.strip_prefix("node ") {
            pid = said.trim().parse().unwrap_or(0);
        }
        ws_port = ws_port.or_else(|| port_of(line.strip_prefix("WebSockets on ")?));
        if let Some(port) = line.strip_prefix("Listening on ").and_then(port_of) {
            return Ok((pid, (port, ws_port.unwrap_or(port))));
        }
    }
    let said: Vec<String> = complaints.try_iter().collect();
    Err(if said.is_empty() { "it ended without a word, or was too slow".into() } else { said.join(" / ") })
}

fn port_of(address: &str) -> Option<u16> {
    address.trim().rsplit(':').next()?.parse().ok()
}
