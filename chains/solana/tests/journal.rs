//! A ledger that does not say what it has.

mod common;

use common::*;
use std::sync::{Arc, Mutex};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Code, Error, Ledger, Record, RecordKey, Result, Write, async_trait};
use tollway_solana::{Sent, Svm};
use tollway_testkit::fault::{PassesOn, Passing};

/// Says of the first journal entry that it failed, and has it after it was looked for this many times.
struct Late {
    inner: MemoryLedger,
    looks: usize,
    first: Mutex<Option<(Vec<Write>, usize)>>,
    failed: Mutex<bool>,
}

impl Late {
    fn after(looks: usize) -> Arc<Passing<Self>> {
        let (first, failed) = (Mutex::default(), Mutex::default());
        Arc::new(Passing(Self { inner: MemoryLedger::new(), looks, first, failed }))
    }
    /// The late write, when its time has come.
    fn due(&self) -> Option<Vec<Write>> {
        let mut first = self.first.lock().unwrap();
        let (_, seen) = first.as_mut()?;
        *seen += 1;
        if *seen > self.looks { first.take().map(|(writes, _)| writes) } else { None }
    }
}

#[async_trait]
impl PassesOn for Late {
    fn inner(&self) -> &dyn Ledger {
        &self.inner
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        let seen = self.inner.load(key).await;
        if let Some(writes) = self.due() {
            // Only one of the two writes can succeed.
            drop(self.inner.store(&writes).await);
        }
        seen
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        let opens = writes.len() == 2 && writes.iter().all(|w| w.expect.is_none() && w.value.is_some());
        if opens && !std::mem::replace(&mut *self.failed.lock().unwrap(), true) {
            *self.first.lock().unwrap() = Some((writes.to_vec(), 0));
            return Err(Error::us(Code::LedgerFailed).detail("the connection broke"));
        }
        self.inner.store(writes).await
    }
}

/// "Not there" may be "not there yet": after a refusal its caller pays again, and whoever reads the journal next sends the
/// first one as well.
#[tokio::test]
async fn what_the_journal_may_have_yet_is_not_said_to_be_refused() {
    for looks in [0, 1, 2] {
        let (node, late) = (Node::start().await, Late::after(looks));
        let ledger: Arc<dyn Ledger> = late.clone();
        let net = network(&node, ledger).await;
        let key = RecordKey::from("a");
        let landed = net.send(payment(1), &key).await;
        assert!(*late.0.failed.lock().unwrap(), "{looks}: its first answer was lost");
        let landed = landed.unwrap_or_else(|e| panic!("{looks}: {e}"));
        assert_eq!(net.sent(&key).await.unwrap(), Sent::Landed(Box::new(landed)), "{looks}");
        assert_eq!(node.different(), 1, "{looks}");
    }
}
