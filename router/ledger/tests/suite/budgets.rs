use super::{at, line};
use tollway_core::{Blame, Code, Ledger, Next, Spend, Time};

/// Far enough that no hold's own end matters.
const UNTIL: Time = Time::FAR;

async fn used(ledger: &dyn Ledger, budget: &str, since: Time) -> u128 {
    ledger.used(&[line(budget, 0, 0, since)]).await.unwrap()[0]
}

pub(crate) async fn holds_count_until_closed(ledger: &dyn Ledger) {
    let lines = [line("day", 6, 10, Time::ZERO)];
    ledger.reserve(&"a".into(), &lines, UNTIL, at(1)).await.unwrap();
    let refused = ledger.reserve(&"b".into(), &lines, UNTIL, at(1)).await.unwrap_err();
    assert_eq!(refused.code, Code::BudgetExceeded);
    assert_eq!((refused.blame, &refused.next), (Blame::Payer, &Next::OtherRoute));
    assert!(refused.detail.contains("day"), "the refusal names the line: {refused}");
    ledger.close(&"a".into(), Spend::Nothing, at(2)).await.unwrap();
    ledger.reserve(&"b".into(), &lines, UNTIL, at(2)).await.unwrap();
    assert_eq!(used(ledger, "day", Time::ZERO).await, 6);
    // Open holds count in every window, also in one that begins later than they do.
    assert_eq!(used(ledger, "day", Time::FAR).await, 6);
    let exactly = [line("day", 4, 10, Time::ZERO)];
    ledger.reserve(&"c".into(), &exactly, UNTIL, at(2)).await.unwrap();
}

pub(crate) async fn every_line_or_none(ledger: &dyn Ledger) {
    let lines = [line("wide", 5, 100, Time::ZERO), line("narrow", 5, 4, Time::ZERO)];
    let refused = ledger.reserve(&"a".into(), &lines, UNTIL, at(1)).await.unwrap_err();
    assert!(refused.detail.contains("narrow"), "{refused}");
    assert_eq!(used(ledger, "wide", Time::ZERO).await, 0);
    let gone = ledger.close(&"a".into(), Spend::All, at(1)).await.unwrap_err();
    assert_eq!(gone.code, Code::NotFound, "a refused hold is no hold");
    ledger.reserve(&"a".into(), &[], UNTIL, at(1)).await.unwrap();
    ledger.close(&"a".into(), Spend::All, at(1)).await.unwrap();
}

pub(crate) async fn lines_of_one_budget_add_up(ledger: &dyn Ledger) {
    let twice = [line("day", 6, 10, Time::ZERO), line("day", 6, 10, Time::ZERO)];
    let refused = ledger.reserve(&"a".into(), &twice, UNTIL, at(1)).await.unwrap_err();
    assert_eq!(refused.code, Code::BudgetExceeded);
    let fitting = [line("day", 6, 10, Time::ZERO), line("day", 4, 10, Time::ZERO)];
    ledger.reserve(&"a".into(), &fitting, UNTIL, at(1)).await.unwrap();
    assert_eq!(used(ledger, "day", Time::ZERO).await, 10);
    ledger.close(&"a".into(), Spend::All, at(1)).await.unwrap();
    assert_eq!(used(ledger, "day", Time::ZERO).await, 10);
}

pub(crate) async fn known_hold_is_no_new_hold(ledger: &dyn Ledger) {
    ledger.reserve(&"a".into(), &[line("day", 6, 10, Time::ZERO)], UNTIL, at(1)).await.unwrap();
    // A retry, even with other words, changes nothing.
    ledger.reserve(&"a".into(), &[line("day", 6, 10, Time::ZERO)], UNTIL, at(2)).await.unwrap();
    ledger.reserve(&"a".into(), &[line("other", 99, 10, Time::ZERO)], UNTIL, at(2)).await.unwrap();
    assert_eq!((used(ledger, "day", Time::ZERO).await, used(ledger, "other", Time::ZERO).await), (6, 0));
    ledger.close(&"a".into(), Spend::All, at(3)).await.unwrap();
    // Also after it was closed: an id is good for one reservation.
    ledger.reserve(&"a".into(), &[line("day", 6, 100, Time::ZERO)], UNTIL, at(4)).await.unwrap();
    assert_eq!(used(ledger, "day", Time::ZERO).await, 6);
}

pub(crate) async fn closing_twice_spends_once(ledger: &dyn Ledger) {
    ledger.reserve(&"a".into(), &[line("day", 6, 10, Time::ZERO)], UNTIL, at(1)).await.unwrap();
    ledger.close(&"a".into(), Spend::All, at(2)).await.unwrap();
    ledger.close(&"a".into(), Spend::All, at(3)).await.unwrap();
    ledger.close(&"a".into(), Spend::Nothing, at(3)).await.unwrap();
    assert_eq!(used(ledger, "day", Time::ZERO).await, 6);
}

pub(crate) async fn unknown_hold_is_not_found(ledger: &dyn Ledger) {
    let error = ledger.close(&"nobody".into(), Spend::All, at(1)).await.unwrap_err();
    assert_eq!(error.code, Code::NotFound);
    assert!(error.detail.contains("nobody"));
}

