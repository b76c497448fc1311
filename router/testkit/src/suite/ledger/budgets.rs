use super::{Trial, UNTIL, Verdict, at, line};
use crate::suite::property::{OrSeen, ensure};
use std::sync::Arc;
use tollway_core::{BudgetLine, Code, Ledger, Spend, Time};

async fn used(ledger: &dyn Ledger, budget: &str, since: Time) -> Result<u128, String> {
    let said = ledger.used(&[line(budget, 0, 0, since)]).await.or_seen("used")?;
    said.first().copied().ok_or_else(|| "one line asked, none answered".to_owned())
}

async fn holds(ledger: &dyn Ledger, hold: &str, lines: &[BudgetLine]) -> Verdict {
    ledger.reserve(&hold.into(), lines, UNTIL, at(1)).await.or_seen(&format!("reserve {hold}"))
}

async fn exceeds(ledger: &dyn Ledger, hold: &str, lines: &[BudgetLine]) -> Verdict {
    match ledger.reserve(&hold.into(), lines, UNTIL, at(1)).await {
        Ok(()) => Err(format!("{hold}: {lines:?} were held")),
        Err(e) => {
            ensure!(e.code == Code::BudgetExceeded && !e.is_unknown_outcome(), "{hold}: {e}");
            Ok(())
        }
    }
}

pub(super) async fn reserves_every_line_or_none(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    holds(l, "a", &[line("day", 6, 10, Time::ZERO)]).await?;
    exceeds(l, "b", &[line("host", 1, 10, Time::ZERO), line("day", 5, 10, Time::ZERO)]).await?;
    exceeds(l, "c", &[line("day", 5, 10, Time::ZERO), line("host", 1, 10, Time::ZERO)]).await?;
    ensure!(used(l, "host", Time::ZERO).await? == 0, "a refused reservation held a line");
    ensure!(used(l, "day", Time::ZERO).await? == 6, "a refused reservation changed a budget");
    // A refused id is still a new one.
    holds(l, "b", &[line("host", 1, 10, Time::ZERO), line("day", 4, 10, Time::ZERO)]).await?;
    ensure!(used(l, "day", Time::ZERO).await? == 10, "a reservation to the very limit is not counted");
    exceeds(l, "d", &[line("day", 1, 10, Time::ZERO)]).await?;
    holds(l, "nothing", &[]).await
}

pub(super) async fn lines_of_one_budget_add_up(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    exceeds(l, "a", &[line("day", 6, 10, Time::ZERO), line("day", 5, 10, Time::ZERO)]).await?;
    holds(l, "b", &[line("day", 6, 10, Time::ZERO), line("day", 4, 10, Time::ZERO)]).await?;
    ensure!(
        used(l, "day", Time::ZERO).await? == 10,
        "two lines of one budget are counted as {}",
        used(l, "day", Time::ZERO).await?
    );
    let asked = [line("day", 0, 0, Time::ZERO), line("day", 0, 0, Time::ZERO)];
    ensure!(l.used(&asked).await.or_seen("used")? == [10, 10], "each line is answered by itself");
    Ok(())
}

pub(super) async fn a_known_hold_is_no_new_hold(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    let lines = [line("day", 6, 10, Time::ZERO)];
    holds(l, "a", &lines).await?;
    holds(l, "a", &lines).await?;
    // The caller asks again because an answer was lost; what it asks for is what was held.
    holds(l, "a", &[line("day", 99, 10, Time::ZERO)]).await?;
    ensure!(used(l, "day", Time::ZERO).await? == 6, "a known hold was held again");
    l.close(&"a".into(), Spend::Nothing, at(2)).await.or_seen("close")?;
    holds(l, "a", &lines).await?;
    ensure!(used(l, "day", Time::ZERO).await? == 0, "a closed hold was opened again");
    Ok(())
}

pub(super) async fn closes_once(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    holds(l, "a", &[line("day", 6, 10, Time::ZERO)]).await?;
    for spend in [Spend::All, Spend::All, Spend::Nothing] {
        l.close(&"a".into(), spend, at(2)).await.or_seen("close")?;
        ensure!(used(l, "day", Time::ZERO).await? == 6, "closing again changed what was spent");
    }
    match l.close(&"nobody".into(), Spend::All, at(2)).await {
        Ok(()) => Err("a hold that nobody made was closed".to_owned()),
        Err(e) => {
            ensure!(e.code == Code::NotFound, "closing a hold that nobody made: {e}");
            Ok(())
        }
    }
}

