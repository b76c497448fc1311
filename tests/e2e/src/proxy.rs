//! An HTTP proxy for one server, with faults on request.

use crate::Outcome;
use crate::dice::Seeded;
use bytes::Bytes;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How often what goes wrong, in a thousand requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// The server does what it was asked, and its answer is lost.
    pub lost: u64,
    /// The answer is late, or the request is.
    pub late: u64,
    /// The server never sees the request: half of them are answered with 500, the others end in a broken connection.
    pub broken: u64,
}

/// What has gone wrong so far.
#[derive(Debug, Default)]
pub struct Struck {
    lost: AtomicU64,
    late: AtomicU64,
    broken: AtomicU64,
}

impl Struck {
    /// Lost, late, broken.
    pub fn counts(&self) -> (u64, u64, u64) {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        (read(&self.lost), read(&self.late), read(&self.broken))
    }
}

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    at: SocketAddr,
    way: Arc<Way>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Way {
    target: String,
    client: Client<HttpConnector, Full<Bytes>>,
    rates: Mutex<Rates>,
    dice: Seeded,
    struck: Struck,
}

impl FaultProxy {
    /// Passes everything on to `target` (`http://host:port`), and harms nothing yet.
    ///
    /// # Errors
    /// No port.
    pub async fn start(target: &str, seed: u64) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        // A connection of its own per request, and no second try: what is broken stays broken.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .build_http();
        let way = Arc::new(Way {
            target: target.trim_end_matches('/').to_owned(),
            client,
            rates: Mutex::default(),
            dice: Seeded::new(seed),
            struck: Struck::default(),
        });
        let task = tokio::spawn(accept(listener, way.clone()));
        Ok(Self { at, way, task })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// What goes wrong from now on.
    pub fn set(&self, rates: Rates) {
        *self.way.rates.lock().unwrap_or_else(PoisonError::into_inner) = rates;
    }

    /// What has gone wrong so far.
    pub fn struck(&self) -> &Struck {
        &self.way.struck
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, way: Arc<Way>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, way.clone()))),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn connection(stream: TcpStream, way: Arc<Way>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| pass(request, way.clone()));
    // An error is a client that went away, or a connection that was broken on purpose.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Makes hyper close the connection without an answer.
#[derive(Debug)]
struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up on purpose")
    }
}

impl std::error::Error for HungUp {}

async fn pass(request: Request<Incoming>, way: Arc<Way>) -> Result<Response<Full<Bytes>>, HungUp> {
    let rates = *way.rates.lock().unwrap_or_else(PoisonError::into_inner);
    let (roll, detail) = (way.dice.below(1000), way.dice.draw());
    let count = |n: &AtomicU64| n.fetch_add(1, Ordering::Relaxed);
    let mut lost = false;
    if roll < rates.lost {
        count(&way.struck.lost);
        lost = true;
    } else if roll < rates.lost.saturating_add(rates.late) {
        count(&way.struck.late);
        tokio::time::sleep(Duration::from_millis(detail % 250)).await;
    } else if roll < rates.lost.saturating_add(rates.late).saturating_add(rates.broken) {
        count(&way.struck.broken);
        if detail % 2 == 0 {
            return Err(HungUp);
        }
        let mut failed = Response::new(Full::new(Bytes::from_static(b"broken on purpose")));
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return Ok(failed);
    }
    let answer = forward(request, &way).await?;
    if lost { Err(HungUp) } else { Ok(answer) }
}

async fn forward(request: Request<Incoming>, way: &Way) -> Result<Response<Full<Bytes>>, HungUp> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| HungUp)?.to_bytes();
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    // The `Host` header stays as it came: the server is known to buyers by its own name.
    parts.uri = Uri::try_from(format!("{}{path}", way.target)).map_err(|_| HungUp)?;
    parts.headers.remove(CONNECTION);
    parts.headers.remove(TRANSFER_ENCODING);
    let answer = way.client.request(Request::from_parts(parts, Full::new(body))).await;
    let (mut parts, body) = answer.map_err(|_| HungUp)?.into_parts();
    let body = body.collect().await.map_err(|_| HungUp)?.to_bytes();
    parts.headers.remove(CONNECTION);
    parts.headers.remove(TRANSFER_ENCODING);
    Ok(Response::from_parts(parts, Full::new(body)))
}