pub(crate) async fn spendings_leave_the_window(ledger: &dyn Ledger) {
    for (hold, closed) in [("a", 10), ("b", 20), ("c", 20), ("d", 30)] {
        ledger.reserve(&hold.into(), &[line("day", 1, 100, Time::ZERO)], UNTIL, at(1)).await.unwrap();
        ledger.close(&hold.into(), Spend::All, at(closed)).await.unwrap();
    }
    let edge = at(20).plus_ms(1);
    for (since, sum) in [(at(0), 4), (at(10), 4), (at(11), 3), (at(20), 3), (edge, 1), (at(31), 0)] {
        assert_eq!(used(ledger, "day", since).await, sum, "since {since:?}");
    }
    let full = [line("day", 2, 4, at(11))];
    assert_eq!(
        ledger.reserve(&"e".into(), &full, UNTIL, at(30)).await.unwrap_err().code,
        Code::BudgetExceeded
    );
    let moved_on = [line("day", 2, 4, edge)];
    ledger.reserve(&"e".into(), &moved_on, UNTIL, at(30)).await.unwrap();
}

pub(crate) async fn spendings_arrive_out_of_order(ledger: &dyn Ledger) {
    // A clock that steps back, or two processes whose clocks differ.
    for (hold, amount, closed) in [("a", 1, 30), ("b", 10, 10), ("c", 100, 20), ("d", 1000, 10)] {
        ledger.reserve(&hold.into(), &[line("day", amount, 9999, Time::ZERO)], UNTIL, at(1)).await.unwrap();
        ledger.close(&hold.into(), Spend::All, at(closed)).await.unwrap();
    }
    for (since, sum) in [(0, 1111), (10, 1111), (11, 101), (20, 101), (21, 1), (30, 1), (31, 0)] {
        assert_eq!(used(ledger, "day", at(since)).await, sum, "since {since} s");
    }
}

pub(crate) async fn parts_are_charged_their_share(ledger: &dyn Ledger) {
    let parts = [(1, 3, 4), (3, 3, 10), (4, 3, 10), (0, 3, 0), (0, 0, 10), (u128::MAX - 1, u128::MAX, 10)];
    for (n, (taken, of, spent)) in parts.into_iter().enumerate() {
        let (hold, budget) = (format!("h{n}").into(), format!("b{n}"));
        ledger.reserve(&hold, &[line(&budget, 10, 10, Time::ZERO)], UNTIL, at(1)).await.unwrap();
        ledger.close(&hold, Spend::Part { taken, of }, at(2)).await.unwrap();
        assert_eq!(used(ledger, &budget, Time::ZERO).await, spent, "{taken} of {of}");
    }
}

pub(crate) async fn huge_amounts_stay_exact(ledger: &dyn Ledger) {
    let all = u128::MAX;
    let big = all - 7;
    ledger.reserve(&"a".into(), &[line("all", big, all, Time::ZERO)], UNTIL, at(1)).await.unwrap();
    assert_eq!(used(ledger, "all", Time::ZERO).await, big);
    let over = ledger.reserve(&"b".into(), &[line("all", 8, all, Time::ZERO)], UNTIL, at(1)).await;
    assert_eq!(over.unwrap_err().code, Code::BudgetExceeded);
    ledger.reserve(&"b".into(), &[line("all", 7, all, Time::ZERO)], UNTIL, at(1)).await.unwrap();
    ledger.close(&"a".into(), Spend::All, at(10)).await.unwrap();
    ledger.close(&"b".into(), Spend::Nothing, at(10)).await.unwrap();
    // In the next window there is room again, and what both windows hold together does not fit 128 bits.
    ledger.reserve(&"c".into(), &[line("all", all, all, at(11))], UNTIL, at(20)).await.unwrap();
    ledger.close(&"c".into(), Spend::All, at(20)).await.unwrap();
    assert_eq!(used(ledger, "all", at(11)).await, all);
    assert_eq!(used(ledger, "all", Time::ZERO).await, all, "more than fits is the most that fits");
    let over = ledger.reserve(&"d".into(), &[line("all", 1, all, Time::ZERO)], UNTIL, at(21)).await;
    assert_eq!(over.unwrap_err().code, Code::BudgetExceeded);
    ledger.reserve(&"d".into(), &[line("all", all, all, at(21))], UNTIL, at(21)).await.unwrap();
}

pub(crate) async fn used_reads_and_changes_nothing(ledger: &dyn Ledger) {
    ledger.reserve(&"a".into(), &[line("x", 3, 10, Time::ZERO)], UNTIL, at(1)).await.unwrap();
    ledger.reserve(&"b".into(), &[line("x", 4, 10, Time::ZERO)], UNTIL, at(1)).await.unwrap();
    ledger.close(&"a".into(), Spend::All, at(5)).await.unwrap();
    let asked = [line("x", 99, 1, at(5)), line("x", 99, 1, at(6)), line("never", 1, 1, Time::ZERO)];
    for _ in 0..2 {
        assert_eq!(ledger.used(&asked).await.unwrap(), [7, 4, 0]);
    }
    assert_eq!(ledger.used(&[]).await.unwrap(), []);
}
