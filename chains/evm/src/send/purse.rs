//! What each sender has to spend, and what follows from it.
//!
//! The balance is looked at now and then; between looks, what landed transactions cost is taken off it, and what is on
//! its way counts at the most that it can cost. A sender with less than [`SendSettings::low_payments`] payments left is
//! reported; with less than [`SendSettings::reserve_payments`] it leaves the rotation while others are better off. Refilled, it
//! comes back at the next look.

use super::engine::Engine;
use super::lane::Lane;
use super::settings::SendSettings;
use crate::fees::FeeView;
use alloy::primitives::{Address, U256};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tollway_core::{Blame, Code, Error, Next, Purpose, Result, Time};

/// The gas of a payment, on the safe side.
const PAYMENT_GAS: u128 = 150_000;
/// Between two looks while something is being spent.
const LOOK_MIN: Duration = Duration::from_secs(2);
const LOOK_MAX: Duration = Duration::from_secs(30);

/// Whether a signer has coin enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// Enough, as far as is known.
    #[default]
    Ready,
    /// Enough for now, and worth a word to whoever refills it.
    Low,
    /// Too little: out of the rotation until it is refilled, as long as another signer is better off.
    Out,
}

/// One signer that sends transactions, as of now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SignerState {
    /// Its address.
    pub address: Address,
    /// Whether it has coin enough.
    pub standing: Standing,
    /// What it has in wei, less what was spent since the last look; `None` before the first.
    pub balance_wei: Option<u128>,
    /// The most that what is on its way can cost, in wei.
    pub aside_wei: u128,
    /// Transactions on their way.
    pub in_flight: usize,
    /// When the balance was looked at.
    pub looked_at: Option<Time>,
}

/// What a sender has, and what is on its way.
#[derive(Debug, Default)]
pub(super) struct Purse {
    balance: Option<u128>,
    spent: u128,
    aside: u128,
    in_flight: usize,
    standing: Standing,
    looked_at: Option<Time>,
    open: bool,
}

impl Purse {
    pub(super) fn open(&mut self, open: bool) {
        self.open = open;
    }
    pub(super) fn is_open(&self) -> bool {
        self.open
    }
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight == 0
    }
    pub(super) fn enter(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
    }
    pub(super) fn exit(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }
    pub(super) fn set_aside(&mut self, before: u128, now: u128) {
        self.aside = self.aside.saturating_sub(before).saturating_add(now);
    }
    pub(super) fn spend(&mut self, cost: u128) {
        self.spent = self.spent.saturating_add(cost);
    }

    /// What there is beyond what is on its way; everything, before the first look.
    pub(super) fn free(&self) -> u128 {
        let balance = self.balance.unwrap_or(u128::MAX);
        balance.saturating_sub(self.spent).saturating_sub(self.aside)
    }

    /// Takes in a balance. What is on its way may be in it or not, so it counts as if it were not.
    fn looked(&mut self, balance: u128, at: Time) {
        (self.balance, self.spent, self.looked_at) = (Some(balance), 0, Some(at));
    }

    /// Where it stands when a payment costs `one`. Out of the rotation, it is back only when it is well off.
    fn judge(&mut self, one: u128, settings: &SendSettings) -> (Standing, bool) {
        let worth = |payments: u32| one.saturating_mul(payments.into());
        let free = self.free();
        let before = self.standing;
        self.standing = match before {
            _ if free < worth(settings.reserve_payments) => Standing::Out,
            Standing::Out if free < worth(settings.low_payments) => Standing::Out,
            _ if free < worth(settings.low_payments) => Standing::Low,
            _ => Standing::Ready,
        };
        (self.standing, self.standing != before)
    }
}

impl Engine {
    /// The lane to use: the one asked for, or the least busy of those that have coin enough for what it may cost.
    pub(super) async fn lane(&self, sender: Option<Address>, may_cost_wei: u128) -> Result<Arc<Lane>> {
        if let Some(address) = sender {
            let lane = self.lanes.iter().find(|lane| lane.address == address);
            return lane.cloned().ok_or_else(|| no_key(&address.to_string()));
        }
        if self.lanes.is_empty() {
            return Err(no_key("any address"));
        }
        if let Some(lane) = self.best(may_cost_wei) {
            return Ok(lane);
        }
        // Nobody has enough, as far as is known. Somebody may have been refilled since.
        self.look_into_purses().await;
        self.best(may_cost_wei).ok_or_else(|| {
            Error::new(Code::UnexpectedSettleError, Blame::Settler, Next::Later).detail(format!(
                "none of {} signers has the {may_cost_wei} wei that this may cost; refill one",
                self.lanes.len()
            ))
        })
    }

