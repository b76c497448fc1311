//! Settling with one member at a time, each of them written down before it is asked.

use super::book::{Expelled, Hold, held};
use super::learned::After;
use super::member::Member;
use super::{Pool, nobody_answers};
use crate::metrics;
use tollway_core::{
    Amount, Blame, Code, Due, Error, Fate, Next, Order, Receipt, ReplayKey, Result, SettlerId, Terms, Time,
};

/// How often a hold that moves is looked at again.
const LOOKS_MAX: usize = 8;

impl Pool {
    /// Asks whoever verified it, and somebody else only when that one has certainly not taken it.
    pub(super) async fn settle_once(&self, due: Due) -> Result<Receipt> {
        let (order, terms) = (due.verified().order().clone(), due.verified().terms().clone());
        let (payment, charge) = (payment(&terms)?, due.charge());
        let verifier = self.verifiers.of(&order);
        let line = self.line_from(&order, verifier).await?;
        let (mut due, mut version, mut failed) = (Some(due), None, None);
        for at in line {
            let theirs = if verifier == Some(at) { due.take() } else { None };
            let ready = match theirs {
                Some(due) => Ok(due),
                None => self.verified_anew(at, &order, charge).await,
            };
            let ready = match self.still_in(at).await.and(ready) {
                Ok(ready) => ready,
                Err(e) if After::of(&e) == After::Verdict => return self.give_up(&payment, version, e).await,
                Err(e) => {
                    failed = Some(e);
                    continue;
                }
            };
            let hold = Hold::new(&self.member(at)?.id, charge.amount(), terms.settle_before);
            version = match self.book.give(&payment, version, &hold).await {
                Ok(version) => Some(version),
                // Somebody has it, from before a restart or beside us.
                Err(e) if e.code == Code::Conflict => return Err(held()),
                Err(e) => return Err(e),
            };
            match self.settle_with(at, &order, ready).await {
                Err(e) if matches!(After::of(&e), After::Unfit | After::Unsupported) => failed = Some(e),
                Err(e) if After::of(&e) == After::Verdict => return self.give_up(&payment, version, e).await,
                // Done, or nobody knows: the hold stays, for `resume`.
                other => return other,
            }
        }
        let failed = failed.unwrap_or_else(nobody_answers);
        self.give_up(&payment, version, failed).await
    }

    /// Asks the one that was asked before. Where nobody was (we went down between the seller's journal and ours), somebody
    /// is now, and nobody else afterwards.
    pub(super) async fn ask_the_holder(
        &self,
        order: &Order,
        charge: Option<Amount>,
        since: Time,
    ) -> Result<Fate> {
        let terms = (self.registry.cell(&order.requirement)?.read)(order)?;
        let hold = self.holder_for_good(order, &terms, &payment(&terms)?).await?;
        let Some(at) = self.place(&hold.member) else {
            return self.ask_the_chain(order, &hold.member).await;
        };
        let fate = self.member(at)?.settler.resume_since(order, charge, since).await;
        self.note(at, order, fate.as_ref().err());
        match &fate {
            Ok(Fate::Settled(receipt)) => self.not_too_much(at, order, hold.charge, receipt).await?,
            Err(e) if e.code == Code::Overcharged => self.expel(at, e).await,
            _ => {}
        }
        fate
    }

    /// Its holder is in the pool no more, and nobody else may be asked to settle it; where our own code sees the chain, what
    /// cannot change any more is known all the same.
    async fn ask_the_chain(&self, order: &Order, gone: &SettlerId) -> Result<Fate> {
        if let Some(own) = &self.registry.cell(&order.requirement)?.settler
            && let Ok(fate @ (Fate::Settled(_) | Fate::Dead)) = own.resume(order, None).await
        {
            return Ok(fate);
        }
        let words = format!("{} was asked to settle this, and is in the pool no more", gone.0);
        Err(Error::unknown(Code::NotFound, None).detail(words))
    }

    /// Who has the payment, and will not hand it on any more.
    async fn holder_for_good(&self, order: &Order, terms: &Terms, payment: &ReplayKey) -> Result<Hold> {
        for _ in 0..LOOKS_MAX {
            let (version, hold) = match self.book.holder(payment).await? {
                Some((_, hold)) if hold.stays => return Ok(hold),
                Some((version, hold)) => (Some(version), hold),
                None => (None, self.appointed(order, terms).await?),
            };
            let hold = hold.for_good();
            match self.book.give(payment, version, &hold).await {
                Ok(_) => return Ok(hold),
                // It has just been handed on, or given up.
                Err(e) if e.code == Code::Conflict => {}
                Err(e) => return Err(e),
            }
        }
        Err(held())
    }

