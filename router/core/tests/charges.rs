//! What a handler may charge: at most its ceiling, in its ceiling's asset.

mod world;

use std::sync::Mutex;
use tollway_core::flow::{Delivered, Driver, Handler};
use tollway_core::*;
use world::*;

/// Charges what it is told to, whatever the ceiling says.
struct Charging(Amount);

#[async_trait]
impl Handler for Charging {
    async fn run(&mut self, _: &Ceiling) -> Option<Charge> {
        Some(Ceiling(self.0).full())
    }
}

/// The plain flow, and what the seller heard of charges.
struct Listening(Mutex<Vec<u128>>);

#[async_trait]
impl Seller for Listening {
    fn offer(&self, _: &Price, _: &Kind) -> Result<Offer> {
        Err(Error::us(Code::Internal))
    }
    async fn advance(&self, visit: &mut Visit, event: Event<'_>) -> Result<Move> {
        if let Event::Handled(charge) = &event {
            self.0.lock().unwrap().push(charge.atomic());
        }
        flow::simple(visit, &event)
    }
    async fn upkeep(&self, _: Wish, _: Time) -> Result<Vec<Job>> {
        Ok(Vec::new())
    }
}

fn charging(amount: Amount) -> (World, Vec<u128>, Result<Delivered>) {
    let (world, seller) = (World::new(Settles::Well), Listening(Mutex::default()));
    let driver = Driver { once: world.once(), seller: &seller };
    let said = run(driver.drive(arrival(Flow::Authorization, "n", "p"), &mut Charging(amount)));
    let heard = std::mem::take(&mut *seller.0.lock().unwrap());
    (world, heard, said)
}

fn coin(chain: &str) -> AssetId {
    AssetId::native(ChainId::new(chain).unwrap())
}

#[test]
fn what_lies_within_the_ceiling_is_taken() {
    for atomic in [0, 1, PRICE - 1, PRICE] {
        let (world, heard, said) = charging(Amount::new(coin(CHAIN), atomic));
        let Delivered::Paid(receipt) = said.unwrap() else { panic!("{atomic} was not taken") };
        assert_eq!((receipt.charged.atomic, heard, world.sends()), (atomic, vec![atomic], 1));
    }
}

#[test]
fn what_does_not_is_refused_before_the_seller_hears_of_it() {
    for bad in [
        Amount::new(coin(CHAIN), PRICE + 1),
        Amount::new(coin(CHAIN), u128::MAX),
        Amount::new(coin("eip155:1"), 1),
        Amount::new(coin("eip155:1"), PRICE),
    ] {
        let (world, heard, said) = charging(bad);
        assert_eq!(said.unwrap_err().code, Code::ChargeExceedsCeiling, "{bad}");
        assert_eq!((heard.len(), world.sends()), (0, 0), "{bad}");
        let claim = run(world.ledger.seen(&keys("n"), &"p".into())).unwrap();
        assert!(claim.is_none(), "{bad}: still claimed");
        assert!(run(world.ledger.scan("visit", None, 9)).unwrap().is_empty(), "{bad}: left in the journal");
    }
}
