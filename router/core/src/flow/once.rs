use super::journal::{Entry, Stage, VisitRecord};
use crate::registry::Read;
use crate::{
    Amount, Blame, Charge, Claim, Clock, Code, Error, Fate, Ledger, Next, Order, Print, Receipt, RecordKey,
    ReplayKey, Result, Settler, Time, Verified,
};

/// The only way to a [`Verified`]: our own reading of the payload, checked against the order before any I/O, then
/// the settler's word on the chain.
///
/// # Errors
/// What `read`, [`crate::Terms::check`] or the settler says.
pub async fn verify(read: Read, settler: &dyn Settler, order: Order, clock: &dyn Clock) -> Result<Verified> {
    let terms = read(&order)?;
    terms.check(&order, clock.now())?;
    let proof = settler.verify(&order).await?;
    Verified::seal(order, terms, proof, clock.now())
}

/// Settles a payment at most once, whatever is retried, dropped or restarted. A facilitator is this behind HTTP; the
/// paywall's driver uses it for each leg.
pub struct SettleOnce<'a> {
    /// Reads the payload.
    pub read: Read,
    /// Puts it on chain.
    pub settler: &'a dyn Settler,
    /// Remembers; with claims scoped to the role.
    pub ledger: &'a dyn Ledger,
    /// Time.
    pub clock: &'a dyn Clock,
    /// The journal's room, one per role: `visit/gate`.
    pub room: &'a str,
    /// This process's lasting name: after a restart it may release what it had not sent.
    pub owner: &'a str,
    /// How long an unknown outcome is asked after before the caller is told so, in milliseconds.
    pub patience_ms: u64,
}

impl std::fmt::Debug for SettleOnce<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SettleOnce({})", self.room)
    }
}

/// A payment at the door.
#[allow(clippy::large_enum_variant, reason = "one per payment, consumed at once")]
pub(super) enum Admitted {
    Known(Receipt),
    Claimed(Claimed),
}

/// Whether the settler that had begun is known to be gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Alone {
    Yes,
    No,
}

/// A claimed payment: verified, ours, journaled.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) verified: Option<Verified>,
    pub(super) entry: Entry,
}

