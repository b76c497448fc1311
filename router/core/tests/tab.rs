//! Served bit by bit: what a crash in the middle leaves is settled for what was noted, and never for more than went out.

mod world;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tollway_core::flow::{Delivered, Driver, Handler, SettleOnce, Stage, Tab, VisitRecord};
use tollway_core::*;
use world::*;

const BITS: u128 = 5;
const EACH: u128 = 10;

/// Hands out a bit, then notes it.
struct Stream<'a> {
    out: &'a AtomicU64,
    noted: &'a AtomicU64,
}

#[async_trait]
impl Handler for Stream<'_> {
    async fn run(&mut self, _: &Ceiling) -> Option<Charge> {
        panic!("the driver serves")
    }
    async fn serve(&mut self, ceiling: &Ceiling, tab: &mut dyn Tab) -> Option<Charge> {
        for n in 1..=BITS {
            let owed = ceiling.charge(n * EACH).unwrap();
            self.out.store(u64::try_from(n * EACH).unwrap(), Ordering::SeqCst);
            step().await;
            tab.note(&owed).await.unwrap();
            self.noted.store(u64::try_from(n * EACH).unwrap(), Ordering::SeqCst);
        }
        ceiling.charge(BITS * EACH).ok()
    }
}

async fn visit(world: &World, out: &AtomicU64, noted: &AtomicU64) -> Result<Delivered> {
    let mut stream = Stream { out, noted };
    let driver = Driver { once: world.once(), seller: world };
    driver.drive(arrival(Flow::Authorization, "n", "p"), &mut stream).await
}

/// Looks after everything in the journal once.
async fn recover(world: &World) {
    for found in world.ledger.scan("visit/gate", None, 99).await.unwrap() {
        let record = VisitRecord::read(&found.value).unwrap();
        let _ = world.once().recover(found.key, found.version, record).await;
    }
}

fn taken(world: &World) -> u128 {
    world.chain().get("n").map_or(0, |receipt| receipt.charged.atomic)
}

fn settling(world: &World) -> bool {
    let found = run(world.ledger.scan("visit/gate", None, 99)).unwrap();
    found.iter().any(|r| VisitRecord::read(&r.value).unwrap().stage == Stage::Settling)
}

fn journal(world: &World) -> usize {
    run(world.ledger.scan("visit/gate", None, 99)).unwrap().len()
}

#[test]
fn a_crash_anywhere_costs_the_seller_one_bit_and_the_payer_none() {
    let (mut part, mut whole, mut unsent) = (0, 0, 0);
    for settles in [Settles::Well, Settles::SentThenUnknown, Settles::Stumbles(1)] {
        for polls in 0.. {
            let world = World::new(settles);
            let (out, noted) = (AtomicU64::new(0), AtomicU64::new(0));
            let ended = poll(visit(&world, &out, &noted), polls);
            let live = ended.is_some();
            // Told to settle, and it never got through: told again.
            unsent += usize::from(settling(&world) && world.sends() == 0);
            for _ in 0..3 {
                run(recover(&world));
            }
            let (out, noted) = (out.into_inner().into(), u128::from(noted.into_inner()));
            let refused = ended.as_ref().is_some_and(Result::is_err);
            let took = taken(&world);
            assert!(took <= out && world.sends() <= 1, "{settles:?} after {polls}: {took} of {out}");
            assert!(refused || took >= noted, "{settles:?} after {polls}: {took} of {noted} noted");
            assert_eq!(journal(&world), 0, "{settles:?} after {polls}: left in the journal");
            part += usize::from(took > 0 && took < BITS * EACH);
            whole += usize::from(took == BITS * EACH);
            if live {
                break;
            }
        }
    }
    assert!(unsent > 3, "{unsent} crashes between the note and the sending: they have missed it");
    assert!(part > 10 && whole > 10, "{part} parts and {whole} wholes: the crashes have missed the middle");
}

/// Stopped in the middle, with a note in the journal.
fn stopped(world: &World) -> u128 {
    let (out, noted) = (AtomicU64::new(0), AtomicU64::new(0));
    let enough = (0..).find(|polls| {
        let other = World::new(Settles::Well);
        let (out, noted) = (AtomicU64::new(0), AtomicU64::new(0));
        let _ = poll(visit(&other, &out, &noted), *polls);
        noted.into_inner() > 0
    });
    assert!(poll(visit(world, &out, &noted), enough.unwrap()).is_none());
    noted.into_inner().into()
}

#[test]
fn two_recoveries_at_once_settle_once() {
    for gap in 0..40 {
        let world = World::new(Settles::Well);
        let noted = stopped(&world);
        let (mut a, mut b) = (Box::pin(recover(&world)), Box::pin(recover(&world)));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut turns = 0;
        let (mut a_done, mut b_done) = (false, false);
        while !(a_done && b_done) {
            a_done = a_done || a.as_mut().poll(&mut cx).is_ready();
            turns += 1;
            b_done = b_done || (turns > gap && b.as_mut().poll(&mut cx).is_ready());
        }
        run(recover(&world));
        assert_eq!((taken(&world), world.sends(), journal(&world)), (noted, 1, 0), "gap {gap}");
    }
}

