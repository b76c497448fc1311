//! Connections that come back when they are lost.

use super::backend::Backend;
use super::calls::{Calls, Value};
use super::connect::PostgresSettings;
use super::{fail, migrate};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Row, Statement};
use tollway_core::{Error, Result};

/// How long between two tries to connect again.
const AGAIN: Duration = Duration::from_millis(250);

/// What every connection is told first. Functions find their tables by the path; a commit is on disk when it is answered; and
/// nothing waits for ever, neither for a lock nor in a transaction that its client left.
const MANNERS: &str = "set search_path to tollway; set synchronous_commit to on; set statement_timeout to '10s';
    set lock_timeout to '5s'; set idle_in_transaction_session_timeout to '10s'; set default_transaction_isolation to 'read committed'";

/// Several connections, asked by turns. Requests on one connection go out one after the other without waiting for answers.
pub(super) struct Lines {
    lines: Vec<Line>,
    next: AtomicUsize,
}

struct Line {
    state: watch::Receiver<State>,
    keeper: JoinHandle<()>,
    /// How many callers left while their request was under way, and how many of these requests are surely over.
    left: AtomicU64,
    over: AtomicU64,
}

#[derive(Clone)]
enum State {
    /// Being opened, for the first time or again: worth waiting for.
    Opening,
    Up(Arc<Open>),
    /// Could not be opened; tried again in the background.
    Down(Error),
}

struct Open {
    client: Client,
    calls: Calls,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Lines {
    /// Brings the schema up to date, over a connection of its own.
    pub(super) async fn prepare(settings: &PostgresSettings) -> Result<()> {
        let (mut client, driver) = settings.connect().await?;
        migrate::migrate(&mut client).await?;
        drop(client);
        // Ends with the client that it serves.
        let _ = driver.await;
        Ok(())
    }

    /// Opens all connections in the background.
    pub(super) fn kept(settings: &PostgresSettings) -> Self {
        let lines: Vec<Line> = (0..settings.connections).map(|_| keep(settings.clone())).collect();
        Self { lines, next: AtomicUsize::new(0) }
    }

    /// Asks once, over the next connection.
    pub(super) async fn call(&self, which: fn(&Calls) -> &Statement, with: &[Value<'_>]) -> Result<Vec<Row>> {
        let at = self.next.fetch_add(1, Ordering::Relaxed).checked_rem(self.lines.len()).unwrap_or(0);
        let line = self.lines.get(at).ok_or_else(|| fail::broken("no connection"))?;
        for line in &self.lines {
            line.calm().await?;
        }
        let open = line.open().await?;
        let mut leaving = Leaving { left: Some(&line.left) };
        let answer = open.client.query(which(&open.calls), with).await;
        // A request whose connection broke is left behind like one whose caller left: the server may still be at it.
        if answer.is_ok() || refused(&answer) && !open.client.is_closed() {
            leaving.left = None;
        }
        answer.map_err(fail::postgres)
    }
}

/// True when the server has said itself that it did not do it.
fn refused<T>(answer: &Result<T, tokio_postgres::Error>) -> bool {
    answer.as_ref().err().is_some_and(|e| e.as_db_error().is_some())
}

/// Counts a caller who leaves before the answer.
struct Leaving<'a> {
    left: Option<&'a AtomicU64>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Some(left) = self.left {
            left.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Line {
    /// Waits until no request runs whose caller has left: what is asked from now on sees it done or not done, for good. A
    /// connection answers in order, so an empty question is enough; and a new connection is only there when the server has ended
    /// what it did for the lost one.
    async fn calm(&self) -> Result<()> {
        let left = self.left.load(Ordering::SeqCst);
        if self.over.load(Ordering::SeqCst) >= left {
            return Ok(());
        }
        let open = self.open().await?;
        open.client.check_connection().await.map_err(fail::postgres)?;
        self.over.fetch_max(left, Ordering::SeqCst);
        Ok(())
    }

    async fn open(&self) -> Result<Arc<Open>> {
        let mut state = self.state.clone();
        // One that is closed is about to be opened again: its driver has ended.
        let ready = |state: &State| match state {
            State::Opening => false,
            State::Up(open) => !open.client.is_closed(),
            State::Down(_) => true,
        };
        let settled = state.wait_for(ready).await;
        match settled.map(|state| state.clone()) {
            Ok(State::Up(open)) => Ok(open),
            Ok(State::Down(why)) => Err(why),
            Ok(State::Opening) | Err(_) => Err(fail::away("the connection to PostgreSQL is closed")),
        }
    }
}

/// A connection, and a task that opens it anew whenever it is lost.
fn keep(settings: PostgresSettings) -> Line {
    let (tell, state) = watch::channel(State::Opening);
    let keeper = tokio::spawn(async move {
        let mut before = None;
        loop {
            match open(&settings, before.as_ref()).await {
                Ok((open, backend, driver)) => {
                    before = Some(backend);
                    tell.send_replace(State::Up(Arc::new(open)));
                    // Ends when the connection does. Whoever asks from now on waits for the next one.
                    let _ = driver.await;
                    tell.send_replace(State::Opening);
                }
                Err(why) => {
                    tell.send_replace(State::Down(why));
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    });
    Line { state, keeper, left: AtomicU64::new(0), over: AtomicU64::new(0) }
}

/// Opens a connection, and ends what the server still does for the one before: a commit that comes late would be missed by
/// whoever has asked in between.
async fn open(
    settings: &PostgresSettings,
    before: Option<&Backend>,
) -> Result<(Open, Backend, JoinHandle<()>)> {
    let (client, driver) = settings.connect().await?;
    client.batch_execute(MANNERS).await.map_err(fail::postgres)?;
    if let Some(life) = settings.life {
        client.batch_execute(&format!("set tollway.life to '{life}'")).await.map_err(fail::postgres)?;
    }
    let backend = Backend::of(&client).await?;
    if let Some(before) = before {
        before.end(&client).await?;
    }
    let calls = Calls::prepare(&client).await?;
    Ok((Open { client, calls }, backend, driver))
}
