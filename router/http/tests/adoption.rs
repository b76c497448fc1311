//! Facilitators over one ledger: what one leaves when it ends is taken up by the others, and nothing before.

mod common;

use common::chain::{Chain, Script, body};
use common::{Wall, registry};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tollway_core::ledger::{Leases, MemoryLedger, Tenure};
use tollway_core::{Account, Ledger, Print, Receipt, ReplayKey, Result, Role, TxId, Write, async_trait};
use tollway_http::Facilitator;
use tollway_http::facilitator::Settings;
use tollway_testkit::fault::{PassesOn, Passing};

/// Lives, as a test says them.
struct Lives {
    me: String,
    ended: Mutex<BTreeSet<String>>,
    over: AtomicBool,
    revision: watch::Sender<u64>,
}

impl Lives {
    fn new(me: &str) -> Arc<Self> {
        let (ended, over, revision) = (Mutex::default(), AtomicBool::new(false), watch::Sender::new(0));
        Arc::new(Self { me: me.to_owned(), ended, over, revision })
    }
    fn has_gone(&self, who: &str) {
        self.ended.lock().unwrap().insert(who.to_owned());
        self.revision.send_modify(|revision| *revision += 1);
    }
}

#[async_trait]
impl Leases for Lives {
    fn incarnation(&self) -> &str {
        &self.me
    }
    fn want(&self, _keys: &[Account]) {}
    fn tenure(&self, _key: &Account) -> Tenure {
        Tenure::Held { fence: 1 }
    }
    fn give_back(&self, _key: &Account) -> bool {
        false
    }
    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
    fn revision(&self) -> u64 {
        *self.revision.borrow()
    }
    async fn changed(&self, seen: u64) {
        let _ = self.revision.subscribe().wait_for(|now| *now != seen).await;
    }
    async fn has_ended(&self, incarnation: &str) -> Result<bool> {
        Ok(self.ended.lock().unwrap().contains(incarnation))
    }
    async fn end(&self) -> Result<()> {
        self.over.store(true, Ordering::SeqCst);
        Ok(())
    }
}

fn life(chain: &Arc<Chain>, ledger: &Arc<dyn Ledger>, lives: &Arc<Lives>) -> Facilitator {
    let mut settings = Settings::default();
    settings.patience_ms = 60;
    let name = lives.me.split('#').next().unwrap();
    let builder =
        Facilitator::builder(name, registry(chain, &[Role::Settler]), ledger.clone(), Arc::new(Wall));
    builder.settings(settings).leases(lives.clone()).build().unwrap()
}

async fn settle(facilitator: &Facilitator, nonce: &str) -> Result<Receipt> {
    facilitator.settle(facilitator.read(body(nonce).as_bytes()).unwrap()).await
}

async fn open(ledger: &Arc<dyn Ledger>) -> usize {
    ledger.scan("visit/facilitator/", None, 100).await.unwrap().len()
}