impl SettleOnce<'_> {
    /// Verifies, claims, settles and concludes. The same payment again gets its receipt.
    ///
    /// # Errors
    /// [`Code::ReplayedPayment`] for another print; [`Code::InFlight`] while somebody works on it; an unknown
    /// outcome when patience ran out, journaled for [`Self::recover`]; else why it was refused, nothing sent.
    pub async fn settle(&self, order: Order, charge_atomic: u128, print: &Print) -> Result<Receipt> {
        let mut waiting = self.waiting();
        let mut tries_left = TRIES_MAX;
        loop {
            tries_left = tries_left.saturating_sub(1);
            let mut claimed = match self.admit(order.clone(), print).await? {
                Admitted::Known(receipt) => return Ok(receipt),
                Admitted::Claimed(claimed) => claimed,
            };
            let charge = match claimed.entry.record.order.requirement.price.charge(charge_atomic) {
                Ok(charge) => charge,
                Err(e) => return self.release(claimed, e).await,
            };
            match self.settle_held(&mut claimed, charge).await {
                Ok(receipt) => return Ok(self.remember(claimed, receipt).await),
                Err(e) if e.is_unknown_outcome() => return Err(e),
                // The settler says that nothing was sent, and that later may do: sooner than sending the payer away.
                Err(e) if is_stumble(&e) && tries_left > 0 && !waiting.is_over() => {
                    self.free(claimed).await?;
                    waiting.pause().await;
                }
                Err(e) => return self.release(claimed, e).await,
            }
        }
    }

    /// The receipt of a payment that came before, or a fresh claim on it. Waits for whoever is working on it.
    pub(super) async fn admit(&self, order: Order, print: &Print) -> Result<Admitted> {
        let mut waiting = self.waiting();
        let mut looks_left = TRIES_MAX;
        loop {
            looks_left = looks_left.saturating_sub(1);
            if let Some(receipt) = self.known(&order, print).await? {
                return Ok(Admitted::Known(receipt));
            }
            match self.claim(order.clone(), print).await {
                Ok(claimed) => return Ok(Admitted::Claimed(claimed)),
                // Journaled beside us and not claimed yet, or about to be released.
                Err(e) if e.code == Code::InFlight && !waiting.is_over() => waiting.pause().await,
                // Verifying only looks, so a node that stumbled is asked again rather than the payer sent away.
                Err(e) if is_stumble(&e) && looks_left > 0 && !waiting.is_over() => waiting.pause().await,
                // Perhaps used by ourselves, beside us, since we looked.
                Err(e) if e.code == Code::NonceUsed => {
                    return self.known(&order, print).await?.map(Admitted::Known).ok_or(e);
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Concludes a settled claim. The money has moved, so a ledger that fails now must not turn the receipt into an
    /// error: the journal still says "settling", and the next look or start concludes it.
    pub(super) async fn remember(&self, claimed: Claimed, receipt: Receipt) -> Receipt {
        let _ = self.conclude(claimed, Some(&receipt)).await;
        receipt
    }

    /// The receipt of a payment that was seen before; waits for one that is being settled right now.
    ///
    /// # Errors
    /// [`Code::ReplayedPayment`], [`Code::InFlight`], [`Code::Expired`].
    pub async fn known(&self, order: &Order, print: &Print) -> Result<Option<Receipt>> {
        let keys = (self.read)(order)?.replay;
        let mut waiting = self.waiting();
        loop {
            match self.ledger.seen(&keys, print).await? {
                None => return Ok(None),
                Some(Claim::Same(Some(receipt))) => return Ok(Some(*receipt)),
                Some(Claim::Replay) => return Err(replayed()),
                Some(_) => {}
            }
            if waiting.is_over() {
                return Err(in_flight());
            }
            let settling = self.load(&keys).await?.filter(|e| e.record.stage == Stage::Settling);
            if let Some(entry) = settling.filter(|_| waiting.paused_ms > 0) {
                // Whoever started this may be gone; asking the chain beside a living settler does no harm, as long as
                // only proof ends the claim.
                if let Some(receipt) = self.resume_entry(entry, Alone::No).await? {
                    return Ok(Some(receipt));
                }
            }
            waiting.pause().await;
        }
    }

    /// After a restart: moves on one journaled visit of this owner. Returns its receipt when it turns out settled.
    ///
    /// # Errors
    /// The ledger's or the settler's; the record stays for the next try.
    pub async fn recover(
        &self,
        key: RecordKey,
        version: u64,
        record: VisitRecord,
    ) -> Result<Option<Receipt>> {
        if record.owner != self.owner {
            return Ok(None);
        }
        let mut entry = Entry { key, version, record };
        match entry.record.stage {
            // A claim that somebody has made anew is not ours to free, and its record may have this very version.
            Stage::Verified => {
                if entry.is_ours_alone(self.ledger).await? {
                    entry.freed(self.ledger).await?;
                }
                Ok(None)
            }
            Stage::Serving => self.settle_noted(entry).await,
            // Whoever is asked how a payment stands, and told how much was to be taken, may send it. So the record is rewritten
            // first: from then on nobody else frees the claim, and of one that is free already nothing is sent.
            Stage::Settling => {
                let alone = if entry.is_ours_alone(self.ledger).await? { Alone::Yes } else { Alone::No };
                self.resume_entry(entry, alone).await
            }
        }
    }

    /// Verifies, journals, claims.
    pub(super) async fn claim(&self, order: Order, print: &Print) -> Result<Claimed> {
        let begun = self.clock.now();
        let verified = verify(self.read, self.settler, order, self.clock).await?;
        let terms = verified.terms();
        let (keys, until) = (terms.replay.clone(), terms.settle_before);
        let record = VisitRecord {
            owner: self.owner.to_owned(),
            stage: Stage::Verified,
            order: verified.order().clone(),
            charge_atomic: 0,
            keys: keys.clone(),
            print: print.clone(),
            receipts: Vec::new(),
            begun,
        };
        let window = (until, self.clock.now());
        let (entry, claim) = Entry::create(self.ledger, self.key(&keys), record, window).await?;
        let refused = match claim {
            Ok(Claim::Fresh) => return Ok(Claimed { verified: Some(verified), entry }),
            Ok(Claim::Replay) => replayed(),
            Ok(_) => in_flight(),
            // It may have happened. The journaled visit is ours, so the claim is nobody else's; and whatever keeps it from
            // being freed now leaves the visit in the journal, for the next look at it.
            Err(e) => {
                entry.freed(self.ledger).await?;
                return Err(e);
            }
        };
        entry.remove(self.ledger).await?;
        Err(refused)
    }

    /// Settles what was claimed: journaled first, an unknown outcome asked after.
    pub(super) async fn settle_held(&self, claimed: &mut Claimed, charge: Charge) -> Result<Receipt> {
        let verified = claimed.verified.take().ok_or_else(|| Error::us(Code::ServeWithoutPayment))?;
        let due = verified.due(charge)?;
        claimed.entry.record.stage = Stage::Settling;
        claimed.entry.record.charge_atomic = charge.atomic();
        claimed.entry.save_surely(self.ledger).await?;
        let receipt = match self.settler.settle(due).await {
            Err(e) if e.is_unknown_outcome() => {
                self.ask_after(&claimed.entry.record, charge.amount(), e).await?
            }
            other => other?,
        };
        fair(receipt, charge)
    }

    /// Ends a claim with its receipt, or frees it.
    pub(super) async fn conclude(&self, claimed: Claimed, receipt: Option<&Receipt>) -> Result<()> {
        match receipt {
            Some(receipt) => claimed.entry.settled(self.ledger, receipt, self.clock.now()).await,
            None => claimed.entry.freed(self.ledger).await,
        }
    }

    /// Frees a claim under which nothing was sent, and says why.
    pub(super) async fn release<T>(&self, claimed: Claimed, why: Error) -> Result<T> {
        self.free(claimed).await?;
        Err(why)
    }

    /// Frees a claim under which nothing was sent. The journal says so first: a note that something was about to be sent may
    /// be written, or be written yet, whatever the ledger said of it, and would be acted on after a restart.
    async fn free(&self, mut claimed: Claimed) -> Result<()> {
        if claimed.entry.record.stage != Stage::Verified {
            claimed.entry.record.stage = Stage::Verified;
            let saved = claimed.entry.save_surely(self.ledger).await;
            saved.map_err(|e| e.next(Next::Unknown(None)))?;
        }
        self.conclude(claimed, None).await
    }

    async fn ask_after(&self, visit: &VisitRecord, charge: Amount, unknown: Error) -> Result<Receipt> {
        let mut waiting = self.waiting();
        while !waiting.is_over() {
            waiting.pause().await;
            match self.settler.resume_since(&visit.order, Some(charge), visit.begun).await {
                Ok(Fate::Settled(receipt)) => return Ok(*receipt),
                Ok(Fate::Dead) => return Err(Error::payer(Code::Expired)),
                Err(e) if e.ends_payment() => return Err(e),
                Ok(_) | Err(_) => {}
            }
        }
        Err(unknown)
    }

    pub(super) fn waiting(&self) -> Waiting<'_> {
        let since = self.clock.now();
        Waiting { clock: self.clock, since, patience_ms: self.patience_ms, paused_ms: 0 }
    }

    pub(super) async fn resume_entry(&self, entry: Entry, alone: Alone) -> Result<Option<Receipt>> {
        // Beside a living settler nothing is sent: it may be about to free the claim.
        let told = entry.record.told().filter(|_| alone == Alone::Yes);
        let fate = self.settler.resume_since(&entry.record.order, told, entry.record.begun).await;
        match fate {
            Ok(Fate::Settled(receipt)) => {
                entry.settled(self.ledger, &receipt, self.clock.now()).await?;
                Ok(Some(*receipt))
            }
            Ok(Fate::Dead) => {
                entry.freed(self.ledger).await?;
                Err(Error::payer(Code::Expired))
            }
            Ok(_) => Ok(None),
            // A definite refusal ends the claim only when nobody beside us may still be sending under it.
            // What was delivered and never sent is owed still, unless the payer's own doing is the reason.
            Err(e)
                if e.ends_payment()
                    && alone == Alone::Yes
                    && (entry.record.stage != Stage::Serving || e.blame == Blame::Payer) =>
            {
                entry.freed(self.ledger).await?;
                Err(e)
            }
            Err(_) => Ok(None),
        }
    }

    async fn load(&self, keys: &[ReplayKey]) -> Result<Option<Entry>> {
        let key = self.key(keys);
        let Some(found) = self.ledger.load(&key).await? else { return Ok(None) };
        let record = VisitRecord::read(&found.value)?;
        Ok(Some(Entry { key, version: found.version, record }))
    }

    fn key(&self, keys: &[ReplayKey]) -> RecordKey {
        RecordKey(format!("{}/{}", self.room, keys.first().map_or("", |k| k.0.as_str())))
    }
}

/// The receipt, when it is for no more than was asked. More has moved all the same: the visit stays in the journal, and
/// whoever asks after the payment finds what the chain says.
fn fair(receipt: Receipt, charge: Charge) -> Result<Receipt> {
    if receipt.charged.asset == charge.amount().asset && receipt.charged.atomic <= charge.atomic() {
        return Ok(receipt);
    }
    let next = Next::Unknown(receipt.transaction().cloned());
    Err(Error::new(Code::Overcharged, Blame::Settler, next).detail(format!(
        "{} were to be taken, the receipt is for {}",
        charge.amount(),
        receipt.charged
    )))
}

/// Pauses between looks, until patience is over. The looks count too: a settler may take long to say that it does not
/// know.
pub(super) struct Waiting<'a> {
    clock: &'a dyn Clock,
    since: Time,
    patience_ms: u64,
    paused_ms: u64,
}

impl Waiting<'_> {
    pub(super) fn is_over(&self) -> bool {
        // The pauses by themselves too, should the clock step back.
        self.paused_ms.max(self.clock.now().ms_since(self.since)) >= self.patience_ms
    }

    /// 20 ms at first, doubling to a second.
    pub(super) async fn pause(&mut self) {
        let pause_ms = self.paused_ms.clamp(20, 1000);
        self.clock.sleep(pause_ms).await;
        self.paused_ms = self.paused_ms.saturating_add(pause_ms);
    }
}

/// How often a payment is verified, and how often settled, before a stumbling node is the answer.
const TRIES_MAX: u8 = 3;

fn is_stumble(e: &Error) -> bool {
    e.next == Next::Later && matches!(e.code, Code::Unreachable | Code::RpcRefused | Code::InvalidAnswer)
}

pub(super) fn in_flight() -> Error {
    Error::new(Code::InFlight, Blame::Payer, Next::Later).detail("this payment is being settled right now")
}

fn replayed() -> Error {
    Error::payer(Code::ReplayedPayment).detail("this payment was used for another request")
}
