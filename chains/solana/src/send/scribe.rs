//! Ends on their way into the ledger.
//!
//! An end is known to the chain, so it may be told before it is written down: a crash in between only means that
//! recovery asks the chain again. That lets ends be written many at a time, off the path of the payment.

use super::engine::{Engine, expired};
use super::flight::Flight;
use super::journal::{End, Entry};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tollway_core::RecordKey;

/// Ends written at once.
const AT_ONCE: usize = 64;
/// The longest pause between tries, when the ledger fails.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// One end to write down.
pub(super) struct Line {
    key: RecordKey,
    entry: Entry,
}

impl Engine {
    /// Ends a flight for good.
    pub(super) async fn conclude(&self, flight: Arc<Flight>, mut entry: Entry, end: End) {
        match &end {
            End::Landed(landed) => flight.done(Ok(Arc::new(landed.clone()))),
            End::Expired => flight.done(Err(expired(&entry.tx))),
        }
        entry.end = Some(end);
        // Without a scribe the process is ending; recovery will find out again.
        let _ = self.lines.send(Line { key: flight.key.clone(), entry }).await;
    }
}

/// Writes ends down until the engine ends. A key is let go of only once its end is in the ledger.
pub(super) async fn write_down(engine: Arc<Engine>, mut lines: mpsc::Receiver<Line>) {
    let mut batch = Vec::with_capacity(AT_ONCE);
    while lines.recv_many(&mut batch, AT_ONCE).await > 0 {
        let done: Vec<(RecordKey, Entry)> = batch.drain(..).map(|line| (line.key, line.entry)).collect();
        let mut pause = Duration::from_millis(50);
        while let Err(error) = engine.journal.finish(&done).await {
            tracing::warn!(target: "tollway_solana", %error, ends = done.len(), "ends are not journaled yet");
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(PAUSE_MAX);
        }
        for (key, _) in &done {
            engine.let_go(key);
        }
    }
}
