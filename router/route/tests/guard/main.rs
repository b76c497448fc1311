//! What a facilitator spends gas on: each refusal by its own code, and books that say what was spent.

mod books;
#[path = "../kit/mod.rs"]
mod kit;
mod refusals;
mod screening;
mod strikes;

use kit::*;
use serde::Deserialize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tollway_core::flow::SettleOnce;
use tollway_core::screen::{Screen, Step, Subject, Verdict};
use tollway_core::*;
use tollway_route::guard::{Limit, Strikes};
use tollway_route::screening::{Decision, Found, decisions, forget_before};
use tollway_route::*;

/// A gwei: a coin is worth 2,000 dollars, and the bytes below take a tenth more.
const EACH: u128 = 1_000_000_000;
/// What a plain payment's gas is.
const PLAIN: u64 = 100_000;
/// What that is worth at a gwei, the tenth included: 22 cents.
const PLAIN_USD: &str = "0.22";

/// What a transaction does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    /// Costs so many percent of what was predicted.
    Lands(u128),
    /// Fails, at so many percent.
    Fails(u128),
    /// Fails, and nobody says at what cost.
    FailsDumbly,
    /// Is not sent.
    Refused,
    /// Nobody knows.
    Lost,
    /// Its answer is lost, and in the end nothing has moved.
    Dies,
    /// Is not sent before somebody asks after it who knows the charge.
    Unsent,
    /// The same, and the node stumbles before anything is sent.
    Stumbles,
    /// The same, and what goes ahead of it costs so many percent, and then it is refused.
    Precedes(u128),
}

/// A scheme whose payers choose how much gas they burn.
struct Inner {
    does: Mutex<Does>,
    verifies: AtomicUsize,
    settles: AtomicUsize,
    /// Since when it was told to look.
    since: Mutex<Vec<Time>>,
}

#[derive(Deserialize)]
struct Payload {
    from: String,
    nonce: String,
    #[serde(default)]
    gas: u64,
}

fn read(order: &Order) -> Result<Terms> {
    let payload: Payload = order.payment.payload.read()?;
    let r = &order.requirement;
    Ok(Terms {
        payer: Some(Account::new(r.chain, &payload.from)?),
        payee: r.pay_to,
        ceiling: r.price,
        replay: vec![ReplayKey(payload.nonce)],
        not_before: Time::ZERO,
        settle_before: Time::from_ms(50_000_000),
    })
}

impl Inner {
    fn predicted(&self, order: &Order) -> u128 {
        let gas = order.payment.payload.read::<Payload>().map_or(0, |p| p.gas);
        u128::from(PLAIN + gas) * EACH * 11 / 10
    }
    fn outcome(&self, order: &Order, charged: Amount) -> Result<Receipt> {
        let spent = |percent: u128| self.predicted(order) * percent / 100;
        let tx = TxId("tx".to_owned());
        let failed = Error::payer(Code::TransactionFailed).transaction(tx.clone());
        let coin = AssetId::native(order.requirement.chain);
        let does = *self.does.lock().unwrap();
        match does {
            Does::Lands(_) | Does::Unsent => {
                let percent = if let Does::Lands(percent) = does { percent } else { 100 };
                let payer = payee(1, "payer");
                Ok(Receipt::on_chain(tx, charged, payer).cost(spent(percent)))
            }
            Does::Fails(percent) => Err(failed.spent(Amount::new(coin, spent(percent)))),
            Does::FailsDumbly => Err(failed),
            Does::Stumbles => Err(Error::network(Code::Unreachable)),
            Does::Precedes(percent) => Err(Error::settler(Code::SimulationFailed)
                .next(Next::Later)
                .transaction(tx)
                .spent(Amount::new(coin, spent(percent)))),
            Does::Refused => Err(Error::payer(Code::SimulationFailed)),
            Does::Lost | Does::Dies => Err(Error::unknown(Code::TimedOut, Some(tx))),
        }
    }
}

