use super::flight::{Flight, State};
use super::journal::{Entry, Journal};
use super::lane::Lane;
use super::open::Watched;
use super::scribe::{self, Line};
use super::settings::SendSettings;
use super::submit::Submitter;
use crate::address::{account, tx_hash, tx_id};
use crate::fees::Market;
use crate::finality::Finality;
use crate::gas::GasBook;
use crate::profiles::Profile;
use crate::rpc::Rpc;
use crate::tasks::Tasks;
use crate::{Mined, Sent, Submit};
use alloy::primitives::{Address, B256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tollway_core::ledger::{Alone, Leases};
use tollway_core::{Account, Blame, ChainId, Clock, Code, Error, Ledger, Next, RecordKey, Result};

/// Results that may wait to be written down.
const LINES: usize = 4096;
/// How long one question of the watcher may take.
const WATCH_LIMIT: Duration = Duration::from_secs(3);

/// What an engine is made of.
pub(crate) struct Parts {
    pub(crate) rpc: Rpc,
    pub(crate) market: Arc<Market>,
    pub(crate) profile: Profile,
    pub(crate) chain: ChainId,
    pub(crate) ledger: Arc<dyn Ledger>,
    /// Whose each key is now; `None` where all are ours alone.
    pub(crate) leases: Option<Arc<dyn Leases>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) finality: Finality,
    pub(crate) settings: SendSettings,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) gas: Arc<GasBook>,
    pub(crate) tasks: Arc<Tasks>,
}

/// Sends transactions of one chain.
pub(crate) struct Engine {
    pub(super) rpc: Rpc,
    pub(super) market: Arc<Market>,
    pub(super) profile: Profile,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) finality: Finality,
    pub(super) settings: SendSettings,
    pub(super) lanes: Vec<Arc<Lane>>,
    pub(super) gas: Arc<GasBook>,
    pub(super) tasks: Arc<Tasks>,
    pub(super) journal: Journal,
    pub(super) submitter: Submitter,
    pub(super) watched: Watched,
    pub(super) lines: mpsc::Sender<Line>,
    pub(super) leases: Arc<dyn Leases>,
    /// Other processes have the keys too.
    pub(super) shared: bool,
    /// What the keys are called in leases.
    pub(super) accounts: HashMap<Address, Account>,
    /// Counts looks at which lanes are open.
    pub(super) opened: watch::Sender<u64>,
    /// A lane that was closed has become idle.
    pub(super) idle: Arc<Notify>,
    flights: Mutex<HashMap<RecordKey, Arc<Flight>>>,
}

impl Engine {
    /// An engine with its watcher and its scribe running. They end with the tasks.
    pub(crate) fn start(parts: Parts) -> Arc<Self> {
        let (lines, written) = mpsc::channel(LINES);
        let journal = Journal::new(parts.ledger, parts.chain);
        let (shared, idle) = (parts.leases.is_some(), Arc::new(Notify::new()));
        let account = |lane: &Lane| Some((lane.address, account(parts.chain, &lane.address).ok()?));
        let accounts = parts.lanes.iter().filter_map(account).collect();
        let lanes = parts.lanes.into_iter().map(|lane| Arc::new(lane.shared(shared, idle.clone())));
        let engine = Arc::new(Self {
            submitter: Submitter::new(parts.rpc.clone(), parts.settings.inclusion, parts.profile.block_ms),
            // The watcher asks again anyway, so one answer that never comes must not hold it up for long.
            rpc: parts.rpc.within(WATCH_LIMIT),
            market: parts.market,
            profile: parts.profile,
            clock: parts.clock,
            finality: parts.finality,
            settings: parts.settings,
            lanes: lanes.collect(),
            gas: parts.gas,
            tasks: parts.tasks,
            journal,
            watched: Watched::default(),
            lines,
            leases: parts.leases.unwrap_or_else(|| Arc::new(Alone)),
            shared,
            accounts,
            opened: watch::Sender::new(0),
            idle,
            flights: Mutex::default(),
        });
        engine.tasks.spawn(engine.clone().watch());
        if shared {
            engine.share_keys();
        }
        if !engine.lanes.is_empty() {
            engine.tasks.spawn(engine.clone().mind_purses());
        }
        engine.tasks.spawn(scribe::write_down(engine.clone(), written));
        engine
    }

    /// Addresses that it sends from.
    pub(crate) fn senders(&self) -> Vec<Address> {
        self.lanes.iter().map(|lane| lane.address).collect()
    }

    /// See [`crate::Evm::send`].
    pub(crate) async fn send(self: &Arc<Self>, submit: Submit, key: &RecordKey) -> Result<Mined> {
        let (flight, new) = self.flight(key)?;
        if new {
            let (engine, flight) = (self.clone(), flight.clone());
            self.tasks.spawn(async move { engine.launch(flight, submit).await });
        }
        self.wait(&flight).await
    }

    /// See [`crate::Evm::sent`].
    pub(crate) async fn sent(self: &Arc<Self>, key: &RecordKey) -> Result<Sent> {
        if let Some(flight) = self.find(key) {
            return match flight.decided().await {
                State::Pending(tx) => {
                    // It is looked for and sent again now; the answer does not wait for it.
                    self.watched.hurry(&tx_hash(&tx)?);
                    Ok(Sent::Pending(tx))
                }
                State::Done(Ok(mined)) => Ok(Sent::Mined(Box::new(Mined::clone(&mined)))),
                State::Done(Err(error)) if error.is_unknown_outcome() => Err(error),
                State::Done(Err(_)) | State::Working => Ok(Sent::Never),
            };
        }
        let Some(entry) = self.journal.load(key).await? else { return Ok(Sent::Never) };
        if let Some(mined) = entry.mined {
            return Ok(Sent::Mined(Box::new(mined)));
        }
        let tx = tx_id(&entry.hash);
        self.look_after(key, entry)?;
        Ok(Sent::Pending(tx))
    }

    /// Waits for an end, as long as the patience lasts.
    async fn wait(&self, flight: &Flight) -> Result<Mined> {
        let patience = Duration::from_millis(self.settings.patience_ms(self.profile.block_ms));
        match tokio::time::timeout(patience, flight.end()).await {
            Ok(end) => end.map(|mined| Mined::clone(&mined)),
            Err(_) => {
                let tx = match flight.state() {
                    State::Pending(tx) => Some(tx),
                    _ => None,
                };
                let words = format!(
                    "not in a final block after {} ms; it is looked after further",
                    patience.as_millis()
                );
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

    /// What was sent under another hash in place of this one, as far as the journal knows: every hash of it.
    pub(crate) async fn other_hashes(&self, hash: &B256) -> Result<Vec<B256>> {
        let entry = self.journal.outbid_by(hash).await?;
        Ok(entry.iter().flat_map(Entry::hashes).filter(|other| other != hash).collect())
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<RecordKey, Arc<Flight>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
