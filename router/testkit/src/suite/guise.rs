use crate::weave::give_way;
use std::fmt;
use std::sync::Arc;
use tollway_core::{
    Account, Action, Amount, Answer, AssetId, AttemptId, Authorization, BudgetLine, ChainId, Claim, Demand,
    Due, Effort, Event, Fate, HoldId, Job, Json, Kind, Ledger, Move, Network, NetworkTraits, Offer, Oracle,
    Order, Outcome, Payer, Plan, Price, Print, Proof, Purpose, Reading, Receipt, Record, RecordKey,
    ReplayKey, Reserved, Result, Seller, Settler, Spend, Tariff, Time, TxId, UsdPrice, Visit, Wish, Write,
    async_trait,
};

/// What a plugin wears while it is looked at. Whoever uses one may have wrapped it, and nothing may depend on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guise {
    /// The `Arc<dyn …>` as it was built.
    Plain,
    /// A wrapper that passes every call on.
    Through,
    /// A wrapper of a wrapper that gives way before and after every call.
    Halting,
}

impl Guise {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Through, Self::Halting];

    /// The guise for a seed: the next seed wears the next.
    pub fn of(seed: u64) -> Self {
        match seed % 3 {
            0 => Self::Plain,
            1 => Self::Through,
            _ => Self::Halting,
        }
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Plain => "as it was built",
            Self::Through => "behind a pass-through wrapper",
            Self::Halting => "behind a wrapper that gives way",
        }
    }
}

/// Passes every call of a trait on to another implementation of it; it may give way before and after.
pub struct Wrapped<T: ?Sized> {
    inner: Arc<T>,
    halts: bool,
}

impl<T: ?Sized> Wrapped<T> {
    /// Passes on what `inner` says.
    pub fn new(inner: Arc<T>) -> Self {
        Self { inner, halts: false }
    }

    /// Passes on what `inner` says, and gives way before and after every call.
    pub fn halting(inner: Arc<T>) -> Self {
        Self { inner, halts: true }
    }

    async fn halt<R>(&self, call: impl Future<Output = R>) -> R {
        if self.halts {
            give_way().await;
        }
        let said = call.await;
        if self.halts {
            give_way().await;
        }
        said
    }
}

impl<T: ?Sized> fmt::Debug for Wrapped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wrapped({})", std::any::type_name::<T>())
    }
}

macro_rules! dressed {
    ($($name:ident: $role:ident,)*) => {
        impl Guise {
            $(
                #[doc = concat!("Dresses a [`", stringify!($role), "`].")]
                pub fn $name(self, inner: Arc<dyn $role>) -> Arc<dyn $role> {
                    match self {
                        Self::Plain => inner,
                        Self::Through => Arc::new(Wrapped::new(inner)),
                        Self::Halting => {
                            let through: Arc<dyn $role> = Arc::new(Wrapped::new(inner));
                            Arc::new(Wrapped::halting(through))
                        }
                    }
                }
            )*
        }
    };
}
dressed! { payer: Payer, seller: Seller, settler: Settler, ledger: Ledger, network: Network, oracle: Oracle, }

#[async_trait]
impl Payer for Wrapped<dyn Payer> {
    async fn plan(&self, demand: &Demand<'_>) -> Result<Plan> {
        self.halt(self.inner.plan(demand)).await
    }
    async fn perform(&self, action: &Action) -> Result<Receipt> {
        self.halt(self.inner.perform(action)).await
    }
    async fn authorize(
        &self,
        demand: &Demand<'_>,
        reserved: &Reserved,
        attempt: &AttemptId,
    ) -> Result<Authorization> {
        self.halt(self.inner.authorize(demand, reserved, attempt)).await
    }
    async fn receive(&self, sent: &Authorization, answer: Answer<'_>) -> Result<Reading> {
        self.halt(self.inner.receive(sent, answer)).await
    }
    async fn resolve(&self, sent: &Authorization) -> Result<Fate> {
        self.halt(self.inner.resolve(sent)).await
    }
}

#[async_trait]
impl Seller for Wrapped<dyn Seller> {
    fn offer(&self, price: &Price, kind: &Kind) -> Result<Offer> {
        self.inner.offer(price, kind)
    }
    fn extensions(&self, offer: &Offer, kind: &Kind) -> Option<Json> {
        self.inner.extensions(offer, kind)
    }
    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        self.halt(self.inner.advance(visit, event)).await
    }
    async fn upkeep(&self, wish: Wish, now: Time) -> Result<Vec<Job>> {
        self.halt(self.inner.upkeep(wish, now)).await
    }
}

#[async_trait]
impl Settler for Wrapped<dyn Settler> {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.halt(self.inner.kinds()).await
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        self.halt(self.inner.effort(order)).await
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.halt(self.inner.verify(order)).await
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        self.halt(self.inner.settle(due)).await
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        self.halt(self.inner.resume(order, charge)).await
    }
    async fn resume_since(&self, order: &Order, charge: Option<Amount>, since: Time) -> Result<Fate> {
        self.halt(self.inner.resume_since(order, charge, since)).await
    }
}

#[async_trait]
impl Network for Wrapped<dyn Network> {
    fn id(&self) -> ChainId {
        self.inner.id()
    }
    fn traits(&self) -> NetworkTraits {
        self.inner.traits()
    }
    async fn tariff(&self, purpose: Purpose, touching: &[Account]) -> Result<Arc<dyn Tariff>> {
        self.halt(self.inner.tariff(purpose, touching)).await
    }
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
        self.halt(self.inner.balances(owner, assets)).await
    }
    async fn outcome(&self, tx: &TxId) -> Result<Outcome> {
        self.halt(self.inner.outcome(tx)).await
    }
}

#[async_trait]
impl Oracle for Wrapped<dyn Oracle> {
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice> {
        self.halt(self.inner.usd(asset)).await
    }
}

#[async_trait]
impl Ledger for Wrapped<dyn Ledger> {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        self.halt(self.inner.reserve(hold, lines, until, now)).await
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        self.halt(self.inner.used(lines)).await
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        self.halt(self.inner.close(hold, spend, now)).await
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        self.halt(self.inner.seen(keys, print)).await
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        self.halt(self.inner.claim(keys, print, until, now)).await
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        self.halt(self.inner.conclude(keys, print, receipt)).await
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        self.halt(self.inner.load(key)).await
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        self.halt(self.inner.store(writes)).await
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.halt(self.inner.scan(prefix, after, limit)).await
    }
    async fn store_then_claim(
        &self,
        writes: &[Write],
        keys: &[ReplayKey],
        print: &Print,
        until: Time,
        now: Time,
    ) -> Result<Result<Claim>> {
        self.halt(self.inner.store_then_claim(writes, keys, print, until, now)).await
    }
    async fn conclude_then_store(
        &self,
        keys: &[ReplayKey],
        print: &Print,
        receipt: Option<&Receipt>,
        writes: &[Write],
    ) -> Result<()> {
        self.halt(self.inner.conclude_then_store(keys, print, receipt, writes)).await
    }
}
