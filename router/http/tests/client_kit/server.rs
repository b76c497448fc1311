//! An HTTP/1.1 server that does what a script says, also what no server should do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
    pub(crate) fn payment(&self) -> Option<&str> {
        self.header("payment-signature").or_else(|| self.header("x-payment"))
    }
}

/// What to do with a request.
#[derive(Clone)]
pub(crate) struct Act {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    what: What,
}

#[derive(Clone, PartialEq)]
enum What {
    Answer,
    Reset,
    Hang,
}

impl Act {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), what: What::Answer }
    }
    /// Reads the request and closes the connection.
    pub(crate) fn reset() -> Self {
        Self { what: What::Reset, ..Self::new(0) }
    }
    /// Reads the request and says nothing.
    pub(crate) fn hang() -> Self {
        Self { what: What::Hang, ..Self::new(0) }
    }
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
    pub(crate) fn json(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body)
    }
}

type Script = Arc<dyn Fn(&Seen, &[Seen]) -> Act + Send + Sync>;

pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// `script` gets each request and all that came before it.
    pub(crate) async fn start(script: impl Fn(&Seen, &[Seen]) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, script): (Arc<Mutex<Vec<Seen>>>, Script) = (Arc::default(), Arc::new(script));
        let all = Arc::clone(&seen);
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(talk(stream, Arc::clone(&script), Arc::clone(&all)));
            }
        });
        Self { port, seen, connections }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/thing", self.port)
    }
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
    /// The payments that arrived, in order.
    pub(crate) fn payments(&self) -> Vec<String> {
        self.seen().iter().filter_map(|s| s.payment().map(str::to_owned)).collect()
    }
}

async fn talk(mut stream: TcpStream, script: Script, all: Arc<Mutex<Vec<Seen>>>) {
    let mut buffer = Vec::new();
    while let Some(seen) = read(&mut stream, &mut buffer).await {
        let act = {
            let mut all = all.lock().unwrap();
            let act = script(&seen, &all);
            all.push(seen);
            act
        };
        match act.what {
            What::Reset => return,
            What::Hang => std::future::pending::<()>().await,
            What::Answer => {}
        }
        let mut head = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", act.status, act.body.len());
        for (name, value) in &act.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        if stream.write_all(&[head.as_bytes(), &act.body].concat()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer.drain(..end).collect()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<_> =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let mut seen = Seen { method, path, headers, body: Vec::new() };
    if seen.header("transfer-encoding").is_some() {
        while !buffer.windows(5).any(|w| w == b"0\r\n\r\n") {
            stream.read_buf(buffer).await.ok().filter(|n| *n > 0)?;
        }
        seen.body = std::mem::take(buffer);
        return Some(seen);
    }
    let length: usize = seen.header("content-length").map_or(0, |n| n.parse().unwrap());
    while buffer.len() < length {
        stream.read_buf(buffer).await.ok().filter(|n| *n > 0)?;
    }
    seen.body = buffer.drain(..length).collect();
    Some(seen)
}
