//! What a settler was told to settle and never sent: sent now, or left open for whoever asks next.

mod world;

use std::sync::atomic::Ordering;
use tollway_core::flow::settle_unsent;
use tollway_core::*;
use world::*;

fn asked() -> Order {
    order(&arrival(Flow::Authorization, "n", "p"))
}

fn amount(atomic: u128) -> Amount {
    Amount::new(asked().requirement.price.asset(), atomic)
}

fn resume(world: &World, settler: &dyn Settler, charge: Option<Amount>, found: Fate) -> Result<Fate> {
    run(settle_unsent(read, settler, world, &asked(), charge, found))
}

const OPEN: Fate = Fate::Open { cancel: None };

#[test]
fn what_is_open_is_settled_for_what_was_to_be_taken() {
    let world = World::new(Settles::Well);
    let Ok(Fate::Settled(receipt)) = resume(&world, &world, Some(amount(PRICE - 1)), OPEN) else {
        panic!("not settled")
    };
    assert_eq!((receipt.charged, world.sends()), (amount(PRICE - 1), 1));
}

#[test]
fn nothing_else_is_sent() {
    for (found, charge) in [
        (OPEN, None),
        (Fate::Dead, Some(amount(PRICE))),
        (Fate::NotYetKnown { ask_again: EXPIRES }, Some(amount(PRICE))),
    ] {
        let world = World::new(Settles::Well);
        assert_eq!(resume(&world, &world, charge, found.clone()), Ok(found));
        assert_eq!((world.sends(), world.verified.load(Ordering::SeqCst)), (0, 0));
    }
}

#[test]
fn what_could_not_be_taken_stays_open() {
    let elsewhere = AssetId::native(ChainId::new("eip155:1").unwrap());
    for charge in [amount(PRICE + 1), Amount::new(elsewhere, PRICE)] {
        let world = World::new(Settles::Well);
        assert_eq!(resume(&world, &world, Some(charge), OPEN), Ok(OPEN));
        assert_eq!(world.sends(), 0);
    }
    let world = World::new(Settles::Well);
    world.clock.store(EXPIRES.ms(), Ordering::SeqCst);
    assert_eq!(resume(&world, &world, Some(amount(PRICE)), OPEN), Ok(OPEN), "its window is over");
    assert_eq!(world.sends(), 0);
}

/// Ends every settlement so; asked after it, says what its chain has.
struct Ends<'a>(&'a World, Error, Result<Fate>);

#[async_trait]
impl Settler for Ends<'_> {
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
        Err(self.1.clone())
    }
    async fn resume(&self, _: &Order, charge: Option<Amount>) -> Result<Fate> {
        assert_eq!(charge, None, "only looked at");
        self.2.clone()
    }
}

/// The first attempt may be alive: that the second was refused before anything went out says nothing of the payment.
#[test]
fn only_a_transaction_that_failed_is_a_definite_end() {
    let tx = || TxId("0xfailed".to_owned());
    for (ends, open) in [
        (Error::settler(Code::SimulationFailed), true),
        (Error::payer(Code::NonceUsed), true),
        (Error::payer(Code::TransactionFailed).transaction(tx()), false),
        (Error::network(Code::Unreachable), false),
        (Error::payer(Code::InsufficientFunds).next(Next::OtherRoute), false),
        (Error::us(Code::Conflict).next(Next::Later), false),
        (Error::unknown(Code::LedgerFailed, Some(tx())), false),
    ] {
        let world = World::new(Settles::Well);
        let settler = Ends(&world, ends.clone(), Ok(Fate::Dead));
        let said = resume(&world, &settler, Some(amount(PRICE)), OPEN);
        assert_eq!(said, if open { Ok(OPEN) } else { Err(ends) });
    }
}

/// The transaction that an error names may be another one than the payment: coins that were sent for its gas, before the
/// payment itself was refused.
#[test]
fn a_transaction_that_is_not_the_payment_ends_nothing() {
    let coins = Amount::new(AssetId::native(ChainId::new(CHAIN).unwrap()), 7);
    let tx = || TxId("0xcoins".to_owned());
    let lost = Error::settler(Code::SimulationFailed).transaction(tx()).spent(coins);
    let later = || Err(lost.clone().next(Next::Later));
    let failed = || Err(Error::payer(Code::TransactionFailed).transaction(tx()));
    let waiting = || Ok(Fate::NotYetKnown { ask_again: EXPIRES });
    for (found, said) in [
        (Ok(OPEN), later()),
        (Err(Error::network(Code::Unreachable)), later()),
        (Err(Error::us(Code::LedgerFailed)), later()),
        (waiting(), waiting()),
        (Ok(Fate::Dead), Err(lost.clone())),
        (failed(), Err(lost.clone())),
    ] {
        let world = World::new(Settles::Well);
        let settler = Ends(&world, lost.clone(), found.clone());
        assert_eq!(resume(&world, &settler, Some(amount(PRICE)), OPEN), said, "{found:?}");
    }
}
