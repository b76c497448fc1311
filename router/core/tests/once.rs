//! A facilitator's settlement: at most once, through stumbles, lost answers, crowds and a ledger that fails.

mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tollway_core::flow::SettleOnce;
use tollway_core::*;
use world::*;

/// The world's settler, whose first looks go wrong.
struct Looks<'a> {
    world: &'a World,
    wrong: Mutex<Vec<Error>>,
    looks: AtomicUsize,
    /// Concludes the payment beside us at the first look.
    beside: Option<Receipt>,
}

#[async_trait]
impl Settler for Looks<'_> {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.world.kinds().await
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        Settler::effort(self.world, order).await
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        if self.looks.fetch_add(1, Ordering::SeqCst) == 0
            && let Some(receipt) = &self.beside
        {
            let (ledger, print) = (&self.world.ledger, Print::from("p"));
            ledger.claim(&keys("n"), &print, EXPIRES, self.world.now()).await?;
            ledger.conclude(&keys("n"), &print, Some(receipt)).await?;
        }
        let next = self.wrong.lock().unwrap().pop();
        match next {
            Some(wrong) => Err(wrong),
            None => self.world.verify(order).await,
        }
    }
    async fn settle(&self, due: Due) -> Result<Receipt> {
        self.world.settle(due).await
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        self.world.resume(order, charge).await
    }
}

fn asked() -> Order {
    order(&arrival(Flow::Authorization, "n", "p"))
}

fn settle(world: &World, settler: &dyn Settler) -> Result<Receipt> {
    let once = SettleOnce { settler, ..world.once() };
    run(once.settle(asked(), PRICE, &"p".into()))
}

fn looking(world: &World, wrong: Vec<Error>) -> (Result<Receipt>, usize) {
    let settler = Looks { world, wrong: Mutex::new(wrong), looks: AtomicUsize::new(0), beside: None };
    let said = settle(world, &settler);
    (said, settler.looks.load(Ordering::SeqCst))
}

fn seen(world: &World) -> Option<Claim> {
    run(world.ledger.seen(&keys("n"), &"p".into())).unwrap()
}

fn journal(world: &World) -> usize {
    run(world.ledger.scan("visit/gate", None, 99)).unwrap().len()
}

#[test]
fn a_lost_settlement_stays_claimed_and_journaled() {
    let world = World::new(Settles::LostBeforeSending);
    let lost = settle(&world, &world).unwrap_err();
    assert!(lost.is_unknown_outcome(), "{lost}");
    assert_eq!((seen(&world), journal(&world)), (Some(Claim::Same(None)), 1));
    let again = settle(&world, &world).unwrap_err();
    assert_eq!((again.code, world.sends()), (Code::InFlight, 0));
}

#[test]
fn a_refused_or_excessive_settlement_is_freed() {
    let world = World::new(Settles::Refuses);
    assert_eq!(settle(&world, &world).unwrap_err().code, Code::SimulationFailed);
    assert_eq!((seen(&world), journal(&world)), (None, 0));
    let world = World::new(Settles::Well);
    let dear = run(world.once().settle(asked(), PRICE + 1, &"p".into())).unwrap_err();
    assert_eq!(dear.code, Code::ChargeExceedsCeiling);
    assert_eq!((seen(&world), journal(&world), world.sends()), (None, 0, 0));
}

#[test]
fn settling_is_tried_three_times_when_nothing_was_sent() {
    for (stumbles, sends) in [(0, 1), (1, 1), (2, 1), (3, 0)] {
        let world = World::new(Settles::Stumbles(stumbles));
        let said = settle(&world, &world).map(|receipt| receipt.charged.atomic).map_err(|e| e.code);
        assert_eq!(said, if sends == 1 { Ok(PRICE) } else { Err(Code::Unreachable) }, "{stumbles} stumbles");
        assert_eq!((world.sends(), journal(&world)), (sends, 0));
        assert_eq!(seen(&world).is_some(), sends == 1);
    }
}

