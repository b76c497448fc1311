//! Gaps in a sender's nonces, and how they are closed.

use super::engine::Engine;
use super::journal::Entry;
use super::lane::Lane;
use super::open::Open;
use super::tx::{self, Offer};
use crate::EvmCall;
use alloy::primitives::{Address, B256, Bytes};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tollway_core::{Code, Error, Next, Purpose, RecordKey, Result, Time};

/// How long the next send has to take a nonce that was put back, before it is filled.
const GRACE: Duration = Duration::from_millis(150);
/// The gas of a transfer of nothing, with room for a sender that is a delegated account.
const FILL_GAS: u64 = 60_000;
/// The most nonces that are filled in one round.
const FILLS_MAX: u64 = 16;

/// What the keys of transfers of nothing begin with.
const FILLS: &str = "tollway-fill/";

/// True for the key of a transfer of nothing.
pub(super) fn fills(key: &RecordKey) -> bool {
    key.0.starts_with(FILLS)
}

impl Engine {
    /// A nonce was put back while higher ones are out: fills it if nobody takes it soon.
    pub(super) fn mind_gap(self: &Arc<Self>, sender: Address, nonce: u64) {
        let engine = self.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(GRACE).await;
            engine.fill_once(sender, nonce).await;
        });
    }

    /// Closes gaps below what is open, and passes over what must not be sent any more.
    pub(super) fn mend(self: &Arc<Self>, counts: &HashMap<Address, u64>) {
        for (sender, count) in counts.iter().filter(|(sender, _)| self.ours(sender)) {
            let (lowest, stuck) = {
                let map = self.watched.map();
                let mine = || map.values().filter(|o| o.entry.sender == *sender);
                let lowest = mine().map(|o| o.entry.nonce).min();
                let stuck = mine().find(|o| o.silent && o.entry.nonce == *count);
                (lowest, stuck.map(|o| o.entry.name()))
            };
            if let Some(hash) = stuck {
                let engine = self.clone();
                self.tasks.spawn(async move { engine.pass_over(hash).await });
            }
            for nonce in (*count..lowest.unwrap_or(*count)).take(usize::try_from(FILLS_MAX).unwrap_or(1)) {
                let (engine, sender) = (self.clone(), *sender);
                self.tasks.spawn(async move { engine.fill_once(sender, nonce).await });
            }
        }
    }

    /// Fills a nonce, unless that is under way already.
    async fn fill_once(self: Arc<Self>, sender: Address, nonce: u64) {
        let slot = (sender, nonce);
        if !self.watched.filling.lock().unwrap_or_else(PoisonError::into_inner).insert(slot) {
            return;
        }
        if let Err(error) = self.fill(sender, nonce).await {
            tracing::warn!(target: "tollway_evm", %error, %sender, nonce, "a nonce gap is not closed yet");
        }
        self.watched.filling.lock().unwrap_or_else(PoisonError::into_inner).remove(&slot);
    }

    /// Gives a nonce something to be used up by: what the journal has for it, or a transfer of nothing.
    async fn fill(self: &Arc<Self>, sender: Address, nonce: u64) -> Result<()> {
        let Some(lane) = self.lanes.iter().find(|lane| lane.address == sender) else { return Ok(()) };
        let ticket = lane.claim(nonce);
        if ticket.is_none() {
            if let Some(key) = self.journal.holder(&sender, nonce).await? {
                // On its way in this process, or forgotten by it: only the second needs help.
                if self.find(&key).is_none()
                    && let Some(entry) = self.journal.load(&key).await?
                {
                    self.look_after(&key, entry)?;
                }
                return Ok(());
            }
            if let Some((key, mut entry)) = self.journal.finished(&sender, nonce).await? {
                // It was in a block that a reorganisation took back.
                entry.mined = None;
                self.journal.reopen(&key, &entry).await?;
                return self.look_after(&key, entry);
            }
        }
        let (key, entry) = self.filler(lane, nonce, 0).await?;
        self.journal.open(&key, &entry).await?;
        if let Some(ticket) = ticket {
            ticket.spend();
        }
        self.look_after(&key, entry)
    }

    /// What is open may not be sent any more, and blocks what comes after it. If no node knows it, a transfer of
    /// nothing takes its nonce; whichever of the two is mined, the other never will be.
    async fn pass_over(self: Arc<Self>, name: B256) {
        let Some((key, entry)) = ({
            let map = self.watched.map();
            map.get(&name).filter(|o| o.silent).map(|o| (o.flight.key.clone(), o.entry.clone()))
        }) else {
            return;
        };
        for hash in entry.hashes() {
            match self.rpc.ask::<_, Option<serde_json::Value>>("eth_getTransactionByHash", (hash,)).await {
                Ok(None) => {}
                Ok(Some(_)) => {
                    // A node has it after all: then sending it again is no first time.
                    self.watched.speak(&name);
                    return;
                }
                Err(_) => return,
            }
        }
        if let Err(error) = self.replace(&key, &entry).await {
            tracing::debug!(target: "tollway_evm", %error, nonce = entry.nonce, "a nonce is not passed over yet");
        }
    }

    pub(super) async fn replace(self: &Arc<Self>, key: &RecordKey, entry: &Entry) -> Result<()> {
        let Some(lane) = self.lanes.iter().find(|lane| lane.address == entry.sender) else { return Ok(()) };
        let (fill, filler) = self.filler(lane, entry.nonce, entry.max_fee_wei).await?;
        self.journal.replace(key, &fill, &filler).await?;
        self.look_after(&fill, filler)
    }

    /// A signed transfer of nothing to its own sender, offering a quarter more than `over_wei`, or what the cap allows.
    async fn filler(&self, lane: &Lane, nonce: u64, over_wei: u128) -> Result<(RecordKey, Entry)> {
        let fees = self.market.warm(&self.tasks).await?;
        let over = over_wei.saturating_add(over_wei / 4);
        let max_fee_wei = fees.max_fee_wei(Purpose::Interactive).max(over).min(self.settings.absolute_wei());
        if max_fee_wei <= over_wei {
            let words =
                format!("nonce {nonce} is not filled: the fee cap allows no more than {max_fee_wei} wei");
            return Err(Error::us(Code::Conflict).next(Next::Later).detail(words));
        }
        let tip_wei = fees.tips_wei.of(Purpose::Interactive).saturating_mul(2).min(max_fee_wei);
        let offer = Offer { max_fee_wei, tip_wei };
        let call = EvmCall { to: lane.address, data: Bytes::new() };
        let sample = tx::unsigned_sample(self.profile.chain_id, &call, FILL_GAS, Some(offer));
        let gas = FILL_GAS.saturating_add(fees.l1_gas(self.market.sizes(), &sample)?);
        let body = tx::body(self.profile.chain_id, nonce, &call, gas, offer);
        self.check_ours(&lane.address)?;
        let (hash, raw) = tx::sign(lane.signer.as_ref(), body).await?;
        let at = self.clock.now();
        let key = RecordKey(format!("{FILLS}{:#x}/{nonce}/{}", lane.address, at.ms()));
        let entry = Entry {
            sender: lane.address,
            nonce,
            hash,
            raw,
            max_fee_wei,
            tip_wei,
            at,
            not_after: Time::FAR,
            before: Vec::new(),
            learn: None,
            mined: None,
        };
        Ok((key, entry))
    }

    /// Takes a journaled transaction under the watcher's wing, unless it is there already.
    pub(super) fn look_after(&self, key: &RecordKey, entry: Entry) -> Result<(), Error> {
        let (flight, new) = self.flight(key)?;
        if new {
            self.follow(&flight, entry);
        }
        Ok(())
    }

    /// Ends a flight by its journaled result, or watches for one.
    pub(super) fn follow(&self, flight: &Arc<super::flight::Flight>, entry: Entry) {
        if let Some(mined) = entry.mined {
            flight.done(Ok(Arc::new(mined)));
            return self.let_go(&flight.key);
        }
        flight.pending(crate::address::tx_id(&entry.hash));
        if let Some(lane) = self.lanes.iter().find(|lane| lane.address == entry.sender) {
            flight.board(lane.berth());
            flight.may_cost(entry.may_cost_wei());
        }
        // Past its time, and perhaps never sent: it is only looked for.
        let silent = self.clock.now() > entry.not_after;
        self.watched.add(Open::found(flight.clone(), entry, silent));
    }
}
