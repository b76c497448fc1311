//! Sending while everything breaks: lost answers, delays, refusals, a ledger that lies about itself, and the process
//! killed at any moment. At most one transaction per key, and no nonce gap that stays.

mod common;

use common::*;
use futures::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{
    BudgetLine, Claim, Code, Error, HoldId, Ledger, Next, Print, Receipt, Record, RecordKey, ReplayKey,
    Result, Spend, Time, Write, async_trait,
};
use tollway_devnet::{ChainSpec, Devnet, Fault, FaultKind, Faults};
use tollway_evm::{Evm, EvmNetwork, SendSettings, Sent};

/// How many payments a storm has; `TOLLWAY_STORM=1000` for the long run.
fn count(default: u64) -> u64 {
    std::env::var("TOLLWAY_STORM").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn storm(seed: u64) -> Faults {
    let sends = ["eth_sendRawTransactionSync", "eth_sendRawTransaction"];
    Faults::seeded(seed)
        .with(Fault::new(FaultKind::HangUp, 60).only(sends))
        .with(Fault::new(FaultKind::Silence, 5).only(sends))
        .with(Fault::new(FaultKind::Http(503), 40).only(sends))
        .with(Fault::new(FaultKind::Http(429), 40))
        .with(Fault::new(FaultKind::Delay(Duration::from_millis(40)), 80))
        .with(Fault::new(FaultKind::HangUp, 30))
}

async fn units(devnet: &Devnet) -> u128 {
    devnet.chains()[0].usdc_balance(devnet.accounts().merchant(0).address()).await.unwrap()
}

async fn send(net: &Arc<EvmNetwork>, devnet: &Devnet, n: u64) -> Result<tollway_evm::Mined> {
    let call = payment(devnet, &devnet.chains()[0], n, 1);
    net.send(submit(call), &RecordKey(format!("storm/{n}"))).await
}

/// Asks until every key has an end, as a settler's `resume` would; keys that were never sent are sent.
async fn resolve(net: &Arc<EvmNetwork>, devnet: &Devnet, keys: u64) {
    let deadline = Instant::now() + Duration::from_secs(120);
    for n in 0..keys {
        let key = RecordKey(format!("storm/{n}"));
        loop {
            assert!(Instant::now() < deadline, "key {n} has no end");
            match net.sent(&key).await {
                Ok(Sent::Mined(mined)) => {
                    assert!(mined.success, "key {n} was paid twice, or failed");
                    break;
                }
                Ok(Sent::Never) => drop(send(net, devnet, n).await),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_at_once_through_a_storm() {
    let devnet =
        Devnet::builder().chains([ChainSpec::BASE]).payers(200).keep_fresh(false).start().await.unwrap();
    let (net, keys, before) =
        (network(&devnet, &devnet.chains()[0], ledger()).await, count(300), units(&devnet).await);
    devnet.chains()[0].set_faults(storm(11));
    let begun = Instant::now();
    let ends = futures::stream::iter(0..keys)
        .map(|n| {
            let (net, devnet) = (&net, &devnet);
            async move { send(net, devnet, n).await }
        })
        .buffer_unordered(32)
        .collect::<Vec<_>>()
        .await;
    let good = ends.iter().filter(|end| end.is_ok()).count();
    println!("{good} of {keys} at once, in {:?}", begun.elapsed());
    for error in ends.iter().filter_map(|end| end.as_ref().err()) {
        println!("  {error}");
    }
    devnet.chains()[0].set_faults(Faults::none());
    resolve(&net, &devnet, keys).await;
    assert_eq!(units(&devnet).await, before + u128::from(keys), "each key once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again() {
    let devnet =
        Devnet::builder().chains([ChainSpec::BASE]).payers(200).keep_fresh(false).start().await.unwrap();
    let (ledger, keys, before) = (ledger(), count(200), units(&devnet).await);
    let mut next = 0;
    for life in 0..12u64 {
        devnet.chains()[0].set_faults(Faults::none());
        let net = network(&devnet, &devnet.chains()[0], ledger.clone()).await;
        devnet.chains()[0].set_faults(storm(life));
        let lot = (next, (next + keys / 12 + 1).min(keys));
        next = lot.1;
        let sends = futures::stream::iter(lot.0..lot.1).for_each_concurrent(32, |n| {
            let (net, devnet) = (&net, &devnet);
            async move { drop(send(net, devnet, n).await) }
        });
        // Dropping the network aborts whatever it does, at whatever point it is: all that is left is the ledger.
        let _ = tokio::time::timeout(Duration::from_millis(5 + life * 17), sends).await;
        drop(net);
    }
    devnet.chains()[0].set_faults(Faults::none());
    let net = network(&devnet, &devnet.chains()[0], ledger).await;
    resolve(&net, &devnet, keys).await;
    assert_eq!(units(&devnet).await, before + u128::from(keys), "each key once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_that_is_put_back_in_the_middle_is_filled() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let chain = &devnet.chains()[0];
    let (net, before) = (network(&devnet, chain, ledger()).await, units(&devnet).await);
    // One of several at once asks for more gas than a block has: it is refused, and the others go on.
    let mut greedy = submit(payment(&devnet, chain, 0, 1));
    greedy.gas_limit = 2_000_000_000;
    let greedy = async { net.send(greedy, &RecordKey::from("greedy")).await };
    let others = futures::future::join_all((1..10).map(|n| send(&net, &devnet, n)));
    let (refused, others) = tokio::join!(greedy, others);
    assert_eq!(refused.unwrap_err().next, Next::Never);
    assert!(others.into_iter().all(|end| end.unwrap().success));
    assert_eq!(units(&devnet).await, before + 9);
    assert!(send(&net, &devnet, 20).await.unwrap().success);
}

/// A ledger that now and then fails, before or after having done what it was asked.
struct Flaky {
    inner: Arc<MemoryLedger>,
    step: AtomicU64,
    /// New records are often committed after it has said that it failed, and that it has nothing.
    late: bool,
}

impl Flaky {
    fn roll(&self) -> u64 {
        let n = self.step.fetch_add(1, Ordering::Relaxed);
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60
    }
    fn fail() -> Error {
        Error::us(Code::LedgerFailed).next(Next::Later).detail("the disk is on fire")
    }
}

#[async_trait]
impl Ledger for Flaky {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        self.inner.reserve(hold, lines, until, now).await
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        self.inner.close(hold, spend, now).await
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        self.inner.seen(keys, print).await
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        self.inner.claim(keys, print, until, now).await
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        self.inner.conclude(keys, print, receipt).await
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        self.inner.used(lines).await
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        if self.roll() == 0 { Err(Self::fail()) } else { self.inner.load(key).await }
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        match self.roll() {
            0..8 if self.late && writes.iter().all(|w| w.expect.is_none() && w.value.is_some()) => {
                let (inner, writes) = (self.inner.clone(), writes.to_vec());
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    drop(inner.store(&writes).await);
                });
                Err(Self::fail())
            }
            0 => Err(Self::fail()),
            1 => {
                self.inner.store(writes).await?;
                Err(Self::fail())
            }
            _ => self.inner.store(writes).await,
        }
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.inner.scan(prefix, after, limit).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_lies_about_itself_makes_no_second_transaction() {
    lied_to(false, count(150)).await;
}

/// "Not there" may be "not there yet": a refusal would have its caller pay again, and the late write pays as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_commits_late_leaves_nothing_behind_that_was_refused() {
    lied_to(true, count(60)).await;
}

async fn lied_to(late: bool, keys: u64) {
    let devnet =
        Devnet::builder().chains([ChainSpec::BASE]).payers(100).keep_fresh(false).start().await.unwrap();
    let ledger = Arc::new(Flaky { inner: Arc::default(), step: AtomicU64::new(3), late });
    let before = units(&devnet).await;
    let net = loop {
        let settler = key(devnet.accounts().settler(0));
        if let Ok(net) = builder(&devnet.chains()[0], ledger.clone()).sender(settler).connect().await {
            break net;
        }
    };
    futures::stream::iter(0..keys)
        .for_each_concurrent(32, |n| {
            let (net, devnet) = (&net, &devnet);
            async move {
                let Err(error) = send(net, devnet, n).await else { return };
                if late && !error.is_unknown_outcome() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    let sent = net.sent(&RecordKey(format!("storm/{n}"))).await;
                    assert!(matches!(sent, Ok(Sent::Never) | Err(_)), "{error}: {sent:?}");
                }
            }
        })
        .await;
    resolve(&net, &devnet, keys).await;
    assert_eq!(units(&devnet).await, before + u128::from(keys), "each key once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_node_takes_blocks_nothing_and_ends_for_certain() {
    let devnet = devnet([ChainSpec::BASE]).await;
    let (chain, before) = (&devnet.chains()[0], units(&devnet).await);
    let mut settings = SendSettings::default();
    settings.bid_times_max = 1; // what it costs first is all that it may cost
    let settler = key(devnet.accounts().settler(0));
    let net = builder(chain, ledger()).sender(settler).sending(settings).connect().await.unwrap();
    // The answer to the first submission is lost, so the refusals that follow prove nothing; and by the time it is
    // sent again, the market has left its fee behind.
    let sends = ["eth_sendRawTransactionSync", "eth_sendRawTransaction"];
    chain.set_faults(Faults::seeded(1).with(Fault::new(FaultKind::Http(503), 1000).only(sends)));
    let key = RecordKey::from("dear");
    let sending = {
        let (net, key, call) = (net.clone(), key.clone(), payment(&devnet, chain, 1, 1));
        tokio::spawn(async move { net.send(submit(call), &key).await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    chain.set_base_fee_wei(chain.spec().base_fee_wei * 50).await.unwrap();
    chain.mine(1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(4_200)).await; // until the look at the market is a new one
    chain.set_faults(Faults::none());
    let other = tokio::time::timeout(Duration::from_secs(40), send(&net, &devnet, 2)).await.unwrap().unwrap();
    assert!(other.success);
    let error = tokio::time::timeout(Duration::from_secs(30), sending).await.unwrap().unwrap().unwrap_err();
    assert_eq!((error.code.clone(), error.next.clone()), (Code::Conflict, Next::Later), "{error}");
    assert_eq!(net.sent(&key).await.unwrap(), Sent::Never);
    assert_eq!(units(&devnet).await, before + 1);
    let call = payment(&devnet, chain, 1, 1);
    assert!(net.send(submit(call), &key).await.unwrap().success);
}
