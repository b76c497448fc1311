//! From a key to a broadcast transaction.

use super::engine::Engine;
use super::flight::Flight;
use super::journal::Entry;
use super::lane::{Lane, Ticket};
use super::open::Open;
use super::tx::{self, Offer, unsigned_sample};
use super::verdict::Verdict;
use crate::Submit;
use crate::address::tx_id;
use crate::receipt::RawReceipt;
use alloy::consensus::TxEip1559;
use alloy::primitives::U256;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Blame, Code, Error, Next, RecordKey, Result, Time};

/// Times that a nonce may turn out to be taken before the caller is told.
const NONCE_TRIES: u32 = 4;
/// Times that the ledger is asked what it has, after a write whose answer is lost.
const DOUBT_TRIES: u32 = 5;

/// What a transaction offers, and the gas it may use.
struct Priced {
    offer: Offer,
    gas_limit: u64,
}

/// What the ledger did.
enum Journaled {
    /// It has our entry.
    Ours,
    /// It had one for this key before.
    Before(Box<Entry>),
    /// Somebody has that nonce.
    NonceTaken,
}

impl Engine {
    /// Runs a flight from its start. Ends it, or hands it to the watcher.
    pub(super) async fn launch(self: Arc<Self>, flight: Arc<Flight>, submit: Submit) {
        for last in [false, true] {
            let (lane, priced) = match self.berth(&flight, &submit).await {
                Ok(found) => found,
                Err(error) => return self.refuse(&flight, error).await,
            };
            match self.prepare(&lane, &flight, &submit, priced).await {
                Ok(Some(entry)) => {
                    let Err(error) = self.first_time(&lane, &flight, entry).await else { break };
                    // A fee that is too low today comes from a look at the market that is too old. Nothing was sent,
                    // so a newer look may be tried, once.
                    let (cheap, poor) = (error.code == Code::RpcRefused, error.blame == Blame::Settler);
                    if last || !(cheap || poor) || error.next != Next::Later {
                        self.fail(&flight, error);
                        break;
                    }
                    if poor {
                        // The same for a sender who turned out to have too little: perhaps another has enough.
                        self.look_into_purses().await;
                    } else {
                        self.market.forget();
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.refuse(&flight, error).await;
                    break;
                }
            }
        }
    }

    /// Prices a transaction and finds it a sender who can pay for it.
    async fn berth(self: &Arc<Self>, flight: &Flight, submit: &Submit) -> Result<(Arc<Lane>, Priced)> {
        self.in_time(submit.not_after)?;
        let fees = self.market.warm(&self.tasks).await?;
        let max_fee_wei = fees.max_fee_wei(submit.purpose).min(self.settings.absolute_wei());
        let offer = Offer { max_fee_wei, tip_wei: fees.tips_wei.of(submit.purpose).min(max_fee_wei) };
        let sample = unsigned_sample(self.profile.chain_id, &submit.call, submit.gas_limit, Some(offer));
        let gas_limit = submit.gas_limit.saturating_add(fees.l1_gas(self.market.sizes(), &sample)?);
        let may_cost = u128::from(gas_limit).saturating_mul(max_fee_wei).saturating_add(submit.value_wei);
        let (lane, berth) = self.place(submit.sender, may_cost).await?;
        flight.board(berth);
        flight.may_cost(may_cost);
        Ok((lane, Priced { offer, gas_limit }))
    }

    /// Ends a flight that sent nothing, unless something was sent under its key before (by this process or the one
    /// before it): then that is what the caller gets, and not a refusal that would be a lie.
    async fn refuse(&self, flight: &Arc<Flight>, error: Error) {
        if error.is_unknown_outcome() {
            return self.fail(flight, error);
        }
        match self.journal.load(&flight.key).await {
            Ok(None) => self.fail(flight, error),
            Ok(Some(entry)) => self.follow(flight, entry),
            Err(unread) => {
                self.fail(flight, Error::unknown(unread.code.clone(), None).detail(&*unread.detail))
            }
        }
    }

    /// Signs and journals. `None`: there was an entry for the key already, and it is being looked after.
    async fn prepare(
        self: &Arc<Self>,
        lane: &Lane,
        flight: &Arc<Flight>,
        submit: &Submit,
        priced: Priced,
    ) -> Result<Option<Entry>> {
        if !lane.synced() {
            self.sync_lane(lane).await?;
        }
        for _ in 0..NONCE_TRIES {
            self.check_ours(&lane.address)?;
            let ticket =
                lane.take().ok_or_else(|| Error::us(Code::Internal).detail("a lane without a nonce"))?;
            let entry = self.sign(lane, &ticket, submit, &priced).await?;
            match self.write_down(&flight.key, &entry).await {
                Ok(Journaled::Ours) => {
                    ticket.spend();
                    flight.pending(tx_id(&entry.hash));
                    return Ok(Some(entry));
                }
                Ok(Journaled::Before(known)) => {
                    drop(ticket);
                    self.follow(flight, *known);
                    return Ok(None);
                }
                Ok(Journaled::NonceTaken) => {
                    ticket.spend();
                    self.sync_lane(lane).await?;
                }
                Err(error) => {
                    // Perhaps the ledger has it after all: then the nonce must not be used for anything else.
                    if error.is_unknown_outcome() {
                        ticket.spend();
                    }
                    return Err(error);
                }
            }
        }
        Err(Error::us(Code::Conflict)
            .next(Next::Later)
            .detail(format!("somebody else journals nonces of {} as fast as we do", lane.address)))
    }

    async fn sign(
        &self,
        lane: &Lane,
        ticket: &Ticket<'_>,
        submit: &Submit,
        priced: &Priced,
    ) -> Result<Entry> {
        let Priced { offer, gas_limit } = *priced;
        let nonce = ticket.nonce();
        let body = tx::body(self.profile.chain_id, nonce, &submit.call, gas_limit, offer);
        let body = TxEip1559 { value: U256::from(submit.value_wei), ..body };
        let (hash, raw) = tx::sign(lane.signer.as_ref(), body).await?;
        Ok(Entry {
            sender: lane.address,
            nonce,
            hash,
            raw,
            max_fee_wei: offer.max_fee_wei,
            tip_wei: offer.tip_wei,
            at: self.clock.now(),
            not_after: submit.not_after,
            before: Vec::new(),
            learn: submit.learn.map(|key| (key.contract, key.what.into())),
            mined: None,
        })
    }

    /// Journals an entry and finds out what came of it even when the ledger's answer is lost.
    async fn write_down(&self, key: &RecordKey, entry: &Entry) -> Result<Journaled> {
        let Err(mut error) = self.journal.open(key, entry).await else { return Ok(Journaled::Ours) };
        let mut pause = Duration::from_millis(20);
        for _ in 0..DOUBT_TRIES {
            match self.journal.load(key).await {
                Ok(Some(found)) if found.hash == entry.hash => return Ok(Journaled::Ours),
                Ok(Some(found)) => return Ok(Journaled::Before(Box::new(found))),
                Ok(None) if error.code == Code::Conflict => return Ok(Journaled::NonceTaken),
                // Not there may be not there yet. Only one of the two writes can succeed, so the same is written again.
                Ok(None) => match self.journal.open(key, entry).await {
                    Ok(()) => return Ok(Journaled::Ours),
                    Err(again) => error = again,
                },
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(3);
        }
        if error.code == Code::Conflict {
            return Err(error); // the write failed for certain
        }
        Err(Error::unknown(Code::LedgerFailed, Some(tx_id(&entry.hash)))
            .detail("the ledger may have journaled a transaction; nothing was sent"))
    }

    /// Broadcasts a journaled transaction for the first time.
    ///
    /// # Errors
    /// A definite refusal: no node has it, and its record is gone.
    async fn first_time(self: &Arc<Self>, lane: &Lane, flight: &Arc<Flight>, entry: Entry) -> Result<()> {
        if let Err(error) = self.in_time(entry.not_after) {
            return self.withdraw(lane, flight, entry, error, true).await;
        }
        if !self.ours(&entry.sender) {
            self.watched.add(Open::found(flight.clone(), entry, true)); // the key's next holder sends it
            return Ok(());
        }
        match self.submitter.first(&entry.hash, &entry.raw).await {
            Verdict::Mined(receipt) => self.landed(flight, entry, *receipt).await,
            Verdict::Accepted => self.watched.add(Open::accepted(flight.clone(), entry, self.keeps())),
            Verdict::NonceTooLow => self.watched.add(Open::suspect(flight.clone(), entry)),
            Verdict::Doubt | Verdict::Strange(_) | Verdict::NoSuchMethod => {
                self.watched.add(Open::doubtful(flight.clone(), entry));
            }
            Verdict::Refused(error) => return self.withdraw(lane, flight, entry, error, true).await,
            Verdict::Taken => {
                let words =
                    format!("another transaction of {} has nonce {} in the pool", entry.sender, entry.nonce);
                let error = Error::us(Code::Conflict).next(Next::Later).detail(words);
                return self.withdraw(lane, flight, entry, error, false).await;
            }
        }
        Ok(())
    }

    /// Takes back a transaction that no node has. Only when its record is gone may the nonce be used again, and only
    /// then is `error` what became of it.
    async fn withdraw(
        self: &Arc<Self>,
        lane: &Lane,
        flight: &Arc<Flight>,
        entry: Entry,
        error: Error,
        reuse: bool,
    ) -> Result<()> {
        if self.journal.forget(&flight.key, &entry).await.is_err() {
            // A restart would send it, so it must count as sent.
            self.watched.add(Open::doubtful(flight.clone(), entry));
            return Ok(());
        }
        if reuse && lane.put_back(entry.nonce) {
            self.mind_gap(entry.sender, entry.nonce);
        }
        Err(error)
    }

    /// A receipt came with the answer.
    async fn landed(self: &Arc<Self>, flight: &Arc<Flight>, entry: Entry, receipt: RawReceipt) {
        if self.finality.question().is_none() {
            self.settle(flight.clone(), entry, receipt).await;
        } else {
            self.watched.add(Open::accepted(flight.clone(), entry, self.keeps()));
        }
    }

    fn in_time(&self, not_after: Time) -> Result<()> {
        let now = self.clock.now();
        if now <= not_after {
            return Ok(());
        }
        let late = now.ms_since(not_after);
        Err(Error::us(Code::Expired)
            .detail(format!("not sent: it was to go out {late} ms ago at the latest")))
    }
}
