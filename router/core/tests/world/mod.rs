//! A chain, a settler, a seller and a clock that do as they are told, and give way at every await.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll};
use tollway_core::flow::{self, Handler, SettleOnce};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;

pub(crate) const CHAIN: &str = "eip155:8453";
/// When every payment of this world expires.
pub(crate) const EXPIRES: Time = Time::from_secs(10_000);
pub(crate) const PRICE: u128 = 100;

/// Pending once: the place where a poll may be the last.
pub(crate) async fn step() {
    let mut waited = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls at most `n` times; `None` when that was not enough, and the future is dropped then.
pub(crate) fn poll<F: Future>(future: F, n: usize) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    (0..n).find_map(|_| match future.as_mut().poll(&mut cx) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    })
}

/// To the end.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    poll(future, 100_000).expect("ends")
}

/// What the settler does when it is told to settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settles {
    Well,
    /// Sends, and then does not know.
    SentThenUnknown,
    /// Does not know, and nothing was sent.
    LostBeforeSending,
    /// The node stumbles so many times before anything is sent.
    Stumbles(usize),
    Refuses,
}

pub(crate) struct World {
    pub(crate) ledger: MemoryLedger,
    pub(crate) clock: AtomicU64,
    pub(crate) settles: Settles,
    /// What the chain has, by nonce.
    pub(crate) chain: Mutex<HashMap<String, Receipt>>,
    pub(crate) sends: AtomicUsize,
    pub(crate) stumbled: AtomicUsize,
    pub(crate) verified: AtomicUsize,
    pub(crate) resumed: AtomicUsize,
    /// What it was told on being asked after a payment.
    pub(crate) told: Mutex<Vec<Option<Amount>>>,
    /// Since when it was told to look.
    pub(crate) since: Mutex<Vec<Time>>,
    pub(crate) patience_ms: u64,
    /// How long a look at the chain takes.
    pub(crate) look_ms: u64,
}

impl World {
    pub(crate) fn new(settles: Settles) -> Self {
        Self {
            ledger: MemoryLedger::new(),
            clock: AtomicU64::new(1_000),
            settles,
            chain: Mutex::default(),
            sends: AtomicUsize::new(0),
            stumbled: AtomicUsize::new(0),
            verified: AtomicUsize::new(0),
            resumed: AtomicUsize::new(0),
            told: Mutex::default(),
            since: Mutex::default(),
            patience_ms: 3_000,
            look_ms: 0,
        }
    }
    pub(crate) fn chain(&self) -> MutexGuard<'_, HashMap<String, Receipt>> {
        self.chain.lock().unwrap()
    }
    pub(crate) fn once(&self) -> SettleOnce<'_> {
        SettleOnce {
            read,
            settler: self,
            ledger: self,
            clock: self,
            room: "visit/gate",
            owner: "me",
            patience_ms: self.patience_ms,
        }
    }
    pub(crate) fn sends(&self) -> usize {
        self.sends.load(Ordering::SeqCst)
    }
    /// Once per nonce, whoever asks; as a sender with a journal of its own.
    fn send(&self, order: &Order, charge: Amount) -> Receipt {
        let nonce = nonce(order);
        if let Some(sent) = self.chain().get(&nonce) {
            assert_eq!(sent.charged, charge, "told to take two amounts under one claim");
            return sent.clone();
        }
        self.sends.fetch_add(1, Ordering::SeqCst);
        let receipt = Receipt {
            landed: Landed::OnChain { transaction: TxId(format!("0x{nonce}")) },
            charged: charge,
            payer: None,
            chain: order.requirement.chain,
            spent: None,
            extra: Extra::default(),
        };
        self.chain().insert(nonce, receipt.clone());
        receipt
    }
}

