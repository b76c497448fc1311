//! Keys that several processes have: each is used by one of them at a time, and the next goes on where the last stopped.

mod common;

use common::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tollway_core::ledger::{Leases, Tenure};
use tollway_core::{Account, Code, Ledger, RecordKey, Result, async_trait};
use tollway_devnet::{Chain, ChainSpec, Devnet};
use tollway_evm::{Evm, EvmNetwork, Inclusion, SendSettings, Sent};

/// Leases as a test says them.
struct Said {
    tenures: Mutex<BTreeMap<String, Tenure>>,
    back: Mutex<BTreeSet<String>>,
    revision: watch::Sender<u64>,
}

impl Said {
    fn new() -> Arc<Self> {
        Arc::new(Self { tenures: Mutex::default(), back: Mutex::default(), revision: watch::Sender::new(0) })
    }
    fn say(&self, devnet: &Devnet, settler: usize, tenure: Tenure) {
        let address = devnet.accounts().settler(settler).address().to_lowercase();
        self.tenures.lock().unwrap().insert(address, tenure);
        self.revision.send_modify(|revision| *revision += 1);
    }
    fn has_back(&self, devnet: &Devnet, settler: usize) -> bool {
        let address = devnet.accounts().settler(settler).address().to_lowercase();
        self.back.lock().unwrap().contains(&address)
    }
}

#[async_trait]
impl Leases for Said {
    fn incarnation(&self) -> &str {
        "said#1"
    }
    fn want(&self, _keys: &[Account]) {}
    fn tenure(&self, key: &Account) -> Tenure {
        let tenures = self.tenures.lock().unwrap();
        tenures.get(&key.address().to_lowercase()).copied().unwrap_or(Tenure::Away)
    }
    fn give_back(&self, key: &Account) -> bool {
        let address = key.address().to_lowercase();
        self.tenures.lock().unwrap().insert(address.clone(), Tenure::Away);
        self.back.lock().unwrap().insert(address)
    }
    fn is_over(&self) -> bool {
        false
    }
    fn revision(&self) -> u64 {
        *self.revision.borrow()
    }
    async fn changed(&self, seen: u64) {
        let _ = self.revision.subscribe().wait_for(|now| *now != seen).await;
    }
    async fn has_ended(&self, _incarnation: &str) -> Result<bool> {
        Ok(false)
    }
    async fn end(&self) -> Result<()> {
        Ok(())
    }
}

const HELD: Tenure = Tenure::Held { fence: 1 };

async fn process(
    devnet: &Devnet,
    ledger: &Arc<dyn Ledger>,
    leases: &Arc<Said>,
    keys: usize,
) -> Arc<EvmNetwork> {
    let mut settings = SendSettings::default();
    settings.inclusion = Inclusion::Watch;
    let chain = &devnet.chains()[0];
    let mut builder = builder(chain, ledger.clone()).leases(leases.clone()).sending(settings);
    for n in 0..keys {
        builder = builder.sender(key(devnet.accounts().settler(n)));
    }
    builder.connect().await.unwrap()
}

async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    for _ in 0..6_000 {
        if look().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not within a minute");
}

/// Transactions that wait for a block, of everybody.
async fn pooled(chain: &Chain) -> Vec<Value> {
    let block = chain.call("eth_getBlockByNumber", json!(["pending", true])).await.unwrap();
    block["transactions"].as_array().unwrap().clone()
}

fn begin(
    net: &Arc<EvmNetwork>,
    devnet: &Devnet,
    n: u64,
) -> tokio::task::JoinHandle<Result<tollway_evm::Mined>> {
    let (net, submit) = (net.clone(), submit(payment(devnet, &devnet.chains()[0], n, 5)));
    tokio::spawn(async move { net.send(submit, &RecordKey(format!("k{n}"))).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_is_sent_by_whoever_holds_its_key_and_told_by_everybody() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let (chain, ledger) = (&devnet.chains()[0], ledger());
    let (mine, yours) = (Said::new(), Said::new());
    let first = process(&devnet, &ledger, &mine, 1).await;
    let second = process(&devnet, &ledger, &yours, 1).await;
    mine.say(&devnet, 0, HELD);
    chain.set_automine(false).await.unwrap();
    let sending = begin(&first, &devnet, 0);
    until("it waits for a block", async || pooled(chain).await.len() == 1).await;
    let hash = pooled(chain).await[0]["hash"].clone();

    // Nobody holds the key, and the node loses the transaction: nobody sends it again, however long it is looked for.
    mine.say(&devnet, 0, Tenure::Away);
    chain.call("anvil_dropTransaction", json!([hash])).await.unwrap();
    assert!(matches!(second.sent(&"k0".into()).await.unwrap(), Sent::Pending(_)), "the other knows of it");
    let looks = || chain.counts().of("eth_getTransactionReceipt");
    let before = looks();
    until("it is looked for", async || looks() > before + 20).await;
    assert_eq!(pooled(chain).await.len(), 0);

    // The next holder does, with the very same bytes, and both tell how it ended.
    yours.say(&devnet, 0, HELD);
    until("it waits for a block again", async || pooled(chain).await.len() == 1).await;
    assert_eq!(pooled(chain).await[0]["hash"], hash);
    let another = begin(&second, &devnet, 1);
    until("another waits with it", async || pooled(chain).await.len() == 2).await;
    chain.mine(1).await.unwrap();
    let (one, two) = (sending.await.unwrap().unwrap(), another.await.unwrap().unwrap());
    assert!(one.success && two.success);
    assert_eq!(json!(one.tx), hash);
    let again = second.send(submit(payment(&devnet, chain, 7, 5)), &"k0".into()).await.unwrap();
    assert_eq!(again.tx, one.tx, "asked again at the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_leaves_begins_nothing_new_and_goes_when_all_has_landed() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let (chain, said) = (&devnet.chains()[0], Said::new());
    let net = process(&devnet, &ledger(), &said, 2).await;
    said.say(&devnet, 0, HELD);
    chain.set_automine(false).await.unwrap();
    let first = begin(&net, &devnet, 0);
    until("it waits for a block", async || pooled(chain).await.len() == 1).await;
    said.say(&devnet, 0, Tenure::Leaving);
    said.say(&devnet, 1, HELD);
    let more: Vec<_> = (1..4).map(|n| begin(&net, &devnet, n)).collect();
    until("they wait for a block", async || pooled(chain).await.len() == 4).await;
    let from = |settler| devnet.accounts().settler(settler).address().to_lowercase();
    let by = |who: String, all: &[Value]| all.iter().filter(|tx| tx["from"] == json!(who)).count();
    let all = pooled(chain).await;
    assert_eq!((by(from(0), &all), by(from(1), &all)), (1, 3));
    assert!(!said.has_back(&devnet, 0), "something is on its way");
    chain.mine(1).await.unwrap();
    for sent in std::iter::once(first).chain(more) {
        assert!(sent.await.unwrap().unwrap().success);
    }
    until("it is given back", async || said.has_back(&devnet, 0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_a_payment_waits_for_one_and_is_told_so_in_the_end() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let said = Said::new();
    let net = process(&devnet, &ledger(), &said, 1).await;
    let error = begin(&net, &devnet, 0).await.unwrap().unwrap_err();
    assert_eq!(
        (error.code.clone(), error.next.clone()),
        (Code::NoSigner, tollway_core::Next::Later),
        "{error}"
    );
    let waiting = begin(&net, &devnet, 0);
    said.say(&devnet, 0, HELD);
    assert!(waiting.await.unwrap().unwrap().success);
}
