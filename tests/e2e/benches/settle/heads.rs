//! When each block was announced: a WebSocket of our own to the node, on a thread of its own, so that no work of the
//! clients delays what it hears.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tollway_e2e::{Anything, Outcome, until};

type Seen = Arc<Mutex<HashMap<u64, Instant>>>;

/// The blocks announced since it was started. Dropping it ends the subscription.
pub(crate) struct Heads {
    seen: Seen,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heads {
    /// Subscribes, and returns when the first block has come.
    pub(crate) async fn follow(node_url: &str) -> Outcome<Self> {
        let (seen, url) = (Seen::default(), node_url.replacen("http", "ws", 1));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let told = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // Its end is noticed by those who miss a block.
                    _ = listen(&url, &told) => {}
                    _ = stopped => {}
                }
            });
        });
        let heads = Self { seen, stop: Some(stop), thread: Some(thread) };
        until("a block", Duration::from_secs(20), async || Ok((!heads.lock().is_empty()).then_some(())))
            .await?;
        Ok(heads)
    }

    /// When this block was announced.
    pub(crate) fn of(&self, block: u64) -> Option<Instant> {
        self.lock().get(&block).copied()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Instant>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Heads {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends by itself: the sender has gone.
            let _ = thread.join();
        }
    }
}

async fn listen(url: &str, seen: &Seen) -> Outcome {
    let (mut socket, _) = connect_async(url).await?;
    let ask = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"] });
    socket.send(Message::text(ask.to_string())).await?;
    while let Some(message) = socket.next().await {
        let (heard, now) = (message?, Instant::now());
        let Message::Text(text) = heard else { continue };
        let event: Value = serde_json::from_str(&text)?;
        if let Some(number) = event.pointer("/params/result/number").and_then(Value::as_str) {
            let number = u64::from_str_radix(number.trim_start_matches("0x"), 16)?;
            seen.lock().unwrap_or_else(PoisonError::into_inner).insert(number, now);
        }
    }
    Err(Anything::from("the node has closed the subscription"))
}
