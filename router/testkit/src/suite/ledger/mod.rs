//! What every ledger must do: the contract of [`tollway_core::Ledger`], sentence by sentence, against a plain model, and in
//! races.

mod budgets;
mod claims;
mod model;
mod pairs;
mod races;
mod records;

use super::property::{Checked, Property, Subject, insist};
use super::turns::block_on;
use super::{Guise, Verdict};
use futures::future::BoxFuture;
use std::sync::Arc;
use tollway_core::{
    Amount, AssetId, BudgetLine, ChainId, Extra, Landed, Ledger, Receipt, ReplayKey, Time, TxId,
};

/// A new, empty ledger, in one guise.
pub struct Trial {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) seed: u64,
    guise: Guise,
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trial(seed {})", self.seed)
    }
}

impl Subject for Trial {
    fn run(&self, work: BoxFuture<'static, ()>) {
        block_on(work);
    }
    fn wears(&self) -> &'static str {
        self.guise.words()
    }
}

macro_rules! properties {
    ($($name:ident in $room:ident, $seeds:literal, $says:literal;)*) => {
        /// What every ledger must do.
        pub const PROPERTIES: &[Property<Trial, ()>] = &[$(Property {
            name: stringify!($name),
            says: $says,
            needs: |()| true,
            seeds: |()| $seeds,
            check: |trial| Box::pin($room::$name(trial)),
        }),*];
    };
}

properties! {
    reserves_every_line_or_none in budgets, 3, "a reservation holds every line, or none";
    lines_of_one_budget_add_up in budgets, 3, "two lines of one reservation on one budget add up";
    a_known_hold_is_no_new_hold in budgets, 3, "reserving under a known id holds nothing more, also after it was closed";
    closes_once in budgets, 3, "closing a hold twice spends once; an unknown hold is not found";
    shares_are_rounded_up in budgets, 3, "a part of a hold is charged its share, rounded up";
    spendings_leave_the_window in budgets, 3, "spendings are counted while they are not older than the line's window, holds always";
    used_changes_nothing in budgets, 3, "used reads";
    huge_amounts_stay_exact in budgets, 3, "amounts of 128 bits are counted exactly, and never wrap";
    fresh_then_same_then_replay in claims, 3, "the first print is fresh, the same again is the same, another is a replay";
    claims_every_key_or_none in claims, 3, "a claim takes all keys, or none";
    seeing_claims_nothing in claims, 3, "seen claims nothing";
    concludes_its_own_alone in claims, 3, "a claim is concluded by its own print alone";
    a_receipt_is_kept_whole_and_for_good in claims, 3, "a remembered receipt comes back as it was, and its keys are never free again";
    freed_keys_are_fresh_again in claims, 3, "without a receipt the keys are free again";
    stores_and_then_claims in pairs, 3, "what is stored with a claim stays whatever the claim says, and a conflict claims nothing";
    concludes_and_then_stores in pairs, 3, "what is concluded with a write stays concluded, and a conflict writes nothing";
    versions_are_compared in records, 3, "a write under another version than the record has is a conflict, and versions grow by one";
    writes_every_record_or_none in records, 3, "all writes, or none";
    scans_in_key_order in records, 3, "a scan walks the keys of a prefix in order, after a key, up to a limit";
    keeps_any_text in records, 3, "keys and values are kept as they are, and Debug and errors show no value";
    answers_as_a_plain_model_does in model, 150, "whatever is asked in whatever order, the answers are those of a plain model";
    one_claim_is_fresh in races, 300, "of many who claim one key at once, one has it fresh, and nobody has half of his keys";
    budgets_are_never_overdrawn in races, 300, "of many who reserve at once, no more are taken than fit";
    one_writer_wins in races, 300, "of many who write one version of a record, one wins";
    dropped_calls_are_done_or_not in races, 300, "a dropped call is done or not, and never half";
}

/// The properties' names, in order.
pub fn names() -> Vec<&'static str> {
    PROPERTIES.iter().map(|p| p.name).collect()
}

/// Runs one property over its seeds, on a new ledger each; each seed wears the next guise.
pub fn check(open: &dyn Fn() -> Arc<dyn Ledger>, property: &Property<Trial, ()>) -> Checked {
    property.judge(&(), |seed| {
        let guise = Guise::of(seed);
        Ok(Trial { ledger: guise.ledger(open()), seed, guise })
    })
}

/// Runs every property that `wanted` names.
pub fn check_all(
    open: &dyn Fn() -> Arc<dyn Ledger>,
    wanted: impl Fn(&str) -> bool,
) -> Vec<(&'static str, Checked)> {
    PROPERTIES.iter().filter(|p| wanted(p.name)).map(|p| (p.name, check(open, p))).collect()
}

/// One test: runs the property of that name, and panics with what was seen unless it holds.
pub fn prove(open: impl Fn() -> Arc<dyn Ledger>, name: &str) {
    let property = PROPERTIES.iter().find(|p| p.name == name);
    insist(&check(&open, property.unwrap_or_else(|| panic!("no property {name}"))));
}

/// Proves a ledger: one `#[test]` for each property of [`ledger`](crate::suite::ledger). Takes what opens a new, empty
/// ledger: `|| Arc::new(MyLedger::new())`.
#[macro_export]
macro_rules! ledger_suite {
    ($open:expr) => {
        $crate::__tests! { ledger, $open,
            reserves_every_line_or_none
            lines_of_one_budget_add_up
            a_known_hold_is_no_new_hold
            closes_once
            shares_are_rounded_up
            spendings_leave_the_window
            used_changes_nothing
            huge_amounts_stay_exact
            fresh_then_same_then_replay
            claims_every_key_or_none
            seeing_claims_nothing
            concludes_its_own_alone
            a_receipt_is_kept_whole_and_for_good
            freed_keys_are_fresh_again
            stores_and_then_claims
            concludes_and_then_stores
            versions_are_compared
            writes_every_record_or_none
            scans_in_key_order
            keeps_any_text
            answers_as_a_plain_model_does
            one_claim_is_fresh
            budgets_are_never_overdrawn
            one_writer_wins
            dropped_calls_are_done_or_not
        }
    };
}

/// Later than every moment of a check.
const UNTIL: Time = Time::from_secs(1_000_000);

fn at(secs: u64) -> Time {
    Time::from_secs(secs)
}

fn line(budget: &str, amount: u128, limit: u128, since: Time) -> BudgetLine {
    BudgetLine { budget: budget.into(), amount, limit, since }
}

fn keys(names: &[&str]) -> Vec<ReplayKey> {
    names.iter().map(|name| ReplayKey::from(*name)).collect()
}

/// A receipt with an amount that no 64-bit column holds, and text that needs escaping.
fn receipt(tx: &str) -> Result<Receipt, String> {
    let chain = ChainId::new("suite:1").map_err(|e| e.to_string())?;
    Ok(Receipt {
        landed: Landed::OnChain { transaction: TxId(tx.to_owned()) },
        charged: Amount::new(AssetId::native(chain), u128::MAX),
        payer: None,
        chain,
        spent: None,
        extra: Extra::of_pairs(&[("note", "naïve \"quoted\" ✓")]),
    })
}