#[test]
fn a_stumbling_look_is_taken_again_and_a_refusal_is_not() {
    let stumble = || Error::network(Code::Unreachable);
    for (wrong, says, looks) in [
        (vec![], None, 1),
        (vec![stumble()], None, 2),
        (vec![stumble(), Error::network(Code::RpcRefused)], None, 3),
        (vec![stumble(), stumble(), stumble()], Some(Code::Unreachable), 3),
        (vec![Error::payer(Code::InvalidSignature)], Some(Code::InvalidSignature), 1),
        (vec![Error::network(Code::StaleQuote)], Some(Code::StaleQuote), 1),
        (vec![stumble().next(Next::Never)], Some(Code::Unreachable), 1),
    ] {
        let world = World::new(Settles::Well);
        let (said, looked) = looking(&world, wrong);
        assert_eq!((said.err().map(|e| e.code), looked), (says.clone(), looks), "{says:?}");
        assert_eq!((world.sends(), journal(&world)), (usize::from(says.is_none()), 0));
    }
}

#[test]
fn what_was_used_beside_us_is_the_receipt() {
    let world = World::new(Settles::Well);
    let receipt = Receipt {
        landed: Landed::OnChain { transaction: TxId("0xbeside".to_owned()) },
        charged: asked().requirement.price.0,
        payer: None,
        chain: asked().requirement.chain,
        spent: None,
        extra: Extra::default(),
    };
    let used = || vec![Error::payer(Code::NonceUsed)];
    let beside = Some(receipt.clone());
    let settler = Looks { world: &world, wrong: Mutex::new(used()), looks: AtomicUsize::new(0), beside };
    assert_eq!(settle(&world, &settler), Ok(receipt));
    assert_eq!(world.sends(), 0);
    // Used by somebody else, it stays used.
    let world = World::new(Settles::Well);
    assert_eq!(looking(&world, used()).0.unwrap_err().code, Code::NonceUsed);
}

/// Two of the same at once, the second beginning at each step of the first.
#[test]
fn a_crowd_gets_one_settlement_and_the_same_receipt() {
    for steps in 0..60 {
        let world = World::new(Settles::Well);
        let (one, two) = (world.once(), world.once());
        let print = Print::from("p");
        let mut first = Box::pin(one.settle(asked(), PRICE, &print));
        let early = poll(&mut first, steps);
        let second = two.settle(asked(), PRICE, &print);
        let (first, second) = match early {
            Some(done) => (done, run(second)),
            None => run(futures::future::join(first, second)),
        };
        assert_eq!(first.as_ref(), second.as_ref(), "{steps} steps");
        assert_eq!((first.map(|r| r.charged.atomic), world.sends(), journal(&world)), (Ok(PRICE), 1, 0));
    }
}

/// The world's ledger, one of whose changes to the journal fails, or whose claims happen and are not answered.
struct Failing<'a> {
    world: &'a World,
    stores: AtomicUsize,
    fails: usize,
    how: Fails,
    loses_claims: bool,
    /// What is written yet, before whatever comes next.
    late: Mutex<Vec<Write>>,
    blind: AtomicBool,
}

/// How a change to the journal fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fails {
    Unwritten,
    Written,
    /// Written, and nothing can be read any more.
    WrittenAndBlind,
    /// Written after the next look.
    Late,
}

impl<'a> Failing<'a> {
    fn at(world: &'a World, fails: usize, how: Fails) -> Self {
        let (stores, late, blind) = (AtomicUsize::new(0), Mutex::default(), AtomicBool::new(false));
        Self { world, stores, fails, how, loses_claims: false, late, blind }
    }
}

const NEVER: usize = usize::MAX;

