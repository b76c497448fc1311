use super::Books;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tollway_core::registry::Handle;
use tollway_core::*;
use tollway_route::{Screening, Silence};

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

/// Polls at most `n` times, the world's background tasks beside it; `None` when that was not enough, and the future
/// is dropped then.
pub(crate) fn poll<F: Future>(world: &World, future: F, n: usize) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    for _ in 0..n {
        if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
            return Some(done);
        }
        world.turn();
    }
    None
}

/// To the end; the clock moves on when nothing else does.
pub(crate) fn run<F: Future>(world: &World, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    for n in 0..200_000usize {
        if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
            return done;
        }
        world.turn();
        if n % 512 == 511 {
            world.advance(100);
        }
    }
    panic!("does not end")
}

/// What a chain answers when asked for its fees.
#[derive(Clone)]
pub(crate) enum Net {
    /// So many atomic units per unit of compute.
    Gas(u128),
    /// The same, after so many polls.
    Slow(u128, usize),
    Silent,
    Panics,
    Fails(Error),
}

pub(crate) struct World {
    pub(crate) books: Arc<Books>,
    pub(crate) now: AtomicU64,
    dice: AtomicU64,
    tasks: Mutex<Vec<BoxFuture<'static, ()>>>,
    /// False: the runtime is gone, background tasks never run.
    pub(crate) runtime: AtomicBool,
    pub(crate) nets: Mutex<HashMap<ChainId, Net>>,
    pub(crate) tariff_ttl_ms: AtomicU64,
    pub(crate) tariff_calls: AtomicUsize,
    pub(crate) price_calls: AtomicUsize,
    /// In 10⁻⁸ dollars, with the asset's decimals; what is not here is a dollar of 6 or a coin of 18 decimals.
    pub(crate) prices: Mutex<HashMap<AssetId, Result<(u128, u8)>>>,
    /// The wallet's balance of anything; `None` where nothing is held on chain.
    pub(crate) balance: Mutex<Option<u128>>,
    pub(crate) script: Mutex<Script>,
    /// Nonces that were signed, in order.
    pub(crate) signed: Mutex<Vec<String>>,
    /// Nonces that were sent, in order.
    pub(crate) sent: Mutex<Vec<String>>,
    /// What the chain has, by nonce.
    pub(crate) chain: Mutex<HashMap<String, Receipt>>,
    pub(crate) performed: AtomicUsize,
    pub(crate) resolves: AtomicUsize,
    pub(crate) kinds_calls: AtomicUsize,
    pub(crate) efforts: AtomicUsize,
    pub(crate) settles: AtomicUsize,
    pub(crate) resumes: AtomicUsize,
}

