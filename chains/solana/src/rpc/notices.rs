//! Ends of transactions, pushed by a node over a WebSocket (`signatureSubscribe`).
//!
//! Nothing depends on a push: whoever waits for an end asks for it too, only more seldom while pushes come. So a
//! connection that breaks is opened again in its own time, and what it was to tell is not asked for again.

use super::{Level, place};
use crate::fault::Fault;
use crate::read::InSlot;
use crate::tasks::Tasks;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use solana_signature::Signature;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};
use url::Url;

/// Signatures waited for on one connection.
const WAITED_MAX: usize = 16_384;
/// Wishes and notices that may queue up.
const QUEUE: usize = 4_096;
/// A notice is a few hundred bytes.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Between two signs of life.
const PING_EVERY: Duration = Duration::from_secs(15);
/// A connection that was silent for so long is dead.
const SILENT_MAX: Duration = Duration::from_secs(40);
/// No transaction lives longer: a push that has not come by then never does.
const WAITED_FOR: Duration = Duration::from_secs(300);
/// Before a connection is tried again, at first and at most.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A transaction reached the level that was asked for.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) signature: Signature,
    pub(crate) slot: u64,
    pub(crate) fault: Option<Fault>,
}

/// Where notices arrive.
pub(crate) type Heard = mpsc::Receiver<Notice>;

/// Asks for notices.
pub(crate) struct Notices {
    wishes: mpsc::Sender<Signature>,
    healthy: Arc<AtomicBool>,
    heard: Option<Heard>,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Notices {
    /// Connects to the first of them in the background, and to the next whenever a connection breaks or does not come.
    pub(crate) fn start(urls: Vec<Url>, level: Level, timeout: Duration, tasks: &Tasks) -> Self {
        let (wishes, wished) = mpsc::channel(QUEUE);
        let (tell, heard) = mpsc::channel(QUEUE);
        let healthy = Arc::new(AtomicBool::new(false));
        let line = Line { urls, level, timeout, tell, healthy: healthy.clone() };
        tasks.spawn(line.run(wished));
        Self { wishes, healthy, heard: Some(heard) }
    }

    /// Where notices arrive; the first caller gets it.
    pub(crate) fn heard(&mut self) -> Option<Heard> {
        self.heard.take()
    }

    /// True while a connection stands.
    pub(crate) fn healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Asks for a notice; without a connection, for nothing.
    pub(crate) fn watch(&self, signature: Signature) {
        if self.healthy() {
            let _ = self.wishes.try_send(signature);
        }
    }
}

/// One connection after the other.
struct Line {
    urls: Vec<Url>,
    level: Level,
    timeout: Duration,
    tell: mpsc::Sender<Notice>,
    healthy: Arc<AtomicBool>,
}

/// What is waited for on one connection: by request until it is answered, by subscription then.
#[derive(Default)]
struct Waited {
    next_id: u64,
    asked: HashMap<u64, (Signature, Instant)>,
    subscribed: HashMap<u64, (Signature, Instant)>,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(default)]
    id: Option<u64>,
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    params: Option<Params>,
}

#[derive(Deserialize)]
struct Params {
    subscription: u64,
    result: InSlot<Value>,
}

impl Line {
    async fn run(self, mut wished: mpsc::Receiver<Signature>) {
        let mut pause = PAUSE_MIN;
        for url in self.urls.iter().cycle() {
            if let Some(socket) = self.connect(url).await {
                let since = Instant::now();
                self.healthy.store(true, Ordering::Relaxed);
                let over = self.talk(socket, &mut wished).await;
                self.healthy.store(false, Ordering::Relaxed);
                if over {
                    return; // nobody wishes any more
                }
                if since.elapsed() > PAUSE_MAX {
                    pause = PAUSE_MIN;
                }
            }
            tracing::debug!(target: "tollway_solana", node = %place::of(url), "no pushes for now; asking instead");
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(PAUSE_MAX);
            // What was wished for meanwhile is asked for by those who wait.
            while wished.try_recv().is_ok() {}
        }
    }