#[async_trait]
impl Ledger for Failing<'_> {
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()> {
        self.world.ledger.reserve(hold, lines, until, now).await
    }
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>> {
        self.world.ledger.used(lines).await
    }
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()> {
        self.world.ledger.close(hold, spend, now).await
    }
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>> {
        self.world.ledger.seen(keys, print).await
    }
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim> {
        let claim = self.world.ledger.claim(keys, print, until, now).await;
        if self.loses_claims { Err(Error::us(Code::LedgerFailed)) } else { claim }
    }
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()> {
        self.world.ledger.conclude(keys, print, receipt).await
    }
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>> {
        if self.blind.load(Ordering::SeqCst) {
            return Err(Error::us(Code::LedgerFailed));
        }
        self.world.ledger.load(key).await
    }
    async fn store(&self, writes: &[Write]) -> Result<()> {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        if !late.is_empty() {
            self.world.ledger.store(&late).await.unwrap();
        }
        if self.stores.fetch_add(1, Ordering::SeqCst) == self.fails {
            match self.how {
                Fails::Unwritten => {}
                Fails::Written | Fails::WrittenAndBlind => self.world.ledger.store(writes).await?,
                Fails::Late => *self.late.lock().unwrap() = writes.to_vec(),
            }
            self.blind.store(self.how == Fails::WrittenAndBlind, Ordering::SeqCst);
            return Err(Error::us(Code::LedgerFailed));
        }
        self.world.ledger.store(writes).await
    }
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>> {
        self.world.ledger.scan(prefix, after, limit).await
    }
}

#[test]
fn a_journal_that_cannot_be_written_says_so_and_sends_nothing() {
    for (fails, code, sends) in
        [(0, Some(Code::LedgerFailed), 0), (1, Some(Code::LedgerFailed), 0), (2, None, 1)]
    {
        let world = World::new(Settles::Well);
        let ledger = Failing::at(&world, fails, Fails::Unwritten);
        let once = SettleOnce { ledger: &ledger, ..world.once() };
        let said = run(once.settle(asked(), PRICE, &"p".into()));
        assert_eq!(said.err().map(|e| e.code), code, "store {fails}");
        assert_eq!(world.sends(), sends, "store {fails}");
    }
}

/// A payment is let go only when nobody can find it noted as sent afterwards.
#[test]
fn a_note_before_sending_that_may_be_written_lets_nothing_go() {
    for (how, sends, unknown, journaled) in [
        (Fails::Unwritten, 0, Some(false), 0),
        (Fails::Written, 1, None, 0),
        (Fails::WrittenAndBlind, 0, Some(true), 1),
        (Fails::Late, 0, Some(true), 1),
    ] {
        let world = World::new(Settles::Well);
        let ledger = Failing::at(&world, 1, how);
        let once = SettleOnce { ledger: &ledger, ..world.once() };
        let said = run(once.settle(asked(), PRICE, &"p".into()));
        assert_eq!(said.as_ref().err().map(Error::is_unknown_outcome), unknown, "{how:?}: {said:?}");
        assert_eq!((world.sends(), journal(&world)), (sends, journaled), "{how:?}");
        assert_eq!(seen(&world).is_none(), how == Fails::Unwritten, "{how:?}");
    }
}

/// Nothing was sent under it and the journal forgets it, so nobody would ever free it.
#[test]
fn a_claim_whose_answer_is_lost_is_freed() {
    let world = World::new(Settles::Well);
    let ledger = Failing { loses_claims: true, ..Failing::at(&world, NEVER, Fails::Unwritten) };
    let once = SettleOnce { ledger: &ledger, ..world.once() };
    let said = run(once.settle(asked(), PRICE, &"p".into())).unwrap_err();
    assert_eq!(said.code, Code::LedgerFailed);
    assert_eq!((seen(&world), journal(&world), world.sends()), (None, 0, 0));
    assert_eq!(settle(&world, &world).map(|receipt| receipt.charged.atomic), Ok(PRICE));
}

#[test]
fn what_was_sent_and_lost_is_asked_after_by_the_next_of_the_same() {
    let world = World { patience_ms: 0, ..World::new(Settles::SentThenUnknown) };
    assert!(settle(&world, &world).unwrap_err().is_unknown_outcome());
    assert_eq!((world.sends(), world.resumed.load(Ordering::SeqCst), journal(&world)), (1, 0, 1));
    let (patient, before) = (SettleOnce { patience_ms: 3_000, ..world.once() }, world.now());
    let receipt = run(patient.settle(asked(), PRICE, &"p".into())).unwrap();
    assert_eq!((receipt.charged.atomic, world.sends(), journal(&world)), (PRICE, 1, 0));
    assert_eq!(*world.told.lock().unwrap(), [None], "beside a living settler nothing is sent");
    assert!(world.now() > before, "whoever began may still be at it, and is left a moment");
}