#[test]
fn a_payment_that_is_no_good_any_more_is_let_go() {
    let world = World::new(Settles::Well);
    assert!(stopped(&world) > 0);
    world.clock.store(EXPIRES.ms(), Ordering::SeqCst);
    run(recover(&world));
    assert_eq!((taken(&world), world.sends(), journal(&world)), (0, 0, 0));
    assert_eq!(run(world.ledger.seen(&keys("n"), &"p".into())).unwrap(), None);
}

/// Notes more than it may, or where nothing is held.
struct Overdoes<'a>(Ceiling, &'a AtomicUsize);

#[async_trait]
impl Handler for Overdoes<'_> {
    async fn run(&mut self, _: &Ceiling) -> Option<Charge> {
        None
    }
    async fn serve(&mut self, _: &Ceiling, tab: &mut dyn Tab) -> Option<Charge> {
        assert!(tab.note(&self.0.full()).await.is_err());
        self.1.fetch_add(1, Ordering::SeqCst);
        None
    }
}

#[test]
fn nothing_is_noted_that_could_not_be_charged() {
    let coin = AssetId::native(ChainId::new(CHAIN).unwrap());
    let other = AssetId::native(ChainId::new("eip155:1").unwrap());
    let rows = [
        (Flow::Authorization, Amount::new(coin, PRICE + 1)),
        (Flow::Authorization, Amount::new(other, 1)),
        (Flow::Upfront, Amount::new(coin, 1)),
    ];
    for (flow, amount) in rows {
        let (world, runs) = (World::new(Settles::Well), AtomicUsize::new(0));
        let driver = Driver { once: world.once(), seller: &world };
        let _ = run(driver.drive(arrival(flow, "n", "p"), &mut Overdoes(Ceiling(amount), &runs)));
        assert_eq!((runs.into_inner(), journal(&world)), (1, 0), "{amount}");
    }
}

#[test]
fn what_was_delivered_is_not_let_go_because_a_node_stumbles() {
    for (stumbles, patience_ms) in [(1, 3_000), (5, 3_000), (1_000, 3_000)] {
        let world = World { patience_ms, ..World::new(Settles::Stumbles(stumbles)) };
        let (out, noted) = (AtomicU64::new(0), AtomicU64::new(0));
        let got = run(visit(&world, &out, &noted));
        if stumbles < 1_000 {
            assert!(matches!(got, Ok(Delivered::Paid(_))), "{got:?}");
        } else {
            // Nobody may take it for refused: it is owed, and tried again.
            assert!(got.unwrap_err().is_unknown_outcome());
            assert_eq!((taken(&world), journal(&world)), (0, 1));
            world.stumbled.store(1_000, Ordering::SeqCst);
            run(recover(&world));
        }
        assert_eq!((taken(&world), world.sends(), journal(&world)), (BITS * EACH, 1, 0), "{stumbles}");
    }
}

/// The world's settler, but for what it says at first.
struct Says<'a> {
    world: &'a World,
    of_a_look: Option<Error>,
    of_settling: Option<Error>,
}

#[async_trait]
impl Settler for Says<'_> {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.world.kinds().await
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        Settler::effort(self.world, order).await
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        match &self.of_a_look {
            Some(e) => Err(e.clone()),
            None => self.world.verify(order).await,
        }
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        match &self.of_settling {
            Some(e) => Err(e.clone()),
            None => self.world.settle(due).await,
        }
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        self.world.resume(order, charge).await
    }
}

/// Whose fault it is decides whether what was delivered is let go.
#[test]
fn only_the_payers_own_doing_ends_what_is_owed() {
    for (says, owed) in [
        (Error::payer(Code::InsufficientFunds), false),
        (Error::payer(Code::InsufficientFunds).next(Next::Later), true),
        (Error::caller(Code::BadSettings), true),
        (Error::settler(Code::BadSettings), true),
        (Error::caller(Code::RoleMissing).next(Next::OtherRoute), true),
        (Error::us(Code::LedgerFailed), true),
        (Error::network(Code::Unreachable), true),
    ] {
        let world = World::new(Settles::Well);
        let settler = Says { world: &world, of_a_look: None, of_settling: Some(says.clone()) };
        let mut stream = Stream { out: &AtomicU64::new(0), noted: &AtomicU64::new(0) };
        let driver = Driver { once: SettleOnce { settler: &settler, ..world.once() }, seller: &world };
        let got = run(driver.drive(arrival(Flow::Authorization, "n", "p"), &mut stream)).unwrap_err();
        assert_eq!((got.is_unknown_outcome(), journal(&world)), (owed, usize::from(owed)), "{says}");
        let claimed = run(world.ledger.seen(&keys("n"), &"p".into())).unwrap();
        assert_eq!(claimed, owed.then_some(Claim::Same(None)), "{says}");
        run(recover(&world));
        let want = if owed { BITS * EACH } else { 0 };
        assert_eq!((taken(&world), journal(&world)), (want, 0), "{says}");
    }
}

