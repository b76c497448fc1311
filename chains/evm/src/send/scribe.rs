//! Results on their way into the ledger.
//!
//! A result is known to the chain, so it may be told before it is written down: a crash in between only means that
//! recovery asks the chain again. That lets results be written many at a time, off the path of the payment.

use super::engine::Engine;
use super::flight::Flight;
use super::journal::Entry;
use crate::receipt::RawReceipt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tollway_core::{Error, RecordKey};

/// Results written at once.
const AT_ONCE: usize = 64;
/// The longest pause between tries, when the ledger fails.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// One result to write down.
pub(super) struct Line {
    pub(super) key: RecordKey,
    pub(super) entry: Entry,
}

impl Engine {
    /// Ends a flight with its receipt.
    pub(super) async fn settle(&self, flight: Arc<Flight>, mut entry: Entry, receipt: RawReceipt) {
        let gas = receipt.execution_gas();
        let mined = match receipt.mined(self.market.newest().as_deref()) {
            Ok(mined) => mined,
            Err(error) => {
                // In a block, by a receipt that nobody can read: the journal stays open, and `sent` asks again.
                let unknown = Error::unknown(error.code.clone(), Some(crate::address::tx_id(&entry.hash)));
                return self.fail(&flight, unknown.detail(&*error.detail));
            }
        };
        if let Some((contract, what)) = &entry.learn
            && mined.success
        {
            self.gas.learn(*contract, what, gas);
        }
        entry.mined = Some(mined.clone());
        flight.done(Ok(Arc::new(mined)));
        let line = Line { key: flight.key.clone(), entry };
        // Without a scribe the process is ending; recovery will find the receipt.
        let _ = self.lines.send(line).await;
    }
}

/// Writes results down until the engine ends. A key is let go of only once its result is in the ledger.
pub(super) async fn write_down(engine: Arc<Engine>, mut lines: mpsc::Receiver<Line>) {
    let mut batch = Vec::with_capacity(AT_ONCE);
    while lines.recv_many(&mut batch, AT_ONCE).await > 0 {
        let done: Vec<(RecordKey, Entry)> = batch.drain(..).map(|line| (line.key, line.entry)).collect();
        let mut pause = Duration::from_millis(50);
        while let Err(error) = engine.journal.finish(&done).await {
            tracing::warn!(target: "tollway_evm", %error, results = done.len(), "results are not journaled yet");
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(PAUSE_MAX);
        }
        for (key, _) in &done {
            engine.let_go(key);
        }
    }
}