/// Verified and claimed, and then nothing: whoever did that may still be serving.
#[test]
fn what_was_not_sent_is_not_asked_after() {
    let mut met = 0;
    for steps in 0..60 {
        let world = World::new(Settles::Well);
        let (once, print) = (world.once(), Print::from("p"));
        let mut first = Box::pin(once.settle(asked(), PRICE, &print));
        let over = poll(&mut first, steps).is_some();
        drop(first);
        let records = run(world.ledger.scan("visit/gate", None, 9)).unwrap();
        let waits = records.iter().any(|record| record.value.contains(r#""stage":"verified""#));
        if over || !waits || seen(&world) != Some(Claim::Same(None)) {
            continue;
        }
        met += 1;
        assert_eq!(settle(&world, &world).unwrap_err().code, Code::InFlight);
        assert_eq!((world.resumed.load(Ordering::SeqCst), world.sends()), (0, 0));
    }
    assert!(met > 0, "it never stood there");
}

/// Sends, does not know, and then answers by a list.
struct Answers<'a> {
    world: &'a World,
    answers: Mutex<Vec<Result<Fate>>>,
}

#[async_trait]
impl Settler for Answers<'_> {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.world.kinds().await
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        Settler::effort(self.world, order).await
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.world.verify(order).await
    }
    async fn settle(&self, _: Due) -> Result<Receipt> {
        assert_eq!(
            self.world.sends.fetch_add(1, Ordering::SeqCst),
            0,
            "settled again, and nobody knows the first"
        );
        Err(Error::unknown(Code::TimedOut, None))
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        let next = self.answers.lock().unwrap().pop();
        match next {
            Some(answer) => answer,
            None => self.world.resume(order, charge).await,
        }
    }
}

#[test]
fn only_proof_or_a_definite_refusal_ends_the_asking() {
    let unknown = || Err(Error::unknown(Code::Unreachable, None));
    let never = || Err(Error::settler(Code::SimulationFailed));
    let later = || Err(Error::network(Code::RpcRefused));
    for (answers, code, freed) in [
        (vec![never()], Code::SimulationFailed, true),
        (vec![Ok(Fate::Dead)], Code::Expired, true),
        (vec![never(), later(), unknown()], Code::SimulationFailed, true),
        (vec![Ok(Fate::Dead), Ok(Fate::Open { cancel: None })], Code::Expired, true),
        (vec![later()], Code::TimedOut, false),
        (vec![unknown()], Code::TimedOut, false),
        // A ledger, settings or our own code that fail for good say nothing about the payment.
        (vec![Err(Error::us(Code::LedgerFailed))], Code::TimedOut, false),
        (vec![Err(Error::caller(Code::LedgerFailed))], Code::TimedOut, false),
        (vec![Err(Error::us(Code::Conflict))], Code::TimedOut, false),
        (vec![Err(Error::settler(Code::Internal))], Code::TimedOut, false),
        (vec![Err(Error::caller(Code::NoSigner))], Code::TimedOut, false),
        (
            vec![Err(Error { next: Next::Unknown(None), ..Error::settler(Code::Internal) })],
            Code::TimedOut,
            false,
        ),
    ] {
        let world = World::new(Settles::LostBeforeSending);
        let said = settle(&world, &Answers { world: &world, answers: Mutex::new(answers) }).unwrap_err();
        assert_eq!((&said.code, said.is_unknown_outcome()), (&code, !freed));
        assert_eq!((seen(&world).is_none(), journal(&world)), (freed, usize::from(!freed)), "{code}");
    }
}

