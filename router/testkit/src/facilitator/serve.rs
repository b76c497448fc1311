use super::{Heard, Reply};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What a facilitator will answer, path by path.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Script {
    replies: BTreeMap<String, VecDeque<Reply>>,
}

impl Script {
    /// A facilitator that knows no path: 404 everywhere.
    pub fn new() -> Self {
        Self::default()
    }
    /// Answers of a path, in order. The last is given again and again. Called twice, it adds.
    pub fn path(mut self, path: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.replies.entry(path.to_owned()).or_default().extend(replies);
        self
    }
    /// Answers of `/verify`.
    pub fn verify(self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.path("/verify", replies)
    }
    /// Answers of `/settle`.
    pub fn settle(self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.path("/settle", replies)
    }
    /// Answers of `/supported`.
    pub fn supported(self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.path("/supported", replies)
    }
    /// Listens on a free port of the loopback interface, inside the present tokio runtime.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(self) -> io::Result<FakeFacilitator> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let stage = Arc::new(Stage { script: Mutex::new(self), heard: Mutex::default() });
        let task = tokio::spawn(accept(listener, Arc::clone(&stage)));
        Ok(FakeFacilitator { address, stage, task })
    }
}

/// A scripted facilitator that listens. Dropping it ends it and all its connections.
pub struct FakeFacilitator {
    address: SocketAddr,
    stage: Arc<Stage>,
    task: JoinHandle<()>,
}

struct Stage {
    script: Mutex<Script>,
    heard: Mutex<Vec<Heard>>,
}

impl fmt::Debug for FakeFacilitator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeFacilitator({}, {} requests)", self.address, lock(&self.stage.heard).len())
    }
}

impl FakeFacilitator {
    /// `http://127.0.0.1:…`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
    /// Every request so far, in the order in which they were read whole.
    pub fn heard(&self) -> Vec<Heard> {
        lock(&self.stage.heard).clone()
    }
    /// Requests to one path so far.
    pub fn heard_at(&self, path: &str) -> Vec<Heard> {
        lock(&self.stage.heard).iter().filter(|h| h.route() == path).cloned().collect()
    }
    /// From now on a path answers so, whatever was left of its script.
    pub fn instead(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.stage.script).replies.insert(path.to_owned(), replies.into_iter().collect());
    }
}

impl Drop for FakeFacilitator {
    fn drop(&mut self) {
        self.task.abort(); // and with it the set of its connections
    }
}

async fn accept(listener: TcpListener, stage: Arc<Stage>) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        open.spawn(converse(stream, Arc::clone(&stage)));
        while open.try_join_next().is_some() {}
    }
}

/// One request, one answer. A peer that misbehaves is left alone.
async fn converse(mut stream: TcpStream, stage: Arc<Stage>) {
    let Ok(Some(heard)) = Heard::read(&mut stream).await else { return };
    let reply = stage.next(heard);
    if reply.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(reply.delay_ms)).await;
    }
    if reply.hold {
        let _ = stream.read(&mut [0]).await; // nothing more is expected: this ends when the client leaves
        return;
    }
    let end = reply.cut.unwrap_or(usize::MAX).min(reply.bytes.len());
    let _ = stream.write_all(reply.bytes.get(..end).unwrap_or_default()).await;
    let _ = stream.shutdown().await;
}

impl Stage {
    fn next(&self, heard: Heard) -> Reply {
        let mut script = lock(&self.script);
        let reply = match script.replies.get_mut(heard.route()) {
            Some(replies) if replies.len() > 1 => replies.pop_front(),
            Some(replies) => replies.front().cloned(),
            None => None,
        };
        lock(&self.heard).push(heard);
        reply.unwrap_or_else(|| Reply::status(404))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