/// A settler that is asked after a payment may send it, so nobody is asked after what was never sent.
#[test]
fn what_was_never_sent_is_asked_after_only_when_it_is_used_or_over() {
    for (says, asked) in [
        (Error::payer(Code::NonceUsed), 1),
        (Error::payer(Code::Expired), 1),
        (Error::payer(Code::InsufficientFunds), 0),
        (Error::settler(Code::BadSettings), 0),
        (Error::caller(Code::RoleMissing).next(Next::OtherRoute), 0),
        (Error::network(Code::Unreachable), 0),
    ] {
        let world = World::new(Settles::Well);
        let noted = stopped(&world);
        let found = run(world.ledger.scan("visit/gate", None, 9)).unwrap().remove(0);
        let record = VisitRecord::read(&found.value).unwrap();
        let settler = Says { world: &world, of_a_look: Some(says.clone()), of_settling: None };
        let once = SettleOnce { settler: &settler, ..world.once() };
        let _ = run(once.recover(found.key, found.version, record));
        assert_eq!((world.resumed.load(Ordering::SeqCst), journal(&world)), (asked, 1), "{says}");
        run(recover(&world));
        assert_eq!((taken(&world), world.sends(), journal(&world)), (noted, 1, 0), "{says}");
    }
}

/// Notes a part, and then fails, or asks for more than there is.
struct Fails {
    charge: Option<u128>,
}

#[async_trait]
impl Handler for Fails {
    async fn run(&mut self, _: &Ceiling) -> Option<Charge> {
        panic!("the driver serves")
    }
    async fn serve(&mut self, ceiling: &Ceiling, tab: &mut dyn Tab) -> Option<Charge> {
        tab.note(&ceiling.charge(EACH).unwrap()).await.unwrap();
        let asset = ceiling.asset();
        self.charge.map(|atomic| Ceiling(Amount::new(asset, atomic)).full())
    }
}

/// A seller that stumbles when the handler is done, or ends the visit for nothing.
struct Stumbling<'a> {
    world: &'a World,
    says: Result<Option<()>>,
}

#[async_trait]
impl Seller for Stumbling<'_> {
    fn offer(&self, price: &Price, kind: &Kind) -> Result<Offer> {
        self.world.offer(price, kind)
    }
    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        match (&event, &self.says) {
            (Event::Handled(_) | Event::Failed, Err(e)) => Err(e.clone()),
            (Event::Handled(_) | Event::Failed, Ok(None)) => Ok(Move::Done(None)),
            _ => self.world.advance(visit, event).await,
        }
    }
    async fn upkeep(&self, _: Wish, _: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}

#[test]
fn what_was_noted_is_settled_however_the_visit_ends() {
    let well = || Ok(Some(()));
    for (charge, says, want) in [
        (Some(2 * EACH), well(), 2 * EACH),
        (None, well(), EACH),
        (Some(PRICE + 1), well(), EACH),
        (Some(2 * EACH), Err(Error::us(Code::Internal)), EACH),
        (None, Err(Error::us(Code::Internal)), EACH),
        (Some(2 * EACH), Ok(None), EACH),
        (None, Ok(None), EACH),
    ] {
        let what = format!("{charge:?} {says:?}");
        let world = World::new(Settles::Well);
        let seller = Stumbling { world: &world, says };
        let driver = Driver { once: world.once(), seller: &seller };
        let got = run(driver.drive(arrival(Flow::Authorization, "n", "p"), &mut Fails { charge }));
        assert!(matches!(got, Ok(Delivered::Paid(_))), "{what}: {got:?}");
        assert_eq!((taken(&world), world.sends(), journal(&world)), (want, 1, 0), "{what}");
    }
}

/// A settler elsewhere that never answered can only be told the same again by somebody who knows how much it was.
#[test]
fn whoever_asks_after_a_payment_tells_how_much_was_to_be_taken() {
    let world = World { patience_ms: 100, ..World::new(Settles::LostBeforeSending) };
    let (out, noted) = (AtomicU64::new(0), AtomicU64::new(0));
    assert!(run(visit(&world, &out, &noted)).unwrap_err().is_unknown_outcome());
    let here = world.told.lock().unwrap().len();
    assert!(here > 0, "asked after in this process");
    run(recover(&world));
    let told = world.told.lock().unwrap();
    assert!(told.len() > here, "and after a restart");
    let asset = AssetId::native(ChainId::new(CHAIN).unwrap());
    assert!(told.iter().all(|t| *t == Some(Amount::new(asset, BITS * EACH))), "{told:?}");
}
