//! The network between the processes: real requests and answers, whose bytes arrive late, twice, in another order, or
//! not at all.

use crate::log::Log;
use crate::storm::Wires;
use bytes::Bytes;
use futures::future::{AbortHandle, BoxFuture, abortable, pending};
use http::{Request, Response};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::Clock;
use tollway_testkit::weave::{SeededDice, Task, Weave, give_way};

/// A server at work on a request: `None` when it was cut off.
type Answering = Task<Option<Response<Bytes>>>;

/// What answers requests.
pub(crate) type Server = Arc<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync>;

/// The fastest and the slowest message of a calm network, in milliseconds.
const USUAL_MS: (u64, u64) = (1, 40);
/// Processes of the network itself.
const COPIES: &str = "copies";

/// No answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken {
    /// False when nothing has left.
    pub(crate) sent: bool,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.sent { "the connection broke" } else { "no connection" })
    }
}
impl std::error::Error for Broken {}

pub(crate) struct Wire {
    weave: Weave,
    log: Arc<Log>,
    dice: SeededDice,
    wires: Wires,
    calm: AtomicBool,
    servers: Mutex<BTreeMap<String, Server>>,
}

impl Wire {
    pub(crate) fn new(weave: &Weave, log: &Arc<Log>, wires: Wires) -> Arc<Self> {
        let (calm, servers) = (AtomicBool::new(false), Mutex::default());
        let dice = weave.dice().fork("wire");
        Arc::new(Self { weave: weave.clone(), log: log.clone(), dice, wires, calm, servers })
    }

    /// From now on nothing goes wrong.
    pub(crate) fn cease(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Answers what is sent to `host`, until what comes back is dropped.
    pub(crate) fn listen(self: &Arc<Self>, host: &str, server: Server) -> Listening {
        self.servers().insert(host.to_owned(), server);
        Listening { wire: self.clone(), host: host.to_owned() }
    }

    /// Sends a request and waits for the answer.
    pub(crate) async fn send(
        self: &Arc<Self>,
        host: &str,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Broken> {
        self.log.sent(host, &request);
        give_way().await;
        self.travel().await;
        if self.strikes(self.wires.refuse_per_mille) {
            return Err(Broken { sent: false });
        }
        if self.strikes(self.wires.lose_per_mille) {
            return self.lost().await;
        }
        if self.strikes(self.wires.twice_per_mille) {
            self.again(host, copy(&request));
        }
        if self.strikes(self.wires.steal_per_mille) {
            self.steal(host, &request);
        }
        let (answer, stop) = self.deliver(host, request)?;
        let _hang_up = HangUp(self.strikes(self.wires.hang_up_per_mille).then_some(stop));
        let answer = answer.await.ok().flatten().ok_or(Broken { sent: true })?;
        if self.strikes(self.wires.lose_per_mille) {
            return self.lost().await;
        }
        self.travel().await;
        Ok(answer)
    }

    /// Gives a request to the process that listens, as a task of it.
    fn deliver(&self, host: &str, request: Request<Bytes>) -> Result<(Answering, AbortHandle), Broken> {
        let server = self.servers().get(host).cloned().ok_or(Broken { sent: false })?;
        let (log, asked) = (self.log.clone(), copy(&request));
        let (answer, stop) = abortable(async move {
            let answer = server(request).await;
            log.answered(&asked, &answer);
            answer
        });
        Ok((self.weave.spawn(host, async move { answer.await.ok() }), stop))
    }

    /// The same request once more, later; nobody waits for its answer.
    fn again(self: &Arc<Self>, host: &str, request: Request<Bytes>) {
        let (wire, host) = (self.clone(), host.to_owned());
        self.weave.spawn(COPIES, async move {
            // Beside the first as often as long after it.
            let long = wire.wires.late_ms.max(1).saturating_mul(3);
            let later = wire.dice.between(1, if wire.dice.chance(500) { USUAL_MS.1 } else { long });
            wire.weave.clock().sleep(later).await;
            if let Ok((answer, _)) = wire.deliver(&host, request) {
                let _ = answer.await;
            }
        });
    }

    /// The same payment for another thing.
    fn steal(self: &Arc<Self>, host: &str, request: &Request<Bytes>) {
        let (mut parts, body) = copy(request).into_parts();
        let Some(path) = self.log.another(&self.dice, &parts) else { return };
        let Ok(uri) = format!("https://{host}{path}").parse() else { return };
        parts.uri = uri;
        self.again(host, Request::from_parts(parts, body));
    }

    async fn lost<T>(&self) -> Result<T, Broken> {
        if self.dice.chance(500) {
            return Err(Broken { sent: true });
        }
        pending().await
    }

    async fn travel(&self) {
        let late = self.strikes(self.wires.late_per_mille);
        let (low, high) = if late { (1, self.wires.late_ms) } else { USUAL_MS };
        self.weave.clock().sleep(self.dice.between(low, high)).await;
    }

    fn strikes(&self, per_mille: u16) -> bool {
        !self.calm.load(Ordering::Relaxed) && self.dice.chance(per_mille)
    }

    fn servers(&self) -> MutexGuard<'_, BTreeMap<String, Server>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it is held, somebody listens.
pub(crate) struct Listening {
    wire: Arc<Wire>,
    host: String,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let gone = self.wire.servers().remove(&self.host);
        drop(gone);
    }
}

/// Whoever waits for an answer takes the request back by going away.
struct HangUp(Option<AbortHandle>);

impl Drop for HangUp {
    fn drop(&mut self) {
        if let Some(stop) = &self.0 {
            stop.abort();
        }
    }
}

fn copy(request: &Request<Bytes>) -> Request<Bytes> {
    let mut same = Request::new(request.body().clone());
    *same.method_mut() = request.method().clone();
    *same.uri_mut() = request.uri().clone();
    *same.headers_mut() = request.headers().clone();
    same
}