    async fn connect(&self, url: &Url) -> Option<Socket> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let tls = Connector::Rustls(tls()?);
        let connecting =
            tokio_tungstenite::connect_async_tls_with_config(url.as_str(), Some(config), true, Some(tls));
        // The library's words may hold the URL, and with it a key: none of them is passed on.
        let (socket, _) = tokio::time::timeout(self.timeout, connecting).await.ok()?.ok()?;
        Some(socket)
    }

    /// Until the connection ends (`false`), or nobody wishes any more (`true`).
    async fn talk(&self, socket: Socket, wished: &mut mpsc::Receiver<Signature>) -> bool {
        let (mut out, mut come) = socket.split();
        let mut waited = Waited::default();
        let mut pings = tokio::time::interval(PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut alive = Instant::now();
        loop {
            let message = tokio::select! {
                wish = wished.recv() => match wish {
                    Some(signature) => match waited.ask(signature, self.level) {
                        Some(text) => Message::text(text),
                        None => continue,
                    },
                    None => return true,
                },
                come = come.next() => {
                    let Some(Ok(message)) = come else { return false };
                    alive = Instant::now();
                    if let Message::Text(text) = message
                        && let Some(notice) = waited.read(&text)
                        && self.tell.send(notice).await.is_err()
                    {
                        return true;
                    }
                    continue;
                },
                _ = pings.tick() => {
                    if alive.elapsed() > SILENT_MAX {
                        return false;
                    }
                    for text in waited.forget() {
                        if !self.say(&mut out, Message::text(text)).await {
                            return false;
                        }
                    }
                    Message::Ping(Vec::new().into())
                }
            };
            if !self.say(&mut out, message).await {
                return false;
            }
        }
    }
}

impl Line {
    /// False when it cannot be said.
    async fn say(&self, out: &mut (impl SinkExt<Message> + Unpin), message: Message) -> bool {
        matches!(tokio::time::timeout(self.timeout, out.send(message)).await, Ok(Ok(())))
    }
}

impl Waited {
    /// Lets go of what no push will come for any more; the requests that say so to the node.
    fn forget(&mut self) -> Vec<String> {
        self.asked.retain(|_, (_, since)| since.elapsed() < WAITED_FOR);
        let old = self.subscribed.extract_if(|_, (_, since)| since.elapsed() >= WAITED_FOR);
        let ids: Vec<u64> = old.map(|(id, _)| id).collect();
        let say = |id| {
            json!({"jsonrpc": "2.0", "id": 0, "method": "signatureUnsubscribe", "params": [id]}).to_string()
        };
        ids.into_iter().map(say).collect()
    }

    /// The request for one more; `None` when there are too many.
    fn ask(&mut self, signature: Signature, level: Level) -> Option<String> {
        if self.asked.len().saturating_add(self.subscribed.len()) >= WAITED_MAX {
            return None;
        }
        self.next_id = self.next_id.wrapping_add(1);
        self.asked.insert(self.next_id, (signature, Instant::now()));
        let params = json!([signature.to_string(), {"commitment": level.as_str()}]);
        let ask =
            json!({"jsonrpc": "2.0", "id": self.next_id, "method": "signatureSubscribe", "params": params});
        Some(ask.to_string())
    }

    /// What a message says.
    fn read(&mut self, text: &str) -> Option<Notice> {
        let frame: Frame = serde_json::from_str(text).ok()?;
        if let Some(id) = frame.id {
            let waited = self.asked.remove(&id)?;
            if let Some(subscription) = frame.result.as_ref().and_then(Value::as_u64) {
                self.subscribed.insert(subscription, waited);
            }
            return None;
        }
        let Params { subscription, result } = frame.params?;
        // "receivedSignature" is no end; an end is an object with `err` in it, null or not.
        let err = result.value.as_object()?.get("err")?;
        let (signature, _) = self.subscribed.remove(&subscription)?;
        Some(Notice { signature, slot: result.context.slot, fault: Fault::read(err) })
    }
}

/// The provider is named, because a process may have several and then has no default one.
fn tls() -> Option<Arc<rustls::ClientConfig>> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    Some(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_what_was_asked_for_is_a_notice() {
        let mut waited = Waited::default();
        let signature = Signature::from([7; 64]);
        let ask = waited.ask(signature, Level::Confirmed).unwrap();
        assert!(ask.contains("signatureSubscribe") && ask.contains("confirmed"));
        assert!(waited.read(r#"{"jsonrpc":"2.0","result":24,"id":1}"#).is_none());
        let notice = |subscription: u64, value: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"signatureNotification","params":{{"result":{{"context":{{"slot":9}},"value":{value}}},"subscription":{subscription}}}}}"#
            )
        };
        assert!(waited.read(&notice(25, r#"{"err":null}"#)).is_none(), "somebody else's");
        assert!(waited.read(&notice(24, r#""receivedSignature""#)).is_none(), "on its way only");
        assert!(waited.read(&notice(24, "{}")).is_none(), "nothing said");
        assert!(waited.read("nonsense").is_none());
        let end = waited.read(&notice(24, r#"{"err":{"InstructionError":[0,{"Custom":1}]}}"#)).unwrap();
        assert_eq!((end.signature, end.slot), (signature, 9));
        assert!(matches!(end.fault, Some(Fault::Instruction { .. })));
        assert!(waited.read(&notice(24, r#"{"err":null}"#)).is_none(), "once");
    }
}