#[async_trait]
impl Settler for Inner {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        Ok(Vec::new())
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        // Before it was looked at, a payment seems to be a plain one.
        let looked = self.verifies.load(Ordering::SeqCst) > 0;
        let gas = order.payment.payload.read::<Payload>().map_or(0, |p| if looked { p.gas } else { 0 });
        Ok(Effort::one(Work::new(Bearer::Settler, "settle", PLAIN + gas, Sample::default())))
    }
    async fn verify(&self, _: &Order) -> Result<Proof> {
        step().await;
        self.verifies.fetch_add(1, Ordering::SeqCst);
        Ok(Proof::default())
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        step().await;
        if *self.does.lock().unwrap() == Does::Unsent {
            return Err(Error::unknown(Code::LedgerFailed, None));
        }
        self.settles.fetch_add(1, Ordering::SeqCst);
        self.outcome(due.verified().order(), due.charge().amount())
    }
    async fn resume_since(&self, order: &Order, charge: Option<Amount>, since: Time) -> Result<Fate> {
        self.since.lock().unwrap().push(since);
        self.resume(order, charge).await
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        step().await;
        match (*self.does.lock().unwrap(), charge) {
            (Does::Unsent | Does::Stumbles | Does::Precedes(_), None) => {
                return Ok(Fate::Open { cancel: None });
            }
            (Does::Unsent, Some(_)) => drop(self.settles.fetch_add(1, Ordering::SeqCst)),
            _ => {}
        }
        match self.outcome(order, order.requirement.price.0) {
            Ok(receipt) => Ok(Fate::Settled(Box::new(receipt))),
            Err(_) if matches!(*self.does.lock().unwrap(), Does::Dies) => Ok(Fate::Dead),
            Err(e) if e.is_unknown_outcome() => Ok(Fate::NotYetKnown { ask_again: Time::ZERO }),
            Err(e) => Err(e),
        }
    }
}

/// A facilitator's inside.
struct Bed {
    world: Arc<World>,
    inner: Arc<Inner>,
    guard: Arc<Guard>,
}

impl Bed {
    fn new(settings: GuardSettings) -> Self {
        Self::over(World::new(), settings, |guard| guard)
    }
    /// Holds four times what is predicted.
    fn over(world: Arc<World>, settings: GuardSettings, with: impl FnOnce(Guard) -> Guard) -> Self {
        let settings = GuardSettings { hold_percent: 400, ..settings };
        let does = Mutex::new(Does::Lands(100));
        let (verifies, settles) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let inner = Arc::new(Inner { does, verifies, settles, since: Mutex::default() });
        let ledger: Arc<dyn Ledger> = world.books.clone();
        let guard = with(Guard::new(settings, book(&world), ledger, world.clone()).unwrap());
        Self { world, inner, guard: Arc::new(guard) }
    }
    fn does(&self, does: Does) {
        *self.inner.does.lock().unwrap() = does;
    }
    fn settles(&self) -> usize {
        self.inner.settles.load(Ordering::SeqCst)
    }
    fn verify(&self, caller: &str, order: &Order) -> Result<Proof> {
        let settler = self.guard.settler(named(caller), read, self.inner.clone());
        run(&self.world, settler.verify(order))
    }
    /// As a facilitator does it: verified, claimed, settled once.
    fn settle(&self, caller: &str, order: &Order) -> Result<Receipt> {
        let settler = self.guard.settler(named(caller), read, self.inner.clone());
        let once = SettleOnce {
            read,
            settler: &*settler,
            ledger: &*self.world.books,
            clock: &*self.world,
            room: "visit/test",
            owner: "test",
            patience_ms: 1_000,
        };
        let print = Print(order.payment.payload.as_str().to_owned());
        run(&self.world, once.settle(order.clone(), order.requirement.price.atomic(), &print))
    }
    /// What a budget holds and has spent within its last hour.
    fn used(&self, budget: &str) -> Usd {
        let since = self.world.now().minus_ms(HOUR_MS);
        let line = BudgetLine { budget: budget.into(), amount: 0, limit: 0, since };
        Usd::from_e18(futures::executor::block_on(self.world.books.inner.used(&[line])).unwrap()[0])
    }
    fn open(&self) -> usize {
        futures::executor::block_on(self.world.books.inner.scan("guard/open/", None, 99)).unwrap().len()
    }
}

const HOUR_MS: u64 = 3_600_000;

fn named(name: &str) -> Caller {
    if name == "*" { Caller::anyone() } else { Caller::named(name).unwrap() }
}

fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}

fn hour(text: &str) -> Option<Limit> {
    Some(Limit { usd: usd(text), window_ms: HOUR_MS })
}

/// A payment of so many millionths of a dollar to the shop.
fn order(from: &str, nonce: &str, micros: u128, gas: u64) -> Order {
    order_to(PAYEE, from, nonce, micros, gas)
}

fn order_to(to: &str, from: &str, nonce: &str, micros: u128, gas: u64) -> Order {
    let requirement = accept_in(usdc(1), micros, to, 60).requirement.unwrap();
    let payload = Json::of(&serde_json::json!({ "from": from, "nonce": nonce, "gas": gas }));
    let payment = Payment { accepted: requirement.clone(), payload, extensions: None, resource: None };
    Order { leg: Leg::After, requirement, payment }
}

/// A dollar is worth its gas.
const DOLLAR: u128 = 1_000_000;