fn nonce(order: &Order) -> String {
    order.payment.payload.value()["nonce"].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn keys(nonce: &str) -> Vec<ReplayKey> {
    vec![format!("nonce:{nonce}").into(), format!("second:{nonce}").into()]
}

/// Reads `{"nonce":…,"for":…}`.
pub(crate) fn read(order: &Order) -> Result<Terms> {
    Ok(Terms {
        payer: None,
        payee: order.requirement.pay_to,
        ceiling: order.requirement.price,
        replay: keys(&nonce(order)),
        not_before: Time::ZERO,
        settle_before: EXPIRES,
    })
}

pub(crate) fn arrival(flow: Flow, nonce: &str, print: &str) -> Arrival {
    let chain = ChainId::new(CHAIN).unwrap();
    let asset = AssetId::native(chain);
    let requirement = Requirement {
        version: Version::V2,
        scheme: Name::new("exact").unwrap(),
        method: None,
        chain,
        price: Ceiling(Amount::new(asset, PRICE)),
        pay_to: Account::new(chain, "0xpayee").unwrap(),
        timeout_s: 60,
        flow,
        extra: Extra::default(),
        raw: Json::empty(),
    };
    let payload = Json::parse(format!(r#"{{"nonce":"{nonce}"}}"#)).unwrap();
    let payment = Payment { accepted: requirement.clone(), payload, extensions: None, resource: None };
    Arrival {
        payment,
        offer: Offer { requirement, bound_to: None, volatile: Vec::new() },
        print: print.into(),
    }
}

pub(crate) fn order(arrival: &Arrival) -> Order {
    Order {
        leg: Leg::After,
        requirement: arrival.offer.requirement.clone(),
        payment: arrival.payment.clone(),
    }
}

#[async_trait]
impl Settler for World {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        Ok(Vec::new())
    }
    async fn effort(&self, _: &Order) -> Result<Effort> {
        Ok(Effort::default())
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        step().await;
        if nonce(order).starts_with("forged") || order.payment.payload.value()["forged"] == true {
            return Err(Error::payer(Code::InvalidSignature));
        }
        if self.chain().contains_key(&nonce(order)) {
            return Err(Error::payer(Code::NonceUsed));
        }
        self.verified.fetch_add(1, Ordering::SeqCst);
        step().await;
        Ok(Proof::default())
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        step().await;
        let order = due.verified().order();
        let sent = match self.settles {
            Settles::Refuses => return Err(Error::settler(Code::SimulationFailed)),
            Settles::LostBeforeSending => return Err(Error::unknown(Code::TimedOut, None)),
            Settles::Stumbles(times) if self.stumbled.fetch_add(1, Ordering::SeqCst) < times => {
                return Err(Error::network(Code::Unreachable));
            }
            Settles::Well | Settles::SentThenUnknown | Settles::Stumbles(_) => {
                self.send(order, due.charge().amount())
            }
        };
        step().await;
        if self.settles == Settles::SentThenUnknown {
            return Err(Error::unknown(Code::TimedOut, sent.transaction().cloned()));
        }
        Ok(sent)
    }
    async fn resume_since(&self, order: &Order, charge: Option<Amount>, since: Time) -> Result<Fate> {
        self.since.lock().unwrap().push(since);
        self.resume(order, charge).await
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        step().await;
        self.resumed.fetch_add(1, Ordering::SeqCst);
        self.told.lock().unwrap().push(charge);
        self.clock.fetch_add(self.look_ms, Ordering::SeqCst);
        let found = self.chain().get(&nonce(order)).cloned();
        step().await;
        Ok(match found {
            Some(receipt) => Fate::Settled(Box::new(receipt)),
            None if self.now() >= EXPIRES => Fate::Dead,
            None => match (charge, self.settles) {
                (Some(_), Settles::Stumbles(times))
                    if self.stumbled.fetch_add(1, Ordering::SeqCst) < times =>
                {
                    return Err(Error::network(Code::Unreachable));
                }
                // Told, and never sent: sent now.
                (Some(charge), Settles::Well | Settles::SentThenUnknown | Settles::Stumbles(_)) => {
                    Fate::Settled(Box::new(self.send(order, charge)))
                }
                _ => Fate::NotYetKnown { ask_again: self.now().plus_ms(1000) },
            },
        })
    }
}

#[async_trait]
impl Seller for World {
    fn offer(&self, _: &Price, _: &Kind) -> Result<Offer> {
        Err(Error::us(Code::Internal))
    }
    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        step().await;
        flow::simple(visit, &event)
    }
    async fn upkeep(&self, _: Wish, _: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> Time {
        Time::from_ms(self.clock.load(Ordering::SeqCst))
    }
    async fn sleep(&self, ms: u64) {
        step().await;
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }
}

/// The ledger of memory, giving way before and after each change.
macro_rules! slowly {
    ($world:ident . $($call:tt)*) => {{
        step().await;
        let done = $world.ledger.$($call)*.await;
        step().await;
        done
    }};
}

#[async_trait]
impl Ledger for World {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        slowly!(self.reserve(hold, lines, until, now))
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        slowly!(self.used(lines))
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        slowly!(self.close(hold, spend, now))
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        slowly!(self.seen(keys, print))
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        slowly!(self.claim(keys, print, until, now))
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        slowly!(self.conclude(keys, print, receipt))
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        slowly!(self.load(key))
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        slowly!(self.store(writes))
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        slowly!(self.scan(prefix, after, limit))
    }
}

/// Serves, and checks that it may.
pub(crate) struct Kitchen<'a> {
    pub(crate) world: &'a World,
    pub(crate) flow: Flow,
    pub(crate) nonce: &'static str,
    pub(crate) works: bool,
    pub(crate) runs: &'a AtomicUsize,
}

#[async_trait]
impl Handler for Kitchen<'_> {
    async fn run(&mut self, ceiling: &Ceiling) -> Option<Charge> {
        assert!(self.world.verified.load(Ordering::SeqCst) > 0, "served before anything was verified");
        if self.flow == Flow::Upfront {
            assert!(self.world.chain().contains_key(self.nonce), "served before it was settled");
        }
        let other = self.world.ledger.seen(&keys(self.nonce), &"nobody".into()).await;
        assert_eq!(other.unwrap(), Some(Claim::Replay), "served before the keys were claimed");
        step().await;
        self.runs.fetch_add(1, Ordering::SeqCst);
        step().await;
        self.works.then(|| ceiling.full())
    }
}

pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
