//! What a facilitator spends gas on: each refusal by its own code, and books that say what was spent.

mod kit;

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
}

/// A scheme whose payers choose how much gas they burn.
struct Inner {
    does: Mutex<Does>,
    verifies: AtomicUsize,
    settles: AtomicUsize,
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
        match *self.does.lock().unwrap() {
            Does::Lands(percent) => {
                let payer = payee(1, "payer");
                Ok(Receipt::on_chain(tx, charged, payer).cost(spent(percent)))
            }
            Does::Fails(percent) => Err(failed.spent(Amount::new(coin, spent(percent)))),
            Does::FailsDumbly => Err(failed),
            Does::Refused => Err(Error::payer(Code::SimulationFailed)),
            Does::Lost => Err(Error::unknown(Code::TimedOut, Some(tx))),
        }
    }
}

#[async_trait]
impl Settler for Inner {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        Ok(Vec::new())
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        let gas = order.payment.payload.read::<Payload>().map_or(0, |p| p.gas);
        Ok(Effort::one(Work::new(Bearer::Settler, "settle", PLAIN + gas, Sample::default())))
    }
    async fn verify(&self, _: &Order) -> Result<Proof> {
        step().await;
        self.verifies.fetch_add(1, Ordering::SeqCst);
        Ok(Proof::default())
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        step().await;
        self.settles.fetch_add(1, Ordering::SeqCst);
        self.outcome(due.verified().order(), due.charge().amount())
    }
    async fn resume(&self, order: &Order) -> Result<Fate> {
        step().await;
        match self.outcome(order, order.requirement.price.0) {
            Ok(receipt) => Ok(Fate::Settled(Box::new(receipt))),
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
    fn over(world: Arc<World>, settings: GuardSettings, with: impl FnOnce(Guard) -> Guard) -> Self {
        let does = Mutex::new(Does::Lands(100));
        let inner = Arc::new(Inner { does, verifies: AtomicUsize::new(0), settles: AtomicUsize::new(0) });
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

#[test]
fn each_refusal_has_its_own_code_and_blame_at_both_doors() {
    let all_off = GuardSettings::off;
    let other = payee(1, "another-shop");
    let table: Vec<(&str, GuardSettings, Order, Code, Blame, Next)> = vec![
        (
            "another payee",
            GuardSettings { payees: List::Only(vec![other]), ..all_off() },
            order("me", "n", DOLLAR, 0),
            Code::PayeeNotServed,
            Blame::Payee,
            Next::OtherRoute,
        ),
        (
            "another asset",
            GuardSettings { assets: List::Only(vec![usdc(2)]), ..all_off() },
            order("me", "n", DOLLAR, 0),
            Code::AssetNotServed,
            Blame::Payee,
            Next::OtherRoute,
        ),
        (
            "dust, absolutely",
            GuardSettings { amount_usd_min: Some(usd("0.01")), ..all_off() },
            order("me", "n", 9_999, 0),
            Code::AmountTooSmall,
            Blame::Payee,
            Next::OtherRoute,
        ),
        (
            "less than its gas",
            GuardSettings { gas_percent_max: Some(100), ..all_off() },
            order("me", "n", 219_999, 0),
            Code::Unprofitable,
            Blame::Payee,
            Next::OtherRoute,
        ),
        (
            "more than half of it is gas",
            GuardSettings { gas_percent_max: Some(50), ..all_off() },
            order("me", "n", 439_999, 0),
            Code::Unprofitable,
            Blame::Payee,
            Next::OtherRoute,
        ),
        (
            "gas beyond the bound",
            GuardSettings { gas_usd_max: Some(usd("0.21")), ..all_off() },
            order("me", "n", 1_000 * DOLLAR, 0),
            Code::GasTooHigh,
            Blame::Payer,
            Next::OtherRoute,
        ),
        (
            "a contract that burns gas",
            GuardSettings { gas_over_plain_percent_max: Some(400), ..all_off() },
            order("me", "n", 1_000 * DOLLAR, 3 * PLAIN + 1),
            Code::GasTooHigh,
            Blame::Payer,
            Next::OtherRoute,
        ),
        (
            "no budget at all",
            GuardSettings { gas_all: hour("0.87"), ..all_off() },
            order("me", "n", DOLLAR, 0),
            Code::GasBudgetSpent,
            Blame::Caller,
            Next::Later,
        ),
        (
            "none for a caller",
            GuardSettings { gas_caller: hour("0.87"), ..all_off() },
            order("me", "n", DOLLAR, 0),
            Code::GasBudgetSpent,
            Blame::Caller,
            Next::Later,
        ),
        (
            "none for a payee",
            GuardSettings { gas_payee: hour("0.87"), ..all_off() },
            order("me", "n", DOLLAR, 0),
            Code::GasBudgetSpent,
            Blame::Caller,
            Next::Later,
        ),
    ];
    for (what, settings, order, code, blame, next) in table {
        let bed = Bed::new(settings);
        for e in [bed.verify("a", &order).unwrap_err(), bed.settle("a", &order).unwrap_err()] {
            assert_eq!((&e.code, e.blame, &e.next), (&code, blame, &next), "{what}: {e}");
            assert!(!e.detail.is_empty());
        }
        assert_eq!((bed.settles(), bed.open()), (0, 0), "{what}");
        // The same without the limit.
        let bed = Bed::new(GuardSettings::off());
        bed.verify("a", &order).unwrap();
        bed.settle("a", &order).unwrap();
    }
}

/// Limits that just hold let the payment pass: each boundary is where it is said to be.
#[test]
fn what_is_just_allowed_passes() {
    let fits = [
        (GuardSettings { amount_usd_min: Some(usd("0.01")), ..GuardSettings::off() }, 10_000, 0),
        (GuardSettings { gas_percent_max: Some(100), ..GuardSettings::off() }, 220_000, 0),
        (GuardSettings { gas_percent_max: Some(50), ..GuardSettings::off() }, 440_000, 0),
        (GuardSettings { gas_usd_max: Some(usd(PLAIN_USD)), ..GuardSettings::off() }, 1, 0),
        (GuardSettings { gas_over_plain_percent_max: Some(400), ..GuardSettings::off() }, 1, 3 * PLAIN),
        (GuardSettings { gas_all: hour("0.88"), ..GuardSettings::off() }, 1, 0),
        (GuardSettings::default(), 220_000, 0),
    ];
    for (settings, micros, gas) in fits {
        let bed = Bed::new(settings.clone());
        bed.verify("a", &order("me", "n", micros, gas)).unwrap_or_else(|e| panic!("{settings:?}: {e}"));
        bed.settle("a", &order("me", "n", micros, gas)).unwrap();
    }
}

#[test]
fn the_market_that_moved_since_is_looked_at_again() {
    let bed = Bed::new(GuardSettings { gas_percent_max: Some(100), ..GuardSettings::off() });
    bed.verify("a", &order("me", "n", DOLLAR, 0)).unwrap();
    bed.world.net(1, Net::Gas(20 * EACH));
    bed.world.advance(60_000);
    assert_eq!(bed.settle("a", &order("me", "n", DOLLAR, 0)).unwrap_err().code, Code::Unprofitable);
    assert_eq!(bed.settles(), 0);
}

#[test]
fn without_a_price_nothing_passes() {
    let bed = Bed::new(GuardSettings::default());
    bed.world.net(1, Net::Fails(Error::network(Code::Unreachable)));
    assert_eq!(bed.verify("a", &order("me", "n", DOLLAR, 0)).unwrap_err().code, Code::NoQuote);
    let bed = Bed::new(GuardSettings { amount_usd_min: Some(usd("0.01")), ..GuardSettings::off() });
    bed.world.price(usdc(1), Err(Error::network(Code::StalePrice)));
    assert_eq!(bed.verify("a", &order("me", "n", DOLLAR, 0)).unwrap_err().code, Code::StalePrice);
    assert_eq!(bed.settles(), 0);
}

#[test]
fn budgets_are_charged_with_what_the_chain_took() {
    // What is held while it is under way is four times what was predicted.
    let table = [
        (Does::Lands(100), "0.22", 0),
        (Does::Lands(50), "0.11", 0),
        (Does::Lands(1_000), "2.2", 0),
        (Does::Fails(50), "0.11", 1),
        (Does::FailsDumbly, "0.88", 1),
        (Does::Refused, "0", 0),
        (Does::Lost, "0.88", 0),
    ];
    for (does, want, strikes) in table {
        let bed = Bed::new(GuardSettings { gas_all: hour("10"), ..GuardSettings::default() });
        bed.does(does);
        let outcome = bed.settle("a", &order("me", "n", DOLLAR, 0));
        assert_eq!(outcome.is_ok(), matches!(does, Does::Lands(_)), "{does:?}: {outcome:?}");
        let shop = payee(1, PAYEE);
        for budget in ["gas/all".to_owned(), "gas/caller/a".to_owned(), format!("gas/payee/{shop}")] {
            assert_eq!(bed.used(&budget), usd(want), "{does:?} {budget}");
        }
        let counted = bed.used(&format!("strikes/payer/{}", payee(1, "me"))).e18();
        assert_eq!(counted, strikes, "{does:?}");
        assert_eq!(bed.open(), usize::from(does == Does::Lost), "{does:?}");
    }
}

/// Whatever is under way at once, and however it ends: what is spent stays within the limit.
#[test]
fn the_limit_holds_for_all_that_is_under_way() {
    let bed = Bed::new(GuardSettings { gas_caller: hour("2"), ..GuardSettings::off() });
    bed.does(Does::Lost);
    let outcomes: Vec<_> =
        (0..9).map(|n| bed.settle("a", &order("me", &n.to_string(), DOLLAR, 0)).unwrap_err()).collect();
    // Two holds of 88 cents fit into two dollars.
    assert_eq!(bed.settles(), 2);
    assert!(outcomes[2..].iter().all(|e| e.code == Code::GasBudgetSpent), "{outcomes:?}");
    // Another caller has a budget of its own.
    bed.does(Does::Lands(100));
    bed.settle("b", &order("me", "b", DOLLAR, 0)).unwrap();
    // Its end is found out later, by whoever asks: the same payment again.
    bed.settle("a", &order("me", "0", DOLLAR, 0)).unwrap();
    assert_eq!((bed.used("gas/caller/a"), bed.open()), (usd("1.1"), 1));
    bed.settle("a", &order("me", "9", DOLLAR, 0)).unwrap();
    // What slid out of the window is forgotten; what is still open is not.
    bed.world.advance(HOUR_MS + 1);
    assert_eq!(bed.used("gas/caller/a"), usd("0.88"));
}

/// Another process, or this one after a restart, is the same facilitator.
#[test]
fn budgets_and_strikes_survive_a_restart() {
    let settings = GuardSettings { gas_all: hour("1.1"), ..GuardSettings::default() };
    let bed = Bed::new(settings.clone());
    bed.settle("a", &order("me", "1", DOLLAR, 0)).unwrap();
    let bed = Bed::over(World::over(bed.world.books.clone()), settings.clone(), |guard| guard);
    bed.settle("a", &order("me", "2", DOLLAR, 0)).unwrap();
    let e = bed.settle("a", &order("me", "3", DOLLAR, 0)).unwrap_err();
    assert_eq!(e.code, Code::GasBudgetSpent);
    assert_eq!(bed.settles(), 1);
}

/// A ledger that fails at the wrong moment binds a budget for the payment's window and an hour, and no longer.
#[test]
fn a_hold_that_nobody_ended_is_charged_in_the_end() {
    let bed = Bed::new(GuardSettings { gas_all: hour("1"), ..GuardSettings::off() });
    bed.does(Does::Lost);
    bed.settle("a", &order("me", "1", DOLLAR, 0)).unwrap_err();
    bed.does(Does::Lands(100));
    bed.world.advance(40_000_000); // the payment's window is open still
    assert_eq!(bed.settle("a", &order("me", "2", DOLLAR, 0)).unwrap_err().code, Code::GasBudgetSpent);
    // In time for the window of the next payments, and an hour after that of the one that was lost.
    bed.world.now.store(49_900_000, Ordering::SeqCst);
    assert_eq!(bed.settle("a", &order("me", "3", DOLLAR, 0)).unwrap_err().code, Code::GasBudgetSpent);
    assert_eq!(bed.open(), 1);
    bed.world.now.store(50_000_000 + HOUR_MS + 60_001, Ordering::SeqCst);
    let late = order("me", "4", DOLLAR, 0);
    let settler = bed.guard.settler(named("a"), far, bed.inner.clone());
    let verified = run(&bed.world, flow::verify(far, &*settler, late, &*bed.world));
    assert_eq!(verified.unwrap_err().code, Code::GasBudgetSpent, "it counts until it is charged");
    let other = Bed::over(bed.world.clone(), GuardSettings { gas_all: hour("9"), ..GuardSettings::off() }, |g| g);
    let settler = other.guard.settler(named("a"), far, other.inner.clone());
    let once = SettleOnce {
        read: far,
        settler: &*settler,
        ledger: &*other.world.books,
        clock: &*other.world,
        room: "visit/test",
        owner: "test",
        patience_ms: 1_000,
    };
    let print = Print("late".to_owned());
    run(&other.world, once.settle(order("me", "5", DOLLAR, 0), DOLLAR, &print)).unwrap();
    assert_eq!((other.open(), other.used("gas/all")), (0, usd("1.1")), "charged in full, and the new one");
}

/// The same payments, good for ever.
fn far(order: &Order) -> Result<Terms> {
    Ok(Terms { settle_before: Time::FAR, ..read(order)? })
}

fn three_strikes() -> GuardSettings {
    let strikes = Strikes { window_ms: HOUR_MS, payer: 2, payee: 4, caller: 6, lost_percent: 50 };
    GuardSettings { strikes: Some(strikes), ..GuardSettings::off() }
}

#[test]
fn who_fails_too_often_is_refused_for_a_while() {
    let bed = Bed::new(three_strikes());
    bed.does(Does::Fails(100));
    let fail = |caller: &str, to: &str, from: &str, nonce: &str| {
        bed.settle(caller, &order_to(to, from, nonce, DOLLAR, 0)).unwrap_err()
    };
    assert_eq!(fail("a", "x", "p1", "1").code, Code::TransactionFailed);
    assert_eq!(fail("a", "x", "p1", "2").code, Code::TransactionFailed);
    let e = fail("a", "x", "p1", "3");
    assert_eq!((e.code, e.blame, e.next), (Code::TooManyFailures, Blame::Payer, Next::Later));
    // Other payers of that payee, until it has had enough.
    assert_eq!(fail("a", "x", "p2", "4").code, Code::TransactionFailed);
    assert_eq!(fail("a", "x", "p3", "5").code, Code::TransactionFailed);
    let e = fail("a", "x", "p4", "6");
    assert_eq!((e.code, e.blame), (Code::TooManyFailures, Blame::Payee));
    // Other payees of that caller, until it has.
    assert_eq!(fail("a", "y", "p5", "7").code, Code::TransactionFailed);
    assert_eq!(fail("a", "z", "p6", "8").code, Code::TransactionFailed);
    let e = fail("a", "w", "p7", "9");
    assert_eq!((e.code, e.blame), (Code::TooManyFailures, Blame::Caller));
    assert_eq!(bed.settles(), 6);
    // Somebody else is served meanwhile, and everybody is again after a while.
    bed.does(Does::Lands(100));
    bed.settle("b", &order_to("v", "p8", "10", DOLLAR, 0)).unwrap();
    bed.world.advance(HOUR_MS + 1);
    bed.settle("a", &order_to("x", "p1", "11", DOLLAR, 0)).unwrap();
}

/// A stranger who fails at an honest shop on purpose does not end the shop's service: it lives by the rest.
#[test]
fn an_honest_shop_outlives_its_attackers() {
    let bed = Bed::new(three_strikes());
    for n in 0..20 {
        bed.does(Does::Lands(100));
        bed.settle("shop", &order("honest", &format!("good {n}"), DOLLAR, 0)).unwrap();
        bed.does(Does::Fails(40));
        let bad = order(&format!("evil{n}"), &format!("bad {n}"), DOLLAR, 0);
        assert_eq!(bed.settle("shop", &bad).unwrap_err().code, Code::TransactionFailed);
    }
    assert_eq!(bed.settles(), 40);
}

/// What the chain says twice is counted once.
#[test]
fn a_failure_that_is_found_out_later_counts_once() {
    let bed = Bed::new(three_strikes());
    bed.does(Does::Lost);
    let lost = order("p1", "1", DOLLAR, 0);
    assert!(bed.settle("a", &lost).unwrap_err().is_unknown_outcome());
    bed.does(Does::Fails(100));
    let settler = bed.guard.settler(Caller::anyone(), read, bed.inner.clone());
    for _ in 0..3 {
        assert_eq!(run(&bed.world, settler.resume(&lost)).unwrap_err().code, Code::TransactionFailed);
    }
    let counted = |budget: &str| bed.used(budget).e18();
    assert_eq!(counted(&format!("strikes/payer/{}", payee(1, "p1"))), 1);
    // For the caller that had asked, whoever found out.
    assert_eq!((counted("strikes/caller/a"), counted("strikes/caller/*")), (1, 0));
    assert_eq!(bed.open(), 0);
}

/// A crash at any write leaves books that never say less than what was spent.
#[test]
fn a_ledger_that_fails_never_lets_more_be_spent() {
    for how in [Fails::Before, Fails::After] {
        for at in 0..40 {
            let bed = Bed::new(GuardSettings { gas_all: hour("1"), ..GuardSettings::default() });
            *bed.world.books.trouble.lock().unwrap() = Some((at, how));
            for n in 0..8 {
                let _ = bed.settle("a", &order("me", &n.to_string(), DOLLAR, 0));
            }
            let real = Usd::from_e18(usd(PLAIN_USD).e18() * u128::try_from(bed.settles()).unwrap());
            assert!(real <= bed.used("gas/all") && bed.used("gas/all") <= usd("1"), "{how:?} {at}: {real}");
        }
    }
}

/// Denies those called "bad", fails for "mute", and never answers for "slow".
struct Names;

#[async_trait]
impl Screen for Names {
    fn source(&self) -> String {
        "a list".to_owned()
    }
    async fn check(&self, subject: &Subject<'_>) -> Result<Verdict> {
        step().await;
        let names: Vec<_> = subject.parties().map(|p| p.address().to_owned()).collect();
        match names.iter().find(|name| ["bad", "mute", "slow"].contains(&name.as_str())).map(String::as_str) {
            Some("bad") => Ok(Verdict::Denied("on the list".to_owned())),
            Some("mute") => Err(Error::network(Code::Unreachable)),
            Some(_) => std::future::pending().await,
            None => Ok(Verdict::Clear),
        }
    }
}

fn written(world: &World) -> Vec<Decision> {
    let all = futures::executor::block_on(decisions(&*world.books.inner, Time::ZERO, None, 999)).unwrap();
    all.into_iter().map(|(_, decision)| decision).collect()
}

fn screened(silence: Silence) -> Bed {
    let world = World::new();
    let ledger: Arc<dyn Ledger> = world.books.clone();
    let list = Arc::new(Names);
    let screening = Arc::new(Screening::new(list, silence, 1_000, ledger, world.clone()));
    Bed::over(world, GuardSettings::off(), |guard| guard.screening(screening))
}

#[test]
fn every_verdict_is_followed_and_written_down() {
    let denied = (Some(Code::Screened), Found::Denied);
    let closed = (Some(Code::ScreeningSilent), Found::SilentRefused);
    let open = (None, Found::SilentPassed);
    let table = [
        ("honest", PAYEE, (None, Found::Clear), (None, Found::Clear)),
        ("bad", PAYEE, denied.clone(), denied.clone()),
        ("honest", "bad", denied.clone(), denied),
        ("mute", PAYEE, closed.clone(), open.clone()),
        ("slow", PAYEE, closed, open),
    ];
    for (from, to, when_closed, when_open) in table {
        for (silence, (code, found)) in [(Silence::Closed, when_closed), (Silence::Open, when_open)] {
            let bed = screened(silence);
            let order = order_to(to, from, "n", DOLLAR, 0);
            let outcome = bed.settle("a", &order);
            assert_eq!(outcome.as_ref().err().map(|e| e.code.clone()), code, "{from} {to} {silence:?}");
            let want = if code.is_some() { 0 } else { 1 };
            assert_eq!((bed.inner.verifies.load(Ordering::SeqCst), bed.settles()), (want, want));
            let said = written(&bed.world);
            let steps: Vec<_> = said.iter().map(|d| d.step).collect();
            assert_eq!(steps, [Step::Verify, Step::Settle][..if code.is_some() { 1 } else { 2 }]);
            for decision in said {
                assert_eq!((decision.found, decision.source.as_str()), (found, "a list"));
                assert_eq!((decision.payer, decision.payee), (Some(payee(1, from)), payee(1, to)));
                assert_eq!((decision.asset, decision.atomic), (usdc(1), DOLLAR));
            }
        }
    }
}

#[test]
fn a_payer_screens_before_it_signs() {
    let world = World::new();
    let policy = Policy { screen: Some(world.screening(Names)), ..policy() };
    let router = router(&world, policy);
    let mut till = Till::new(&world, []);
    let asked = challenge(vec![accept_in(usdc(1), 10_000, "bad", 60)]);
    let from = Context { host: Some("a.example") };
    assert_eq!(run(&world, router.pay(&asked, from, &mut till)).unwrap_err().code, Code::NoRoute);
    assert_eq!(world.signatures(), 0);
    let said = written(&world);
    assert_eq!((said.len(), said[0].step, said[0].found), (1, Step::Sign, Found::Denied));
    assert_eq!(said[0].host.as_deref(), Some("a.example"));
    // In silence too: closed means that nothing is signed.
    let asked = challenge(vec![accept_in(usdc(1), 10_000, "mute", 60)]);
    let e = run(&world, router.pay(&asked, from, &mut till)).unwrap_err();
    assert_eq!((e.code, e.next, world.signatures()), (Code::ScreeningSilent, Next::Later, 0));
}

/// What cannot be written down does not pass.
#[test]
fn no_record_no_payment() {
    let bed = screened(Silence::Open);
    *bed.world.books.trouble.lock().unwrap() = Some((0, Fails::Before));
    let e = bed.verify("a", &order("me", "n", DOLLAR, 0)).unwrap_err();
    assert_eq!((e.code, bed.inner.verifies.load(Ordering::SeqCst)), (Code::LedgerFailed, 0));
}

#[test]
fn decisions_are_read_in_order_and_kept_until_somebody_says_otherwise() {
    let bed = screened(Silence::Closed);
    for n in 0..5 {
        bed.verify("a", &order(&format!("p{n}"), "n", DOLLAR, 0)).unwrap();
        bed.world.advance(1_000);
    }
    let books = bed.world.books.inner.clone();
    let read = |since, after: Option<&RecordKey>, limit| {
        let page = futures::executor::block_on(decisions(&*books, since, after, limit)).unwrap();
        let last = page.last().map(|(key, _)| key.clone());
        let payers: Vec<_> = page.iter().map(|(_, d)| d.payer.unwrap().address().to_owned()).collect();
        (payers, last)
    };
    let begin = Time::from_ms(1_000_000);
    let (first, last) = read(Time::ZERO, None, 2);
    assert_eq!(first, ["p0", "p1"]);
    assert_eq!(read(Time::ZERO, last.as_ref(), 9).0, ["p2", "p3", "p4"]);
    assert_eq!(read(begin.plus_ms(3_000), None, 9).0, ["p3", "p4"]);
    let gone = futures::executor::block_on(forget_before(&*books, begin.plus_ms(3_000))).unwrap();
    assert_eq!((gone, read(Time::ZERO, None, 9).0), (3, vec!["p3".to_owned(), "p4".to_owned()]));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let world = World::new();
    let strikes = |s: fn(&mut Strikes)| {
        let mut strikes = GuardSettings::default().strikes.unwrap();
        s(&mut strikes);
        GuardSettings { strikes: Some(strikes), ..GuardSettings::default() }
    };
    let wrong = [
        GuardSettings { hold_percent: 99, ..GuardSettings::default() },
        GuardSettings {
            gas_all: Some(Limit { usd: Usd::ONE, window_ms: 0 }),
            ..GuardSettings::default()
        },
        strikes(|s| s.window_ms = 0),
        strikes(|s| s.payer = 0),
    ];
    for settings in wrong {
        let ledger: Arc<dyn Ledger> = world.books.clone();
        let e = Guard::new(settings, book(&world), ledger, world.clone()).unwrap_err();
        assert_eq!(e.code, Code::BadSettings);
    }
    for name in ["", "a/b", "*", "a b", &"x".repeat(65)] {
        assert_eq!(Caller::named(name).unwrap_err().code, Code::BadSettings, "{name:?}");
    }
}
