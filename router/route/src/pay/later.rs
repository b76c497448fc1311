//! A payment whose receipt comes after the answer.

use super::attempt::{Attempt, AttemptRecord, AttemptStage, ROOM};
use super::settle_up::PAGE;
use super::{Paid, doubtful, moved};
use crate::router::Router;
use tollway_core::{
    Amount, Answer, AttemptId, Blame, Challenge, Code, Error, Fate, Landed, Next, Payment, Reading, Receipt,
    RecordKey, Result, Spend,
};

/// What came of a payment so far.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "one per payment, consumed at once")]
pub enum Begun {
    /// It went through.
    Paid(Paid),
    /// It is being served, and its receipt is still to come: for [`Router::finish`].
    Later(Later),
}

/// A payment that is to be finished. While it is not, its whole amount stays reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    attempt: AttemptId,
    index: usize,
    corrected: bool,
}

impl Later {
    pub(super) fn of(attempt: &AttemptId, index: usize) -> Self {
        Self { attempt: attempt.clone(), index, corrected: false }
    }
    pub(super) fn corrected(self) -> Self {
        Self { corrected: true, ..self }
    }
    /// The attempt, as the journal names it.
    pub fn attempt(&self) -> &AttemptId {
        &self.attempt
    }

    fn paid(&self, receipt: Receipt, charged: Amount) -> Paid {
        Paid { receipt, charged, index: self.index, corrected: self.corrected, delivered: true }
    }
}

impl Router {
    /// Closes a payment with the receipt that came after its answer; without one, or with one that contradicts what was
    /// signed, asks the chain. What was not taken of the amount is free again, once the chain says so. May be called again: what is closed
    /// stays as it is. May be dropped.
    ///
    /// # Errors
    /// * An unknown outcome when the chain cannot say yet: the attempt stays journaled, for another call or for
    ///   [`Self::settle_up`].
    /// * [`Next::Never`] when the chain says that nothing was taken and nothing will be.
    /// * [`Code::InFlight`] while somebody else in this process works on the attempt; [`Code::NotFound`]; the ledger's.
    pub async fn finish(&self, later: &Later, receipt: Option<&Receipt>) -> Result<Paid> {
        let found = Attempt::find(self, &later.attempt).await?;
        let found = found.ok_or_else(|| Error::caller(Code::NotFound))?;
        let attempt = Attempt::take_up(self, &found)?.ok_or_else(|| {
            Error::new(Code::InFlight, Blame::Us, Next::Later).detail("the attempt is being looked after")
        })?;
        let record = attempt.record();
        if let (AttemptStage::Signed | AttemptStage::Refused, Some(receipt)) = (record.stage, receipt)
            && let Some(charged) = self.agreed(record, receipt).await?
        {
            let (receipt, charged) = self.close_with(attempt, receipt.clone(), charged).await?;
            return Ok(later.paid(receipt, charged));
        }
        let contradicted = receipt.is_some();
        match self.closed(attempt).await? {
            Some(record) => match (record.stage, record.receipt) {
                (AttemptStage::Settled, Some(receipt)) => {
                    let charged = receipt.charged;
                    Ok(later.paid(receipt, charged))
                }
                _ => Err(Error::payee(Code::Expired)
                    .next(Next::Never)
                    .detail("it was never taken, and cannot be any more")),
            },
            None => {
                let code = if contradicted { Code::ReceiptMismatch } else { Code::SettlementPending };
                Err(doubtful(
                    Error::new(code, Blame::Payee, Next::Never).detail("the chain does not know yet"),
                ))
            }
        }
    }

    /// Closes an attempt with a receipt that agrees with what was signed. One for less than that is a server's word, and a
    /// word frees nothing, or whoever has taken all of it could have as much signed again: the chain is asked, and until
    /// it says how much was taken the whole amount stays reserved. What the chain says counts.
    pub(super) async fn close_with(
        &self,
        attempt: Attempt,
        receipt: Receipt,
        charged: Amount,
    ) -> Result<(Receipt, Amount)> {
        let of = attempt.record().exposure.atomic();
        let (receipt, charged) = if charged.atomic >= of {
            (receipt, charged)
        } else {
            match self.found(attempt.record(), &receipt).await {
                Some(found) if found.charged == charged => (receipt, charged),
                Some(found) => (found.clone(), found.charged),
                None => {
                    let tx = receipt.transaction().cloned();
                    attempt.told(self, &receipt).await.map_err(|e| moved(e, tx))?;
                    return Ok((receipt, charged));
                }
            }
        };
        let tx = receipt.transaction().cloned();
        let spend = Spend::Part { taken: charged.atomic, of };
        attempt.settled(self, spend, &receipt).await.map_err(|e| moved(e, tx))?;
        Ok((receipt, charged))
    }

    /// What the chain says was taken; `None` while it says nothing, and where nothing was sent: that is in no block.
    async fn found(&self, record: &AttemptRecord, told: &Receipt) -> Option<Receipt> {
        let auth = record.authorization.as_ref().filter(|_| told.landed != Landed::Nothing)?;
        let cell = self.registry.cell(&auth.payment.accepted).ok()?;
        match cell.payer.as_ref()?.resolve(auth).await {
            Ok(Fate::Settled(found)) => Some(*found),
            _ => None,
        }
    }

    /// The attempt that signed this very payment, for somebody who is about to send it once more: what comes of that is for
    /// [`Self::finish`]. `challenge` is the 402 at hand, in which its entry is looked for. `None` when nothing in the journal
    /// signed it, or when it can never be used any more. Reads the whole journal, so it is for the rare case. Cancel safe.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn signed_before(&self, payment: &Payment, challenge: &Challenge) -> Result<Option<Later>> {
        let mut after: Option<RecordKey> = None;
        loop {
            let page = self.ledger.scan(ROOM, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(None) };
            after = Some(last.key.clone());
            let signed = page.iter().find_map(|found| {
                let record: AttemptRecord = serde_json::from_str(&found.value).ok()?;
                record.authorization.as_ref().is_some_and(|a| a.payment == *payment).then_some(record)
            });
            if let Some(record) = signed {
                let entry = challenge.requirements().find(|(_, r)| **r == payment.accepted);
                let later = Later::of(&record.id, entry.map_or(0, |(index, _)| index));
                return Ok((record.stage != AttemptStage::Dead).then_some(later));
            }
        }
    }

    /// How it ended; `None` while nobody knows.
    async fn closed(&self, attempt: Attempt) -> Result<Option<AttemptRecord>> {
        if attempt.is_over() {
            return Ok(Some(attempt.record().clone()));
        }
        self.settle_one(attempt).await
    }

    /// What a receipt says was taken, where its scheme finds in it what was signed, and no more than was signed, whatever
    /// the scheme makes of it.
    pub(super) async fn agreed(&self, record: &AttemptRecord, receipt: &Receipt) -> Result<Option<Amount>> {
        let Some(auth) = &record.authorization else { return Ok(None) };
        let payer = self.registry.cell(&auth.payment.accepted)?.payer.as_ref();
        let payer = payer.ok_or_else(|| Error::caller(Code::RoleMissing))?;
        Ok(match payer.receive(auth, Answer::Receipt(receipt)).await.map_err(doubtful)? {
            Reading::Paid(charged)
                if charged.asset == record.exposure.asset() && charged.atomic <= record.exposure.atomic() =>
            {
                Some(charged)
            }
            _ => None,
        })
    }
}