/// A refusal is proof only from whoever is alone with the payment: beside a living settler it may be the refusal of a
/// second sending.
#[test]
fn a_refusal_ends_what_a_restart_finds_and_not_what_somebody_else_has_begun() {
    let begun = || {
        let world = World { patience_ms: 0, ..World::new(Settles::LostBeforeSending) };
        assert!(settle(&world, &world).unwrap_err().is_unknown_outcome());
        world
    };
    let nevers = || (0..200).map(|_| Err(Error::settler(Code::SimulationFailed))).collect();
    let recover = |world: &World, answers: Vec<Result<Fate>>| {
        let found = run(world.ledger.scan("visit/gate", None, 9)).unwrap().remove(0);
        let settler = Answers { world, answers: Mutex::new(answers) };
        let once = SettleOnce { settler: &settler, ..world.once() };
        let record = flow::VisitRecord::read(&found.value).unwrap();
        run(once.recover(found.key, found.version, record)).map_err(|e| e.code)
    };

    let world = begun();
    assert_eq!(recover(&world, nevers()), Err(Code::SimulationFailed));
    assert_eq!((seen(&world), journal(&world)), (None, 0));

    for proves_nothing in [
        Error::network(Code::Unreachable),
        Error::us(Code::LedgerFailed),
        Error::caller(Code::LedgerFailed),
        Error::us(Code::Conflict),
    ] {
        let world = begun();
        assert_eq!(recover(&world, vec![Err(proves_nothing)]), Ok(None));
        assert_eq!((seen(&world), journal(&world)), (Some(Claim::Same(None)), 1));
    }

    let world = begun();
    let settler = Answers { world: &world, answers: Mutex::new(nevers()) };
    let beside = SettleOnce { settler: &settler, patience_ms: 3_000, ..world.once() };
    assert_eq!(run(beside.settle(asked(), PRICE, &"p".into())).unwrap_err().code, Code::InFlight);
    assert_eq!((seen(&world), journal(&world)), (Some(Claim::Same(None)), 1));
}

/// Declines to settle, and would send on being asked after it.
struct Declines<'a>(&'a World);

#[async_trait]
impl Settler for Declines<'_> {
    async fn kinds(&self) -> Result<Vec<Kind>> {
        self.0.kinds().await
    }
    async fn effort(&self, order: &Order) -> Result<Effort> {
        Settler::effort(self.0, order).await
    }
    async fn verify(&self, order: &Order) -> Result<Proof> {
        self.0.verify(order).await
    }
    async fn settle(&self, _: Due) -> Result<Receipt> {
        step().await;
        Err(Error::settler(Code::SimulationFailed))
    }
    async fn resume(&self, order: &Order, charge: Option<Amount>) -> Result<Fate> {
        self.0.resume(order, charge).await
    }
}

/// Whoever was told that nothing was sent may pay in another way. So nothing is sent after that, by whoever looks at what the
/// journal said before; and whoever has begun to send is not told so.
#[test]
fn nothing_is_sent_under_a_claim_that_was_let_go() {
    let (mut let_go, mut sent) = (0, 0);
    for (begun, looked) in (0..40).flat_map(|begun| (0..12).map(move |looked| (begun, looked))) {
        let world = World::new(Settles::Well);
        let settler = Declines(&world);
        let (once, late, print) =
            (SettleOnce { settler: &settler, ..world.once() }, world.once(), Print::from("p"));
        let mut first = Box::pin(once.settle(asked(), PRICE, &print));
        if poll(&mut first, begun).is_some() {
            break;
        }
        let Some(found) = run(world.ledger.scan("visit/gate", None, 9)).unwrap().pop() else { continue };
        let record = flow::VisitRecord::read(&found.value).unwrap();
        if record.stage != flow::Stage::Settling {
            continue;
        }
        let mut second = Box::pin(late.recover(found.key, found.version, record));
        let early = poll(&mut second, looked);
        let said = run(first).unwrap_err();
        if early.is_none() {
            let _ = run(second);
        }
        let what = format!("{looked} steps after {begun}: {said}");
        assert_eq!(world.sends(), usize::from(said.is_unknown_outcome()), "{what}");
        assert_eq!(seen(&world).is_none(), world.sends() == 0, "{what}");
        assert_eq!(journal(&world), 0, "{what}");
        let_go += usize::from(world.sends() == 0);
        sent += world.sends();
    }
    assert!(let_go > 3 && sent > 3, "{let_go} were let go and {sent} were sent: the looks have missed it");
}
