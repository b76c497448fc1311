//! What a facilitator spends its gas on: for whom, on what, and how much.
//!
//! Everything that `/settle` sends costs the facilitator, whatever becomes of it, and anybody can make a payment that holds
//! when it is verified and fails when it is mined. A [`Guard`] bounds what that can cost. It wraps settlers
//! ([`Guard::settler`]), one for each caller, and adds to what they do:
//!
//! | when | check | code |
//! |---|---|---|
//! | verify | payee and asset are on the lists | [`Code::PayeeNotServed`], [`Code::AssetNotServed`] |
//! | verify | not too many settlements of this payer, payee or caller failed lately ([`Strikes`]) | [`Code::TooManyFailures`] |
//! | verify, settle | the screening | [`Code::Screened`], [`Code::ScreeningSilent`] |
//! | verify, settle | the amount is worth settling at all | [`Code::AmountTooSmall`] |
//! | verify, settle | predicted gas, at live prices, against the amount | [`Code::Unprofitable`] |
//! | verify, settle | predicted gas against a bound, and against a plain payment's | [`Code::GasTooHigh`] |
//! | verify, settle | not too many of this payer's are under way: one transfer of its money makes all of them fail | [`Code::TooManyAtOnce`] |
//! | verify, settle | the budgets still hold what it may cost: altogether, caller, payee | [`Code::GasBudgetSpent`] |
//!
//! The last one is the bound, the others keep it from being reached. Before anything is sent, the ledger holds
//! *more* than the predicted cost ([`GuardSettings::hold_percent`]) under each budget, and afterwards it is charged what the
//! chain took, a failed transaction's cost included. So what goes out within a window stays within the limit, however many
//! settlements are under way at once, across restarts and for all processes on one ledger, as long as none costs more than is
//! held for it. One that does is charged in full, and the next ones are refused: where more is offered for a transaction that is
//! stuck, and where an L1 data fee leaps. The hard bound of one transaction is the fee cap of whoever sends it
//! (`fee_cap_wei` of a network).
//!
//! A failed transaction is a strike for payer, payee and caller. A payer has few. A payee or a caller can be made to fail by
//! payers that it does not choose, so for them failures must also have eaten a share of their gas.

mod budgets;
mod caller;
mod door;
mod gas;
mod purse;
mod refusal;
mod settings;
mod settler;
mod strikes;

pub use caller::Caller;
pub use settings::{GuardSettings, Limit, Strikes};

use crate::quotes::QuoteBook;
use crate::screening::Screening;
use settler::Guarded;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tollway_core::registry::Read;
#[allow(unused_imports, reason = "the table above links it")]
use tollway_core::{Clock, Code, Ledger, Result, Settler};

/// Bounds what settling costs. One for a facilitator, over the ledger that the facilitator's other processes share.
pub struct Guard {
    settings: GuardSettings,
    screening: Option<Arc<Screening>>,
    quotes: Arc<QuoteBook>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    /// Tells holds of one millisecond apart.
    next: AtomicU64,
    /// When holds that nobody ended were looked for last.
    swept_ms: AtomicU64,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("settings", &self.settings)
            .field("screening", &self.screening)
            .finish_non_exhaustive()
    }
}

impl Guard {
    /// A guard within `settings`. Prices come from `quotes`; without any, what needs one is refused, never let pass.
    ///
    /// # Errors
    /// [`Code::BadSettings`].
    pub fn new(
        settings: GuardSettings,
        quotes: Arc<QuoteBook>,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        settings.check()?;
        let (next, swept_ms) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { settings, screening: None, quotes, ledger, clock, next, swept_ms })
    }

    /// Asks a screening too, of every payment, before it is verified and before it is settled.
    #[must_use]
    pub fn screening(mut self, screening: Arc<Screening>) -> Self {
        self.screening = Some(screening);
        self
    }

    /// Wraps a settler for one caller. `read` is the scheme's own reading of a payload.
    pub fn settler(
        self: &Arc<Self>,
        caller: Caller,
        read: Read,
        inner: Arc<dyn Settler>,
    ) -> Arc<dyn Settler> {
        Arc::new(Guarded { guard: Arc::clone(self), caller, read, inner })
    }
}
