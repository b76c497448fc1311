//! Holds: made before anything is sent, ended with what the chain took.

use super::gas::Gas;
use super::{Caller, Guard};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;
use tollway_core::{
    Account, Code, Error, HoldId, Json, Order, Record, RecordKey, Result, Spend, Terms, Time, Write,
};

/// Where open holds are remembered, by the payment's replay key.
const ROOM: &str = "guard/open/";
/// So long after a payment's window nobody asks after it any more: whatever it cost, its hold is charged in full.
const ABANDONED_MS: u64 = 3_600_000;
/// How often such are looked for.
const SWEEP_MS: u64 = 60_000;
/// Records per look at the journal.
const PAGE: usize = 256;

/// A settlement's hold, as it is journaled: whoever resumes it after a crash ends it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) hold: HoldId,
    pub(super) caller: String,
    pub(super) payer: Option<Account>,
    pub(super) payee: Account,
    /// What was held: in the chain's smallest coins, and in 10⁻¹⁸ USD.
    native: u128,
    usd_e18: u128,
    until: Time,
}

impl Open {
    /// What of the hold was spent.
    fn spend(&self, took: Took) -> Spend {
        match took {
            Took::Nothing => Spend::Nothing,
            Took::Native(taken) if self.native > 0 => Spend::Part { taken, of: self.native },
            _ => Spend::All,
        }
    }

    /// The same in 10⁻¹⁸ USD.
    pub(super) fn charged_e18(&self, took: Took) -> u128 {
        self.spend(took).of(self.usd_e18)
    }
}

/// A hold with its place in the journal.
#[derive(Debug, Clone)]
pub(super) struct Held {
    key: RecordKey,
    version: u64,
    pub(super) open: Open,
}

/// What a settlement cost in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Took {
    /// Nothing was sent.
    Nothing,
    /// So much, in the chain's smallest coins.
    Native(u128),
    /// Something, and nobody knows how much: all that was held.
    Unknown,
}

impl Guard {
    /// Holds what settling may cost, or refuses. The hold is journaled first, so that none is ever forgotten.
    pub(super) async fn hold(
        &self,
        caller: &Caller,
        order: &Order,
        terms: &Terms,
        gas: Gas,
    ) -> Result<Option<Held>> {
        if !self.settings.counts() {
            return Ok(None);
        }
        let key = key(terms).ok_or_else(|| Error::us(Code::MissingReplayKey))?;
        // The last attempt at this payment ended without ending its hold: nobody may use it twice.
        if let Some(left) = self.held_at(&key).await? {
            self.end(&left, Took::Unknown).await?;
        }
        let now = self.clock.now();
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let open = Open {
            hold: HoldId(format!("gas/{}/{}.{n}", key.0.get(ROOM.len()..).unwrap_or_default(), now.ms())),
            caller: caller.name().to_owned(),
            payer: terms.payer,
            payee: order.requirement.pay_to,
            native: self.ample(gas.native),
            usd_e18: self.ample(gas.usd.e18()),
            until: terms.settle_before,
        };
        let value = Some(Json::of(&open).as_str().to_owned());
        self.ledger.store(&[Write { key: key.clone(), expect: None, value }]).await?;
        let lines = self.lines(caller.name(), &open.payee, open.payer.as_ref(), open.usd_e18);
        let held = Held { key, version: 1, open };
        match self.ledger.reserve(&held.open.hold, &lines, held.open.until, now).await {
            Ok(()) => Ok(Some(held)),
            Err(e) => {
                // It may have been held all the same. When ending it fails too, the journal has it.
                if let Err(error) = self.end(&held, Took::Nothing).await {
                    tracing::warn!(hold = %held.open.hold, %error, "a gas budget's hold could not be ended");
                }
                Err(if e.code == Code::BudgetExceeded { self.why_full(&lines).await } else { e })
            }
        }
    }

    /// The open hold of a payment, where there is one.
    pub(super) async fn held(&self, terms: &Terms) -> Result<Option<Held>> {
        match key(terms) {
            Some(key) if self.settings.counts() => self.held_at(&key).await,
            _ => Ok(None),
        }
    }

    /// Ends a hold: charges what was taken, also what is more than was held. Safe to do again.
    pub(super) async fn end(&self, held: &Held, took: Took) -> Result<()> {
        let (open, now) = (&held.open, self.clock.now());
        if let Took::Native(taken) = took
            && taken > open.native
            && open.native > 0
        {
            self.charge_excess(open, taken.saturating_sub(open.native), now).await?;
        }
        match self.ledger.close(&open.hold, open.spend(took), now).await {
            Ok(()) => {}
            // Journaled, and never held.
            Err(e) if e.code == Code::NotFound => {}
            Err(e) => return Err(e),
        }
        self.forget(held).await
    }

    /// The market moved more than the hold allowed for. The books say what was spent, whatever the limits are.
    async fn charge_excess(&self, open: &Open, excess: u128, now: Time) -> Result<()> {
        let times = excess.div_ceil(open.native.max(1));
        let mut lines = self.gas_lines(&open.caller, &open.payee, open.usd_e18.saturating_mul(times));
        lines.iter_mut().for_each(|line| line.limit = u128::MAX);
        let hold = HoldId(format!("over/{}", open.hold));
        self.ledger.reserve(&hold, &lines, now, now).await?;
        self.ledger
            .close(&hold, Spend::Part { taken: excess, of: open.native.saturating_mul(times) }, now)
            .await
    }

    async fn held_at(&self, key: &RecordKey) -> Result<Option<Held>> {
        self.ledger.load(key).await?.map(read).transpose()
    }

    async fn forget(&self, held: &Held) -> Result<()> {
        let gone = Write { key: held.key.clone(), expect: Some(held.version), value: None };
        match self.ledger.store(&[gone]).await {
            // Somebody else ended it beside us.
            Err(e) if e.code == Code::Conflict => Ok(()),
            other => other,
        }
    }

    /// Ends what nobody came back for: a ledger that failed at the wrong moment must not bind a budget for ever.
    pub(super) async fn sweep(&self) {
        let now = self.clock.now();
        let last = Time::from_ms(self.swept_ms.load(Ordering::Relaxed));
        if now.ms_since(last) < SWEEP_MS {
            return;
        }
        self.swept_ms.store(now.ms(), Ordering::Relaxed);
        let mut after = None;
        loop {
            let page = self.ledger.scan(ROOM, after.as_ref(), PAGE).await.unwrap_or_default();
            let full = page.len() >= PAGE;
            after = page.last().map(|record| record.key.clone());
            for held in page.into_iter().filter_map(|record| read(record).ok()) {
                if now.ms_since(held.open.until) > ABANDONED_MS
                    && let Err(error) = self.end(&held, Took::Unknown).await
                {
                    tracing::warn!(hold = %held.open.hold, %error, "a gas budget's hold could not be ended");
                }
            }
            if !full {
                return;
            }
        }
    }
}

fn key(terms: &Terms) -> Option<RecordKey> {
    terms.replay.first().map(|replay| RecordKey(format!("{ROOM}{replay}")))
}

fn read(record: Record) -> Result<Held> {
    let open = Json::parse(record.value).and_then(|json| json.read()).map_err(|e| {
        Error::us(Code::LedgerFailed).detail(format!("record {} cannot be read: {e}", record.key))
    })?;
    Ok(Held { key: record.key, version: record.version, open })
}
