//! What a monitor wants to know of sellers, payers and pools, counted through the `metrics` facade: it costs next to nothing
//! until the process installs a recorder.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `tollway_payments_total` | `network`, `scheme`, `outcome`, `reason` | payments that came to an end at a seller's: `paid`, `again` (shown before, and answered from memory), `unserved`, `unpaid`, `refused`, `unknown` |
//! | `tollway_payment_seconds` | `network` | how long that took, the handler included |
//! | `tollway_payments_in_flight` | | those under way now |
//! | `tollway_payments_open` | | journaled and not over, each as it was when it was last looked at |
//! | `tollway_sold_total` | `asset`, `decimals` | what was settled, in 10^-`decimals` of the asset's unit |
//! | `tollway_pool_asked_total` | `member`, `what`, `outcome` | what members of a pool were asked: `verify`, `settle`, `probe` |
//! | `tollway_pool_member` | `member`, `state` | 1 for the state that a member is in: `well`, `resting`, `expelled` |
//! | `tollway_paid_total` | `outcome`, `reason` | payments made: `paid`, `later` (the receipt is to come), `refused`, `unknown` |
//!
//! Labels are what we know: a reason or a network of a stranger's choosing is `other`.

use metrics::{counter, gauge, histogram};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tollway_core::flow::Delivered;
use tollway_core::{Amount, AssetId, Code, Error, Registry, Requirement};

/// Fraction digits in which amounts are counted at most: a counter has 64 bits, and an asset may have 18 digits.
const DIGITS_MAX: u8 = 9;

/// What was settled since the start, exactly: a counter that rounded each payment would drift.
#[derive(Debug, Default)]
pub(crate) struct Sold(Mutex<HashMap<AssetId, u128>>);

impl Sold {
    fn add(&self, amount: &Amount, decimals: u8) {
        let sum = {
            let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let sum = sums.entry(amount.asset).or_default();
            *sum = sum.saturating_add(amount.atomic);
            *sum
        };
        let digits = decimals.min(DIGITS_MAX);
        let unit = 10u128.saturating_pow(u32::from(decimals.saturating_sub(digits)));
        let counted = sum.checked_div(unit).unwrap_or(0);
        let labels = [("asset", amount.asset.to_string()), ("decimals", digits.to_string())];
        counter!("tollway_sold_total", &labels).absolute(u64::try_from(counted).unwrap_or(u64::MAX));
    }
}

/// A payment came to its end at a seller's.
pub(crate) fn delivered(
    sold: &Sold,
    registry: &Registry,
    r: &Requirement,
    ended: &Result<Delivered, Error>,
    took_ms: u64,
) {
    let (outcome, why, receipt) = match ended {
        Ok(Delivered::Paid(receipt)) => ("paid", None, Some(receipt)),
        Ok(Delivered::PaidUnserved(receipt)) => ("unserved", None, Some(receipt)),
        Ok(Delivered::Again(_)) => ("again", None, None),
        Ok(_) => ("unpaid", None, None),
        Err(e) if e.is_unknown_outcome() => ("unknown", Some(&e.code), None),
        Err(e) => ("refused", Some(&e.code), None),
    };
    let network = r.chain.to_string();
    histogram!("tollway_payment_seconds", "network" => network.clone())
        .record(Duration::from_millis(took_ms).as_secs_f64());
    let labels = [
        ("network", network),
        ("scheme", r.scheme.to_string()),
        ("outcome", outcome.to_owned()),
        ("reason", reason(why)),
    ];
    counter!("tollway_payments_total", &labels).increment(1);
    if let Some(receipt) = receipt {
        let decimals = registry.known_asset(&receipt.charged.asset).map_or(0, |known| known.decimals);
        sold.add(&receipt.charged, decimals);
    }
}

/// A payment that was not let in: whatever it named, it is on no network of ours.
pub(crate) fn turned_away(e: &Error) {
    let labels = [("network", ""), ("scheme", ""), ("outcome", "refused")];
    let labels = labels.map(|(name, value)| (name, value.to_owned()));
    let all: Vec<_> = labels.into_iter().chain([("reason", reason(Some(&e.code)))]).collect();
    counter!("tollway_payments_total", &all).increment(1);
}

/// A payment under way, until this is dropped.
pub(crate) struct InFlight;

impl InFlight {
    pub(crate) fn begin() -> Self {
        gauge!("tollway_payments_in_flight").increment(1);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!("tollway_payments_in_flight").decrement(1);
    }
}

/// So many journaled visits are not over.
pub(crate) fn open(count: usize) {
    gauge!("tollway_payments_open").set(u32::try_from(count).unwrap_or(u32::MAX));
}

/// A member of a pool was asked something.
pub(crate) fn asked(member: &str, what: &'static str, failed: Option<&Error>) {
    let outcome = match failed {
        None => "good",
        Some(e) if e.is_unknown_outcome() => "unknown",
        Some(_) => "refused",
    };
    let member = member.to_owned();
    counter!("tollway_pool_asked_total", "member" => member, "what" => what, "outcome" => outcome)
        .increment(1);
}

/// A member of a pool is in this state now.
pub(crate) fn standing(member: &str, now: &'static str) {
    for state in ["well", "resting", "expelled"] {
        gauge!("tollway_pool_member", "member" => member.to_owned(), "state" => state)
            .set(u32::from(state == now));
    }
}

/// A payer's payment came to an end.
pub(crate) fn paid(ended: Result<&'static str, &Error>) {
    let (outcome, why) = match ended {
        Ok(outcome) => (outcome, None),
        Err(e) if e.is_unknown_outcome() => ("unknown", Some(&e.code)),
        Err(e) => ("refused", Some(&e.code)),
    };
    counter!("tollway_paid_total", "outcome" => outcome, "reason" => reason(why)).increment(1);
}

/// A code as a label.
fn reason(code: Option<&Code>) -> String {
    match code {
        None => String::new(),
        Some(Code::Other(_)) => "other".to_owned(),
        Some(code) => code.as_str().to_owned(),
    }
}
