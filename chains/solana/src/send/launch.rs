//! From a key to a transaction on its way.

use super::engine::{Engine, expired};
use super::flight::Flight;
use super::journal::{End, Entry};
use super::verdict::Verdict;
use super::watch::Open;
use crate::fees::fee_lamports;
use crate::rpc::{Ask, RpcFault};
use crate::svm::Submit;
use crate::wire::Wire;
use crate::{PACKET_BYTES_MAX, address, base64};
use solana_signature::Signature;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Code, Error, Next, RecordKey, Result, Time};

/// Times that the ledger is asked what it has, after a write whose answer is lost.
const DOUBT_TRIES: u32 = 5;
/// Slots that whatever was seen last may be behind the slot that a transaction lands in, or another node's view.
const SLOTS_BEFORE: u64 = 64;

impl Engine {
    /// Runs a flight from its start. Ends it, or hands it to the watcher.
    pub(super) async fn launch(self: Arc<Self>, flight: Arc<Flight>, submit: Submit) {
        match self.prepare(&flight, submit).await {
            Ok(Some((entry, signature, wire))) => {
                if let Err(error) = self.first_time(&flight, entry, signature, &wire).await {
                    self.fail(&flight, error);
                }
            }
            Ok(None) => {}
            Err(error) => self.refuse(&flight, error).await,
        }
    }

    /// Ends a flight that sent nothing, unless something was sent under its key before (by this process or the one
    /// before it): then that is what the caller gets, and not a refusal that would be a lie.
    async fn refuse(self: &Arc<Self>, flight: &Arc<Flight>, error: Error) {
        if error.is_unknown_outcome() {
            return self.fail(flight, error);
        }
        match self.journal.load(&flight.key).await {
            Ok(None) => self.fail(flight, error),
            Ok(Some(entry)) => self.follow(flight, entry),
            Err(unread) => {
                self.fail(flight, Error::unknown(unread.code.clone(), None).detail(&*unread.detail));
            }
        }
    }

    /// Signs and journals. `None`: there was an entry for the key already, and it is being looked after.
    async fn prepare(
        self: &Arc<Self>,
        flight: &Arc<Flight>,
        submit: Submit,
    ) -> Result<Option<(Entry, Signature, Vec<u8>)>> {
        self.in_time(submit.not_after)?;
        let Submit { mut wire, fee_payer, not_after } = submit;
        if wire.len() > PACKET_BYTES_MAX {
            return Err(Error::caller(Code::TooLarge)
                .detail(format!("a transaction of {} bytes; {PACKET_BYTES_MAX} are the limit", wire.len())));
        }
        let tx = self.payers.co_sign(&mut wire, fee_payer).await?;
        let bad = || Error::caller(Code::InvalidPayload).detail("the bytes are no transaction");
        let read = Wire::read(&wire).ok_or_else(bad)?;
        let (limit, price) = read.budget().ok_or_else(bad)?;
        let signers = u64::try_from(read.signers()).unwrap_or(u64::MAX);
        let newest = self.blockhashes.height().await?;
        let entry = Entry {
            wire: base64::encode(&wire),
            last_valid: self.heights.last_valid(&read.blockhash().ok_or_else(bad)?, &newest),
            from_slot: newest.slot.saturating_sub(SLOTS_BEFORE),
            fee_lamports: fee_lamports(signers, limit, price),
            at: self.clock.now(),
            not_after,
            taken_up: false,
            end: None,
            tx,
        };
        match self.write_down(&flight.key, &entry).await? {
            None => {
                flight.pending(entry.tx.clone());
                let signature = address::signature(&entry.tx)?;
                Ok(Some((entry, signature, wire)))
            }
            Some(before) => {
                self.follow(flight, before);
                Ok(None)
            }
        }
    }

    /// Journals an entry and finds out what came of it even when the ledger's answer is lost. Gives back what was there
    /// for the key before.
    async fn write_down(&self, key: &RecordKey, entry: &Entry) -> Result<Option<Entry>> {
        let Err(mut error) = self.journal.open(key, entry).await else { return Ok(None) };
        let certain = error.code == Code::Conflict;
        let mut pause = Duration::from_millis(20);
        for _ in 0..DOUBT_TRIES {
            match self.journal.load(key).await {
                // The same transaction: of this write, whose answer was lost, or of an earlier one. A conflict is a
                // definite answer, so then it was an earlier one.
                Ok(Some(found)) if found.tx == entry.tx && error.code != Code::Conflict => return Ok(None),
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) if error.code == Code::Conflict => {
                    return Err(Error::us(Code::Conflict)
                        .next(Next::Never)
                        .detail("the same transaction is on its way under another key"));
                }
                // Not there may be not there yet. Only one of the two writes can succeed, so the same is written again.
                Ok(None) => match self.journal.open(key, entry).await {
                    Ok(()) => return Ok(None),
                    Err(again) => error = again,
                },
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(3);
        }
        if certain {
            return Err(error); // the write failed for certain
        }
        Err(Error::unknown(Code::LedgerFailed, Some(entry.tx.clone()))
            .detail("the ledger may have journaled a transaction; nothing was sent"))
    }