    fn best(&self, may_cost_wei: u128) -> Option<Arc<Lane>> {
        let able = self.lanes.iter().filter(|lane| self.usable(lane)).filter_map(|lane| {
            let purse = lane.purse();
            let out = purse.standing == Standing::Out;
            (purse.free() >= may_cost_wei).then_some((out, purse.in_flight, lane))
        });
        able.min_by_key(|(out, in_flight, _)| (*out, *in_flight)).map(|(.., lane)| lane.clone())
    }

    /// Each signer as of now.
    pub(crate) fn signers(&self) -> Vec<SignerState> {
        let state = |lane: &Arc<Lane>| {
            let purse = lane.purse();
            SignerState {
                address: lane.address,
                standing: purse.standing,
                balance_wei: purse.balance.map(|wei| wei.saturating_sub(purse.spent)),
                aside_wei: purse.aside,
                in_flight: purse.in_flight,
                looked_at: purse.looked_at,
            }
        };
        self.lanes.iter().map(state).collect()
    }

    /// Looks at all balances in one request. A look that fails leaves everything as it was.
    pub(crate) async fn look_into_purses(&self) {
        let mut batch = self.rpc.batch();
        let mut slots = Vec::with_capacity(self.lanes.len());
        for lane in &self.lanes {
            if let Ok(slot) = batch.add::<_, U256>("eth_getBalance", &(lane.address, "latest")) {
                slots.push((lane, slot));
            }
        }
        if slots.is_empty() || batch.send().await.is_err() {
            return;
        }
        for (lane, slot) in slots {
            if let Ok(wei) = slot.take().await {
                lane.purse().looked(u128::try_from(wei).unwrap_or(u128::MAX), self.clock.now());
            }
        }
        self.judge_purses();
    }

    /// Sees who has enough at today's fees, and says so when that changes.
    fn judge_purses(&self) {
        let Some(fees) = self.market.newest() else { return };
        let one = payment_wei(&fees);
        for lane in &self.lanes {
            let (judged, free) = {
                let mut purse = lane.purse();
                (purse.judge(one, &self.settings), purse.free())
            };
            let (sender, payments) = (lane.address, free.checked_div(one).unwrap_or(u128::MAX));
            match judged {
                (_, false) => {}
                (Standing::Out, _) => {
                    tracing::error!(target: "tollway_evm", %sender, payments, "a signer has too little coin and leaves the rotation");
                }
                (Standing::Low, _) => {
                    tracing::warn!(target: "tollway_evm", %sender, payments, "a signer is low on coin");
                }
                (Standing::Ready, _) => {
                    tracing::info!(target: "tollway_evm", %sender, payments, "a signer has coin enough again");
                }
            }
        }
    }

    /// Looks at balances as long as the engine lives: often while they are spent, never while nothing moves.
    pub(super) async fn mind_purses(self: Arc<Self>) {
        let pause = Duration::from_millis(u64::from(self.profile.block_ms).saturating_mul(5));
        loop {
            tokio::time::sleep(pause.clamp(LOOK_MIN, LOOK_MAX)).await;
            let moves = self.lanes.iter().any(|lane| {
                let purse = lane.purse();
                purse.spent > 0 || purse.in_flight > 0 || purse.standing != Standing::Ready
            });
            if moves {
                self.look_into_purses().await;
            }
        }
    }
}

/// What a payment may cost today.
fn payment_wei(fees: &FeeView) -> u128 {
    fees.max_fee_wei(Purpose::Interactive).saturating_mul(PAYMENT_GAS).max(1)
}

fn no_key(who: &str) -> Error {
    Error::caller(Code::NoSigner).detail(format!("this process has no key to send from {who}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purse_runs_low_leaves_and_comes_back_when_it_is_refilled() {
        let settings = SendSettings { low_payments: 100, reserve_payments: 20, ..SendSettings::default() };
        let mut purse = Purse::default();
        assert_eq!(purse.judge(10, &settings), (Standing::Ready, false), "unknown is no alarm");
        purse.looked(1_000, Time::ZERO);
        assert_eq!(purse.judge(10, &settings), (Standing::Ready, false));
        purse.spend(10);
        assert_eq!(purse.judge(10, &settings), (Standing::Low, true));
        purse.set_aside(0, 791);
        assert_eq!(purse.judge(10, &settings), (Standing::Out, true));
        purse.set_aside(791, 0);
        assert_eq!(purse.judge(10, &settings), (Standing::Out, false), "not back before it is refilled");
        purse.looked(1_000, Time::ZERO);
        assert_eq!(purse.judge(10, &settings), (Standing::Ready, true));
        assert_eq!(purse.judge(1_000, &settings), (Standing::Out, true), "fees have risen");
    }
}
