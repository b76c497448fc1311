//! The one thread that owns the connection, and group commit.

use crate::fail;
use rusqlite::Connection;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};
use tollway_core::{Error, Result};

/// How many requests may wait; the next caller waits for room, which holds a flood at the door.
const QUEUE: usize = 1024;

/// How many requests share one commit at most, so that the first of them does not wait for ever.
const GROUP: usize = 256;

/// Asks the thread. Dropping it ends the thread, after everything that was queued is done.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Task>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Hands the connection to a thread of its own.
    pub(crate) fn start(db: Connection) -> Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("tollway-ledger".to_owned())
            .spawn(move || serve(&db, waiting))
            .map_err(|e| fail::broken(&format!("no thread for the ledger: {e}")))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Runs `work` in the thread, and answers once it is committed; what it did before that may be undone and done
    /// again. Dropped before there was room in the queue, nothing happens; dropped later, all of it.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        kind: Kind,
        work: impl Fn(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let task: Box<dyn Task> = Box::new(Request { kind, work, outcome: None, reply: Some(reply) });
        let queue = self.queue.as_ref().ok_or_else(fail::gone)?;
        queue.send(task).await.map_err(|_| fail::gone())?;
        answer.await.map_err(|_| fail::gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // Waits for the queue and the file's closing. A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

/// What a request does to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads only: a group of such needs no lock and no sync.
    Reads,
    /// Writes, and is undone whole when it fails.
    Writes,
}

/// A request whose types the queue need not know.
trait Task: Send {
    fn kind(&self) -> Kind;
    /// Works inside the group's transaction and keeps the outcome. False when it failed half way: only
    /// [`Self::run_apart`] undoes what it has written by then.
    fn run(&mut self, db: &Connection) -> bool;
    /// The same in a savepoint: its failure undoes its own writes and no other's.
    fn run_apart(&mut self, db: &Connection);
    /// Sends the outcome, or the reason why the whole group failed.
    fn answer(&mut self, lost: Option<&Error>);
}

struct Request<W, T> {
    kind: Kind,
    work: W,
    outcome: Option<Result<T>>,
    reply: Option<oneshot::Sender<Result<T>>>,
}

impl<T: Send, W: Fn(&Connection) -> Result<T> + Send> Task for Request<W, T> {
    fn kind(&self) -> Kind {
        self.kind
    }
    fn run(&mut self, db: &Connection) -> bool {
        let before = db.total_changes();
        let outcome = (self.work)(db);
        let whole = outcome.is_ok() || db.total_changes() == before;
        self.outcome = Some(outcome);
        whole
    }
    fn run_apart(&mut self, db: &Connection) {
        self.outcome = Some(if self.kind == Kind::Writes { apart(db, &self.work) } else { (self.work)(db) });
    }
    fn answer(&mut self, lost: Option<&Error>) {
        let outcome = match lost {
            Some(why) => Err(why.clone()),
            None => self.outcome.take().unwrap_or_else(|| Err(fail::lost())),
        };
        if let Some(reply) = self.reply.take() {
            // Whoever asked may have left.
            let _ = reply.send(outcome);
        }
    }
}

/// Runs `work` in a savepoint: its failure undoes its own writes and no other's.
fn apart<T>(db: &Connection, work: &impl Fn(&Connection) -> Result<T>) -> Result<T> {
    command(db, "SAVEPOINT request")?;
    let outcome = work(db);
    if outcome.is_err() && !db.is_autocommit() {
        command(db, "ROLLBACK TO request")?;
    }
    if !db.is_autocommit() {
        command(db, "RELEASE request")?;
    }
    outcome
}

fn serve(db: &Connection, mut waiting: mpsc::Receiver<Box<dyn Task>>) {
    let mut group = Vec::with_capacity(GROUP);
    // Zero only when the queue is empty and nobody can ask any more.
    while waiting.blocking_recv_many(&mut group, GROUP) > 0 {
        let lost = transact(db, &mut group).err();
        for mut task in group.drain(..) {
            task.answer(lost.as_ref());
        }
    }
}

/// One transaction around the whole group. An error means that none of it happened.
///
/// Nearly every request either does all that it should or finds out that it may not before it writes anything, so the
/// first try does without savepoints, which cost a copy of every page that is written. When a request breaks off half way
/// all the same, the whole group is undone and each of it runs apart.
fn transact(db: &Connection, group: &mut [Box<dyn Task>]) -> Result<()> {
    begin(db, group)?;
    // Without a transaction SQLite has undone everything by itself, as it does on a full disk: that was no whole run.
    if group.iter_mut().all(|task| task.run(db) && !db.is_autocommit()) {
        return commit(db);
    }
    if !db.is_autocommit() {
        command(db, "ROLLBACK")?;
    }
    begin(db, group)?;
    for task in group {
        task.run_apart(db);
        if db.is_autocommit() {
            // The requests before this one are undone too.
            return Err(fail::lost());
        }
    }
    commit(db)
}

fn begin(db: &Connection, group: &[Box<dyn Task>]) -> Result<()> {
    let writes = group.iter().any(|task| task.kind() == Kind::Writes);
    // IMMEDIATE takes the write lock first, so that what is read stays true until it is written: other processes
    // work on the same file.
    command(db, if writes { "BEGIN IMMEDIATE" } else { "BEGIN" })
}

fn commit(db: &Connection) -> Result<()> {
    command(db, "COMMIT").inspect_err(|_| {
        // Best effort: a transaction that is still open must not swallow the next group.
        let _ = command(db, "ROLLBACK");
    })
}

fn command(db: &Connection, sql: &str) -> Result<()> {
    db.prepare_cached(sql).and_then(|mut s| s.execute([])).map(drop).map_err(fail::sqlite)
}
