//! Paying the fee for somebody else's transaction: the one place where a sponsor's signature is given.
//!
//! A [`Sponsored`] can only be made by checking, and only a [`Sponsored`] can be sent. So no transaction is
//! co-signed that was not judged, whoever vouched for it.

use crate::payload::{self, Packet};
use crate::settings::Settings;
use crate::shape::{self, Budget, Judged, Transfer};
use crate::terms::{judged, replay_key};
use tollway_core::{Code, Error, Next, Order, RecordKey, ReplayKey, Result, Time};
use tollway_solana::{Landed, Submit, Svm};

/// A payment that was judged, statically, and found worth a fee of ours.
#[derive(Clone)]
pub(crate) struct Sponsored {
    packet: Packet,
    judged: Judged,
    key: ReplayKey,
}

/// Never shows the transaction.
impl std::fmt::Debug for Sponsored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sponsored({})", self.key.0)
    }
}

impl Sponsored {
    /// Judges the payment of an order, and whether we want to pay its fee. No I/O.
    ///
    /// # Errors
    /// Those of [`crate::read`]; [`Code::FeePayerNotManaged`] when the fee payer's key is not ours;
    /// [`Code::FeePayerTransferring`] when the payer's is; [`Code::ComputeLimitTooHigh`],
    /// [`Code::ComputePriceTooHigh`] and [`Code::PriorityFeeTooHigh`] above what the settings allow;
    /// [`Code::SmartWalletProgram`] when they allow no smart wallets.
    pub(crate) fn of(order: &Order, svm: &dyn Svm, settings: &Settings) -> Result<Self> {
        let packet = payload::decode(&order.payment.payload)?;
        let judged = judged(order, &packet)?;
        ours(&judged, svm)?;
        affordable(&judged.budget, settings)?;
        if judged.transfer.is_none() && !settings.smart_wallets {
            return Err(Error::settler(Code::SmartWalletProgram)
                .next(Next::OtherRoute)
                .detail("payments of smart wallets are not settled here (setting exact-spl.smart_wallets)"));
        }
        Ok(Self { packet, judged, key: replay_key(&order.requirement.chain, &judged.hash) })
    }

    /// The transfer; `None` where a smart wallet makes it.
    pub(crate) fn transfer(&self) -> Option<&Transfer> {
        self.judged.transfer.as_ref()
    }
    pub(crate) fn key(&self) -> &ReplayKey {
        &self.key
    }
    /// The whole transaction, the sponsor's place as the payer left it.
    pub(crate) fn wire(&self) -> &[u8] {
        &self.packet
    }

    /// Signs as fee payer and sends, at most once per payment.
    ///
    /// # Errors
    /// Those of [`Svm::send`].
    pub(crate) async fn send(&self, svm: &dyn Svm, not_after: Time) -> Result<Landed> {
        let fee_payer = Some(self.judged.budget.fee_payer);
        let submit = Submit { wire: self.packet.to_vec(), fee_payer, not_after };
        svm.send(submit, &record_key(&self.key)).await
    }
}

/// What a settlement is journaled under.
pub(crate) fn record_key(key: &ReplayKey) -> RecordKey {
    RecordKey(key.0.clone())
}

/// The fee payer is one of ours, and the payer is not.
fn ours(judged: &Judged, svm: &dyn Svm) -> Result<()> {
    let (managed, fee_payer) = (svm.fee_payers(), judged.budget.fee_payer);
    if !managed.contains(&fee_payer) {
        return Err(Error::settler(Code::FeePayerNotManaged)
            .next(Next::OtherRoute)
            .detail(format!("no key of {fee_payer} here")));
    }
    if let Some(transfer) = judged.transfer.filter(|t| managed.contains(&t.payer)) {
        return Err(Error::payer(Code::FeePayerTransferring)
            .detail(format!("{} pays fees here and nothing else", transfer.payer)));
    }
    Ok(())
}

/// The fee stays within what this sponsor pays for one payment.
fn affordable(budget: &Budget, settings: &Settings) -> Result<()> {
    let Budget { limit, price, .. } = *budget;
    if limit > settings.max_compute_units {
        return Err(Error::payer(Code::ComputeLimitTooHigh).detail(format!(
            "a limit of {limit} compute units; {} are paid for here",
            settings.max_compute_units
        )));
    }
    shape::budget(limit, price, settings.max_compute_price)?;
    let lamports = budget.priority_lamports();
    if lamports > settings.max_priority_lamports {
        return Err(Error::payer(Code::PriorityFeeTooHigh).detail(format!(
            "{limit} compute units at {price} micro-lamports cost {lamports} lamports; {} are paid here",
            settings.max_priority_lamports
        )));
    }
    Ok(())
}
