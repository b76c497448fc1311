//! What is signed within an hour and a day: never more than the limits, whatever the order, at once or across crashes.

use crate::kit::*;
use alloy::primitives::{B256, U256, hex};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use tollway_core::custody::{AssetLimit, FeeLimit, KeyPolicy};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{BudgetId, BudgetLine, Clock, Code, HoldId, Ledger, Spend, Time};
use tollway_evm::custody::{Key, PolicySigner};
use tollway_evm::eip712::Transfer;
use tollway_testkit::fault::{FaultPlan, Faults, FaultyLedger};

const MAX: u128 = 100;
const HOUR: u128 = 250;
const DAY: u128 = 600;

/// A ledger that fails before and after it has written, and writes twice.
const FAILING: FaultPlan =
    FaultPlan { before_per_mille: 100, after_per_mille: 100, duplicate_per_mille: 50, ..FaultPlan::NONE };

fn summed() -> KeyPolicy {
    let limit = AssetLimit { asset: token(), max: MAX, hour: Some(HOUR), day: Some(DAY) };
    let fee = FeeLimit { chain: chain(), max: 1_000, day: Some(2_500) };
    KeyPolicy { assets: vec![limit], fees: vec![fee], validity_s_max: u64::MAX, ..policy() }
}

fn pay(n: u64, value: u64) -> tollway_evm::custody::Message<'static> {
    transfer(Transfer { value: U256::from(value), nonce: B256::from(U256::from(n)), ..said() })
}

#[tokio::test]
async fn sums_hold_across_a_restart_and_make_room_when_their_window_is_over() {
    let (clock, ledger) = (SetClock::new(), Arc::new(MemoryLedger::new()));
    let signer = || PolicySigner::new(Spy::new(&clock), summed(), ledger.clone(), clock.clone());
    for n in 0..2 {
        signer().sign_authorization(&pay(n, 100)).await.unwrap();
    }
    let error = signer().sign_authorization(&pay(2, 51)).await.unwrap_err();
    assert_eq!(error.code, Code::BudgetExceeded);
    assert!(error.detail.contains("/hour: 51 more on top of 200 would pass 250"), "{error}");
    signer().sign_authorization(&pay(3, 50)).await.unwrap();
    for hour in 1..3u64 {
        clock.add_s(3_601);
        signer().sign_authorization(&pay(10 * hour, 100)).await.unwrap();
    }
    clock.add_s(3_601);
    signer().sign_authorization(&pay(40, 100)).await.unwrap();
    let error = signer().sign_authorization(&pay(41, 51)).await.unwrap_err();
    assert!(error.detail.contains("/day: 51 more on top of 550 would pass 600"), "{error}");
    clock.add_s(24 * 3_600);
    signer().sign_authorization(&pay(42, 100)).await.unwrap();
}

#[tokio::test]
async fn the_same_once_more_is_the_same_authorization_and_counts_once() {
    let clock = SetClock::new();
    let signer = PolicySigner::new(Spy::new(&clock), summed(), Arc::new(MemoryLedger::new()), clock);
    for _ in 0..5 {
        signer.sign_authorization(&pay(0, 100)).await.unwrap();
    }
    signer.sign_authorization(&pay(1, 100)).await.unwrap();
}

/// Every plugin has the house's ledger, and knows what it is about to have signed.
#[tokio::test]
async fn holds_that_a_plugin_makes_or_gives_back_make_no_room() {
    let (clock, ledger) = (SetClock::new(), Arc::new(MemoryLedger::new()));
    let spy = Spy::new(&clock);
    let signer = PolicySigner::new(spy.clone(), summed(), ledger.clone(), clock.clone());
    let (now, until) = (clock.now(), clock.now().plus_ms(86_400_000));
    let line = || BudgetLine { budget: BudgetId("mine".to_owned()), amount: 0, limit: 1, since: now };
    let id = |n: u64| {
        let digest = hex::encode_prefixed(pay(n, 100).digest());
        HoldId(format!("custody/{:#x}/{digest}", Key::address(&*spy)))
    };
    for n in 0..3 {
        ledger.reserve(&id(n), &[line()], until, now).await.unwrap();
    }
    let error = async {
        for n in 0..3 {
            signer.sign_authorization(&pay(n, 100)).await?;
            let _ = ledger.close(&id(n), Spend::Nothing, now).await;
        }
        Ok::<_, tollway_core::Error>(())
    };
    assert_eq!(error.await.expect_err("300 within an hour of 250").code, Code::BudgetExceeded);
    assert_eq!(spy.asked(), 2);
}

