use super::{Inner, ROOM, pending};
use std::sync::Arc;
use tollway_core::flow::{SettleOnce, Stage, VisitRecord};
use tollway_core::wire::FacilitatorRequest;
use tollway_core::{Code, Error, Next, Order, Print, Receipt, RecordKey, Result};
use tollway_route::Caller;

/// How long to wait before looking again at a payment that somebody else has just begun to work on.
const LOOK_AGAIN_MS: u64 = 25;

/// What the journal has of a settlement that ended in an error.
enum Leftover {
    /// Nothing of ours: the error stands.
    Nothing,
    /// It was claimed and not sent; now it is free again.
    Freed,
    /// It was, or may have been, sent.
    Sent,
}

impl Inner {
    #[tracing::instrument(name = "settle", skip_all, fields(payment = self.tag(&request.order), network = %request.order.requirement.chain))]
    /// Settles. At most one of these runs per print in this process.
    pub(super) async fn fly(
        self: &Arc<Self>,
        request: FacilitatorRequest,
        print: &Print,
        caller: &Caller,
    ) -> Result<Receipt> {
        self.ready().await?;
        let FacilitatorRequest { order, amount_atomic } = request;
        let (cell, settler) = self.cell(&order.requirement)?;
        let settler = self.settler(caller, cell, settler);
        let once = self.once(cell, &*settler);
        let begun = self.clock.now();
        loop {
            let refused = match once.settle(order.clone(), amount_atomic, print).await {
                Ok(receipt) => {
                    tracing::info!(transaction = receipt.transaction().map(|tx| &*tx.0), "settled");
                    return Ok(receipt);
                }
                Err(e) if e.is_unknown_outcome() => return Err(self.follow_order(&order, print, e).await),
                Err(e) => e,
            };
            match self.leftover(&once, &order, print).await {
                Ok(Leftover::Sent) => return Err(self.follow_order(&order, print, unknown(refused)).await),
                Err(_) if refused.code == Code::LedgerFailed => {
                    // The ledger failed after or before sending, and does not say which.
                    return Err(self.follow_order(&order, print, unknown(refused)).await);
                }
                Ok(Leftover::Nothing) | Err(_) if refused.code != Code::InFlight => {
                    // Another process may have settled this very payment between our look and our verification,
                    // which then says that the nonce is used: that is a receipt, not a refusal.
                    let known = once.known(&order, print).await;
                    return known.ok().flatten().ok_or(refused);
                }
                _ => {}
            }
            if let Some(tx) = pending::hash(self, print).await {
                return Err(Error::unknown(Code::SettlementPending, Some(tx)));
            }
            if self.clock.now().ms_since(begun) >= self.settings.patience_ms {
                return Err(unknown(refused));
            }
            self.clock.sleep(LOOK_AGAIN_MS).await;
        }
    }

    /// A record of this very payment under our own name, while nobody here works on it, was left by a ledger that
    /// failed half way.
    async fn leftover(&self, once: &SettleOnce<'_>, order: &Order, print: &Print) -> Result<Leftover> {
        let Some(key) = self.visit(order) else { return Ok(Leftover::Nothing) };
        let Some(found) = self.ledger.load(&key).await? else { return Ok(Leftover::Nothing) };
        let visit = VisitRecord::read(&found.value)?;
        if visit.owner != self.owner || visit.print != *print {
            return Ok(Leftover::Nothing);
        }
        if visit.stage != Stage::Verified {
            return Ok(Leftover::Sent);
        }
        once.recover(key, found.version, visit).await?;
        Ok(Leftover::Freed)
    }

    /// Keeps the hash for whoever asks again, and asks the settler until it knows. Returns the error to answer with.
    pub(super) async fn follow_order(self: &Arc<Self>, order: &Order, print: &Print, e: Error) -> Error {
        if let Some(key) = self.visit(order) {
            self.follow(key, print.clone());
        }
        match &e.next {
            Next::Unknown(Some(tx)) => {
                pending::note(self, print, tx).await;
                e
            }
            _ => e.next(Next::Unknown(pending::hash(self, print).await)),
        }
    }

    /// Where `SettleOnce` journals this order.
    fn visit(&self, order: &Order) -> Option<RecordKey> {
        let (cell, _) = self.cell(&order.requirement).ok()?;
        let terms = (cell.read)(order).ok()?;
        Some(RecordKey(format!("{ROOM}/{}", terms.replay.first()?)))
    }
}

fn unknown(e: Error) -> Error {
    e.next(Next::Unknown(None))
}
