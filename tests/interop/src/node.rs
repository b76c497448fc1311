//! The programs of the reference SDK, as child processes that end with us, however we end.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Starting takes half a second; a machine that compiles beside us takes longer.
const START: Duration = Duration::from_secs(20);
/// The longest that one order takes.
const ORDER: Duration = Duration::from_secs(30);

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

/// A running program of `js/`. It reads its standard input, which ends with this process; dropping it kills it.
#[derive(Debug)]
pub struct Program {
    port: u16,
    input: tokio::sync::Mutex<ChildStdin>,
    waiting: Waiting,
    last: AtomicU64,
    _child: Child,
}

impl Program {
    /// Starts `js/<name>.mjs` and waits until it is ready.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(sdk: &Path, name: &str, config: &Value) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("js").join(format!("{name}.mjs"));
        let mut node = Command::new("node");
        node.arg(script).arg(config.to_string()).env("TOLLWAY_SDK", sdk).env("NODE_ENV", "production");
        node.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = node.spawn().expect("node runs the reference SDK; is it installed?");
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        let read = timeout(START, output.read_line(&mut first)).await;
        assert!(matches!(read, Ok(Ok(1..))), "js/{name}.mjs did not start: its errors are above");
        let ready: Value = serde_json::from_str(&first).unwrap();
        let waiting = Waiting::default();
        tokio::spawn(listen(output, waiting.clone()));
        let port = ready["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
        Self { port, input: input.into(), waiting, last: AtomicU64::new(0), _child: child }
    }

    /// Where it serves, if it does.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Gives it an order, as `{"do": …}`.
    ///
    /// # Errors
    /// What the program threw: `{name, message, …}`.
    pub async fn ask(&self, mut order: Value) -> Result<Value, Value> {
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        order["id"] = json!(id);
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        self.input.lock().await.write_all(format!("{order}\n").as_bytes()).await.expect("the program runs");
        let mut answer = timeout(ORDER, answer).await.expect("in time").expect("the program runs");
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["value"].take()),
        }
    }
}

async fn listen(output: BufReader<ChildStdout>, waiting: Waiting) {
    let mut lines = output.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
        let id = answer["id"].as_u64();
        let sender = id.and_then(|id| waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id));
        if let Some(sender) = sender {
            // Nobody waits any more: a test that has failed already.
            let _ = sender.send(answer);
        }
    }
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
