//! Outcomes that are not known at once: told honestly, found out later, also by the next life of the process.

mod common;

use common::chain::{Chain, Script, body};
use common::{Wall, registry};
use std::sync::Arc;
use std::time::Duration;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Code, Ledger, Next, Print, Receipt, ReplayKey, Result, Role, TxId, Write};
use tollway_http::Facilitator;
use tollway_http::facilitator::Settings;
use tollway_testkit::fault::{PassesOn, Passing};

fn life(chain: &Arc<Chain>, ledger: &Arc<dyn Ledger>, owner: &str) -> Facilitator {
    let mut settings = Settings::default();
    settings.patience_ms = 60;
    let builder =
        Facilitator::builder(owner, registry(chain, &[Role::Settler]), ledger.clone(), Arc::new(Wall));
    builder.settings(settings).build().unwrap()
}

async fn settle(facilitator: &Facilitator, nonce: &str) -> Result<Receipt> {
    facilitator.settle(facilitator.read(body(nonce).as_bytes()).unwrap()).await
}

fn memory() -> Arc<dyn Ledger> {
    Arc::new(MemoryLedger::new())
}

async fn empty(facilitator: &Facilitator) {
    for _ in 0..400 {
        if facilitator.health().await.recovering == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it is never found out");
}

#[tokio::test]
async fn an_unknown_outcome_is_pending_with_its_hash_until_it_is_known() {
    let (chain, ledger) = (Chain::new(), memory());
    let facilitator = life(&chain, &ledger, "a");
    chain.script(Script::Lose);
    for _ in 0..2 {
        let pending = settle(&facilitator, "n1").await.unwrap_err();
        assert_eq!(pending.next, Next::Unknown(Some(TxId("0xn1".into()))));
    }
    assert_eq!(facilitator.health().await.recovering, 1);
    chain.reveal();
    empty(&facilitator).await;
    assert_eq!(settle(&facilitator, "n1").await.unwrap().transaction(), Some(&TxId("0xn1".into())));
    assert_eq!(chain.settles(), 1);
    let left = ledger.scan("", None, 10).await.unwrap();
    assert!(left.iter().all(|r| r.key.0.starts_with("book/")), "nothing is left in the journal: {left:?}");
    assert_eq!(left.len(), 1, "and it is booked once");
}

#[tokio::test]
async fn the_next_life_finds_out() {
    let (chain, ledger) = (Chain::new(), memory());
    chain.script(Script::Lose);
    let first = life(&chain, &ledger, "a");
    settle(&first, "n1").await.unwrap_err();
    drop(first);
    chain.reveal();
    let second = life(&chain, &ledger, "a");
    second.recover().await.unwrap();
    empty(&second).await;
    assert_eq!(settle(&second, "n1").await.unwrap().transaction(), Some(&TxId("0xn1".into())));
    assert_eq!(chain.settles(), 1);
}

#[tokio::test]
async fn the_hash_outlives_the_process() {
    let (chain, ledger) = (Chain::new(), memory());
    chain.script(Script::Lose);
    settle(&life(&chain, &ledger, "a"), "n1").await.unwrap_err();
    let pending = settle(&life(&chain, &ledger, "a"), "n1").await.unwrap_err();
    assert_eq!(pending.next, Next::Unknown(Some(TxId("0xn1".into()))));
    assert_eq!(chain.settles(), 1);
}

#[tokio::test]
async fn a_crash_before_sending_frees_the_payment_for_the_next_life_alone() {
    let (chain, ledger) = (Chain::new(), memory());
    chain.script(Script::Lose);
    settle(&life(&chain, &ledger, "a"), "n1").await.unwrap_err();
    // Rewind the journal to the moment before sending, as a crash there leaves it.
    let found = ledger.scan("visit/facilitator/", None, 10).await.unwrap().remove(0);
    let value = Some(found.value.replace("\"settling\"", "\"verified\""));
    ledger.store(&[Write { key: found.key, expect: Some(found.version), value }]).await.unwrap();
    let note = ledger.scan("pending/", None, 10).await.unwrap().remove(0);
    ledger.store(&[Write { key: note.key, expect: Some(note.version), value: None }]).await.unwrap();
    chain.state.lock().unwrap().sent.clear();
    chain.script(Script::Land);

    let stranger = life(&chain, &ledger, "b");
    assert!(settle(&stranger, "n1").await.unwrap_err().is_unknown_outcome());
    let next = life(&chain, &ledger, "a");
    assert!(settle(&next, "n1").await.is_ok());
    assert_eq!(chain.settles(), 2);
}

#[tokio::test]
async fn hundreds_of_open_settlements_are_taken_up_page_by_page() {
    let (chain, ledger) = (Chain::new(), memory());
    chain.script(Script::Lose);
    let first = life(&chain, &ledger, "a");
    let all: Vec<_> = (0..600)
        .map(|n| {
            let first = first.clone();
            tokio::spawn(async move { settle(&first, &format!("n{n:03}")).await })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap_err();
    }
    drop(first);
    chain.reveal();
    let second = life(&chain, &ledger, "a");
    second.recover().await.unwrap();
    empty(&second).await;
    let left = ledger.scan("", None, 1000).await.unwrap();
    assert!(left.iter().all(|r| r.key.0.starts_with("book/")), "{left:?}");
    assert_eq!(left.len(), 600, "each is booked once");
    assert_eq!(settle(&second, "n599").await.unwrap().transaction(), Some(&TxId("0xn599".into())));
    assert_eq!(chain.settles(), 600);
}

#[tokio::test]
async fn a_settler_that_panics_is_followed_up() {
    let (chain, ledger) = (Chain::new(), memory());
    chain.script(Script::Panic);
    let facilitator = life(&chain, &ledger, "a");
    assert!(settle(&facilitator, "n1").await.unwrap_err().is_unknown_outcome());
    chain.reveal();
    empty(&facilitator).await;
    assert!(settle(&facilitator, "n1").await.is_ok());
    assert_eq!(chain.settles(), 1);
}

/// Fails each write of receipts while `broken`.
struct Flaky {
    inner: MemoryLedger,
    broken: std::sync::atomic::AtomicBool,
}

#[tollway_core::async_trait]
impl PassesOn for Flaky {
    fn inner(&self) -> &dyn Ledger {
        &self.inner
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        if self.broken.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(tollway_core::Error::us(Code::LedgerFailed));
        }
        self.inner.conclude(keys, print, receipt).await
    }
}

#[tokio::test]
async fn money_that_moved_while_the_ledger_failed_is_not_called_a_failure() {
    let chain = Chain::new();
    let flaky = Arc::new(Passing(Flaky { inner: MemoryLedger::new(), broken: true.into() }));
    let ledger: Arc<dyn Ledger> = flaky.clone();
    let facilitator = life(&chain, &ledger, "a");
    chain.reveal();
    // The receipt is there, and nothing but the ledger's note of it is missing.
    let receipt = settle(&facilitator, "n1").await.unwrap();
    flaky.0.broken.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(settle(&facilitator, "n1").await.unwrap().landed, receipt.landed);
    assert_eq!(chain.settles(), 1);
}