    async fn appointed(&self, order: &Order, terms: &Terms) -> Result<Hold> {
        let line = self.line_from(order, self.verifiers.of(order)).await?;
        let at = *line.first().ok_or_else(nobody_answers)?;
        Ok(Hold::new(&self.member(at)?.id, order.requirement.price.0, terms.settle_before))
    }

    /// The line with the verifier first, unless it has begun to rest since.
    async fn line_from(&self, order: &Order, verifier: Option<usize>) -> Result<Vec<usize>> {
        let mut line = self.line(order).await?;
        if let Some(at) = verifier.filter(|at| !self.rests(*at))
            && let Some(place) = line.iter().position(|other| *other == at)
            && let Some(before) = line.get_mut(..=place)
        {
            before.rotate_right(1);
        }
        Ok(line)
    }

    async fn settle_with(&self, at: usize, order: &Order, due: Due) -> Result<Receipt> {
        let (member, charge) = (self.member(at)?, due.charge().amount());
        let answer = member.settler.settle(due).await;
        metrics::asked(&member.id.0, "settle", answer.as_ref().err());
        self.note(at, order, answer.as_ref().err());
        self.book.sweep(self.clock.now()).await;
        // One that only says so is in doubt like any other: whoever asks after the payment finds out.
        let receipt = answer?;
        self.not_too_much(at, order, charge, &receipt).await?;
        Ok(receipt)
    }

    /// A receipt for more than was due, or in something else, is the end of somebody's membership. The money has moved all
    /// the same, so nobody else is asked.
    async fn not_too_much(&self, at: usize, order: &Order, due: Amount, receipt: &Receipt) -> Result<()> {
        let capability = self.registry.cell(&order.requirement)?.capability;
        // Where money is collected later, a receipt may speak of all that was committed so far.
        let apart = capability.deferred || capability.stateful;
        let charged = receipt.charged;
        if apart || (charged.asset == due.asset && charged.atomic <= due.atomic) {
            return Ok(());
        }
        let tx = receipt.transaction().cloned();
        let e = Error::new(Code::Overcharged, Blame::Settler, Next::Unknown(tx))
            .detail(format!("the receipt says {charged}, and {due} was due"));
        self.expel(at, &e).await;
        Err(e)
    }

    /// At once here, and for everybody else through the ledger.
    async fn expel(&self, at: usize, why: &Error) {
        let Some(member) = self.members.get(at) else { return };
        member.noticed(true);
        let why = Expelled { code: why.code.clone(), words: why.detail.to_string(), at: self.clock.now() };
        tracing::error!(member = %member.id.0, code = %why.code, words = %why.words, "it has to leave the pool");
        if let Err(error) = self.book.expel(&member.id, &why).await {
            tracing::error!(member = %member.id.0, %error, "that it has to leave could not be written down");
            member.write_later(Some(why));
        }
    }

    /// Why it had to leave, by the ledger; by this process alone, while the ledger cannot be told.
    pub(super) async fn expelled(&self, member: &Member) -> Result<Option<Expelled>> {
        let Some(why) = member.unwritten() else { return self.book.expelled(&member.id).await };
        match self.book.expel(&member.id, &why).await {
            Ok(()) => member.write_later(None),
            Err(error) => {
                tracing::warn!(member = %member.id.0, %error, "that it has to leave cannot be written down yet");
            }
        }
        Ok(Some(why))
    }

    async fn still_in(&self, at: usize) -> Result<()> {
        let member = self.member(at)?;
        let Some(why) = self.expelled(member).await? else {
            return if member.is_out() { Err(left(&member.id.0, "")) } else { Ok(()) };
        };
        member.noticed(true);
        Err(left(&member.id.0, &why.words))
    }

    /// Nobody has taken it: whoever held it holds it no more.
    async fn give_up<T>(&self, payment: &ReplayKey, version: Option<u64>, why: Error) -> Result<T> {
        let Some(version) = version else { return Err(why) };
        match self.book.take_back(payment, version).await {
            Ok(()) => Err(why),
            // Somebody has asked after it meanwhile, and who was asked may have taken it by that.
            Err(e) if e.code == Code::Conflict => Err(held()),
            // It stays with somebody who has not taken it, so the same payment goes to that one or to nobody.
            Err(error) => {
                tracing::warn!(%error, "a hold could not be given up");
                Err(why)
            }
        }
    }
}

fn payment(terms: &Terms) -> Result<ReplayKey> {
    terms.replay.first().cloned().ok_or_else(|| Error::us(Code::MissingReplayKey))
}

pub(super) fn left(id: &str, words: &str) -> Error {
    Error::new(Code::Overcharged, Blame::Settler, Next::OtherRoute)
        .detail(format!("{id} had to leave the pool: {words}"))
}
