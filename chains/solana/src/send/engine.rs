use super::flight::{Flight, State};
use super::journal::{End, Journal};
use super::payers::FeePayers;
use super::scribe::{self, Line};
use super::settings::SendSettings;
use super::watch::Watched;
use crate::address;
use crate::finality::Finality;
use crate::height::Heights;
use crate::profiles::Profile;
use crate::rpc::Rpc;
use crate::rpc::notices::Notices;
use crate::svm::{Landed, Sent, Submit};
use crate::tasks::Tasks;
use crate::warm::Blockhashes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tollway_core::{Blame, ChainId, Clock, Code, Error, Ledger, Next, RecordKey, Result, TxId};

/// Ends that may wait to be written down.
const LINES: usize = 4096;
/// How long one question of the watcher may take.
const WATCH_LIMIT: Duration = Duration::from_secs(3);

/// What an engine is made of.
pub(crate) struct Parts {
    pub(crate) rpc: Rpc,
    pub(crate) notices: Option<Notices>,
    pub(crate) heights: Arc<Heights>,
    pub(crate) blockhashes: Arc<Blockhashes>,
    pub(crate) payers: Arc<FeePayers>,
    pub(crate) profile: Profile,
    pub(crate) chain: ChainId,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) finality: Finality,
    pub(crate) settings: SendSettings,
    pub(crate) tasks: Arc<Tasks>,
}

/// Sends transactions of one chain.
pub(crate) struct Engine {
    pub(super) rpc: Rpc,
    pub(super) notices: Option<Notices>,
    pub(super) watch_rpc: Rpc,
    pub(super) heights: Arc<Heights>,
    pub(super) blockhashes: Arc<Blockhashes>,
    pub(super) payers: Arc<FeePayers>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) finality: Finality,
    pub(super) settings: SendSettings,
    pub(super) tasks: Arc<Tasks>,
    pub(super) journal: Journal,
    pub(super) watched: Watched,
    pub(super) lines: mpsc::Sender<Line>,
    pub(super) slot: Duration,
    flights: Mutex<HashMap<RecordKey, Arc<Flight>>>,
}

impl Engine {
    /// An engine with its watcher and its scribe running. They end with the tasks.
    pub(crate) fn start(mut parts: Parts) -> Arc<Self> {
        let (lines, written) = mpsc::channel(LINES);
        let heard = parts.notices.as_mut().and_then(Notices::heard);
        let engine = Arc::new(Self {
            // The watcher asks again anyway, so one answer that never comes must not hold it up for long.
            watch_rpc: parts.rpc.within(WATCH_LIMIT),
            rpc: parts.rpc,
            notices: parts.notices,
            heights: parts.heights,
            blockhashes: parts.blockhashes,
            payers: parts.payers,
            clock: parts.clock,
            finality: parts.finality,
            settings: parts.settings,
            tasks: parts.tasks,
            journal: Journal::new(parts.ledger, parts.chain),
            watched: Watched::default(),
            lines,
            slot: Duration::from_millis(u64::from(parts.profile.slot_ms.max(1))),
            flights: Mutex::default(),
        });
        engine.tasks.spawn(engine.clone().watch(heard));
        engine.tasks.spawn(scribe::write_down(engine.clone(), written));
        engine
    }

    /// See [`crate::Svm::send`].
    pub(crate) async fn send(self: &Arc<Self>, submit: Submit, key: &RecordKey) -> Result<Landed> {
        // If that cannot be read now, there is a flight to wait for.
        let _ = self.heed(key).await;
        let (flight, new) = self.flight(key)?;
        if new {
            let (engine, flight) = (self.clone(), flight.clone());
            self.tasks.spawn(async move { engine.launch(flight, submit).await });
        }
        self.wait(&flight).await
    }

    /// See [`crate::Svm::sent`].
    pub(crate) async fn sent(self: &Arc<Self>, key: &RecordKey) -> Result<Sent> {
        self.heed(key).await?;
        if let Some(flight) = self.find(key) {
            return match flight.decided().await {
                State::Pending(tx) => {
                    // It is looked for and sent again now; the answer does not wait for it.
                    self.watched.hurry(&address::signature(&tx)?);
                    Ok(Sent::Pending(tx))
                }
                State::Done(Ok(landed)) => Ok(Sent::Landed(Box::new(Landed::clone(&landed)))),
                State::Done(Err(error)) if error.is_unknown_outcome() => Err(error),
                State::Done(Err(error)) => {
                    // An error with a transaction is one that expired; without, nothing was sent.
                    Ok(error.transaction.map_or(Sent::Never, Sent::Expired))
                }
                State::Working => Ok(Sent::Never),
            };
        }
        let Some(entry) = self.journal.load(key).await? else { return Ok(Sent::Never) };
        match &entry.end {
            Some(End::Landed(landed)) => Ok(Sent::Landed(Box::new(landed.clone()))),
            Some(End::Expired) => Ok(Sent::Expired(entry.tx)),
            None => {
                let tx = entry.tx.clone();
                self.look_after(key, entry)?;
                Ok(Sent::Pending(tx))
            }
        }
    }

    /// Waits for an end, as long as the patience lasts.
    async fn wait(&self, flight: &Flight) -> Result<Landed> {
        let patience = Duration::from_millis(self.settings.patience_ms);
        match tokio::time::timeout(patience, flight.end()).await {
            Ok(end) => end.map(|landed| Landed::clone(&landed)),
            Err(_) => {
                let tx = match flight.state() {
                    State::Pending(tx) => Some(tx),
                    _ => None,
                };
                let words = format!("not done after {} ms; it is looked after further", patience.as_millis());
                Err(Error::unknown(Code::SettlementPending, tx).detail(words))
            }
        }
    }

    /// The flight of a key, and whether it is new.
    pub(super) fn flight(&self, key: &RecordKey) -> Result<(Arc<Flight>, bool)> {
        let mut flights = self.flights();
        if let Some(found) = flights.get(key) {
            return Ok((found.clone(), false));
        }
        if flights.len() >= self.settings.in_flight_max {
            return Err(Error::new(Code::InFlight, Blame::Us, Next::Later)
                .detail(format!("{} transactions are on their way, and no more are taken", flights.len())));
        }
        let flight = Flight::new(key.clone());
        flights.insert(key.clone(), flight.clone());
        Ok((flight, true))
    }

    pub(super) fn find(&self, key: &RecordKey) -> Option<Arc<Flight>> {
        self.flights().get(key).cloned()
    }

    /// Lets go of a key: its end is in the journal, or there was nothing.
    pub(super) fn let_go(&self, key: &RecordKey) {
        self.flights().remove(key);
    }

    /// Ends a flight with an error; nothing of it is journaled, or it is and stays open.
    pub(super) fn fail(&self, flight: &Flight, error: Error) {
        self.let_go(&flight.key);
        flight.done(Err(error));
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<RecordKey, Arc<Flight>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a caller hears of a transaction that can be in no block any more.
pub(super) fn expired(tx: &TxId) -> Error {
    Error::new(Code::Expired, Blame::Network, Next::Never)
        .transaction(tx.clone())
        .detail("its blockhash expired before it was in a block; it never will be")
}
