//! What every ledger must do: the `Ledger` contract, sentence by sentence, once for all implementations.

#[path = "suite/budgets.rs"]
mod budgets;
#[path = "suite/claims.rs"]
mod claims;
#[path = "suite/records.rs"]
mod records;

use std::sync::Arc;
use tollway_core::{
    AssetId, BudgetLine, ChainId, Extra, Landed, Ledger, Receipt, ReplayKey, Time, TxId,
    ledger::{MemoryLedger, Scoped},
};
use tollway_ledger::SqliteLedger;

fn at(secs: u64) -> Time {
    Time::from_secs(secs)
}

fn line(budget: &str, amount: u128, limit: u128, since: Time) -> BudgetLine {
    BudgetLine { budget: budget.into(), amount, limit, since }
}

fn keys(names: &[&str]) -> Vec<ReplayKey> {
    names.iter().map(|name| ReplayKey::from(*name)).collect()
}

/// A receipt with an amount that no 64-bit column holds.
fn receipt(tx: &str) -> Receipt {
    let chain = ChainId::new("eip155:8453").unwrap();
    Receipt {
        landed: Landed::OnChain { transaction: TxId(tx.to_owned()) },
        charged: tollway_core::Amount::new(AssetId::native(chain), u128::MAX),
        payer: None,
        chain,
        spent: None,
        extra: Extra::of_pairs(&[("note", "naïve \"quoted\" ✓")]),
    }
}

/// Runs one behaviour on every ledger there is.
macro_rules! every_ledger {
    ($($room:ident :: $behaviour:ident,)*) => {$(
        mod $behaviour {
            use super::*;
            #[tokio::test]
            async fn memory() {
                $room::$behaviour(&MemoryLedger::new()).await;
            }
            #[tokio::test]
            async fn sqlite_in_memory() {
                $room::$behaviour(&SqliteLedger::in_memory().unwrap()).await;
            }
            #[tokio::test]
            async fn sqlite_file() {
                let dir = tempfile::tempdir().unwrap();
                $room::$behaviour(&SqliteLedger::open(dir.path().join("l.sqlite")).unwrap()).await;
            }
            #[tokio::test]
            async fn scoped() {
                let inner: Arc<dyn Ledger> = Arc::new(SqliteLedger::in_memory().unwrap());
                $room::$behaviour(&Scoped::new(inner, "gate")).await;
            }
        }
    )*};
}

every_ledger! {
    budgets::holds_count_until_closed,
    budgets::every_line_or_none,
    budgets::lines_of_one_budget_add_up,
    budgets::known_hold_is_no_new_hold,
    budgets::closing_twice_spends_once,
    budgets::unknown_hold_is_not_found,
    budgets::spendings_leave_the_window,
    budgets::spendings_arrive_out_of_order,
    budgets::parts_are_charged_their_share,
    budgets::huge_amounts_stay_exact,
    budgets::used_reads_and_changes_nothing,
    claims::fresh_then_same_then_replay,
    claims::all_keys_or_none,
    claims::receipts_are_kept_whole,
    claims::freed_keys_are_fresh_again,
    claims::a_claim_is_concluded_by_its_own_print_alone,
    claims::concluded_keys_are_never_freed,
    claims::seeing_claims_nothing,
    records::versions_grow_by_one,
    records::stale_writes_conflict,
    records::all_writes_or_none,
    records::scans_walk_in_key_order,
    records::odd_text_is_kept,
}

#[tokio::test]
async fn roles_do_not_see_each_others_claims() {
    let shared: Arc<dyn Ledger> = Arc::new(SqliteLedger::in_memory().unwrap());
    let (gate, settler) = (Scoped::new(shared.clone(), "gate"), Scoped::new(shared, "settler"));
    claims::fresh_then_same_then_replay(&gate).await;
    claims::fresh_then_same_then_replay(&settler).await;
    budgets::holds_count_until_closed(&gate).await;
    let lines = [line("day", 1, 10, Time::ZERO)];
    assert_ne!(settler.used(&lines).await.unwrap(), [0], "budgets are shared");
}