/// How the scheme behaves.
#[derive(Clone)]
pub(crate) struct Script {
    /// Entries of an odd amount are planned on the spot.
    pub(crate) odd_now: bool,
    /// Gas of settling.
    pub(crate) compute: u64,
    /// Who bears it.
    pub(crate) bearer: Bearer,
    /// A fee of the settler, in 1/10,000 of the price.
    pub(crate) fee_bps: u128,
    /// Actions that the payer must take first.
    pub(crate) actions: usize,
    /// How many payments share each of them.
    pub(crate) actions_shared_by: u32,
    /// The signature can spend so many times the price.
    pub(crate) exposure: u128,
    /// What the plan says the price is, when it is not the truth.
    pub(crate) plan_price: Option<u128>,
    /// Signs for somebody else.
    pub(crate) signs_for: Option<&'static str>,
    /// Signs so many times the price.
    pub(crate) signs_times: u128,
    /// `authorize` fails.
    pub(crate) no_signer: Option<Error>,
    /// `perform` fails.
    pub(crate) perform_fails: Option<Error>,
    /// `receive` fails.
    pub(crate) receive_fails: Option<Error>,
    /// `receive` believes any receipt.
    pub(crate) believes: bool,
    /// `resolve` fails.
    pub(crate) resolve_fails: Option<Error>,
    /// Nothing is known of open authorizations.
    pub(crate) not_yet_known: bool,
    /// What `settle` does.
    pub(crate) settle_lost: bool,
    /// `resume` says this instead of the truth.
    pub(crate) resume_refuses: bool,
    /// Own settler's kinds are gone.
    pub(crate) no_own_settler: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            compute: 100,
            bearer: Bearer::Settler,
            fee_bps: 0,
            actions: 0,
            actions_shared_by: 1,
            exposure: 1,
            plan_price: None,
            signs_for: None,
            signs_times: 1,
            no_signer: None,
            perform_fails: None,
            receive_fails: None,
            believes: false,
            resolve_fails: None,
            not_yet_known: false,
            settle_lost: false,
            resume_refuses: false,
            no_own_settler: false,
            odd_now: false,
        }
    }
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Self::over(Arc::new(Books::default()))
    }
    /// Another process over the same ledger.
    pub(crate) fn over(books: Arc<Books>) -> Arc<Self> {
        static LIVES: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            books,
            now: AtomicU64::new(1_000_000),
            dice: AtomicU64::new(LIVES.fetch_add(1, Ordering::SeqCst) << 32),
            tasks: Mutex::default(),
            runtime: AtomicBool::new(true),
            nets: Mutex::default(),
            tariff_ttl_ms: AtomicU64::new(4_000),
            tariff_calls: AtomicUsize::new(0),
            price_calls: AtomicUsize::new(0),
            prices: Mutex::default(),
            balance: Mutex::new(Some(1_000_000_000)),
            script: Mutex::default(),
            signed: Mutex::default(),
            sent: Mutex::default(),
            chain: Mutex::default(),
            performed: AtomicUsize::new(0),
            resolves: AtomicUsize::new(0),
            kinds_calls: AtomicUsize::new(0),
            efforts: AtomicUsize::new(0),
            settles: AtomicUsize::new(0),
            resumes: AtomicUsize::new(0),
        })
    }
    pub(crate) fn advance(&self, ms: u64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }
    pub(crate) fn script(&self) -> Script {
        self.script.lock().unwrap().clone()
    }
    pub(crate) fn direct(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }
    pub(crate) fn net(&self, n: u8, net: Net) {
        self.nets.lock().unwrap().insert(super::chain(n), net);
    }
    pub(crate) fn price(&self, asset: AssetId, price: Result<(u128, u8)>) {
        self.prices.lock().unwrap().insert(asset, price);
    }
    pub(crate) fn signatures(&self) -> usize {
        self.signed.lock().unwrap().len()
    }
    pub(crate) fn calls(&self) -> (usize, usize) {
        (self.tariff_calls.load(Ordering::SeqCst), self.price_calls.load(Ordering::SeqCst))
    }
    pub(crate) fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tasks.lock().unwrap().push(task);
    }
    pub(crate) fn tasks(&self) -> usize {
        self.tasks.lock().unwrap().len()
    }
    /// Polls every background task once.
    pub(crate) fn turn(&self) {
        if !self.runtime.load(Ordering::SeqCst) {
            return;
        }
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut left = Vec::new();
        for mut task in tasks {
            let polled =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| task.as_mut().poll(&mut cx)));
            if matches!(polled, Ok(Poll::Pending)) {
                left.push(task);
            }
        }
        self.tasks.lock().unwrap().extend(left);
    }
    /// Until nothing moves any more.
    pub(crate) fn settle_down(&self) {
        (0..200).for_each(|_| self.turn());
    }
    pub(crate) fn network(self: &Arc<Self>, id: ChainId) -> Arc<dyn Network> {
        Arc::new(Chain { id, world: self.clone() })
    }
    /// A screening that lets nothing pass in silence.
    pub(crate) fn screening(self: &Arc<Self>, screen: impl Screen + 'static) -> Arc<Screening> {
        let ledger: Arc<dyn Ledger> = self.books.clone();
        Arc::new(Screening::new(Arc::new(screen), Silence::Closed, 10_000, ledger, self.clone()))
    }
    pub(crate) fn handle(self: &Arc<Self>, id: ChainId) -> Handle {
        Handle::new(self.network(id), self.clone())
    }
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> Time {
        Time::from_ms(self.now.load(Ordering::SeqCst))
    }
    /// Ends when somebody has moved the clock so far.
    async fn sleep(&self, ms: u64) {
        let until = self.now.load(Ordering::SeqCst) + ms;
        std::future::poll_fn(|cx| {
            if self.now.load(Ordering::SeqCst) >= until {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl Dice for World {
    fn fill(&self, out: &mut [u8]) {
        let n = self.dice.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        out.iter_mut().zip(n.iter().cycle()).for_each(|(o, b)| *o = *b);
    }
}

#[async_trait]
impl Oracle for World {
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice> {
        self.price_calls.fetch_add(1, Ordering::SeqCst);
        step().await;
        let known = self.prices.lock().unwrap().get(asset).cloned();
        let (answer, asset_decimals) = match known {
            Some(known) => known?,
            None if asset.is_native() => (200_000_000_000, 18),
            None => (100_000_000, 6),
        };
        Ok(UsdPrice { answer, answer_decimals: 8, asset_decimals, at: self.now() })
    }
}

struct Chain {
    id: ChainId,
    world: Arc<World>,
}

/// So much per unit of compute, a tenth more for the bytes below.
#[derive(Debug)]
pub(crate) struct Gas {
    pub(crate) coin: AssetId,
    pub(crate) each: u128,
    pub(crate) at: Time,
    pub(crate) until: Time,
}

impl Tariff for Gas {
    fn price(&self, work: &Work) -> Result<Cost> {
        let mut cost = Cost::new(self.coin);
        let execution = u128::from(work.compute)
            .checked_mul(self.each)
            .ok_or_else(|| Error::us(Code::InvalidAmount).detail("too much gas"))?;
        cost.add(Part::Execution, execution)?;
        cost.add(Part::L1Data, execution / 10)?;
        Ok(cost)
    }
    fn taken_at(&self) -> Time {
        self.at
    }
    fn valid_until(&self) -> Time {
        self.until
    }
    fn source(&self) -> &str {
        "test"
    }
}

#[async_trait]
impl Network for Chain {
    fn id(&self) -> ChainId {
        self.id
    }
    fn traits(&self) -> NetworkTraits {
        NetworkTraits { block_ms: 2_000, testnet: self.id.as_str() != super::MAINNET }
    }
    async fn tariff(&self, _: Purpose, _: &[Account]) -> Result<Arc<dyn Tariff>> {
        self.world.tariff_calls.fetch_add(1, Ordering::SeqCst);
        let net = self.world.nets.lock().unwrap().get(&self.id).cloned().unwrap_or(Net::Gas(1_000_000_000));
        let each = match net {
            Net::Gas(each) => each,
            Net::Slow(each, polls) => {
                for _ in 0..polls {
                    step().await;
                }
                each
            }
            Net::Silent => std::future::pending().await,
            Net::Panics => panic!("the node's client panics"),
            Net::Fails(e) => {
                step().await;
                return Err(e);
            }
        };
        step().await;
        let at = self.world.now();
        let until = at.plus_ms(self.world.tariff_ttl_ms.load(Ordering::SeqCst));
        Ok(Arc::new(Gas { coin: AssetId::native(self.id), each, at, until }))
    }
    async fn balances(&self, _: &Account, _: &[AssetId]) -> Result<Vec<Amount>> {
        Ok(Vec::new())
    }
    async fn outcome(&self, _: &TxId) -> Result<Outcome> {
        Ok(Outcome::Unseen)
    }
}

pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