async fn until_open(ledger: &Arc<dyn Ledger>, count: usize) {
    for _ in 0..1_000 {
        if open(ledger).await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{} are open and not {count}", open(ledger).await);
}

/// As a crash right before sending leaves it.
async fn rewind(ledger: &Arc<dyn Ledger>) {
    let found = ledger.scan("visit/facilitator/", None, 10).await.unwrap().remove(0);
    let value = Some(found.value.replace("\"settling\"", "\"verified\""));
    ledger.store(&[Write { key: found.key, expect: Some(found.version), value }]).await.unwrap();
    let note = ledger.scan("pending/", None, 10).await.unwrap().remove(0);
    ledger.store(&[Write { key: note.key, expect: Some(note.version), value: None }]).await.unwrap();
}

#[tokio::test]
async fn what_was_sent_is_found_out_by_another_once_the_sender_has_ended() {
    let (chain, ledger): (_, Arc<dyn Ledger>) = (Chain::new(), Arc::new(MemoryLedger::new()));
    let (one, two) = (Lives::new("a#1"), Lives::new("b#2"));
    chain.script(Script::Lose);
    let dying = life(&chain, &ledger, &one);
    settle(&dying, "n1").await.unwrap_err();
    drop(dying);
    let living = life(&chain, &ledger, &two);
    living.recover().await.unwrap();
    chain.reveal();
    two.has_gone("c#3");
    assert_eq!(living.health().await.recovering, 0, "the other lives, as far as is known");
    two.has_gone("a#1");
    until_open(&ledger, 0).await;
    assert_eq!(settle(&living, "n1").await.unwrap().transaction(), Some(&TxId("0xn1".into())));
    assert_eq!(chain.settles(), 1);
}

#[tokio::test]
async fn what_was_not_sent_is_free_again_for_whoever_asks() {
    let (chain, ledger): (_, Arc<dyn Ledger>) = (Chain::new(), Arc::new(MemoryLedger::new()));
    let (one, two) = (Lives::new("a#1"), Lives::new("b#2"));
    chain.script(Script::Lose);
    settle(&life(&chain, &ledger, &one), "n1").await.unwrap_err();
    rewind(&ledger).await;
    chain.state.lock().unwrap().sent.clear();
    chain.script(Script::Land);
    let living = life(&chain, &ledger, &two);
    assert!(settle(&living, "n1").await.unwrap_err().is_unknown_outcome(), "somebody works on it");
    two.has_gone("a#1");
    until_open(&ledger, 0).await;
    assert!(settle(&living, "n1").await.is_ok());
    assert_eq!(chain.settles(), 2);
}

#[tokio::test]
async fn a_life_takes_up_what_its_name_left_before_there_were_leases() {
    let (chain, ledger): (_, Arc<dyn Ledger>) = (Chain::new(), Arc::new(MemoryLedger::new()));
    chain.script(Script::Lose);
    let mut settings = Settings::default();
    settings.patience_ms = 60;
    let plain = Facilitator::builder("a", registry(&chain, &[Role::Settler]), ledger.clone(), Arc::new(Wall));
    settle(&plain.settings(settings).build().unwrap(), "n1").await.unwrap_err();
    chain.reveal();
    life(&chain, &ledger, &Lives::new("b#1")).recover().await.unwrap();
    assert_eq!(open(&ledger).await, 1, "another's");
    let next = life(&chain, &ledger, &Lives::new("a#2"));
    next.recover().await.unwrap();
    until_open(&ledger, 0).await;
    assert_eq!(chain.settles(), 1);
}

#[tokio::test]
async fn who_was_taken_over_from_or_has_given_its_keys_back_begins_nothing() {
    let (chain, ledger): (_, Arc<dyn Ledger>) = (Chain::new(), Arc::new(MemoryLedger::new()));
    let lives = Lives::new("a#1");
    let facilitator = life(&chain, &ledger, &lives);
    assert!(settle(&facilitator, "n1").await.is_ok());
    assert_eq!(facilitator.shutdown(Duration::from_secs(10)).await, 0);
    assert!(lives.is_over());
    assert!(settle(&facilitator, "n2").await.is_err());
    assert_eq!(chain.settles(), 1);
}

/// Does the first write that takes a settlement up, or frees it, and loses the answer.
struct Lossy {
    inner: Arc<dyn Ledger>,
    lose: Mutex<Option<&'static str>>,
}

impl Lossy {
    fn loses(&self, what: &str) -> bool {
        self.lose.lock().unwrap().take_if(|next| *next == what).is_some()
    }
    fn lost() -> tollway_core::Error {
        tollway_core::Error::us(tollway_core::Code::LedgerFailed)
    }
}

#[async_trait]
impl PassesOn for Lossy {
    fn inner(&self) -> &dyn Ledger {
        &*self.inner
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        if self.loses("conclude") {
            return Err(Self::lost());
        }
        self.inner.conclude(keys, print, receipt).await
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        let adopts = writes.iter().any(|w| w.value.as_ref().is_some_and(|v| v.contains("b#1")));
        let done = self.inner.store(writes).await;
        if adopts && self.loses("store") { Err(Self::lost()) } else { done }
    }
}

#[tokio::test]
async fn a_ledger_that_stumbles_while_it_is_taken_up_does_not_make_it_forgotten() {
    for (lose, sent) in [("store", true), ("store", false), ("conclude", false)] {
        let (chain, books): (_, Arc<dyn Ledger>) = (Chain::new(), Arc::new(MemoryLedger::new()));
        let (a, b) = (Lives::new("a#1"), Lives::new("b#1"));
        chain.script(Script::Lose);
        assert!(settle(&life(&chain, &books, &a), "n1").await.unwrap_err().is_unknown_outcome());
        if sent {
            chain.reveal();
        } else {
            rewind(&books).await;
        }
        let lossy = Arc::new(Passing(Lossy { inner: books.clone(), lose: Mutex::new(Some(lose)) }));
        let ledger: Arc<dyn Ledger> = lossy.clone();
        let other = life(&chain, &ledger, &b);
        other.recover().await.unwrap();
        assert_eq!(open(&books).await, 1, "{lose}: a lives");
        b.has_gone("a#1");
        until_open(&books, 0).await;
        assert!(lossy.0.lose.lock().unwrap().is_none(), "{lose}: nothing was lost");
    }
}