    /// Sends a journaled transaction for the first time. It is watched from before then, so that no end is missed.
    ///
    /// # Errors
    /// A definite refusal: no node passed it on, and its record is gone.
    async fn first_time(
        self: &Arc<Self>,
        flight: &Arc<Flight>,
        entry: Entry,
        signature: Signature,
        wire: &[u8],
    ) -> Result<()> {
        if let Err(error) = self.in_time(entry.not_after) {
            return self.withdraw(flight, entry, error).await;
        }
        self.watched.add(signature, Open::launching(flight.clone(), entry));
        if let Some(notices) = &self.notices {
            notices.watch(signature);
        }
        match self.submit(&signature, wire).await {
            Verdict::Accepted => self.launched(&signature, true),
            Verdict::Doubt => self.launched(&signature, false),
            Verdict::Refused(error) => {
                // If it is gone from there, its end came before this refusal did.
                if let Some(open) = self.watched.take(&signature) {
                    return self.withdraw(flight, open.entry, error).await;
                }
            }
        }
        Ok(())
    }

    /// Brings the bytes to a node; to the next where one cannot be reached or is behind. Definite only if all of them
    /// were.
    async fn submit(&self, signature: &Signature, wire: &[u8]) -> Verdict {
        let (mut doubt, mut refusal) = (false, None);
        for node in self.rpc.order() {
            let asked = self.rpc.at_node::<String>(node, Ask::send(wire, false)).await;
            let verdict = match asked {
                Ok(named) if named == signature.to_string() => Verdict::Accepted,
                Ok(_) => Verdict::Doubt,
                Err(fault) => Verdict::of(&fault, self.rpc.place_of(node)),
            };
            match verdict {
                Verdict::Accepted => return Verdict::Accepted,
                Verdict::Doubt => doubt = true,
                Verdict::Refused(error) => {
                    let another_may_do = matches!(error.code, Code::Expired | Code::Unreachable);
                    refusal = Some(error);
                    if !another_may_do {
                        break;
                    }
                }
            }
        }
        match refusal {
            Some(error) if !doubt => Verdict::Refused(error),
            _ => Verdict::Doubt,
        }
    }

    /// The same bytes again, to one node after the other.
    pub(super) async fn submit_again(&self, wire: &[u8], attempt: usize) -> Result<(), RpcFault> {
        let order = self.watch_rpc.order();
        let node = order.get(attempt % order.len().max(1)).copied().unwrap_or(0);
        self.watch_rpc.at_node::<String>(node, Ask::send(wire, true)).await.map(|_| ())
    }

    /// Takes back a transaction that no node has. Only when its record is gone is `error` what became of it.
    async fn withdraw(self: &Arc<Self>, flight: &Arc<Flight>, entry: Entry, error: Error) -> Result<()> {
        if self.journal.forget(&flight.key, &entry).await.is_ok() {
            return Err(error);
        }
        // Another has taken it up, or would after a restart: it counts as sent until the journal says otherwise.
        match self.journal.load(&flight.key).await {
            Ok(Some(found)) => self.follow(flight, found),
            Ok(None) => return Err(error),
            Err(_) => self.follow(flight, entry),
        }
        Ok(())
    }

    /// Goes on with what the journal has for a flight's key.
    pub(super) fn follow(&self, flight: &Arc<Flight>, entry: Entry) {
        match &entry.end {
            Some(End::Landed(landed)) => {
                self.let_go(&flight.key);
                flight.done(Ok(Arc::new(landed.clone())));
            }
            Some(End::Expired) => self.fail(flight, expired(&entry.tx)),
            None => match address::signature(&entry.tx) {
                Ok(signature) => {
                    flight.pending(entry.tx.clone());
                    // One that is past its time is not sent any more, but perhaps it was.
                    let silent = self.in_time(entry.not_after).is_err();
                    let wait = self.launcher_may_ask(&entry);
                    self.watched.add(signature, Open::found(flight.clone(), entry, silent, wait));
                }
                Err(error) => {
                    self.fail(flight, Error::unknown(Code::LedgerFailed, None).detail(&*error.detail))
                }
            },
        }
    }

    pub(super) fn in_time(&self, not_after: Time) -> Result<()> {
        let now = self.clock.now();
        if now <= not_after {
            return Ok(());
        }
        let late = now.ms_since(not_after);
        Err(Error::us(Code::Expired)
            .detail(format!("not sent: it was to go out {late} ms ago at the latest")))
    }
}