pub(super) async fn shares_are_rounded_up(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    let parts = [
        (1, 3, 4),
        (2, 3, 7),
        (3, 3, 10),
        (4, 3, 10),
        (0, 3, 0),
        (0, 0, 10),
        (1, 1_000_000, 1),
        (u128::MAX - 1, u128::MAX, 10),
        (1, u128::MAX, 1),
    ];
    for (n, (taken, of, spent)) in parts.into_iter().enumerate() {
        let (hold, budget) = (format!("h{n}"), format!("b{n}"));
        holds(
            l,
            &hold,
            &[line(&budget, 10, 10, Time::ZERO), line(&format!("{budget}/usd"), 3, 10, Time::ZERO)],
        )
        .await?;
        l.close(&hold.as_str().into(), Spend::Part { taken, of }, at(2)).await.or_seen("close")?;
        let now = used(l, &budget, Time::ZERO).await?;
        ensure!(now == spent, "{taken} of {of}: a line of 10 is charged {now}, {spent} would be right");
    }
    ensure!(used(l, "b0/usd", Time::ZERO).await? == 1, "one of three: a line of 3 is charged 1");
    Ok(())
}

pub(super) async fn spendings_leave_the_window(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    // Clocks step back, and processes' clocks differ: closings come in any order.
    for (hold, amount, closed) in [("a", 1, 30), ("b", 10, 10), ("c", 100, 20), ("d", 1_000, 10)] {
        holds(l, hold, &[line("day", amount, 99_999, Time::ZERO)]).await?;
        l.close(&hold.into(), Spend::All, at(closed)).await.or_seen("close")?;
    }
    holds(l, "open", &[line("day", 10_000, 99_999, Time::ZERO)]).await?;
    let edge = at(20).plus_ms(1);
    for (since, sum) in [
        (at(0), 11_111),
        (at(10), 11_111),
        (at(11), 10_101),
        (at(20), 10_101),
        (edge, 10_001),
        (at(31), 10_000),
    ] {
        let now = used(l, "day", since).await?;
        ensure!(now == sum, "since {since:?}: {now}, {sum} would be right");
    }
    exceeds(l, "e", &[line("day", 2, 10_002, edge)]).await?;
    holds(l, "f", &[line("day", 2, 10_002, at(31))]).await
}

pub(super) async fn used_changes_nothing(t: Arc<Trial>) -> Verdict {
    let l = &*t.ledger;
    holds(l, "a", &[line("x", 3, 10, Time::ZERO)]).await?;
    let asked = [line("x", 99, 1, Time::ZERO), line("never", 1, 1, Time::ZERO)];
    for _ in 0..3 {
        ensure!(l.used(&asked).await.or_seen("used")? == [3, 0], "asked again, another answer");
    }
    ensure!(l.used(&[]).await.or_seen("used of nothing")?.is_empty(), "nothing asked, something answered");
    holds(l, "b", &[line("x", 7, 10, Time::ZERO)]).await
}

pub(super) async fn huge_amounts_stay_exact(t: Arc<Trial>) -> Verdict {
    let (l, all) = (&*t.ledger, u128::MAX);
    holds(l, "a", &[line("all", all - 7, all, Time::ZERO)]).await?;
    ensure!(used(l, "all", Time::ZERO).await? == all - 7, "a huge hold is counted inexactly");
    exceeds(l, "b", &[line("all", 8, all, Time::ZERO)]).await?;
    holds(l, "b", &[line("all", 7, all, Time::ZERO)]).await?;
    l.close(&"a".into(), Spend::All, at(10)).await.or_seen("close")?;
    l.close(&"b".into(), Spend::Nothing, at(10)).await.or_seen("close")?;
    // In a later window there is room again, and what both windows hold together does not fit 128 bits.
    holds(l, "c", &[line("all", all, all, at(11))]).await?;
    l.close(&"c".into(), Spend::All, at(20)).await.or_seen("close")?;
    ensure!(used(l, "all", at(11)).await? == all, "a window's sum is inexact");
    ensure!(used(l, "all", Time::ZERO).await? == all, "more than fits is the most that fits");
    exceeds(l, "d", &[line("all", 1, all, Time::ZERO)]).await
}