#[tokio::test]
async fn fees_and_tokens_by_transactions_are_summed_too() {
    let (clock, ledger) = (SetClock::new(), Arc::new(MemoryLedger::new()));
    let signer = PolicySigner::new(Spy::new(&clock), summed(), ledger, clock);
    let send = |nonce, to: u64| {
        let tx = alloy::consensus::TxEip1559 { nonce, ..token_call(TRANSFER, PAYEE, to) };
        let signer = &signer;
        async move { signer.sign_call(&tx).await }
    };
    send(0, 100).await.unwrap();
    send(1, 100).await.unwrap();
    let error = send(2, 1).await.unwrap_err();
    assert!(error.detail.contains("/fee/day: 1000 more on top of 2000 would pass 2500"), "{error}");
    let error = signer.sign_authorization(&pay(0, 51)).await.unwrap_err();
    assert!(error.detail.contains("/hour: 51 more on top of 200"), "{error}");
}

/// What happens at one moment: seconds that pass before it, the amounts that are asked for at once, and how many of those who
/// ask leave before they have an answer.
type Moment = (u64, Vec<u64>, usize);

fn moments() -> impl Strategy<Value = Vec<Moment>> {
    let amounts = prop::collection::vec(1u64..=110, 1..6);
    prop::collection::vec((0u64..9_000, amounts, 0usize..3), 1..25)
}

async fn play(moments: Vec<Moment>, plan: FaultPlan, seed: u64) -> Vec<(Time, B256, u128)> {
    let clock = SetClock::new();
    let spy = Spy::new(&clock);
    let faults = Faults::new(plan, clock.clone(), seed);
    let memory: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let ledger: Arc<dyn Ledger> = Arc::new(FaultyLedger::new(memory, &faults));
    let mut n = 0;
    for (seconds, amounts, leave) in moments {
        clock.add_s(seconds);
        // Each moment has a process of its own: all that is remembered is in the ledger.
        let signer = Arc::new(PolicySigner::new(spy.clone(), summed(), Arc::clone(&ledger), clock.clone()));
        let asked = amounts.into_iter().map(|amount| {
            n += 1;
            let (signer, message) = (signer.clone(), pay(n, amount));
            tokio::spawn(async move { signer.sign_authorization(&message).await.map(drop) })
        });
        let asked: Vec<_> = asked.collect();
        tokio::task::yield_now().await;
        asked.iter().take(leave).for_each(tokio::task::JoinHandle::abort);
        for one in asked {
            let _ = one.await;
        }
    }
    spy.seen.lock().unwrap().clone()
}

/// The most that was signed for within any window of this length.
fn most(signed: &[(Time, B256, u128)], window_ms: u64) -> u128 {
    let once: HashMap<_, _> = signed.iter().map(|(at, digest, amount)| (*digest, (*at, *amount))).collect();
    let within = |end: &Time| {
        let inside = once.values().filter(|(at, _)| *at <= *end && end.ms_since(*at) <= window_ms);
        inside.map(|(_, amount)| amount).sum()
    };
    once.values().map(|(end, _)| within(end)).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_signatures_passes_the_limits(moments in moments(), seed in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let signed = runtime.block_on(play(moments, FAILING, seed));
        prop_assert!(signed.iter().all(|(_, _, amount)| *amount <= MAX));
        prop_assert!(most(&signed, 3_600_000) <= HOUR, "{signed:?}");
        prop_assert!(most(&signed, 24 * 3_600_000) <= DAY, "{signed:?}");
    }
}

/// The property above is worth nothing where nothing is signed.
#[tokio::test]
async fn up_to_the_limits_everything_is_signed() {
    let signed = play((0..30).map(|_| (700, vec![50], 0)).collect(), FaultPlan::NONE, 1).await;
    assert!(most(&signed, 3_600_000) > HOUR - 50 && most(&signed, 24 * 3_600_000) > DAY - 150, "{signed:?}");
}
